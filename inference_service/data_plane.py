"""The data plane: bytes of a request in, bytes of an answer out. It knows no transport."""

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from google.protobuf.message import DecodeError

from inference_service.capture import CapturedRequest
from inference_service.description import TensorSpec
from inference_service.envelope import read_start, split
from inference_service.methods import Batch, Message, Outcome
from inference_service.questions import decode_inputs, may_be_captured, requested_outputs
from inference_service.repository import ModelState, ServedModel
from inference_service.shapes import BATCHED_SECONDS, MAX_BATCH, Keep, Known, Shape
from inference_service.statistics import StatisticsTable
from inference_service.tensors import Array, encode_raw, wrong
from protos import inference_pb2 as pb
from protos.errors import EdgeAssetsError

MAX_ID_LENGTH = 128
_SHAPES = 64
"""How many shapes are remembered of each model; the rest goes the long way."""
_HEADS = 1024
PARSED_BYTE_SECONDS = 5e-9
"""Typed contents: 4 ns a byte and 1 ns for the array were measured; raw ones cost a tenth."""
_NAME_BYTES = 512


class CaptureSink(Protocol):
    """Takes what was asked and answered; must return at once and never raise."""

    def take(self, count: int) -> int:
        """How many of `count` answered requests are to be offered."""

    def offer(self, request: CapturedRequest) -> None:
        """Keeps `request`, or drops and counts it."""

    def counters(self) -> Mapping[str, int]:
        """How many requests were captured and dropped so far."""


class Models(Protocol):
    """The models that are served; any thread may ask."""

    @property
    def generation(self) -> int:
        """Another number whenever anything changed."""

    def find(self, name: str, version: str = "") -> ServedModel:
        """The model that answers. Raises UnknownModel, ModelNotServing."""

    def states(self) -> Sequence[ModelState]:
        """Every model, served or refused."""


class _Shapes:
    """The shapes of one model, by how many bytes follow the id."""

    def __init__(self) -> None:
        self.by_rest: dict[int, tuple[Shape, ...]] = {}
        self.count = 0


class DataPlane:
    """Answers questions to the models that `models` tells at that moment."""

    def __init__(
        self,
        models: Models,
        capture: CaptureSink | None = None,
        statistics: StatisticsTable | None = None,
    ) -> None:
        self.models = models
        self.statistics = statistics or StatisticsTable()
        self.capture = capture
        self._run = os.urandom(6).hex().encode()
        self._count = itertools.count(1)
        # generation and, by head, the shapes of its models: replaced as one
        self._known: tuple[int, dict[bytes, _Shapes]] = (-1, {})

    def plan(self, messages: Sequence[Message]) -> list[Batch]:
        """Puts messages of ModelInfer that came together into batches; parses none of them."""
        generation, heads = self._known
        if generation != self.models.generation:
            generation, heads = self._known = (self.models.generation, {})
        if len(messages) == 1:
            found = _recognise(messages[0], heads)
            if found is None:
                return [self._long_way(0, messages[0])]
            shape, known = found
            return [self._batch(shape, (0,), (known,))]
        batches: list[Batch] = []
        groups: dict[Shape, tuple[list[int], list[Known]]] = {}
        last: Shape | None = None
        for place, message in enumerate(messages):
            if last is not None and (again := last.read(message)):  # most are as the one before
                shape, known = last, again
            elif found := _recognise(message, heads):
                shape, known = found
                last = shape
            else:
                batches.append(self._long_way(place, message))
                continue
            if not shape.batched or shape.seconds > BATCHED_SECONDS:
                batches.append(self._batch(shape, (place,), (known,)))
                continue
            group = groups.get(shape)
            if group is None:
                groups[shape] = ([place], [known])
                continue
            group[0].append(place)
            group[1].append(known)
            if len(group[0]) >= MAX_BATCH:
                batches.append(self._batch(shape, *groups.pop(shape)))
        batches += [self._batch(shape, *group) for shape, group in groups.items()]
        return batches

    def infer(self, message: Message) -> bytes:
        """The answer to one message, always with raw contents.

        Its id is the client's, or one of ours where the client gave none. Raises InvalidRequest
        naming the field, UnknownModel, ModelNotServing, ModelFailed.
        """
        try:
            request = pb.ModelInferRequest.FromString(message)  # type: ignore[arg-type]
        except DecodeError as error:
            raise wrong("message", "other bytes", "a ModelInferRequest") from error
        model = self.models.find(request.model_name, request.model_version)
        known = model.description
        specs: list[TensorSpec] = []

        def decode() -> tuple[dict[str, Array], list[str]]:
            if len(request.id) > MAX_ID_LENGTH:
                raise wrong("id", f"{len(request.id)} characters", f"at most {MAX_ID_LENGTH}")
            specs.extend(requested_outputs(request, known))
            return decode_inputs(request, known), [spec.name for spec in specs]

        def encode(outputs: dict[str, Array]) -> bytes:
            response = pb.ModelInferResponse(
                model_name=known.name, model_version=known.version, id=identity
            )
            for spec in specs:
                array = outputs[spec.name]
                response.outputs.add(name=spec.name, datatype=spec.datatype, shape=array.shape)
                response.raw_output_contents.append(encode_raw(array))
            return response.SerializeToString()

        identity = request.id or self.own_id().decode()
        captured = may_be_captured(request)
        answer = self.run(model, decode, encode, request.id, identity if captured else None)
        self._remember(message, request, model, specs, captured)
        return answer

    def run(
        self,
        model: ServedModel,
        decode: Callable[[], tuple[dict[str, Array], list[str]]],
        encode: Callable[[dict[str, Array]], bytes],
        client_id: str,
        captured_as: str | None,
    ) -> bytes:
        """One question to `model`, counted, and captured if `captured_as` names the answer.

        `decode` gives the inputs and the names of the wanted outputs. Raises what it raises, and
        ModelFailed.
        """
        known = model.description
        statistics = self.statistics.of(known.name, known.version)
        started = time.perf_counter_ns()
        try:
            inputs, names = decode()
            ready = time.perf_counter_ns()
            arrays = model.engine.run(inputs, names)
            done = time.perf_counter_ns()
            outputs = dict(zip(names, arrays, strict=True))
            answer = encode(outputs)
        except EdgeAssetsError:
            statistics.failed(time.perf_counter_ns() - started)
            raise
        if captured_as is not None and self.capture is not None and self.capture.take(1):
            self._offer(model, client_id, captured_as, inputs, outputs)
        first = next(iter(inputs.values()))
        ended = time.perf_counter_ns()
        rows = first.shape[0] if first.ndim else 1
        statistics.record(rows, 1, 0, ready - started, done - ready, ended - done)
        return answer

    def own_id(self) -> bytes:
        """An id for an answer whose question had none."""
        return b"%s-%d" % (self._run, next(self._count))

    def _batch(self, shape: Shape, places: Sequence[int], known: Sequence[Known]) -> Batch:
        def run() -> Sequence[Outcome]:
            keep = None
            if self.capture is not None and shape.captured:
                keep = self._keeper(shape.model, self.capture.take(len(known)))
            return shape.answer(known, self.own_id, keep)

        return Batch(places, shape.seconds * len(known), run)

    def _long_way(self, place: int, message: Message) -> Batch:
        def run() -> Sequence[Outcome]:
            try:
                return (self.infer(message),)
            except Exception as error:
                return (error,)

        return Batch((place,), self._expected(message), run)

    def _expected(self, message: Message) -> float:
        """Seconds that a question of an unknown shape will take: by its model, and its size."""
        seconds = len(message) * PARSED_BYTE_SECONDS
        states = self.models.states()
        if len(states) > 1:
            states = [state for state in states if state.name.encode() in message[:_NAME_BYTES]]
        served = [state.engine.seconds for state in states if isinstance(state, ServedModel)]
        return seconds + max(served, default=0.0)

    def _remember(
        self,
        message: Message,
        request: pb.ModelInferRequest,
        model: ServedModel,
        specs: Sequence[TensorSpec],
        captured: bool,
    ) -> None:
        """Keeps the shape of a question that was answered, for those to come."""
        generation, heads = self._known
        if generation != self.models.generation:
            return  # the models changed meanwhile: another time
        envelope = split(message)
        if envelope is None or not Shape.may_be(envelope, request):
            return
        if self.models.find(request.model_name, request.model_version) is not model:
            return
        shapes = heads.setdefault(envelope.head, _Shapes())
        if shapes.count >= _SHAPES or len(heads) > _HEADS:
            return
        statistics = self.statistics.of(model.description.name, model.description.version)
        shape = Shape(model, envelope, request, specs, captured, statistics)
        shapes.count += 1
        shapes.by_rest[envelope.rest] = (*shapes.by_rest.get(envelope.rest, ()), shape)

    def _keeper(self, model: ServedModel, count: int) -> Keep | None:
        """Takes the first `count` of a batch for capture."""
        if not count:
            return None
        left = itertools.count(count, -1)

        def keep(
            client_id: bytes | None,
            identity: bytes,
            inputs: dict[str, Array],
            outputs: dict[str, Array],
        ) -> None:
            if next(left) > 0:
                self._offer(model, (client_id or b"").decode(), identity.decode(), inputs, outputs)

        return keep

    def _offer(
        self,
        model: ServedModel,
        client_id: str,
        identity: str,
        inputs: Mapping[str, Array],
        outputs: Mapping[str, Array],
    ) -> None:
        if self.capture is None:
            return
        self.capture.offer(
            CapturedRequest(
                # unique whatever the client sends: two captures with one id count as one
                request_id=f"{identity}.{self.own_id().decode()}" if client_id else identity,
                time=datetime.now(UTC),
                model=model.description.name,
                model_digest=model.engine.digest,
                inputs=inputs,
                outputs=outputs,
            )
        )


def _recognise(message: Message, heads: Mapping[bytes, _Shapes]) -> tuple[Shape, Known] | None:
    """The shape of a message and where its values are, if one like it came before."""
    try:
        head, identity, place = read_start(message)
    except IndexError:
        return None
    shapes = heads.get(head)
    if shapes is None:
        return None
    for shape in shapes.by_rest.get(len(message) - place, ()):
        if begin := shape.fits(message, place):
            if identity is not None and not identity.isascii():
                return None
            return shape, (message, begin, identity)
    return None
