"""The routes of the registry, below /v2/."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.local_hub.registry import blobs, manifests
from edge.local_hub.registry.errors import RegistryError
from edge.local_hub.registry.requests import Handler, answering


def registry_routes() -> list[Route]:
    """All routes; the application must hold a `Registry` in `state.registry`."""
    uploads, manifest = "/v2/{name:path}/blobs/uploads", "/v2/{name:path}/manifests/{reference}"
    return [
        _route("/v2", _version, "GET"),
        _route("/v2/", _version, "GET"),
        _route("/v2/_catalog", manifests.catalog, "GET"),
        _route(uploads, blobs.start_upload, "POST"),
        _route(f"{uploads}/", blobs.start_upload, "POST"),
        _route(f"{uploads}/{{upload}}", blobs.continue_upload, "GET", "PATCH", "PUT", "DELETE"),
        _route("/v2/{name:path}/blobs/{digest}", blobs.blob, "GET", "DELETE"),
        _route(manifest, manifests.manifest, "GET", "DELETE"),
        _route(manifest, manifests.put_manifest, "PUT"),
        _route("/v2/{name:path}/tags/list", manifests.tags, "GET"),
        _route("/v2/{name:path}/referrers/{digest}", manifests.referrers, "GET"),
        _route("/v2/{rest:path}", _unknown, "GET", "POST", "PUT", "PATCH", "DELETE"),
    ]


async def _version(request: Request) -> Response:
    return JSONResponse({})


async def _unknown(request: Request) -> Response:
    raise RegistryError(404, "UNSUPPORTED", "the registry does not have this operation")


def _route(path: str, handler: Handler, *methods: str) -> Route:
    return Route(path, answering(handler), methods=list(methods))
