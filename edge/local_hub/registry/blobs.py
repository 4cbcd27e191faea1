"""Blobs: download with ranges, upload whole or in chunks, mount from another repository."""

import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from edge.local_hub.registry.errors import (
    RegistryError,
    digest_invalid,
    too_large,
    upload_unknown,
)
from edge.local_hub.registry.requests import (
    content_of,
    digest_headers,
    limits_of,
    repository_of,
)
from protos.digests import is_digest

_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})")


async def blob(request: Request) -> Response:
    """GET (with Range), HEAD, DELETE /v2/{name}/blobs/{digest}."""
    content, repository = content_of(request), repository_of(request)
    digest = request.path_params["digest"]
    if request.method == "DELETE":
        content.delete_blob(repository, digest)
        return Response(status_code=202)
    path = content.blob(repository, digest)
    return FileResponse(path, headers=digest_headers(digest), media_type="application/octet-stream")


async def start_upload(request: Request) -> Response:
    """POST /v2/{name}/blobs/uploads/: an upload, a whole blob (?digest=), or a mount (?mount=)."""
    content, repository = content_of(request), repository_of(request)
    mount, source = request.query_params.get("mount"), request.query_params.get("from")
    if mount and source and content.has_blob(repository_of(request, source), mount):
        content.link_blob(repository, mount)
        return _created(repository, mount)
    upload = content.new_upload()
    if "digest" in request.query_params:
        return await _finish(request, upload)
    return _progress(202, repository, upload, 0)


async def continue_upload(request: Request) -> Response:
    """GET (progress), PATCH (a chunk), PUT (the last chunk and the digest), DELETE of an upload."""
    repository, upload = repository_of(request), request.path_params["upload"]
    path = content_of(request).upload_path(upload)
    if path is None:
        raise upload_unknown()
    if request.method == "GET":
        return _progress(204, repository, upload, path.stat().st_size)
    if request.method == "DELETE":
        path.unlink()
        return Response(status_code=204)
    _check_range(request, path)
    if request.method == "PUT":
        return await _finish(request, upload)
    await _receive(request, path)
    return _progress(202, repository, upload, path.stat().st_size)


async def _finish(request: Request, upload: str) -> Response:
    """Takes the rest of the body and makes the upload a blob, if its digest is the one told."""
    content, repository = content_of(request), repository_of(request)
    path = content.upload_path(upload)
    if path is None:
        raise upload_unknown()
    digest = request.query_params.get("digest", "")
    if not is_digest(digest):
        path.unlink()
        raise digest_invalid("the digest parameter is not a sha256 digest")
    await _receive(request, path)
    await run_in_threadpool(content.store, path, digest)
    content.link_blob(repository, digest)
    return _created(repository, digest)


async def _receive(request: Request, path: Path) -> None:
    """Appends the body to the upload; RegistryError 413, and no upload, beyond the limit."""
    limit, size = limits_of(request).blob_bytes, path.stat().st_size
    with path.open("ab", buffering=1 << 20) as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                path.unlink()
                raise too_large(limit)
            file.write(chunk)


def _check_range(request: Request, path: Path) -> None:
    """A chunk that names its place must begin where the upload ends; 416 otherwise."""
    header = request.headers.get("content-range")
    if header is None:
        return
    found, size = _RANGE.fullmatch(header), path.stat().st_size
    if found is None or int(found[1]) != size or int(found[2]) < size:
        raise RegistryError(
            416,
            "BLOB_UPLOAD_INVALID",
            f"the next byte is {size}",
            {"Range": _range(size), "Location": request.url.path},
        )


def _progress(status: int, repository: str, upload: str, size: int) -> Response:
    headers = {
        "Location": f"/v2/{repository}/blobs/uploads/{upload}",
        "Range": _range(size),
        "Docker-Upload-UUID": upload,
    }
    return Response(status_code=status, headers=headers)


def _range(size: int) -> str:
    return f"0-{max(0, size - 1)}"


def _created(repository: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)
