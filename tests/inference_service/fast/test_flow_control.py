"""Windows, both ways, with the library `h2` as the client: it raises if we overrun one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.transports.fast.frames import window_update
from inference_service.transports.fast.limits import Limits
from tests.inference_service.fast.h2_peer import Asked, Client, Codes
from tests.inference_service.fast.wire import Wire, message, parse

OK = {b":status": b"200", b"content-type": b"application/grpc", b"grpc-status": b"0"}
MIB = 1 << 20


def _pattern(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def _check(asked: Asked, messages: list[bytes]) -> None:
    assert {**asked.fields, **OK} == asked.fields
    assert asked.reset is None
    assert asked.messages == messages


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    window=st.sampled_from([0, 1, 100, 65_535, 1 << 20]),
    grant=st.sampled_from([20, 1000, 70_000]),
    connection_grant=st.sampled_from([50, 5000, 200_000]),
    max_frame=st.sampled_from([16_384, 20_000, 1 << 20]),
    sizes=st.lists(st.sampled_from([0, 1, 7, 100, 3000]), min_size=1, max_size=6),
    moves=st.lists(st.sampled_from([0, 1, 100, 5000, 65_535]), max_size=6),
)
def test_every_answer_comes_whole_whatever_the_windows_do(
    seed: int,
    window: int,
    grant: int,
    connection_grant: int,
    max_frame: int,
    sizes: list[int],
    moves: list[int],
) -> None:
    wire = Wire()
    client = Client(
        wire,
        seed=seed,
        window=window,
        grant=grant,
        connection_grant=connection_grant,
        max_frame=max_frame,
    )
    expected: list[tuple[Asked, list[bytes]]] = []
    for place, size in enumerate(sizes):
        content = _pattern(size)
        expected += [
            (client.ask_one(b"/t/Infer", content), [content]),
            (client.ask_one(b"/t/Echo", content), [content]),
            (client.ask_one(b"/t/Large", b"%d" % (3 * size)), [_pattern(3 * size)]),
        ]
        stream = [content] * place
        upload = b"".join(message(one) for one in stream)
        expected.append((client.ask(b"/t/Stream", upload), stream))
        if place < len(moves):
            client.h2.update_settings({Codes.INITIAL_WINDOW_SIZE: moves[place]})
        client.turn()
        wire.time += 0.1
    while not all(asked.ended for asked, _ in expected):
        wire.time += 0.1  # a client with windows of a few octets is slow
        client.turn()
        assert not wire.connection.closing
    for asked, messages in expected:
        _check(asked, messages)
    assert not wire.connection.streams
    assert wire.connection.sender.waiting == 0
    assert wire.calls.counted == 0
    assert wire.dispatcher.open == 0
    assert not wire.connection.sender._blocked


@pytest.mark.parametrize("max_frame", [16_384, (1 << 24) - 1])
@pytest.mark.parametrize("window", [65_535, 16 * MIB])
def test_ten_megabytes_each_way(window: int, max_frame: int) -> None:
    wire = Wire()
    client = Client(
        wire, window=window, max_frame=max_frame, grant=window, connection_grant=4 * MIB
    )
    content = _pattern(10 * MIB)
    asked = client.ask_one(b"/t/Infer", content)
    client.finish()
    _check(asked, [content])
    assert wire.calls.counted == 0


def test_several_large_answers_share_the_window_of_the_connection() -> None:
    wire = Wire()
    client = Client(wire, window=4 * MIB, connection_grant=0)
    size, step = MIB, 40_000
    asked = [client.ask_one(b"/t/Large", b"%d" % size) for _ in range(6)]
    for _ in range(20):  # all are on their way
        client.turn()
    turns = 0
    while not all(one.ended for one in asked):
        client.h2.increment_flow_control_window(step)
        client.grant = 0
        client.turn()
        turns += 1
        left = [len(one.received) for one in asked if not one.ended]
        # who was first had the window that every connection begins with
        assert not left or max(left) - min(left) <= 65_535 + 2 * step
        assert turns < 1000
    for one in asked:
        _check(one, [_pattern(size)])


def test_a_small_answer_is_not_held_up_by_a_large_one_that_waits_for_its_own_window() -> None:
    wire = Wire()
    client = Client(wire, window=1000, grant=0, connection_grant=MIB)
    large = client.ask_one(b"/t/Large", b"500000")
    for _ in range(5):
        client.turn()
    small = client.ask_one(b"/t/Echo", b"x" * 900)
    for _ in range(50):
        client.turn()
    assert small.ended
    assert not large.ended
    _check(small, [b"x" * 900])


def test_messages_of_a_stream_come_in_order_while_others_are_answered() -> None:
    wire = Wire()
    client = Client(wire, window=500, grant=300, connection_grant=1000)
    contents = [b"%d:" % n + _pattern(n * 7 % 400) for n in range(300)]
    stream = client.ask(b"/t/Stream", b"".join(message(one) for one in contents))
    others = [client.ask_one(b"/t/Echo", b"%d" % n) for n in range(20)]
    while not all(asked.ended for asked in (stream, *others)):
        wire.time += 0.1
        client.turn()
    _check(stream, contents)
    for n, asked in enumerate(others):
        _check(asked, [b"%d" % n])


def test_goaway_lets_calls_in_flight_finish_and_takes_no_new_one() -> None:
    wire = Wire()
    client = Client(wire, window=0, grant=100)
    before = client.ask_one(b"/t/Large", b"5000")
    for _ in range(3):
        client.turn()
    wire.connection.goaway()
    late = client.ask_one(b"/t/Echo", b"x")  # was sent before the client heard of it
    octets = client.h2.data_to_send()
    reply = wire.send(octets)
    assert b"draining" in reply
    # `h2` refuses to go on after GOAWAY: what comes after is read from the wire
    frames = []
    for _ in range(60):
        frames += parse(wire.send(window_update(0, 1000) + window_update(1, 1000)))
    ended = [one for one in frames if one.stream == 1 and one.kind == 1]
    assert wire.fields(ended[-1])[b"grpc-status"] == b"0"
    assert not before.ended
    assert not late.ended
    assert not wire.connection.streams


@pytest.mark.parametrize("stream_window", [65_535, 300_000])
def test_what_a_client_sends_is_acknowledged(stream_window: int) -> None:
    """A request above every window of ours goes through: windows are opened as it is taken."""
    wire = Wire(Limits(stream_window=stream_window, connection_window=2 * stream_window))
    client = Client(wire)
    content = _pattern(3 * MIB)
    asked = [client.ask_one(b"/t/Size", content) for _ in range(3)]
    client.finish()
    for one in asked:
        _check(one, [b"%d" % len(content)])
    assert client.goaway is None
