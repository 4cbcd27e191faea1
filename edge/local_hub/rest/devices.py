"""Identities over REST: devices, modules, bulk changes and counts."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.local_hub.errors import HubError, bad_argument
from edge.local_hub.hub import Hub
from edge.local_hub.rest.http import (
    etag_header,
    hub_of,
    number_parameter,
    read_body,
    require_service,
)
from edge.local_hub.values import Doc, Json

_MAX_LISTED = 1000


async def list_devices(request: Request) -> Response:
    """GET /devices?top=N."""
    hub = require_service(request)
    top = number_parameter(request, "top", _MAX_LISTED)
    return JSONResponse([hub.identities.view(name) for name in hub.identities.devices()[:top]])


async def device(request: Request) -> Response:
    """GET, PUT, DELETE /devices/{device}."""
    return await _identity(require_service(request), request, "")


async def module(request: Request) -> Response:
    """GET, PUT, DELETE /devices/{device}/modules/{module}; the device itself may do it too."""
    hub = _require_service_or_device(request)
    return await _identity(hub, request, request.path_params["module"])


async def list_modules(request: Request) -> Response:
    """GET /devices/{device}/modules; the device itself may do it too."""
    hub = _require_service_or_device(request)
    name = request.path_params["device"]
    return JSONResponse([hub.identities.view(name, one) for one in hub.identities.modules(name)])


async def bulk(request: Request) -> Response:
    """POST /devices: creates, updates and deletes up to 100 identities, each on its own."""
    hub = require_service(request)
    body = await read_body(request)
    limit = hub.state.limits.bulk_devices
    if not isinstance(body, list) or not 1 <= len(body) <= limit:
        raise bad_argument(f"the body must be a list of 1 to {limit} devices")
    errors = [error for entry in body if (error := _bulk_one(hub, entry))]
    answer = {"isSuccessful": not errors, "errors": errors, "warnings": []}
    return JSONResponse(answer, 400 if errors else 200)


async def device_statistics(request: Request) -> Response:
    """GET /statistics/devices."""
    hub = require_service(request)
    statuses = [hub.identities.get(name)["status"] for name in hub.identities.devices()]
    return JSONResponse(
        {
            "totalDeviceCount": len(statuses),
            "enabledDeviceCount": statuses.count("enabled"),
            "disabledDeviceCount": statuses.count("disabled"),
        }
    )


async def service_statistics(request: Request) -> Response:
    """GET /statistics/service."""
    hub = require_service(request)
    views = (hub.identities.view(name) for name in hub.identities.devices())
    count = sum(view["connectionState"] == "Connected" for view in views)
    return JSONResponse({"connectedDeviceCount": count})


def _require_service_or_device(request: Request) -> Hub:
    hub = hub_of(request)
    token, name = request.headers.get("authorization", ""), request.path_params["device"]
    hub.access.require_service_or_device(token, request.url.path, name)
    return hub


async def _identity(hub: Hub, request: Request, module_id: str) -> Response:
    name, if_match = request.path_params["device"], request.headers.get("if-match")
    if request.method == "DELETE":
        with hub.change():
            hub.identities.delete(name, module_id, if_match)
        return Response(status_code=204)
    if request.method == "PUT":
        body = await read_body(request)
        with hub.change(evaluate=[] if module_id else [name]):
            hub.identities.put(name, module_id, body, if_match)
    view = hub.identities.view(name, module_id)
    return JSONResponse(view, 200, etag_header(view))


def _bulk_one(hub: Hub, entry: Json) -> Doc | None:
    """Does one entry of a bulk change; what was wrong with it, or None."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
        return {"deviceId": "", "errorCode": "ArgumentInvalid", "errorStatus": "no id"}
    name, module_id, mode = entry["id"], entry.get("moduleId") or "", entry.get("importMode")
    try:
        with hub.change(evaluate=[name]):
            _bulk_change(hub, name, module_id, mode or "createOrUpdate", entry)
    except HubError as error:
        wrong = {"deviceId": name, "errorCode": error.code, "errorStatus": error.message}
        return {**wrong, "moduleId": module_id} if module_id else wrong
    return None


def _bulk_change(hub: Hub, name: str, module_id: str, mode: str, entry: Mapping[str, Json]) -> None:
    quoted = f'"{entry.get("eTag")}"'
    exists = hub.identities.find(name, module_id) is not None
    if mode in ("delete", "deleteIfMatchETag"):
        hub.identities.delete(name, module_id, quoted if mode.endswith("ETag") else None)
    elif mode == "create":
        hub.identities.put(name, module_id, entry, None)
        _bulk_twin(hub, name, module_id, entry)
    elif mode in ("createOrUpdate", "createOrUpdateIfMatchETag"):
        hub.identities.put(name, module_id, entry, "*" if exists else None)
        _bulk_twin(hub, name, module_id, entry)
    elif mode in ("update", "updateIfMatchETag"):
        hub.identities.put(name, module_id, entry, quoted if mode.endswith("ETag") else "*")
    elif mode in ("updateTwin", "updateTwinIfMatchETag"):
        _bulk_twin(hub, name, module_id, entry)
    else:
        raise bad_argument(f"unknown importMode {mode[:40]}")


def _bulk_twin(hub: Hub, name: str, module_id: str, entry: Mapping[str, Json]) -> None:
    """Tags and desired properties that come along with a bulk entry."""
    if entry.get("tags") is not None or entry.get("properties") is not None:
        part = {"tags": entry.get("tags"), "properties": entry.get("properties")}
        hub.twins.update(name, module_id, part, None, replace=False)
