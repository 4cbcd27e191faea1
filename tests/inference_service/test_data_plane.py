"""The data plane: what is recognised, what is joined, and that neither changes an answer."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_service.capture import CapturedRequest
from inference_service.data_plane import DataPlane
from inference_service.envelope import read_start, split
from inference_service.errors import InvalidRequest
from inference_service.methods import Message, Outcome
from inference_service.repository import ModelRepository
from inference_service.shapes import MAX_BATCH
from protos import inference_pb2 as pb
from tests.inference_service.harness import floats, taxi_request
from tests.inference_service.models import centred_model, taxi_model

FLAG_DROP, PER_MILE = 3.0, 2.5


class Kept:
    """A capture that keeps the first `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.requests: list[CapturedRequest] = []

    def take(self, count: int) -> int:
        taken = min(count, self.most - len(self.requests))
        return max(0, taken)

    def offer(self, request: CapturedRequest) -> None:
        self.requests.append(request)

    def counters(self) -> Mapping[str, int]:
        return {"written": len(self.requests)}


@pytest.fixture(scope="module")
def repository(taxi: Path) -> ModelRepository:
    return ModelRepository(taxi)


def _asked(plane: DataPlane, messages: list[Message]) -> tuple[list[Outcome], list[int]]:
    """The outcomes in the order of the messages, and the sizes of the batches."""
    outcomes: list[Outcome] = [b""] * len(messages)
    sizes = []
    for batch in plane.plan(messages):
        sizes.append(len(batch.places))
        for place, outcome in zip(batch.places, batch.run(), strict=True):
            outcomes[place] = outcome
    return outcomes, sizes


def _answers(outcomes: list[Outcome]) -> list[pb.ModelInferResponse]:
    return [pb.ModelInferResponse.FromString(o) for o in outcomes if isinstance(o, bytes)]


def _taxi(*distances: float, **fields: Any) -> bytes:
    return taxi_request(distances, **fields).SerializeToString()


def test_what_came_together_is_one_run_of_the_model(repository: ModelRepository) -> None:
    plane = DataPlane(repository)
    _asked(plane, [_taxi(1.0)])  # the long way, once
    outcomes, sizes = _asked(plane, [_taxi(float(n), id=f"q{n}") for n in range(20)])
    assert sizes == [20]
    answers = _answers(outcomes)
    assert [floats(a) for a in answers] == [[FLAG_DROP + PER_MILE * n] for n in range(20)]
    assert [a.id for a in answers] == [f"q{n}" for n in range(20)]
    of = plane.statistics.of("taxi", answers[0].model_version).totals()[0]
    assert (of.requests, of.rows, of.batches) == (21, 21, 2)


def test_rows_of_different_questions_do_not_mix(repository: ModelRepository) -> None:
    plane = DataPlane(repository)
    _asked(plane, [_taxi(1.0, 2.0), _taxi(1.0)])
    mixed = [_taxi(1.0, 2.0), _taxi(9.0), _taxi(3.0, 4.0), _taxi(8.0)]
    outcomes, sizes = _asked(plane, [*mixed])
    assert sorted(sizes) == [2, 2]
    fares = [[(f - FLAG_DROP) / PER_MILE for f in floats(a)] for a in _answers(outcomes)]
    assert fares == [[1.0, 2.0], [9.0], [3.0, 4.0], [8.0]]


def test_a_batch_is_bounded(repository: ModelRepository) -> None:
    plane = DataPlane(repository)
    _asked(plane, [_taxi(1.0)])
    outcomes, sizes = _asked(plane, [_taxi(2.0)] * (MAX_BATCH * 2 + 1))
    assert sorted(sizes) == [1, MAX_BATCH, MAX_BATCH]
    assert len(_answers(outcomes)) == MAX_BATCH * 2 + 1


def test_one_bad_question_does_not_spoil_the_others(repository: ModelRepository) -> None:
    plane = DataPlane(repository)
    _asked(plane, [_taxi(1.0)])
    outcomes, sizes = _asked(plane, [_taxi(1.0), _taxi(501.0), _taxi(2.0)])
    assert sizes == [3]
    assert isinstance(outcomes[1], InvalidRequest)
    assert "got 501" in str(outcomes[1])
    assert [floats(a) for a in _answers(outcomes)] == [[5.5], [8.0]]


def test_a_model_whose_rows_depend_on_each_other_is_never_joined(tmp_path: Path) -> None:
    plane = DataPlane(ModelRepository(centred_model(tmp_path)))

    def ask(value: float) -> bytes:
        request = pb.ModelInferRequest(model_name="centred")
        request.inputs.add(name="x", datatype="FP32", shape=[1, 1])
        request.raw_input_contents.append(struct.pack("<f", value))
        return request.SerializeToString()

    _asked(plane, [ask(1.0)])
    outcomes, sizes = _asked(plane, [ask(1.0), ask(5.0)])
    assert sizes == [1, 1]
    assert [floats(a) for a in _answers(outcomes)] == [[0.0], [0.0]]


def test_ids_of_our_own_differ(repository: ModelRepository) -> None:
    plane = DataPlane(repository)
    _asked(plane, [_taxi(1.0)])
    outcomes, _ = _asked(plane, [_taxi(1.0)] * 5)
    assert len({a.id for a in _answers(outcomes)}) == 5


def test_capture_takes_rows_of_a_batch_with_what_was_answered(repository: ModelRepository) -> None:
    kept = Kept(4)
    plane = DataPlane(repository, kept)
    _asked(plane, [_taxi(1.0)])
    outcomes, _ = _asked(plane, [_taxi(float(n), id=f"q{n}") for n in range(6)])
    assert len(_answers(outcomes)) == 6
    assert [c.inputs["distance"].tolist() for c in kept.requests] == [[[1.0]]] + [
        [[float(n)]] for n in range(3)
    ]
    assert [c.outputs["fare"].tolist() for c in kept.requests[1:]] == [[[3.0]], [[5.5]], [[8.0]]]
    assert [c.request_id.partition(".")[0] for c in kept.requests[1:]] == ["q0", "q1", "q2"]


def test_a_question_that_wants_no_capture_is_not_captured(repository: ModelRepository) -> None:
    kept = Kept(100)
    plane = DataPlane(repository, kept)
    quiet = taxi_request([1.0])
    quiet.parameters["capture"].bool_param = False
    for _ in range(3):
        _asked(plane, [quiet.SerializeToString(), _taxi(2.0)])
    assert [c.inputs["distance"].tolist() for c in kept.requests] == [[[2.0]]] * 3


def test_a_swapped_model_answers_the_next_question(tmp_path: Path) -> None:
    repository = ModelRepository(taxi_model(tmp_path))
    plane = DataPlane(repository)
    for _ in range(2):
        assert floats(_answers(_asked(plane, [_taxi(2.0)])[0])[0]) == [8.0]
    taxi_model(tmp_path, per_mile=10.0)
    assert repository.check()
    assert floats(_answers(_asked(plane, [_taxi(2.0)])[0])[0]) == [23.0]


@given(
    name=st.text(max_size=200),
    version=st.text(max_size=5),
    identity=st.text(max_size=140),
    raws=st.lists(st.binary(max_size=300), max_size=3),
)
@settings(max_examples=200)
def test_an_envelope_and_its_values_are_the_whole_message(
    name: str, version: str, identity: str, raws: list[bytes]
) -> None:
    request = pb.ModelInferRequest(model_name=name, model_version=version, id=identity)
    for n, _ in enumerate(raws):
        request.inputs.add(name=f"x{n}", datatype="FP32", shape=[1])
    request.raw_input_contents.extend(raws)
    message = request.SerializeToString()
    envelope = split(message)
    if not raws:
        assert envelope is None
        return
    assert envelope is not None
    assert envelope.id == identity.encode()
    assert envelope.sizes == tuple(map(len, raws))
    parts = [envelope.tail, raws[0]]
    for gap, raw in zip(envelope.between, raws[1:], strict=True):
        parts += [gap, raw]
    assert message.endswith(b"".join(parts))
    assert envelope.rest == len(b"".join(parts))
    if len(name.encode()) < 128 and len(identity.encode()) < 128:
        head, found, place = read_start(message)
        assert (head, found or b"") == (envelope.head, envelope.id)
        assert len(message) - place == envelope.rest


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_not_and_nothing_else(data: bytes) -> None:
    envelope = split(data)
    assert envelope is None or envelope.rest <= len(data)
