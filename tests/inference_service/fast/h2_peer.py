"""A client by the library `h2`: it raises when a frame of ours breaks a rule or a window."""

import random
import struct
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings

from tests.inference_service.fast.wire import Wire, call, message

Codes = h2.settings.SettingCodes
UNLIMITED = 1 << 60


@dataclass
class Asked:
    """A call: what is still to be sent of it, and what came back."""

    path: bytes
    upload: bytes
    received: bytearray = field(default_factory=bytearray)
    fields: dict[bytes, bytes] = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    @property
    def messages(self) -> list[bytes]:
        """The messages of the answer, which must be whole."""
        found, place = [], 0
        while place < len(self.received):
            flag, size = struct.unpack_from(">BI", self.received, place)
            assert flag == 0
            place += 5
            assert place + size <= len(self.received), "a message is cut short"
            found.append(bytes(self.received[place : place + size]))
            place += size
        return found


class Client:
    """Talks to a `Wire`, cutting what goes either way by chance.

    Windows open by chance as well, by at most `grant` octets a turn, once what was granted is used.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        seed: int = 0,
        window: int = 65_535,
        max_frame: int = 16_384,
        grant: int = 1 << 20,
        connection_grant: int = 1 << 20,
    ) -> None:
        self.wire = wire
        self.chance = random.Random(seed)
        self.grant = grant
        self.connection_grant = connection_grant
        config = h2.config.H2Configuration(client_side=True, header_encoding=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings = h2.settings.Settings(
            client=True,
            initial_values={Codes.INITIAL_WINDOW_SIZE: window, Codes.MAX_FRAME_SIZE: max_frame},
        )
        self.h2.max_inbound_frame_size = max_frame  # `h2` heeds later changes only
        self.h2.initiate_connection()
        self.calls: dict[int, Asked] = {}
        self.goaway: int | None = None
        self._greeting = wire.turn()
        self.turn()

    def ask(self, path: bytes, upload: bytes) -> Asked:
        """Opens a call; turns send `upload`."""
        number = self.h2.get_next_available_stream_id()
        self.h2.send_headers(number, call(path))
        self.calls[number] = asked = Asked(path, upload)
        return asked

    def ask_one(self, path: bytes, content: bytes) -> Asked:
        """Opens a call with one message."""
        return self.ask(path, message(content))

    def turn(self) -> None:
        """Sends a piece of what is to be sent, takes what comes, opens windows."""
        for number, asked in self.calls.items():
            self._upload(number, asked)
        octets = self.h2.data_to_send()
        reply, self._greeting = self._greeting, b""
        while octets:
            size = self.chance.choice([1, 9, 100, 5000, 100_000, len(octets)])
            reply += self.wire.send(octets[:size])
            octets = octets[size:]
        reply += self.wire.turn()
        self._take(reply)
        self._open_windows()

    def finish(self, most: int = 200_000) -> None:
        """Turns until every call has ended."""
        for _ in range(most):
            if all(asked.ended for asked in self.calls.values()):
                return
            self.turn()
        raise AssertionError("the calls did not end")

    def _upload(self, number: int, asked: Asked) -> None:
        if asked.reset is not None or asked.ended or asked.upload == b"\xff":
            return
        room = min(
            self.h2.local_flow_control_window(number),
            self.h2.max_outbound_frame_size,
            self.chance.choice([1, 10, 1000, 16_384, 1 << 20]),
        )
        if room > 0:
            piece, asked.upload = asked.upload[:room], asked.upload[room:]
            ends = not asked.upload
            padding = self.chance.choice([None, None, 7]) if len(piece) + 8 < room else None
            self.h2.send_data(number, piece, end_stream=ends, pad_length=padding)
            if ends:
                asked.upload = b"\xff"  # the end is sent

    def _take(self, reply: bytes) -> None:
        while reply:
            size = self.chance.choice([1, 50, 3000, len(reply)])
            for event in self.h2.receive_data(reply[:size]):
                self._happened(event)
            reply = reply[size:]

    def _happened(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self.calls[event.stream_id].received += event.data
        elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            self.calls[event.stream_id].fields |= dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self.calls[event.stream_id].ended = True
        elif isinstance(event, h2.events.StreamReset):
            asked = self.calls[event.stream_id]
            asked.ended, asked.reset = True, int(event.error_code or 0)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code or 0)

    def _open_windows(self) -> None:
        if self.goaway:
            return
        if self.h2.inbound_flow_control_window < self.connection_grant:
            self.h2.increment_flow_control_window(self.chance.randint(1, self.connection_grant))
        for number, asked in self.calls.items():
            if not asked.ended and self.h2.remote_flow_control_window(number) < self.grant:
                self.h2.increment_flow_control_window(self.chance.randint(1, self.grant), number)
