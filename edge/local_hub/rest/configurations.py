"""Configurations over REST, and content applied to one device."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.local_hub.content import check_modules_content
from edge.local_hub.errors import bad_argument
from edge.local_hub.rest.http import etag_header, number_parameter, read_body, require_service


async def list_configurations(request: Request) -> Response:
    """GET /configurations?top=N."""
    hub = require_service(request)
    top = number_parameter(request, "top", hub.state.limits.configurations)
    return JSONResponse(hub.configurations.first(top))


async def configuration(request: Request) -> Response:
    """GET, PUT, DELETE /configurations/{name}; each change is evaluated at once."""
    hub = require_service(request)
    name, if_match, status = request.path_params["name"], request.headers.get("if-match"), 200
    if request.method == "DELETE":
        with hub.change(evaluate=None):
            hub.configurations.delete(name, if_match)
        return Response(status_code=204)
    if request.method == "PUT":
        body = await read_body(request)
        with hub.change(evaluate=None):
            status = 201 if hub.configurations.put(name, body, if_match) else 200
    view = hub.configurations.view(name)
    return JSONResponse(view, status, etag_header(view))


async def test_queries(request: Request) -> Response:
    """POST /configurations/testQueries."""
    hub = require_service(request)
    return JSONResponse(hub.configurations.test_queries(await read_body(request)))


async def apply_content(request: Request) -> Response:
    """POST /devices/{device}/applyConfigurationContent."""
    hub = require_service(request)
    body = await read_body(request)
    if not isinstance(body, dict) or not body.get("modulesContent"):
        raise bad_argument("modulesContent is missing (the local hub has no other content)")
    check_modules_content(body["modulesContent"], hub.state.limits)
    device = request.path_params["device"]
    with hub.change(evaluate=[device]):
        hub.deployer.apply_content(device, body["modulesContent"])
    return Response(status_code=204)
