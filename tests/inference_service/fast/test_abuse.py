"""Floods and bombs: each is stopped after a count, holding a bounded number of octets.

Nothing is timed: the budget is told the time by a clock of the test that stands still.
"""

import gzip
import struct
import zlib
from collections.abc import Callable

import pytest

from inference_service.transports.fast import frames
from inference_service.transports.fast.frames import Error, frame, rst_stream, window_update
from inference_service.transports.fast.limits import Budget, Limits
from tests.inference_service.fast.wire import (
    Wire,
    asked,
    call,
    data,
    headers,
    literal,
    message,
    parse,
    setting,
    waiting,
)

MOST = int(Budget.START) + 140
"""Frames that bring nothing, at most, before the connection ends; 128 calls may be open."""
KIB = 1 << 10


def _flood(wire: Wire, one: Callable[[int], bytes], most: int, each: int = 1) -> int:
    """How many times `one` was taken before the connection ended; every answer is read."""
    last = b""
    for n in range(most + 1):
        sent = wire.send(one(n) * each)
        if wire.connection.closing:
            last = sent
            break
    else:
        raise AssertionError(f"{most} of them were taken")
    end = parse(last)[-1]
    assert (end.kind, Error(end.code)) == (frames.GOAWAY, Error.ENHANCE_YOUR_CALM)
    assert not wire.connection.streams
    assert wire.calls.counted == 0
    assert wire.dispatcher.open == 0
    return n


FLOODS: dict[str, Callable[[int], bytes]] = {
    "PING": lambda n: frame(frames.PING, 0, 0, b"12345678"),
    "PING acknowledged": lambda n: frame(frames.PING, 1, 0, b"12345678"),
    "SETTINGS": lambda n: setting(),
    "SETTINGS with values": lambda n: setting((3, n)),
    "SETTINGS acknowledged": lambda n: frames.SETTINGS_ACK,
    "PRIORITY": lambda n: frame(frames.PRIORITY, 0, 1 + 2 * n, b"\0\0\0\0\1"),
    "GOAWAY": lambda n: frames.goaway(0, Error.NO_ERROR),
    "unknown frames": lambda n: frame(0x16, 0, 0),
    "large unknown frames": lambda n: frame(0x16, 0, 0, b"x" * 16384),
    "WINDOW_UPDATE of the connection": lambda n: window_update(0, 1),
    "WINDOW_UPDATE of a stream": lambda n: window_update(1, 1),
    "DATA of no octets": lambda n: data(3, b""),
    "DATA of padding": lambda n: frame(frames.DATA, frames.PADDED, 3, b"\x0a" + b"\0" * 10),
    "DATA after our RST_STREAM": lambda n: data(5, b"x"),
    "RST_STREAM of what ended": lambda n: rst_stream(5, Error.CANCEL),
    "rapid reset": lambda n: headers(7 + 2 * n) + rst_stream(7 + 2 * n, Error.CANCEL),
    "rapid reset of whole calls": lambda n: (
        waiting(7 + 2 * n) + rst_stream(7 + 2 * n, Error.CANCEL)
    ),
    "malformed calls": lambda n: headers(7 + 2 * n, call(b"/", (b"X", b"y"))),
    "resets that a WINDOW_UPDATE brings": lambda n: (
        waiting(7 + 2 * n) + window_update(7 + 2 * n, 0)
    ),
    "resets that PRIORITY brings": lambda n: waiting(7 + 2 * n) + frame(2, 0, 7 + 2 * n, b"\0"),
    "resets that DATA brings": lambda n: waiting(7 + 2 * n) + data(7 + 2 * n, b"x"),
    "half-open calls": lambda n: headers(7 + 2 * n),
    "headers of a stream that ended": lambda n: headers(5),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name: str) -> None:
    wire = Wire().greet()
    wire.send(waiting(1) + headers(3) + headers(5, call(b"/", (b"X", b"y"))))
    assert _flood(wire, FLOODS[name], MOST) <= MOST


@pytest.mark.parametrize("each", [1, 100])
def test_resets_cost_more_and_do_not_matter_in_which_pieces_they_come(each: int) -> None:
    wire = Wire().greet()
    number = iter(range(1, 1 << 20, 2))

    def one(n: int) -> bytes:
        opened = [next(number) for _ in range(each)]
        return b"".join(headers(n) + rst_stream(n, Error.CANCEL) for n in opened)

    taken = _flood(wire, one, 600 // each)
    assert taken * each <= Budget.START / 4


def test_an_answer_that_nobody_reads_stays_within_the_limit() -> None:
    limits = Limits(unsent=100 * KIB)
    wire = Wire(limits).greet(setting((4, 0)))
    for n in range(1, 2000, 2):
        wire.send(asked(n, b"/t/Large", b"10000"))
    assert wire.connection.sender.waiting <= limits.unsent + 10_005
    assert wire.is_alive


def test_a_stream_whose_answers_nobody_reads_is_not_read_either() -> None:
    limits = Limits(unsent=100 * KIB)
    wire = Wire(limits).greet(setting((4, 0)))
    wire.send(headers(1, call(b"/t/LargeStream")))
    question = message(b"10000")
    for _ in range(20):
        wire.send(data(1, question * 100))
    assert wire.connection.sender.waiting <= limits.unsent + 10_005
    assert wire.calls.counted < 250 * KIB
    grants = 0
    answered = b""
    while grants < 3000 and len(answered) < 20 * 100 * 10_005:  # and goes on when it reads
        answered += b"".join(
            one.payload
            for one in wire.ask(window_update(1, 1 << 20) + window_update(0, 1 << 20))
            if one.kind == frames.DATA
        )
        grants += 1
    assert len(answered) == 20 * 100 * 10_005
    assert wire.connection.sender.waiting == wire.calls.counted == 0


def test_many_small_questions_with_large_answers_are_not_all_answered_at_once() -> None:
    """A client with large windows that does not read its socket: amplification by 1,000."""
    limits = Limits(unsent=1 << 20)
    wire = Wire(limits).greet(setting((4, frames.MAX_WINDOW)))
    wire.send(window_update(0, frames.MAX_WINDOW - 65_535))
    connection = wire.connection
    connection.receive(headers(1, call(b"/t/LargeStream")) + data(1, message(b"10000") * 20_000))
    wire.dispatcher.run()
    assert sum(len(part) for part in connection.sender.out) <= limits.unsent + 20_000
    assert connection.paused


def test_many_small_calls_with_large_answers_are_not_all_answered_at_once() -> None:
    limits = Limits(unsent=1 << 20)
    wire = Wire(limits).greet(setting((4, frames.MAX_WINDOW)))
    wire.send(window_update(0, frames.MAX_WINDOW - 65_535))
    came = wire.ask(b"".join(asked(n, b"/t/Large", b"10000") for n in range(1, 2001, 2)))
    answered = sum(one.kind == frames.DATA for one in came)
    assert 50 < answered <= (limits.unsent + 20_000) // 10_000
    ends = [wire.fields(one) for one in came if one.kind == frames.HEADERS and one.flags & 1]
    assert len(ends) == 1000
    assert sum(one[b"grpc-status"] == b"8" for one in ends) == 1000 - answered
    assert wire.ask(asked(2001))[-1].flags & frames.END_STREAM


# header blocks


@pytest.mark.parametrize("size", [0, 1, 100, 16384])
def test_continuation_without_end(size: int) -> None:
    limits = Limits()
    wire = Wire(limits).greet()
    wire.send(frame(frames.HEADERS, 0, 1, literal(b"x", b"y")))
    held = 0

    def one(n: int) -> bytes:
        nonlocal held
        held = max(held, len(wire.connection._block or b""))
        return frame(frames.CONTINUATION, 0, 1, b"\0" * size)

    most = MOST if size == 0 else limits.header_list // size + 2
    _flood(wire, one, most)
    assert held <= limits.header_list


def test_a_bomb_of_references_costs_more_than_a_frame() -> None:
    wire = Wire().greet()
    first = frame(frames.HEADERS, 4, 1, literal(b"x", b"v" * 4000, 0x40))
    wire.send(first)
    bomb = b"\xbe" * 16_000
    taken = _flood(wire, lambda n: frame(frames.HEADERS, 4, 3 + 2 * n, bomb), 100)
    assert taken < 40
    assert wire.calls.counted == 0


@pytest.mark.parametrize("stream", [1, 3], ids=["trailers", "of a stream that ended"])
def test_bombs_elsewhere_cost_as_much(stream: int) -> None:
    wire = Wire().greet()
    wire.send(frame(frames.HEADERS, 4, 1, literal(b"x", b"v" * 4000, 0x40)))
    wire.send(headers(3, call(b"/", (b"X", b"y"))))
    bomb = b"\xbe" * 16_000

    def one(n: int) -> bytes:
        if stream == 3:
            return frame(frames.HEADERS, 4, 3, bomb)
        return headers(5 + 2 * n) + frame(frames.HEADERS, 5, 5 + 2 * n, bomb)

    assert _flood(wire, one, 100) < 40


def test_a_list_of_fields_above_the_limit_ends_its_call_only() -> None:
    wire = Wire(Limits(header_list=4096)).greet()
    came = wire.ask(headers(1, call(b"/t/Echo", (b"x", b"v" * 4000))))
    assert [(one.kind, one.code) for one in came] == [(frames.RST_STREAM, Error.ENHANCE_YOUR_CALM)]
    assert wire.ask(asked(3))[-1].flags & frames.END_STREAM


def test_one_settings_frame_with_thousands_of_settings() -> None:
    wire = Wire().greet()
    _flood(wire, lambda n: setting(*[(4, n % 7)] * 2700), 1)


# memory of requests that are not whole


def test_half_received_requests_share_one_limit() -> None:
    limits = Limits(buffered=300 * KIB, message=200 * KIB)
    first, second = Wire(limits).greet(), Wire(limits).greet()
    second.calls = first.calls
    second.connection._calls = first.calls
    part = message(b"x" * 200 * KIB)[: 100 * KIB]
    for number in (1, 3):
        first.send(headers(number) + data(number, part))
    second.send(headers(1) + data(1, part[: 90 * KIB]))
    assert first.calls.counted <= limits.buffered
    came = second.ask(headers(3) + data(3, part))
    status = second.fields(next(one for one in came if one.kind == frames.HEADERS))
    assert status[b"grpc-status"] == b"8"
    assert first.calls.counted <= limits.buffered
    first.send(rst_stream(1, Error.CANCEL) + rst_stream(3, Error.CANCEL))
    second.send(rst_stream(1, Error.CANCEL))
    assert first.calls.counted == 0
    assert second.ask(asked(5))[-1].flags & frames.END_STREAM


def test_a_call_may_not_send_more_than_its_message() -> None:
    wire = Wire().greet()
    wire.send(headers(1) + data(1, message(b"x")))
    came = wire.ask(data(1, b"y" * 1000))
    assert [one.kind for one in came] == [frames.HEADERS, frames.RST_STREAM]
    assert wire.calls.counted == 0


@pytest.mark.parametrize(
    ("what", "octets"),
    [
        ("a HEADERS frame", frames.FRAME_HEAD.pack(64, 0, 1, 4, 1)),
        ("an unknown frame", frames.FRAME_HEAD.pack(64, 0, 0x16, 0, 0)),
        ("a DATA frame", headers(1) + frames.FRAME_HEAD.pack(4096, 0, 0, 0, 1)),
        ("padded DATA", headers(1) + frames.FRAME_HEAD.pack(4096, 0, 0, 8, 1)),
    ],
)
def test_a_frame_that_drips_is_held_as_octets_only(what: str, octets: bytes) -> None:
    wire = Wire(Limits(buffered=12 * KIB)).greet()
    wire.send(octets)
    for _ in range(16_000):
        wire.send(b"\0")
    assert len(wire.connection._rest) <= frames.MIN_FRAME_SIZE + frames.HEAD_BYTES
    assert wire.calls.counted <= 12 * KIB
    assert wire.connection.is_inside


def test_streams_that_are_skipped_are_remembered_to_a_bound() -> None:
    wire = Wire().greet()
    for n in range(1, 10_000, 7):
        wire.send(asked(n * 2 + 1))
    assert len(wire.connection._skipped) <= 64
    assert wire.is_alive


def test_what_we_reset_is_remembered_to_a_bound() -> None:
    wire = Wire().greet()
    for n in range(1, 20_001, 2):
        wire.time += 1.0
        wire.send(headers(n, call(b"/t/Nothing")))
    assert len(wire.connection._gone) <= 1024
    assert wire.is_alive


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_a_message_that_inflates_without_end(encoding: bytes) -> None:
    content = b"\0" * (4 << 20)
    packed = gzip.compress(content) if encoding == b"gzip" else zlib.compress(content)
    wire = Wire(Limits(message=1 << 20)).greet()
    sent = headers(1, call(b"/t/Size", (b"grpc-encoding", encoding)))
    came = wire.ask(sent + data(1, b"\1" + struct.pack(">I", len(packed)) + packed, end=True))
    assert wire.fields(came[-1])[b"grpc-status"] == b"8"


# who behaves is not hit


def test_five_thousand_calls_with_cancels() -> None:
    """Every third call is cancelled before its answer, some while they are sent."""
    wire = Wire().greet()
    answered = 0
    for n in range(5000):
        number = 2 * n + 1
        if n % 3:
            answered += b"hello" in wire.send(asked(number))
        else:
            wire.send(
                (waiting(number) if n % 2 else headers(number)) + rst_stream(number, Error.CANCEL)
            )
    assert answered == 5000 - 1667
    assert wire.is_alive


def test_a_client_that_measures_its_bandwidth() -> None:
    """C-core: PING, SETTINGS and window updates around its calls."""
    wire = Wire().greet()
    for n in range(5000):
        sent = asked(2 * n + 1) + window_update(0, 10) + frame(frames.PING, 0, 0, b"12345678")
        if n % 10 == 0:
            sent += setting((4, 65_535 + n))
        wire.send(sent)
    assert wire.is_alive


def test_a_client_that_reads_large_answers_in_small_windows() -> None:
    """Go's: an update of both windows for every 16 KiB; 40 answers of 1 MiB, at no time at all."""
    wire = Wire().greet()
    for n in range(40):
        number, size = 2 * n + 1, 1 << 20
        got = _octets(wire.send(asked(number, b"/t/Large", b"%d" % size)))
        while got < size + 5:
            got += _octets(wire.send(window_update(0, 16_384) + window_update(number, 16_384)))
        assert got == size + 5
    assert wire.is_alive


def test_a_client_that_reads_ten_answers_at_once_in_tiny_windows() -> None:
    """An update of each stream for every KiB, which frees nothing: the connection's is shut."""
    wire = Wire().greet(setting((4, 1024)))
    streams, size = range(1, 21, 2), 1 << 19
    got = _octets(b"".join(wire.send(asked(n, b"/t/Large", b"%d" % size)) for n in streams))
    grants = b"".join(window_update(n, 1024) for n in streams)
    shut = b"".join(window_update(n, 6 * 1024) for n in streams)  # 65,535 of the connection
    got += _octets(wire.send(shut))
    while got < 10 * (size + 5) and wire.is_alive:
        got += _octets(wire.send(grants + window_update(0, 10 * 1024)))
    assert wire.is_alive


def test_uploads_that_are_refused_while_they_come() -> None:
    """A window of data in small segments is under way on each when they are refused."""
    wire = Wire().greet()
    for n in range(8):
        number = 2 * n + 1
        wire.send(headers(number, call(b"/t/Nothing")))
        upload = b"".join(data(number, b"x" * 16_384) for _ in range(60))
        for place in range(0, len(upload), 1448):
            wire.send(upload[place : place + 1448])
    assert wire.is_alive


def test_a_client_that_opens_too_many_streams_before_it_is_told() -> None:
    wire = Wire()
    wire.send(frames.PREFACE + setting() + b"".join(waiting(n) for n in range(1, 2000, 2)))
    assert len(wire.connection.streams) == 128
    assert wire.is_alive


def _octets(sent: bytes) -> int:
    return sum(len(one.payload) for one in parse(sent) if one.kind == frames.DATA)
