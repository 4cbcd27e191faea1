"""Twins, queries and direct methods over REST."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.local_hub.errors import bad_argument
from edge.local_hub.hub import Hub
from edge.local_hub.mqtt.server import MqttServer
from edge.local_hub.rest.http import etag_header, read_body, require_service
from edge.local_hub.values import Json

_METHOD_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")


async def twin(request: Request) -> Response:
    """GET, PATCH, PUT /twins/{device}[/modules/{module}]."""
    hub = require_service(request)
    name, module_id = request.path_params["device"], request.path_params.get("module", "")
    if request.method != "GET":
        body, if_match = await read_body(request), request.headers.get("if-match")
        with hub.change(evaluate=[] if module_id else [name]):
            hub.twins.update(name, module_id, body, if_match, replace=request.method == "PUT")
    view = hub.twins.view(name, module_id)
    return JSONResponse(view, 200, etag_header(view))


async def query(request: Request) -> Response:
    """POST /devices/query; pages by `x-ms-continuation` and `x-ms-max-item-count`."""
    hub = require_service(request)
    body = await read_body(request)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise bad_argument("the body must be an object with a query")
    size = request.headers.get("x-ms-max-item-count", str(hub.state.limits.page_items))
    if not size.isdigit():
        raise bad_argument("x-ms-max-item-count must be a number")
    continuation = request.headers.get("x-ms-continuation", "")
    items, token, kind = hub.queries.page(body["query"], continuation, int(size[:9]))
    headers = {"x-ms-item-type": kind}
    if token:
        headers["x-ms-continuation"] = token
    return JSONResponse(items, 200, headers)


async def invoke(request: Request) -> Response:
    """POST /twins/{device}[/modules/{module}]/methods."""
    hub = require_service(request)
    name, module_id = request.path_params["device"], request.path_params.get("module", "")
    body = await read_body(request)
    method, payload, answer_seconds, connect_seconds = _method(hub, body)
    hub.identities.get(name, module_id)
    server: MqttServer = request.app.state.mqtt
    status, answer = await server.invoke(
        name, module_id, method, payload, answer_seconds, connect_seconds
    )
    return JSONResponse({"status": status, "payload": answer})


def _method(hub: Hub, body: Json) -> tuple[str, Json, int, int]:
    """(name, payload, response timeout, connect timeout) of a request; HubError 400."""
    if not isinstance(body, dict) or not isinstance(body.get("methodName"), str):
        raise bad_argument("the body must be an object with a methodName")
    if not _METHOD_NAME.fullmatch(body["methodName"]):
        raise bad_argument("a method name is at most 100 of: letters, digits, _ . -")
    low, high = hub.state.limits.method_timeout_seconds
    answer_seconds = body.get("responseTimeoutInSeconds")
    connect_seconds = body.get("connectTimeoutInSeconds") or 0
    answer_seconds = 30 if answer_seconds is None else answer_seconds
    if type(answer_seconds) is not int or not low <= answer_seconds <= high:
        raise bad_argument(f"responseTimeoutInSeconds must be from {low} to {high}")
    if type(connect_seconds) is not int or not 0 <= connect_seconds <= high:
        raise bad_argument(f"connectTimeoutInSeconds must be from 0 to {high}")
    return body["methodName"], body.get("payload"), answer_seconds, connect_seconds
