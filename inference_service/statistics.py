"""What each model was asked and how long it took: the figures behind ModelStatistics."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inference_service.errors import UnknownModel, quoted
from protos import inference_pb2 as pb

# Batches up to this many rows are counted by their exact size, larger ones by the power of two at
# or above it, and what is above the last one with it. So there are 21 sizes at most.
EXACT_SIZES = 8
LARGEST_SIZE = 1 << 16

# Versions whose figures are kept. A device that is given a new model each day must not grow.
MAX_VERSIONS = 32

_NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Totals:
    """Sums since the start; times in nanoseconds.

    `input_ns`, `infer_ns` and `output_ns` count a batch once for each request that was in it, as
    Triton does: the time that the requests saw, not the time that the machine spent.
    """

    requests: int = 0
    failures: int = 0
    rows: int = 0
    batches: int = 0
    fail_ns: int = 0
    queue_ns: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0
    last_ms: int = 0
    """When the last batch was answered, in milliseconds since 1970."""


@dataclass(frozen=True)
class SizeTotals:
    """The same of all batches of one size: how many there were, and what the machine spent."""

    batches: int
    input_ns: int
    infer_ns: int
    output_ns: int


class ModelStatistics:
    """The figures of one version of one model.

    Any thread may call anything. A lock guards the sums; it is taken once a batch and held for less
    than a microsecond.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._sums = [0] * 10
        self._sizes: dict[int, list[int]] = {}

    def record(
        self,
        rows: int,
        requests: int,
        queue_ns: int,
        input_ns: int,
        infer_ns: int,
        output_ns: int,
    ) -> None:
        """Counts one batch that was answered: `queue_ns` is the sum over its requests."""
        size = rows if rows <= EXACT_SIZES else min(1 << (rows - 1).bit_length(), LARGEST_SIZE)
        with self._lock:
            sums = self._sums
            sums[0] += requests
            sums[2] += rows
            sums[3] += 1
            sums[5] += queue_ns
            sums[6] += input_ns * requests
            sums[7] += infer_ns * requests
            sums[8] += output_ns * requests
            sums[9] = self._clock_ns()
            of_size = self._sizes.get(size)
            if of_size is None:
                of_size = self._sizes[size] = [0, 0, 0, 0]
            of_size[0] += 1
            of_size[1] += input_ns
            of_size[2] += infer_ns
            of_size[3] += output_ns

    def failed(self, ns: int, requests: int = 1) -> None:
        """Counts requests that were refused or failed, and the sum of the time that they took."""
        with self._lock:
            self._sums[1] += requests
            self._sums[4] += ns

    def totals(self) -> tuple[Totals, dict[int, SizeTotals]]:
        """All sums, and those by size of batch, taken at one moment."""
        with self._lock:
            sums = list(self._sums)
            sizes = {size: SizeTotals(*of_size) for size, of_size in self._sizes.items()}
        sums[9] //= _NS_PER_MS
        return Totals(*sums), dict(sorted(sizes.items()))


def as_message(
    name: str, version: str, totals: Totals, sizes: Mapping[int, SizeTotals]
) -> pb.ModelStatistics:
    """The figures of one version as the protocol has them."""

    def each(ns: int) -> pb.StatisticDuration:
        return pb.StatisticDuration(count=totals.requests, ns=ns)

    seen = totals.queue_ns + totals.input_ns + totals.infer_ns + totals.output_ns
    return pb.ModelStatistics(
        name=name,
        version=version,
        last_inference=totals.last_ms,
        inference_count=totals.rows,
        execution_count=totals.batches,
        inference_stats=pb.InferStatistics(
            success=each(seen),
            fail=pb.StatisticDuration(count=totals.failures, ns=totals.fail_ns),
            queue=each(totals.queue_ns),
            compute_input=each(totals.input_ns),
            compute_infer=each(totals.infer_ns),
            compute_output=each(totals.output_ns),
        ),
        batch_stats=[
            pb.InferBatchStatistics(
                batch_size=size,
                compute_input=pb.StatisticDuration(count=of.batches, ns=of.input_ns),
                compute_infer=pb.StatisticDuration(count=of.batches, ns=of.infer_ns),
                compute_output=pb.StatisticDuration(count=of.batches, ns=of.output_ns),
            )
            for size, of in sizes.items()
        ],
    )


class StatisticsTable:
    """The statistics of every model and version that was served, the latest 32 of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[tuple[str, str], ModelStatistics] = {}

    def of(self, name: str, version: str) -> ModelStatistics:
        """Those of one version, made when it is asked for first. Keep it; do not ask per batch."""
        with self._lock:
            # Put at the end again: the first is the one that was asked for longest ago.
            found = self._models.pop((name, version), None) or ModelStatistics()
            self._models[name, version] = found
            while len(self._models) > MAX_VERSIONS:
                del self._models[next(iter(self._models))]
            return found

    def all(self) -> dict[tuple[str, str], ModelStatistics]:
        """By name and version."""
        with self._lock:
            return dict(self._models)

    def answer(
        self, request: pb.ModelStatisticsRequest, served: Iterable[tuple[str, str]] = ()
    ) -> pb.ModelStatisticsResponse:
        """What the protocol's ModelStatistics answers. Raises UnknownModel.

        A model of `served` that nobody has asked yet has figures too: zeros.
        """
        known = dict.fromkeys(served, ModelStatistics()) | self.all()
        chosen = {
            key: statistics
            for key, statistics in sorted(known.items())
            if request.name in ("", key[0]) and request.version in ("", key[1])
        }
        if request.name and not chosen:
            version = f" {quoted(request.version)}" if request.version else ""
            raise UnknownModel(f"model {quoted(request.name)}{version} was never served")
        return pb.ModelStatisticsResponse(
            model_stats=[as_message(*key, *one.totals()) for key, one in chosen.items()]
        )
