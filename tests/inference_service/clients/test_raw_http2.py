"""What RFC 9113 allows and gRPC's own clients never do: each is answered as if they did."""

import time
from collections.abc import Iterator

import pytest
from hyperframe.frame import Frame

from protos import inference_pb2 as pb
from tests.inference_service.clients.asking import INFER
from tests.inference_service.clients.folders import mirror_request, slow_request
from tests.inference_service.clients.raw import (
    Answer,
    RawClient,
    framed,
    pad_headers,
    request_headers,
    split_headers,
    unframed,
)
from tests.inference_service.harness import Service, floats, taxi_request

pytestmark = pytest.mark.usefixtures("transport")

_GOOD = taxi_request([2.0]).SerializeToString()
_STREAM = INFER.replace("ModelInfer", "ModelStreamInfer")
_LIVE = INFER.replace("ModelInfer", "ServerLive")


@pytest.fixture
def raw(service: Service) -> Iterator[RawClient]:
    with RawClient(service.target) as client:
        client.settled()
        yield client


@pytest.fixture
def padding(transport: str) -> None:
    """grpcio's C-core answers a padded frame by closing the connection."""
    if transport == "grpcio":
        pytest.skip("C-core takes no padded frames")


def _is_answered(answer: Answer) -> bool:
    assert answer.headers[":status"] == "200"
    assert answer.status == "0", answer.headers.get("grpc-message")
    return floats(pb.ModelInferResponse.FromString(answer.message)) == [8.0]


@pytest.mark.parametrize("pieces", [1, 2, 7, 100])
def test_headers_in_many_frames(raw: RawClient, pieces: int) -> None:
    for _ in range(3):
        number = raw.open(change=split_headers(pieces))
        raw.send(number, framed(_GOOD), end=True)
        assert _is_answered(raw.finished(number))


@pytest.mark.parametrize("length", [0, 1, 255])
@pytest.mark.usefixtures("padding")
def test_padding_of_headers(raw: RawClient, length: int) -> None:
    number = raw.open(change=pad_headers(length))
    raw.send(number, framed(_GOOD), end=True)
    assert _is_answered(raw.finished(number))


@pytest.mark.parametrize("length", [0, 1, 255])
@pytest.mark.usefixtures("padding")
def test_padding_of_data(raw: RawClient, length: int) -> None:
    for _ in range(3):
        assert _is_answered(raw.ask(_GOOD, pad=length))


@pytest.mark.usefixtures("padding")
def test_padding_counts_for_the_windows_and_they_open_again(mirror: Service) -> None:
    """300 KB in frames of 100 octets, each with 255 of padding: more than a window in all."""
    request = mirror_request(300)
    with RawClient(mirror.target) as raw:
        raw.settled()
        number = raw.open()
        data = framed(request.SerializeToString())
        for place in range(0, len(data), 100):
            raw.send(number, data[place : place + 100], pad=255)
        raw.send(number, b"", end=True)
        answer = pb.ModelInferResponse.FromString(raw.finished(number).message)
        assert answer.raw_output_contents[0] == request.raw_input_contents[0]


def test_priority_in_headers(raw: RawClient) -> None:
    number = raw.open(priority_weight=7, priority_depends_on=0, priority_exclusive=True)
    raw.send(number, framed(_GOOD), end=True)
    assert _is_answered(raw.finished(number))


@pytest.mark.usefixtures("padding")
def test_everything_at_once(raw: RawClient) -> None:
    def change(frames: list[Frame]) -> list[Frame]:
        return split_headers(5)(pad_headers(9)(frames))

    number = raw.open(change=change, priority_weight=3)
    raw.send(number, framed(_GOOD), end=True, pad=3)
    assert _is_answered(raw.finished(number))


def test_data_octet_by_octet(raw: RawClient) -> None:
    number = raw.open()
    for octet in framed(_GOOD):
        raw.send(number, bytes([octet]))
    raw.send(number, b"", end=True)
    assert _is_answered(raw.finished(number))


def test_the_whole_connection_octet_by_octet(service: Service) -> None:
    with RawClient(service.target) as raw:
        sent: list[bytes] = []

        def take(frames: list[Frame]) -> list[Frame]:
            sent.extend(frame.serialize() for frame in frames)
            return []

        number = raw.open(change=take)
        raw.h2.send_data(number, framed(_GOOD), end_stream=True)
        raw.flush(take)
        for octet in b"".join(sent):
            raw.socket.send(bytes([octet]))
        assert _is_answered(raw.finished(number))


def test_trailers_of_the_client(raw: RawClient) -> None:
    for change in (None, split_headers(3)):
        number = raw.open()
        raw.send(number, framed(_GOOD))
        raw.h2.send_headers(number, [("x-checksum", "none")], end_stream=True)
        raw.flush(change)
        assert _is_answered(raw.finished(number))


def test_a_window_of_nothing_then_grants(service: Service) -> None:
    with RawClient(service.target, window=0, credit=False) as raw:
        raw.settled()
        number = raw.open()
        raw.send(number, framed(_GOOD), end=True)
        time.sleep(0.2)
        answer = raw.answers[number]
        assert not answer.body
        for _ in range(500):  # octet by octet
            if not answer.ended:
                raw.h2.increment_flow_control_window(1, number)
                raw.flush()
                raw.receive()
        assert _is_answered(raw.finished(number))


def test_a_window_that_opens_by_settings(service: Service) -> None:
    with RawClient(service.target, window=0) as raw:
        raw.settled()
        numbers = [raw.open() for _ in range(5)]
        for number in numbers:
            raw.send(number, framed(_GOOD), end=True)
        raw.h2.update_settings({4: 65535})  # SETTINGS_INITIAL_WINDOW_SIZE
        raw.flush()
        assert all(_is_answered(raw.finished(number)) for number in numbers)


def test_a_large_answer_through_a_small_window(mirror: Service) -> None:
    request = mirror_request(2000)
    with RawClient(mirror.target, window=1000) as raw:
        raw.settled()
        answer = raw.ask(request.SerializeToString())
        told = pb.ModelInferResponse.FromString(answer.message)
        assert told.raw_output_contents[0] == request.raw_input_contents[0]


def test_an_answer_that_is_not_read_holds_up_only_its_stream(mirror: Service) -> None:
    with RawClient(mirror.target, window=1000, credit=False) as raw:
        raw.settled()
        stuck = raw.open()
        raw.send(stuck, framed(mirror_request(100).SerializeToString()), end=True)
        for _ in range(10):
            number = raw.open(_LIVE)
            raw.send(number, framed(b""), end=True)
            assert raw.finished(number).status == "0"
        assert not raw.answers[stuck].ended


def test_a_reset_midway_leaves_the_connection_in_order(raw: RawClient) -> None:
    for sent in (0, 1, 4, 5, 6, len(_GOOD)):
        number = raw.open()
        if sent:
            raw.send(number, framed(_GOOD)[:sent])
        raw.h2.reset_stream(number, 8)
        raw.flush()
        assert _is_answered(raw.ask(_GOOD))


def test_a_reset_while_the_model_runs(slow: Service) -> None:
    with RawClient(slow.target) as raw:
        raw.settled()
        for _ in range(3):
            number = raw.open()
            raw.send(number, framed(slow_request().SerializeToString()), end=True)
            raw.h2.reset_stream(number, 8)
            raw.flush()
        assert raw.ask(slow_request().SerializeToString()).status == "0"


def test_messages_of_a_stream_cut_anywhere(raw: RawClient) -> None:
    data = framed(*([_GOOD] * 10))
    for size in (1, 3, 5, 64, len(data)):
        number = raw.open(_STREAM)
        for place in range(0, len(data), size):
            raw.send(number, data[place : place + size])
        raw.send(number, b"", end=True)
        answer = raw.finished(number)
        assert answer.status == "0"
        told = [pb.ModelStreamInferResponse.FromString(one) for one in unframed(bytes(answer.body))]
        assert [floats(one.infer_response) for one in told] == [[8.0]] * 10


def test_a_stream_whose_client_never_ends_its_half_is_answered(raw: RawClient) -> None:
    number = raw.open(_STREAM)
    for n in range(1, 4):
        raw.send(number, framed(_GOOD))
        raw.until(lambda n=n: len(unframed(bytes(raw.answers[number].body))) == n)  # type: ignore[misc]
    raw.send(number, b"", end=True)
    assert raw.finished(number).status == "0"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"", {"12", "13"}),
        (framed(_GOOD, _GOOD), {"12", "13"}),
        (framed(_GOOD)[:-1], {"12", "13"}),
        (framed(_GOOD)[:3], {"12", "13"}),
        (b"\1" + framed(_GOOD)[1:], {"12", "13"}),
        (b"\2" + framed(_GOOD)[1:], {"12", "13"}),
        (b"\0\xff\xff\xff\xff" + _GOOD, {"8", "13"}),
    ],
    ids=["nothing", "two", "cut", "cut prefix", "packed by nothing", "unknown flag", "4 GB"],
)
def test_what_is_not_one_message_is_refused(
    raw: RawClient, transport: str, body: bytes, codes: set[str]
) -> None:
    number = raw.open()
    raw.send(number, body, end=True)
    answer = raw.finished(number)
    if transport == "fast":  # C-core answers some of them as if they were whole
        assert answer.status in codes, answer.headers
    assert _is_answered(raw.ask(_GOOD))


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/grpcx", ""])
def test_wrong_content_is_no_call(raw: RawClient, transport: str, kind: str) -> None:
    number: int = raw.h2.get_next_available_stream_id()
    raw.answers[number] = Answer()
    raw.h2.send_headers(number, [*request_headers(INFER)[:-1], ("content-type", kind)])
    raw.flush()
    raw.send(number, framed(_GOOD), end=True)
    answer = raw.finished(number)
    if transport == "fast":  # C-core does not look
        assert answer.headers == {":status": "415"}
    assert _is_answered(raw.ask(_GOOD))


@pytest.mark.parametrize(
    "timeout",
    ["1H", "99999999n", "10S", "5000000u"],
)
def test_deadlines_in_every_unit(raw: RawClient, timeout: str) -> None:
    number = raw.open(INFER, ("grpc-timeout", timeout))
    raw.send(number, framed(_GOOD), end=True)
    assert _is_answered(raw.finished(number))


def test_a_deadline_that_passes_while_the_question_is_still_coming(raw: RawClient) -> None:
    number = raw.open(INFER, ("grpc-timeout", "200m"))
    raw.send(number, framed(_GOOD)[:-1])
    answer = raw.finished(number)
    assert answer.status in ("4", "1") or answer.reset is not None
    assert _is_answered(raw.ask(_GOOD))


def test_sixty_calls_in_one_write(raw: RawClient) -> None:
    numbers = []
    for _ in range(60):
        number: int = raw.h2.get_next_available_stream_id()
        raw.answers[number] = Answer()
        raw.h2.send_headers(number, request_headers(INFER))
        raw.h2.send_data(number, framed(_GOOD), end_stream=True)
        numbers.append(number)
    raw.flush()
    assert all(_is_answered(raw.finished(number)) for number in numbers)
