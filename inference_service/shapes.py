"""A shape of question that came before: from the bytes of its values to an answer, no protobuf."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from inference_service.datatypes import DATATYPES
from inference_service.description import TensorSpec
from inference_service.envelope import ID_TAG, Envelope, varint
from inference_service.methods import Message, Outcome
from inference_service.repository import ServedModel
from inference_service.statistics import ModelStatistics
from inference_service.tensors import Array, check_values, encode_raw
from protos import inference_pb2 as pb
from protos.errors import EdgeAssetsError

RAW_OUTPUT_TAG = b"\x32"
MAX_BATCH = 128
BATCHED_BYTES = 16 << 10
"""Larger questions are not joined: copying them costs more than a run of the model saves."""
BATCHED_SECONDS = 200e-6
"""Nor are those of slower models: the first would wait for the last."""

_LENGTHS = [bytes((size,)) for size in range(128)]
"""Of ids: those that are recognised, and our own, are shorter than 128 bytes."""

Known = tuple[Message, int, bytes | None]
"""A message, where its raw values begin, and its id."""
Keep = Callable[[bytes | None, bytes, dict[str, Array], dict[str, Array]], None]
"""Takes an answered question for capture: id of the client, id of the answer, inputs, outputs."""


class _Input:
    """Where the values of one input stand in a message, and what they are."""

    __slots__ = ("begin", "count", "dtype", "end", "shape", "spec", "unaligned")

    def __init__(self, spec: TensorSpec, shape: tuple[int, ...], begin: int, size: int) -> None:
        dtype = np.dtype(DATATYPES[spec.datatype].dtype)
        self.spec = spec
        self.shape = shape
        self.dtype = dtype
        self.begin, self.end = begin, begin + size
        self.count = size // dtype.itemsize
        self.unaligned = dtype.itemsize > 1


class Shape:
    """Questions with the same envelope, to one model.

    Made after a question of this envelope was answered the long way, so everything in it but the
    values is known to be right. `seconds` is how long one took lately.
    """

    def __init__(
        self,
        model: ServedModel,
        envelope: Envelope,
        request: pb.ModelInferRequest,
        outputs: Sequence[TensorSpec],
        captured: bool,
        statistics: ModelStatistics,
    ) -> None:
        self.envelope = envelope
        self._rest = envelope.rest
        self.model = model
        self.captured = captured
        self.seconds = model.engine.seconds
        self._statistics = statistics
        self._names = [spec.name for spec in outputs]
        self._specs = list(outputs)
        specs = {spec.name: spec for spec in model.description.inputs}
        self._inputs = []
        place = 0
        between = (*envelope.between, b"")
        for tensor, size, gap in zip(request.inputs, envelope.sizes, between, strict=True):
            shape = tuple(tensor.shape)
            self._inputs.append(_Input(specs[tensor.name], shape, place, size))
            place += size + len(gap)
        self._bounded = [one for one in self._inputs if one.spec.bounded]
        self._gaps = [
            (one.end, one.end + len(gap), gap)
            for one, gap in zip(self._inputs, envelope.between, strict=False)
        ]
        first = self._inputs[0].shape
        self.rows = first[0] if first else 1
        self.batched = model.engine.batches and sum(envelope.sizes) <= BATCHED_BYTES
        head = pb.ModelInferResponse(
            model_name=model.description.name, model_version=model.description.version
        )
        self._head = head.SerializeToString() + b"\x1a"
        self._tail: tuple[list[tuple[int, ...]], bytes] = ([], b"")

    @staticmethod
    def may_be(envelope: Envelope, request: pb.ModelInferRequest) -> bool:
        """Whether questions like this have a shape: numbers only, whose every byte is valid."""
        return len(envelope.tail) <= 4096 and all(
            tensor.datatype not in ("BYTES", "BOOL") for tensor in request.inputs
        )

    def fits(self, message: Message, place: int) -> int:
        """Where the raw values begin if the rest of `message` from `place` is of this shape, or 0.

        The length has been compared by whoever asks.
        """
        if not message.startswith(self.envelope.tail, place):
            return 0
        place += len(self.envelope.tail)
        for begin, end, gap in self._gaps:
            if message[place + begin : place + end] != gap:
                return 0
        return place

    def read(self, message: Message) -> Known | None:
        """Where its values and its id are in `message`, if that is a question of this shape."""
        envelope = self.envelope
        if not message.startswith(envelope.head):
            return None
        place = len(envelope.head)
        identity = None
        try:
            if message[place] == ID_TAG:
                start = place + 2
                place = start + message[place + 1]
                identity = bytes(message[start:place])
                if not identity.isascii() or place - start >= len(_LENGTHS):
                    return None
        except IndexError:
            return None
        if len(message) - place != self._rest or not (begin := self.fits(message, place)):
            return None
        return message, begin, identity

    def answer(
        self, asked: Sequence[Known], own_id: Callable[[], bytes], keep: Keep | None
    ) -> Sequence[Outcome]:
        """One outcome for each; never raises. One bad question does not spoil the others."""
        started = time.perf_counter_ns()
        try:
            return self._answer(asked, own_id, keep, started)
        except EdgeAssetsError as error:
            if len(asked) > 1:
                return [self.answer([one], own_id, keep)[0] for one in asked]
            self._statistics.failed(time.perf_counter_ns() - started)
            return [error]
        except Exception as error:
            return [error] * len(asked)

    def _answer(
        self,
        asked: Sequence[Known],
        own_id: Callable[[], bytes],
        keep: Keep | None,
        started: int,
    ) -> list[Outcome]:
        count = len(asked)
        inputs = self._single(*asked[0][:2]) if count == 1 else self._joined(asked)
        for one in self._bounded:
            check_values(inputs[one.spec.name].reshape(-1), one.spec)
        ready = time.perf_counter_ns()
        arrays = self.model.engine.run(inputs, self._names)
        done = time.perf_counter_ns()
        outcomes: list[Outcome] = []
        ids = [identity or own_id() for _, _, identity in asked]
        if count == 1:
            outcomes.append(self._response(ids[0], arrays))
        else:
            outcomes += self._responses(ids, arrays, count)
        if keep is not None and self.captured:
            self._keep(asked, ids, inputs, arrays, keep)
        ended = time.perf_counter_ns()
        self.seconds += ((ended - started) * 1e-9 / count - self.seconds) * 0.1
        self._statistics.record(
            self.rows * count, count, 0, ready - started, done - ready, ended - done
        )
        return outcomes

    def _single(self, message: Message, place: int) -> dict[str, Array]:
        arrays: dict[str, Array] = {}
        for one in self._inputs:
            if one.unaligned:
                raw = message[place + one.begin : place + one.end]
                array = np.frombuffer(raw, one.dtype)
            else:
                array = np.frombuffer(message, one.dtype, one.count, place + one.begin)
            arrays[one.spec.name] = array.reshape(one.shape)
        return arrays

    def _joined(self, asked: Sequence[Known]) -> dict[str, Array]:
        rows = self.rows * len(asked)
        arrays: dict[str, Array] = {}
        for one in self._inputs:
            begin, end = one.begin, one.end
            raw = b"".join([message[at + begin : at + end] for message, at, _ in asked])
            arrays[one.spec.name] = np.frombuffer(raw, one.dtype).reshape(rows, *one.shape[1:])
        return arrays

    def _response(self, identity: bytes, arrays: Sequence[Array]) -> bytes:
        raws = [array.tobytes() if array.dtype != object else encode_raw(array) for array in arrays]
        return self._framed(identity, [array.shape for array in arrays], raws)

    def _framed(
        self, identity: bytes, shapes: list[tuple[int, ...]], raws: Sequence[bytes]
    ) -> bytes:
        parts = [self._head, varint(len(identity)), identity, self._described(shapes)]
        for raw in raws:
            parts += (RAW_OUTPUT_TAG, varint(len(raw)), raw)
        return b"".join(parts)

    def _responses(
        self, ids: Sequence[bytes], arrays: Sequence[Array], count: int
    ) -> Sequence[bytes]:
        rows = self.rows
        shapes = [(rows, *array.shape[1:]) for array in arrays]
        if any(array.dtype == object for array in arrays):
            return [
                self._response(identity, [a[n * rows : (n + 1) * rows] for a in arrays])
                for n, identity in enumerate(ids)
            ]
        raws = [array.tobytes() for array in arrays]
        sizes = [len(raw) // count for raw in raws]
        tags = [RAW_OUTPUT_TAG + varint(size) for size in sizes]
        head, tail = self._head, self._described(shapes) + tags[0]
        outputs = list(zip(raws, sizes, (*tags[1:], b""), strict=True))
        answers = []
        for n, identity in enumerate(ids):
            parts = [head, _LENGTHS[len(identity)], identity, tail]
            for raw, size, tag in outputs:
                parts += (raw[n * size : n * size + size], tag)
            answers.append(b"".join(parts))
        return answers

    def _described(self, shapes: list[tuple[int, ...]]) -> bytes:
        """The part of an answer that tells its outputs; the shapes are mostly those of before."""
        known, described = self._tail  # one look: another thread may replace it meanwhile
        if known != shapes:
            described = _outputs(self._specs, shapes)
            self._tail = (shapes, described)
        return described

    def _keep(
        self,
        asked: Sequence[Known],
        ids: Sequence[bytes],
        inputs: dict[str, Array],
        arrays: Sequence[Array],
        keep: Keep,
    ) -> None:
        rows = self.rows
        outputs = dict(zip(self._names, arrays, strict=True))
        if len(asked) == 1:
            keep(asked[0][2], ids[0], inputs, outputs)
            return
        for n, (_, _, identity) in enumerate(asked):
            rows_of = slice(n * rows, (n + 1) * rows)
            keep(
                identity,
                ids[n],
                {name: array[rows_of] for name, array in inputs.items()},
                {name: array[rows_of] for name, array in outputs.items()},
            )


def _outputs(specs: Sequence[TensorSpec], shapes: Sequence[tuple[int, ...]]) -> bytes:
    response = pb.ModelInferResponse()
    for spec, shape in zip(specs, shapes, strict=True):
        response.outputs.add(name=spec.name, datatype=spec.datatype, shape=shape)
    return response.SerializeToString()
