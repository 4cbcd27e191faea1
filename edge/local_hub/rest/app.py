"""The HTTPS application: IoT Hub's REST routes, and the registry below /v2/."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from edge.local_hub.errors import HubError
from edge.local_hub.hub import Hub
from edge.local_hub.mqtt.server import MqttServer
from edge.local_hub.rest import configurations, devices, twins
from edge.local_hub.rest.http import Handler, answering


def make_app(hub: Hub, mqtt: MqttServer, more_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over a hub; `mqtt` delivers direct methods."""
    module, module_twin = "/devices/{device}/modules/{module}", "/twins/{device}/modules/{module}"
    routes = [
        _route("/devices", devices.list_devices, "GET"),
        _route("/devices", devices.bulk, "POST"),
        _route("/devices/query", twins.query, "POST"),
        _route("/devices/{device}", devices.device, "GET", "PUT", "DELETE"),
        _route("/devices/{device}/modules", devices.list_modules, "GET"),
        _route(module, devices.module, "GET", "PUT", "DELETE"),
        _route("/devices/{device}/applyConfigurationContent", configurations.apply_content, "POST"),
        _route("/statistics/devices", devices.device_statistics, "GET"),
        _route("/statistics/service", devices.service_statistics, "GET"),
        _route("/twins/{device}", twins.twin, "GET", "PATCH", "PUT"),
        _route(module_twin, twins.twin, "GET", "PATCH", "PUT"),
        _route("/twins/{device}/methods", twins.invoke, "POST"),
        _route(f"{module_twin}/methods", twins.invoke, "POST"),
        _route("/configurations", configurations.list_configurations, "GET"),
        _route("/configurations/testQueries", configurations.test_queries, "POST"),
        _route("/configurations/{name}", configurations.configuration, "GET", "PUT", "DELETE"),
    ]
    app = Starlette(
        routes=[*more_routes, *routes], exception_handlers={404: _no_route, 405: _no_route}
    )
    app.router.redirect_slashes = False
    app.state.hub, app.state.mqtt = hub, mqtt
    return app


def _route(path: str, handler: Handler, *methods: str) -> Route:
    return Route(path, answering(handler), methods=list(methods))


def _no_route(request: Request, error: Exception) -> Response:
    refused = HubError(404, "InvalidOperation", "the local hub does not have this operation")
    return JSONResponse(refused.body(), refused.status)
