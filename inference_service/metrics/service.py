"""All metrics of the service: what is counted here, and what others tell when one reads."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from inference_service.metrics.calls import CallMetrics
from inference_service.metrics.exposition import Family, Kind, Sample, render
from inference_service.metrics.process import process_families
from inference_service.repository import ModelState, ServedModel
from inference_service.statistics import StatisticsTable

log = logging.getLogger(__name__)

Source = Callable[[], Iterable[Family]]


class ServiceMetrics:
    """Collects sources; `render` asks them all, on the thread of whoever reads."""

    def __init__(self, calls: CallMetrics) -> None:
        self._sources: list[Source] = [calls.families, process_families]
        self._failing: set[Source] = set()

    def add(self, source: Source) -> None:
        """Takes a source of families."""
        self._sources.append(source)

    def add_gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A value that goes up and down, asked for when metrics are read."""
        self.add(_Value(name, "gauge", text, read))

    def add_counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A value that only grows and is counted elsewhere; `name` ends with `_total`."""
        self.add(_Value(name, "counter", text, read))

    def render(self) -> bytes:
        """The text for Prometheus. A source that fails is left out and logged once."""
        families: list[Family] = []
        for source in self._sources:
            try:
                families += [
                    Family(one.name, one.kind, one.help, list(one.samples)) for one in source()
                ]
                self._failing.discard(source)
            except Exception:
                if source not in self._failing:
                    self._failing.add(source)
                    log.exception("metrics of one source are left out")
        return render(families)


class _Value:
    def __init__(self, name: str, kind: Kind, text: str, read: Callable[[], float]) -> None:
        self._told = name, kind, text
        self._read = read

    def __call__(self) -> Iterator[Family]:
        name, kind, text = self._told
        yield Family(name, kind, text, [Sample(self._read())])


def model_info(served: Callable[[], Iterable[tuple[str, str, str]]]) -> Source:
    """A gauge that is 1 for each (name, version, digest) that `served` tells."""

    def families() -> Iterator[Family]:
        yield Family(
            "inference_model_info",
            "gauge",
            "1 for each model that is served.",
            [
                Sample(1, {"name": name, "version": version, "digest": digest})
                for name, version, digest in served()
            ],
        )

    return families


def model_states(read: Callable[[], Iterable[ModelState]]) -> Source:
    """Gauges to alert on: is each model served, as it is on the disk, and swapped when asked to."""

    def families() -> Iterator[Family]:
        states = [(one.name, one.version, one) for one in read()]
        served = [state for *_, state in states if isinstance(state, ServedModel)]
        for word, text, those in (
            ("served", "Whether the model is served.", served),
            (
                "disk_corrupt",
                "Whether the file on the disk is no longer the model in memory.",
                [one for one in served if one.corrupt_on_disk],
            ),
            (
                "swap_refused",
                "Whether another model lies on the disk and was refused.",
                [one for one in served if one.swap_refused],
            ),
        ):
            samples = [
                Sample(int(any(one is that for that in those)), {"name": name, "version": version})
                for name, version, one in states
            ]
            yield Family(f"inference_model_{word}", "gauge", text, samples)

    return families


def word_counters(subject: str, read: Callable[[], Mapping[str, int]]) -> Source:
    """One counter for each word that `read` tells: of `Capture.counters`, `Tracer.counters`."""

    def families() -> Iterator[Family]:
        for word, count in read().items():
            name = f"inference_{subject}_{word}_total"
            text = f"{subject} {word}, counted since the start.".replace("_", " ").capitalize()
            yield Family(name, "counter", text, [Sample(count)])

    return families


def model_statistics(table: StatisticsTable) -> Source:
    """Rows, batches, failures and time of each model and version."""

    def families() -> Iterator[Family]:
        told = [
            ({"name": name, "version": version}, one.totals()[0])
            for (name, version), one in sorted(table.all().items())
        ]
        figures = [
            ("rows", "Rows answered.", [total.rows for _, total in told]),
            ("batches", "Runs of the model.", [total.batches for _, total in told]),
            ("requests", "Requests answered.", [total.requests for _, total in told]),
            ("failures", "Requests refused or failed.", [total.failures for _, total in told]),
        ]
        for word, text, values in figures:
            yield Family(
                f"inference_model_{word}_total",
                "counter",
                text,
                [Sample(value, told[place][0]) for place, value in enumerate(values)],
            )
        yield Family(
            "inference_model_seconds_total",
            "counter",
            "Time that requests spent, by step.",
            [
                Sample(ns / 1e9, {**labels, "step": step})
                for labels, total in told
                for step, ns in (
                    ("queue", total.queue_ns),
                    ("input", total.input_ns),
                    ("infer", total.infer_ns),
                    ("output", total.output_ns),
                )
            ],
        )

    return families
