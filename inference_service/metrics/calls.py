"""Counts calls, by method and code, and how long they took."""

import threading
from collections.abc import Iterable, Iterator

import numpy as np

from inference_service.metrics.exposition import Family, Sample, histogram
from inference_service.status import Code

# Seconds. A small model is answered in some 100 us; 10 s is longer than any deadline of a machine.
_STEPS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
BOUNDS = (*_STEPS, 1.0, 2.0, 5.0, 10.0)

# Stands for every path that is no method: a stranger must not be able to make new labels.
UNKNOWN = "unknown"
MAX_METHODS = 256

# Times of answered calls are kept and sorted into buckets so many at once: a call then costs 0.1 us
# instead of 0.4, and no lock.
_FOLD_AT = 512


class _Method:
    """Figures of one method. `pending` holds the seconds of answered calls not yet counted."""

    def __init__(self) -> None:
        self.pending: list[float] = []
        self.codes = [0] * len(Code)
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class CallMetrics:
    """Counters of all transports together; any thread may call anything. It is an Observer."""

    each = False

    def __init__(self, methods: Iterable[str]) -> None:
        """`methods` are the paths of the methods."""
        self._lock = threading.Lock()
        self._unknown = _Method()
        self._methods: dict[str, _Method] = {}
        self.add_methods(methods)

    def add_methods(self, methods: Iterable[str]) -> None:
        """Takes paths of methods that came later, with a model's contract; at most 256 in all."""
        with self._lock:
            for path in methods:
                if path not in self._methods and len(self._methods) < MAX_METHODS:
                    self._methods[path] = _Method()

    def known(self, path: str) -> str:
        """`path` if it is that of a method, else the word that stands for all others."""
        return path if path in self._methods else UNKNOWN

    def observed(self, path: str, seconds: float, count: int) -> None:
        """Counts calls that went well together."""
        method = self._methods.get(path, self._unknown)
        pending = method.pending
        pending += [seconds] * count  # atomic, as is what _fold does with it
        if len(pending) >= _FOLD_AT:
            with self._lock:
                self._fold(method)

    def observe(
        self,
        path: str,
        code: int,
        seconds: float,
        traceparent: str | None = None,
        answer: bytes | None = None,
    ) -> None:
        """Counts one call of the method at `path` that ended with `code` after `seconds`."""
        method = self._methods.get(path, self._unknown)
        if code == 0:
            pending = method.pending
            pending.append(seconds)  # atomic, as is what _fold does with it
            if len(pending) >= _FOLD_AT:
                with self._lock:
                    self._fold(method)
            return
        with self._lock:
            self._count(method, code, [seconds])

    def families(self) -> Iterator[Family]:
        """Everything counted so far; methods that were never called are left out."""
        counts: list[Sample] = []
        times: list[Sample] = []
        with self._lock:
            for path, method in (*self._methods.items(), (UNKNOWN, self._unknown)):
                self._fold(method)
                counts += [
                    Sample(count, {"method": path, "code": Code(code).name})
                    for code, count in enumerate(method.codes)
                    if count
                ]
                if any(method.codes):
                    labels = {"method": path}
                    times += histogram(labels, BOUNDS, method.buckets, method.seconds)
        yield Family(
            "inference_requests_total",
            "counter",
            "Calls that ended, by method and gRPC status.",
            counts,
        )
        yield Family(
            "inference_request_seconds",
            "histogram",
            "Time from the whole request to its answer.",
            times,
        )

    def _fold(self, method: _Method) -> None:
        """Counts what is pending; others may append meanwhile, but only one folds: see the lock."""
        taken = method.pending[:]
        del method.pending[: len(taken)]
        if taken:
            self._count(method, Code.OK, taken)

    @staticmethod
    def _count(method: _Method, code: int, seconds: list[float]) -> None:
        method.codes[code] += len(seconds)
        times = np.array(seconds)
        for bucket in np.searchsorted(BOUNDS, times).tolist():  # the first bound that is not less
            method.buckets[bucket] += 1
        method.seconds += float(times.sum())
