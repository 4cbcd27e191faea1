"""The MQTT server: authenticates connections, keeps one per identity, and reaches clients."""

import asyncio
import logging
import secrets
import socket
import ssl
from contextlib import suppress

from edge.local_hub.errors import MethodError
from edge.local_hub.hub import Hub
from edge.local_hub.mqtt import packets, topics
from edge.local_hub.mqtt.connection import Connection
from edge.local_hub.mqtt.packets import Connect, ProtocolError
from edge.local_hub.state import DesiredChanged, Event
from edge.local_hub.telemetry import TelemetryWriter
from edge.local_hub.values import Json, read_json

logger = logging.getLogger(__name__)

_Identity = tuple[str, str]


class MqttServer:
    """Serves on a bound socket from `start` to `stop`. One thread (that of the event loop)."""

    def __init__(self, hub: Hub, telemetry: TelemetryWriter) -> None:
        self.hub, self.telemetry, self.limits = hub, telemetry, hub.state.limits
        self._connections: dict[_Identity, Connection] = {}
        self._answers: dict[tuple[Connection, str], asyncio.Future[tuple[int, Json]]] = {}
        self._open = 0
        self._server: asyncio.Server | None = None
        hub.on_event = self.deliver

    async def start(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        """Serves on a bound socket."""
        self._server = await asyncio.start_server(
            self._accept, sock=listening, ssl=context, ssl_handshake_timeout=10, limit=1 << 17
        )

    async def stop(self) -> None:
        """Ends all connections and stops listening."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.close()
            self._disconnected(connection)
        if self._server is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._server.wait_closed()

    def deliver(self, event: Event) -> None:
        """Tells a connected client what changed, or ends its connection."""
        connection = self._connections.get((event.device, event.module))
        if connection is None:
            return
        if isinstance(event, DesiredChanged):
            connection.send_desired({**event.patch, "$version": event.version}, event.version)
        else:
            connection.close()
            self._disconnected(connection)

    async def invoke(
        self,
        device: str,
        module: str,
        name: str,
        payload: Json,
        response_seconds: int,
        connect_seconds: int,
    ) -> tuple[int, Json]:
        """Calls a direct method and waits for (status, payload).

        Raises MethodError 404 if the client is not connected (in `connect_seconds`), 504 if it does
        not answer in `response_seconds`.
        """
        connection = await self._wait_for(device, module, connect_seconds)
        request_id = secrets.token_hex(8)
        answer: asyncio.Future[tuple[int, Json]] = asyncio.get_running_loop().create_future()
        if connection is None or not connection.send_method(name, request_id, payload):
            raise MethodError(
                404, 404103, "Timed out waiting for device to connect.", connect_seconds
            )
        self._answers[connection, request_id] = answer
        try:
            async with asyncio.timeout(response_seconds):
                return await answer
        except TimeoutError:
            raise MethodError(
                504,
                504101,
                "Timed out waiting for the response from device.",
                response_seconds,
            ) from None
        finally:
            self._answers.pop((connection, request_id), None)

    def method_answered(
        self, connection: Connection, answer: topics.MethodAnswer, payload: bytes
    ) -> None:
        """Hands the answer of a client to the call that waits for it, if one does."""
        waiting = self._answers.get((connection, answer.request_id))
        if waiting is None or waiting.done():
            return
        try:
            waiting.set_result((answer.status, read_json(payload or b"null")))
        except ValueError:
            raise ProtocolError("the answer of a method is not JSON") from None

    def subscriptions_changed(self, connection: Connection) -> None:
        """Stores the subscriptions: a client that comes back does not subscribe again."""
        self.hub.state.documents.put(
            "session", connection.device, connection.module, dict(connection.subscriptions)
        )

    async def read_packet(
        self, reader: asyncio.StreamReader, only: int | None = None
    ) -> tuple[int, int, bytes]:
        """(type, flags, body) of the next packet.

        Raises ProtocolError if it is too large, or not of the type `only`.
        """
        first = (await reader.readexactly(1))[0]
        if only not in (None, first >> 4):
            raise ProtocolError("not the packet that must come now")
        size = shift = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size |= (digit & 0x7F) << shift
            if size > self.limits.mqtt_packet_bytes:
                raise ProtocolError(f"a packet larger than {self.limits.mqtt_packet_bytes} bytes")
            if not digit & 0x80:
                break
            shift += 7
            if shift > 21:
                raise ProtocolError("the length of a packet is malformed")
        return first >> 4, first & 0x0F, await reader.readexactly(size)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        connection: Connection | None = None
        try:
            connection = await self._authenticate(reader, writer)
            if connection is not None:
                await connection.run()
        except (ProtocolError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            logger.debug("a connection ended before it began: %s", type(error).__name__)
        finally:
            self._open -= 1
            writer.transport.abort()
            if connection is not None:
                if connection.timer is not None:
                    connection.timer.cancel()
                self._disconnected(connection)

    async def _authenticate(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Connection | None:
        async with asyncio.timeout(self.limits.mqtt_connect_seconds):
            _, _, body = await self.read_packet(reader, packets.CONNECT)
            try:
                connect = packets.read_connect(body)
            except ProtocolError:
                await _refuse(writer, packets.BAD_PROTOCOL)
                raise
            identity = self._identity(connect)
            if identity is None:
                await _refuse(writer, packets.NOT_AUTHORIZED)
                return None
            if self._open > self.limits.mqtt_connections:
                await _refuse(writer, packets.UNAVAILABLE)
                return None
        device, module, expiry = identity
        stored = self.hub.state.documents.get("session", device, module)
        if connect.clean_session or stored is None:
            stored = {}
        keep_alive = min(connect.keep_alive, self.limits.keep_alive_seconds)
        connection = Connection(self, reader, writer, device, module, keep_alive, dict(stored))
        displaced = self._connections.get((device, module))
        self._connections[device, module] = connection
        if displaced is not None:
            logger.info("%s connected again; the older connection ends", connection.name)
            displaced.close()
        self.hub.presence.connected(device, module)
        self.subscriptions_changed(connection)
        self._end_at(connection, expiry)
        writer.write(packets.write_connack(packets.ACCEPTED, session_present=bool(stored)))
        return connection

    def _identity(self, connect: Connect) -> tuple[str, str, int] | None:
        """(device, module, expiry of the token) of a valid CONNECT, None otherwise."""
        device, _, module = connect.client_id.partition("/")
        host, _, rest = connect.username.partition("/")
        if host.lower() != self.hub.state.host.lower():
            return None
        if rest.partition("?")[0].rstrip("/") != connect.client_id:
            return None
        expiry = self.hub.access.expiry_of_client(connect.password, device, module)
        return None if expiry is None else (device, module, expiry)

    def _end_at(self, connection: Connection, expiry: int) -> None:
        """The connection ends with its token, as the real hub does it."""
        seconds = expiry - self.hub.state.clock().timestamp()
        seconds = min(seconds, 365 * 86400.0)
        connection.timer = asyncio.get_running_loop().call_later(seconds, connection.close)

    def _disconnected(self, connection: Connection) -> None:
        key = (connection.device, connection.module)
        if self._connections.get(key) is connection:
            del self._connections[key]
            self.hub.presence.disconnected(*key)

    async def _wait_for(self, device: str, module: str, seconds: int) -> Connection | None:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            connection = self._connections.get((device, module))
            if connection is not None and topics.METHODS in connection.subscriptions:
                return connection
            if asyncio.get_running_loop().time() >= deadline:
                return connection
            await asyncio.sleep(0.05)


async def _refuse(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(packets.write_connack(code))
    await writer.drain()
    writer.close()
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 1)
