"""What every REST handler shares: bounded JSON bodies, answers, errors as the hub writes them."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edge.local_hub.errors import HubError, bad_argument
from edge.local_hub.hub import Hub
from edge.local_hub.values import Json, read_json

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def hub_of(request: Request) -> Hub:
    """The hub that the application serves."""
    hub: Hub = request.app.state.hub
    return hub


def require_service(request: Request) -> Hub:
    """The hub, if the request carries a valid service token; HubError 401 otherwise."""
    hub = hub_of(request)
    hub.access.require_service(request.headers.get("authorization", ""), request.url.path)
    return hub


async def read_body(request: Request) -> Json:
    """The JSON body; HubError 400 if it is none, 413 if it is larger than the limit."""
    limit = hub_of(request).state.limits.request_bytes
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise HubError(413, "RequestEntityTooLarge", f"the body is larger than {limit} bytes")
    try:
        return read_json(bytes(data))
    except ValueError as error:
        raise bad_argument("the body is not JSON") from error


def etag_header(view: Json) -> dict[str, str]:
    """The ETag header of an answer."""
    return {"ETag": f'"{view["etag"]}"'}


def number_parameter(request: Request, name: str, default: int) -> int:
    """A positive integer of the query string; HubError 400 if it is something else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit() or len(text) > 9:
        raise bad_argument(f"{name} must be a number")
    return min(int(text), default)


def answering(handler: Handler) -> Handler:
    """`handler` with HubError turned into the answer that the real hub gives."""

    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except HubError as error:
            headers = {"iothub-errorcode": error.code}
            return JSONResponse(error.body(), error.status, headers)
        except RecursionError:
            deep = bad_argument("the body is nested too deeply")
            return JSONResponse(deep.body(), deep.status)
        except ClientDisconnect:
            return Response(status_code=400)

    return wrapped
