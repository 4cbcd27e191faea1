"""Manifests: the check of what is pushed (pure), and the handlers."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from edge.local_hub.files import write_atomically
from edge.local_hub.registry.content import Content
from edge.local_hub.registry.errors import RegistryError, digest_invalid, too_large
from edge.local_hub.registry.requests import (
    content_of,
    digest_headers,
    limits_of,
    reference_of,
    repository_of,
)
from edge.local_hub.values import Doc, Json, read_json
from protos.digests import digest_bytes, is_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_INDEXES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


async def manifest(request: Request) -> Response:
    """GET, HEAD, DELETE /v2/{name}/manifests/{reference}."""
    content, repository = content_of(request), repository_of(request)
    reference = reference_of(request)
    if request.method == "DELETE":
        content.delete_manifest(repository, reference)
        return Response(status_code=202)
    digest, facts = content.manifest(repository, reference)
    return FileResponse(
        content.path(digest), headers=digest_headers(digest), media_type=facts["mediaType"]
    )


async def put_manifest(request: Request) -> Response:
    """PUT /v2/{name}/manifests/{reference}."""
    content, repository = content_of(request), repository_of(request)
    reference, limit = reference_of(request), limits_of(request).manifest_bytes
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise too_large(limit)
    body = bytes(data)
    digest = digest_bytes(body)
    if is_digest(reference) and reference != digest:
        raise digest_invalid(f"the manifest has the digest {digest}")
    media_type = request.headers.get("content-type", "").split(";")[0].strip()
    facts = check_manifest(body, media_type)
    _require_references(content, repository, facts)
    await run_in_threadpool(write_atomically, content.path(digest), body, mode=0o644)
    stored = {key: value for key, value in facts.items() if key not in ("blobs", "manifests")}
    content.put_manifest(repository, digest, stored, None if is_digest(reference) else reference)
    headers = {
        "Location": f"/v2/{repository}/manifests/{reference}",
        "Docker-Content-Digest": digest,
    }
    if facts["subject"]:
        headers["OCI-Subject"] = facts["subject"]
    return Response(status_code=201, headers=headers)


async def tags(request: Request) -> Response:
    """GET /v2/{name}/tags/list?n=N&last=TAG."""
    content, repository = content_of(request), repository_of(request)
    found = content.tags(repository)
    if repository not in content.repositories():
        raise RegistryError(404, "NAME_UNKNOWN", "there is no such repository")
    path = f"/v2/{repository}/tags/list"
    return _page(request, path, "tags", found, {"name": repository})


async def catalog(request: Request) -> Response:
    """GET /v2/_catalog?n=N&last=NAME."""
    names = content_of(request).repositories()
    return _page(request, "/v2/_catalog", "repositories", names, {})


async def referrers(request: Request) -> Response:
    """GET /v2/{name}/referrers/{digest}?artifactType=T."""
    content, repository = content_of(request), repository_of(request)
    digest = request.path_params["digest"]
    if not is_digest(digest):
        raise digest_invalid("not a sha256 digest")
    found, headers = content.referrers(repository, digest), {}
    wanted = request.query_params.get("artifactType")
    if wanted:
        found = [one for one in found if one.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    return JSONResponse(body, headers=headers, media_type=OCI_INDEX)


def check_manifest(data: bytes, content_type: str) -> Doc:
    """What a manifest says of itself and of what it refers to.

    Keys: mediaType, size, subject, artifactType, annotations, blobs (digests), manifests (digests).
    Raises RegistryError MANIFEST_INVALID.
    """
    try:
        body = read_json(data)
    except ValueError:
        raise _invalid("the manifest is not JSON") from None
    if not isinstance(body, Mapping) or body.get("schemaVersion") != 2:
        raise _invalid("the manifest is no object of schema version 2")
    media_type = body.get("mediaType") or content_type
    if media_type not in (*_INDEXES, *_MANIFESTS) or content_type not in ("", media_type):
        raise _invalid(
            f"the media type {str(media_type)[:80]} is not known, or not that of the body"
        )
    is_index, config = media_type in _INDEXES, body.get("config")
    subject = body.get("subject")
    return {
        "mediaType": media_type,
        "size": len(data),
        "subject": _digest(subject) if subject is not None else "",
        "artifactType": body.get("artifactType")
        or ("" if is_index or not isinstance(config, Mapping) else config.get("mediaType")),
        "annotations": body.get("annotations") or {},
        "blobs": [] if is_index else [_digest(config), *_digests(body.get("layers"))],
        "manifests": _digests(body.get("manifests")) if is_index else [],
    }


def _digests(descriptors: Json) -> list[str]:
    if not isinstance(descriptors, list):
        raise _invalid("a list of descriptors is missing")
    return [_digest(one) for one in descriptors if not (isinstance(one, dict) and one.get("urls"))]


def _digest(descriptor: Json) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, Mapping) else None
    if not isinstance(digest, str) or not is_digest(digest):
        raise _invalid("a descriptor has no sha256 digest")
    return digest


def _require_references(content: Content, repository: str, facts: Doc) -> None:
    """Nothing may be tagged that cannot be pulled whole."""
    missing = [one for one in facts["blobs"] if not content.has_blob(repository, one)]
    missing += [one for one in facts["manifests"] if not content.has_manifest(repository, one)]
    if missing:
        raise RegistryError(
            404, "MANIFEST_BLOB_UNKNOWN", f"the manifest refers to {missing[0]}, which is not here"
        )


def _page(request: Request, path: str, key: str, names: list[str], rest: Doc) -> Response:
    """One page of sorted names; the Link header leads to the next."""
    last, count = request.query_params.get("last", ""), request.query_params.get("n", "")
    found = [name for name in names if name > last]
    size = int(count[:9]) if count.isdigit() else len(found)
    headers = {}
    if 0 < size < len(found):
        query = urlencode({"n": size, "last": found[size - 1]})
        headers["Link"] = f'<{path}?{query}>; rel="next"'
    return JSONResponse({**rest, key: found[:size]}, headers=headers)


def _invalid(message: str) -> RegistryError:
    return RegistryError(400, "MANIFEST_INVALID", message)
