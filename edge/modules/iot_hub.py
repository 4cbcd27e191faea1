"""The Azure IoT device SDK behind the seam of a module."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from azure.iot.device import Message, MethodResponse
from azure.iot.device.aio import IoTHubModuleClient

from edge.modules.hub_client import MethodHandler, OutgoingMessage
from protos.errors import ConfigurationError, DeadlineExceeded, Unavailable

log = logging.getLogger(__name__)

OPERATION_SECONDS = 30.0


class IotHubModuleClient:
    """`IoTHubModuleClient` with deadlines, and with callbacks brought to our event loop.

    The SDK calls its handlers on threads of its own and some of its calls wait without end; here
    every call ends after `operation_seconds`.
    """

    def __init__(self, sdk: Any, operation_seconds: float = OPERATION_SECONDS) -> None:
        self._sdk = sdk
        self._seconds = operation_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def from_environment(cls) -> "IotHubModuleClient":
        """The client for the module that the environment describes.

        Inside IoT Edge by the workload API, else by EdgeHubConnectionString and
        EdgeModuleCACertificateFile. Raises ConfigurationError; the text holds no key.
        """
        try:
            sdk = IoTHubModuleClient.create_from_edge_environment()
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                "this module cannot tell who it is",
                why=f"{type(error).__name__} while reading the IoT Edge environment",
                remedy="run it under IoT Edge, or set EdgeHubConnectionString and "
                "EdgeModuleCACertificateFile",
            ) from None  # the cause may quote the connection string
        return cls(sdk)

    async def connect(
        self,
        on_desired: Callable[[Mapping[str, Any]], None] | None = None,
        methods: Mapping[str, MethodHandler] | None = None,
    ) -> None:
        """Connects and subscribes. Raises Unavailable, DeadlineExceeded."""
        loop = asyncio.get_running_loop()
        await self._bounded("connect", self._sdk.connect())
        if on_desired is not None:
            await self._subscribe(
                "on_twin_desired_properties_patch_received",
                lambda patch: loop.call_soon_threadsafe(on_desired, patch),
            )
        if methods is not None:
            handlers = dict(methods)
            await self._subscribe(
                "on_method_request_received",
                lambda request: loop.call_soon_threadsafe(self._start, request, handlers),
            )

    async def desired_properties(self) -> Mapping[str, Any]:
        """The desired properties. Raises Unavailable, DeadlineExceeded."""
        twin: dict[str, Any] = await self._bounded("get the twin", self._sdk.get_twin())
        desired: Mapping[str, Any] = twin.get("desired", {})
        return desired

    async def report(self, patch: Mapping[str, Any]) -> None:
        """Merges into the reported properties. Raises Unavailable, DeadlineExceeded."""
        await self._bounded("report", self._sdk.patch_twin_reported_properties(dict(patch)))

    async def send(self, message: OutgoingMessage) -> None:
        """Sends and waits for the acknowledgement. Raises Unavailable, DeadlineExceeded."""
        sent = Message(  # type: ignore[no-untyped-call]
            message.body,
            message_id=message.message_id,
            content_encoding="utf-8",
            content_type="application/json",
        )
        sent.custom_properties.update(message.properties)
        await self._bounded("send a message", self._sdk.send_message(sent))

    async def close(self) -> None:
        """Disconnects and ends the threads of the SDK."""
        try:
            await self._bounded("disconnect", self._sdk.shutdown())
        except Unavailable as error:
            log.warning("%s", error)

    async def _bounded(self, what: str, step: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await asyncio.wait_for(step, self._seconds)
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"the hub did not answer in {self._seconds:g} s",
                why=f"trying to {what}",
                remedy="see whether the device is online; it is tried again",
            ) from error
        except Exception as error:  # the SDK raises many kinds; all mean that the hub did not do it
            raise Unavailable(
                f"the hub could not be asked to {what}",
                why=type(error).__name__,
                remedy="see whether the device is online; it is tried again",
            ) from error

    async def _subscribe(self, handler_name: str, handler: Callable[[Any], Any]) -> None:
        # setting a handler waits for the broker: never on the event loop
        step = asyncio.to_thread(setattr, self._sdk, handler_name, handler)
        await self._bounded(f"set {handler_name}", step)

    def _start(self, request: Any, handlers: Mapping[str, MethodHandler]) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request, handlers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Any, handlers: Mapping[str, MethodHandler]) -> None:
        try:
            if request.name in handlers:
                status, payload = await handlers[request.name]()
            else:
                status, payload = 404, {"reason": f"no method {request.name!r}"}
            response = MethodResponse.create_from_method_request(request, status, payload)
            await self._bounded("answer a method", self._sdk.send_method_response(response))
        except Exception:  # nobody awaits this task; the caller of the method sees a timeout
            log.exception("method %s was not answered", request.name)
