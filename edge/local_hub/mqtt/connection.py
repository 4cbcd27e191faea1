"""One MQTT connection: one identity, from CONNECT to the end."""

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from edge.local_hub.errors import HubError
from edge.local_hub.mqtt import packets, topics
from edge.local_hub.mqtt.packets import ProtocolError
from edge.local_hub.values import Json, read_json

if TYPE_CHECKING:
    from edge.local_hub.mqtt.server import MqttServer

logger = logging.getLogger(__name__)

_UNACKNOWLEDGED = 1000  # messages of one client that wait to be durable, before it must wait


class Connection:
    """A client that has authenticated. `run` returns when the connection ends."""

    def __init__(
        self,
        server: "MqttServer",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        device: str,
        module: str,
        keep_alive: int,
        subscriptions: dict[str, int],
    ) -> None:
        self.device, self.module = device, module
        self.subscriptions = subscriptions
        self.timer: asyncio.TimerHandle | None = None  # ends the connection with its token
        self._server, self._reader, self._writer = server, reader, writer
        self._silence = keep_alive * 1.5 or None  # the standard's one and a half times
        self._packet_id = 0
        self._in_flight = asyncio.Semaphore(_UNACKNOWLEDGED)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Handles packets until the client disconnects, breaks the protocol or falls silent."""
        try:
            while True:
                async with asyncio.timeout(self._silence):
                    kind, flags, body = await self._server.read_packet(self._reader)
                if kind == packets.DISCONNECT:
                    return
                await self._handle(kind, flags, body)
                await self._writer.drain()
        except TimeoutError:
            logger.info("%s fell silent", self.name)
        except ProtocolError as error:
            logger.warning("%s broke the protocol: %s", self.name, error)
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            logger.debug("%s went away", self.name)
        finally:
            self.close()

    @property
    def name(self) -> str:
        """`device` or `device/module`, for logs."""
        return f"{self.device}/{self.module}" if self.module else self.device

    def close(self) -> None:
        """Ends the connection at once."""
        self._writer.transport.abort()

    def send_desired(self, patch: Json, version: int) -> None:
        """Pushes a change of desired properties, if the client subscribed to them."""
        self._publish(topics.DESIRED_PATCHES, topics.desired_patch(version), _json(patch))

    def send_method(self, name: str, request_id: str, payload: Json) -> bool:
        """Calls a direct method; False if the client does not take any."""
        topic = topics.method_request(name, request_id)
        return self._publish(topics.METHODS, topic, _json(payload))

    async def _handle(self, kind: int, flags: int, body: bytes) -> None:
        if kind == packets.PUBLISH:
            await self._published(packets.read_publish(flags, body))
        elif kind == packets.SUBSCRIBE:
            self._subscribe(*packets.read_subscribe(body))
        elif kind == packets.UNSUBSCRIBE:
            packet_id, filters = packets.read_unsubscribe(body)
            for topic_filter in filters:
                self.subscriptions.pop(topic_filter, None)
            self._server.subscriptions_changed(self)
            self._send(packets.write_ack(packets.UNSUBACK, packet_id))
        elif kind == packets.PINGREQ:
            self._send(packets.write_packet(packets.PINGRESP, b""))
        elif kind != packets.PUBACK:
            raise ProtocolError(f"unexpected packet type {kind}")

    def _subscribe(self, packet_id: int, filters: list[tuple[str, int]]) -> None:
        codes = bytearray()
        for topic_filter, qos in filters:
            if topics.may_subscribe(topic_filter, self.device, self.module):
                self.subscriptions[topic_filter] = min(qos, 1)
                codes.append(min(qos, 1))
            else:
                codes.append(packets.SUBSCRIPTION_FAILED)
        self._server.subscriptions_changed(self)
        self._send(packets.write_ack(packets.SUBACK, packet_id, bytes(codes)))

    async def _published(self, publish: packets.Publish) -> None:
        message = topics.parse_topic(publish.topic, self.device, self.module)
        if message is None:
            raise ProtocolError("a topic that is not this client's")
        self._server.hub.presence.active(self.device, self.module)
        if isinstance(message, topics.Telemetry):
            if len(publish.payload) > self._server.limits.message_bytes:
                raise ProtocolError("a message over the limit")
            await self._in_flight.acquire()
            task = asyncio.create_task(self._store(message, publish))
            self._tasks.add(task)
            task.add_done_callback(self._stored)
            return
        self._acknowledge(publish)
        if isinstance(message, topics.MethodAnswer):
            self._server.method_answered(self, message, publish.payload)
        else:
            self._twin_request(message, publish.payload)

    async def _store(self, message: topics.Telemetry, publish: packets.Publish) -> None:
        """Acknowledges a message only when it is durable."""
        await self._server.telemetry.append(self.device, self.module, message, publish.payload)
        self._acknowledge(publish)

    def _stored(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._in_flight.release()
        if not task.cancelled() and task.exception() is not None:
            logger.error("telemetry of %s could not be stored: %s", self.name, task.exception())
            self.close()

    def _twin_request(self, message: topics.TwinGet | topics.TwinReport, payload: bytes) -> None:
        hub, version = self._server.hub, None
        try:
            if isinstance(message, topics.TwinGet):
                status, answer = 200, _json(hub.twins.client_view(self.device, self.module))
            else:
                with hub.change():
                    patch = read_json(payload)
                    version = hub.twins.report(self.device, self.module, patch)
                status, answer = 204, b""
        except HubError as error:
            status, answer = error.status, _json(error.body())
        except ValueError:
            status, answer = 400, b""
        topic = topics.twin_response(status, message.request_id, version)
        self._publish(topics.TWIN_RESPONSES, topic, answer)

    def _acknowledge(self, publish: packets.Publish) -> None:
        if publish.qos:
            self._send(packets.write_ack(packets.PUBACK, publish.packet_id))

    def _publish(self, topic_filter: str, topic: str, payload: bytes) -> bool:
        qos = self.subscriptions.get(topic_filter)
        if qos is None or self._writer.is_closing():
            return False
        if qos:
            self._packet_id = self._packet_id % 65535 + 1
        self._send(packets.write_publish(topic, payload, self._packet_id if qos else 0))
        return True

    def _send(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        if (
            self._writer.transport.get_write_buffer_size()
            > self._server.limits.mqtt_send_buffer_bytes
        ):
            logger.warning("%s does not read what it is sent", self.name)
            self.close()
            return
        self._writer.write(data)


def _json(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
