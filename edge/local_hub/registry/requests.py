"""What registry handlers take from a request: repository, reference, credentials."""

import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edge.local_hub.limits import Limits
from edge.local_hub.registry.content import Content
from edge.local_hub.registry.errors import RegistryError, manifest_unknown
from protos.digests import is_digest

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Registry:
    """What the application holds for the registry."""

    content: Content
    limits: Limits
    username: str
    password: str = field(repr=False)


def registry_of(request: Request) -> Registry:
    """The registry that the application serves."""
    registry: Registry = request.app.state.registry
    return registry


def content_of(request: Request) -> Content:
    """Its content."""
    return registry_of(request).content


def limits_of(request: Request) -> Limits:
    """Its limits."""
    return registry_of(request).limits


def repository_of(request: Request, name: str | None = None) -> str:
    """The name of the repository; RegistryError 400 if it is not well-formed."""
    found: str = request.path_params["name"] if name is None else name
    if len(found) > 255 or not _NAME.fullmatch(found):
        raise RegistryError(400, "NAME_INVALID", "not the name of a repository")
    return found


def reference_of(request: Request) -> str:
    """A tag or a digest; RegistryError if it is neither."""
    reference: str = request.path_params["reference"]
    if is_digest(reference) or _TAG.fullmatch(reference):
        return reference
    if request.method in ("GET", "HEAD"):
        raise manifest_unknown(reference)
    raise RegistryError(400, "MANIFEST_INVALID", "neither a tag nor a sha256 digest")


def digest_headers(digest: str) -> dict[str, str]:
    """Headers of content by digest: it never changes."""
    return {"Docker-Content-Digest": digest, "ETag": f'"{digest}"'}


def answering(handler: Handler) -> Handler:
    """`handler`, after the check of credentials, with errors in the OCI format."""

    async def wrapped(request: Request) -> Response:
        try:
            _check_credentials(request)
            response = await handler(request)
        except RegistryError as error:
            response = error.response()
        except ClientDisconnect:
            response = Response(status_code=400)
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response

    return wrapped


def _check_credentials(request: Request) -> None:
    """Who changes something must have the password; who reads must not have a wrong one."""
    registry = registry_of(request)
    header = request.headers.get("authorization", "")
    scheme, _, given = header.partition(" ")
    reads = request.method in ("GET", "HEAD")
    if reads and scheme.lower() != "basic":
        return
    try:
        decoded = base64.b64decode(given, validate=True)
    except binascii.Error:
        decoded = b""
    expected = f"{registry.username}:{registry.password}".encode()
    if scheme.lower() != "basic" or not hmac.compare_digest(decoded, expected):
        challenge = {"WWW-Authenticate": 'Basic realm="edge-assets local registry"'}
        raise RegistryError(401, "UNAUTHORIZED", "credentials are needed to push", challenge)
