"""ModelInferRequests that are nearly right: a shape seen before must not change any answer."""

import struct
from pathlib import Path

from inference_service.data_plane import DataPlane
from inference_service.methods import Outcome
from inference_service.repository import ModelRepository
from protos import inference_pb2 as pb
from protos.errors import EdgeAssetsError
from tests.fuzz.program import Octets
from tests.inference_service.harness import taxi_request

_BYTES = [0, 1, 0x0A, 0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, 0x7F, 0x80, 0xFF]


def _typed() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="taxi", id="typed")
    distance = request.inputs.add(name="distance", datatype="FP32", shape=[1, 1])
    distance.contents.fp32_contents.append(2.0)
    people = request.inputs.add(name="passengers", datatype="INT64", shape=[1, 1])
    people.contents.int64_contents.append(1)
    return request


def _with_output() -> pb.ModelInferRequest:
    request = taxi_request([3.0], id="with output")
    request.outputs.add(name="fare")
    request.inputs[0].parameters["binary_data_size"].int64_param = 4
    return request


def good_requests() -> list[bytes]:
    """Questions to the model `taxi`, of several shapes."""
    requests = [
        taxi_request([2.0]),
        taxi_request([2.0], id="1"),
        taxi_request([2.5], id="x" * 128),
        taxi_request([1.0, 2.0, 3.0], id="three"),
        taxi_request([2.0], id="named", model_version=""),
        taxi_request([-1.0], id="out of range"),
        taxi_request([float("nan")]),
        taxi_request([]),
        _typed(),
        _with_output(),
    ]
    return [request.SerializeToString() for request in requests]


class Planes:
    """A plane that has seen every good request, and one that has seen none."""

    def __init__(self, model: Path) -> None:
        self.repository = ModelRepository(model)
        self.good = good_requests()
        self.warm = DataPlane(self.repository)
        self._warm_up()

    def _warm_up(self) -> None:
        for message in self.good * 2:
            self.ask(self.warm, [message])

    @staticmethod
    def ask(plane: DataPlane, messages: list[bytes]) -> list[Outcome]:
        """The outcomes in the order of `messages`."""
        outcomes: dict[int, Outcome] = {}
        for batch in plane.plan(messages):
            outcomes.update(zip(batch.places, batch.run(), strict=True))
        assert sorted(outcomes) == list(range(len(messages))), "a message has no outcome"
        return [outcomes[place] for place in range(len(messages))]

    def check(self, octets: bytes) -> None:
        """Fails unless the message has one outcome, whatever came before it and with it."""
        message = self.changed(octets)
        (expected,) = self.ask(DataPlane(self.repository), [message])
        (alone,) = self.ask(self.warm, [message])
        others = [self.good[0], message, self.good[1], message, self.good[0]]
        together = self.ask(self.warm, others)
        anonymous = not _client_id(message)
        for outcome in (alone, together[1], together[3]):
            _same(outcome, expected, anonymous)
        for place in (0, 2, 4):
            assert isinstance(together[place], bytes), "a bad message spoils others"

    def changed(self, octets: bytes) -> bytes:
        """A good request with a few changes, as `octets` say."""
        read = Octets(octets)
        message = bytearray(self.good[read.one() % len(self.good)])
        for _ in range(read.one() % 5):
            self._change(message, read)
        return bytes(message)

    def _change(self, message: bytearray, read: Octets) -> None:
        place = (read.one() << 8 | read.one()) % (len(message) + 1)
        value = read.of(_BYTES) if read.one() % 2 else read.one()
        kind = read.one() % 7
        if kind == 0 and place < len(message):
            message[place] = value
        elif kind == 1:
            message.insert(place, value)
        elif kind == 2:
            del message[place : place + 1 + value % 4]
        elif kind == 3:
            del message[place:]
        elif kind == 4:
            message[place:place] = message[place : place + value % 40]
        elif kind == 5:
            message += self.good[value % len(self.good)][place % 40 :]
        else:
            message[-4:] = struct.pack("<f", (value - 128) * 10.0)


def _client_id(message: bytes) -> str:
    try:
        return pb.ModelInferRequest.FromString(message).id
    except Exception:  # whatever protobuf says: then there is no id
        return ""


def _same(outcome: Outcome, expected: Outcome, anonymous: bool) -> None:
    if isinstance(expected, Exception):
        assert isinstance(expected, EdgeAssetsError), f"not a refusal: {expected!r}"
        assert type(outcome) is type(expected)
        assert str(outcome) == str(expected)
        return
    assert isinstance(outcome, bytes), outcome
    found = pb.ModelInferResponse.FromString(outcome)
    wanted = pb.ModelInferResponse.FromString(expected)
    if anonymous:  # then each answer has an id of ours
        assert found.id
        assert wanted.id
        found.id = wanted.id = ""
    assert found == wanted
