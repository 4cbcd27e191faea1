"""What the service tells of itself, put together once: metrics and traces."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from inference_service.data_plane import Models
from inference_service.metrics.calls import CallMetrics
from inference_service.metrics.exposition import Family, Sample
from inference_service.metrics.service import (
    ServiceMetrics,
    model_info,
    model_states,
    model_statistics,
    word_counters,
)
from inference_service.observer import Observer
from inference_service.repository import ServedModel
from inference_service.statistics import StatisticsTable

if TYPE_CHECKING:
    from inference_service.tls import CertificateWatch
    from inference_service.tracing.config import TracingConfig
    from inference_service.tracing.tracer import Tracer


class Telemetry:
    """Metrics and traces of one service.

    `observer` is for the transports, `render` is what /metrics answers. `add_methods` takes the
    paths that came with a new model; a path that it was never told is counted as `unknown`.
    """

    def __init__(
        self,
        models: Models,
        statistics: StatisticsTable,
        paths: Iterable[str],
        tracing: "TracingConfig | None" = None,
    ) -> None:
        self._models = models
        self._calls = CallMetrics(paths)
        self._metrics = ServiceMetrics(self._calls)
        self._tracer: Tracer | None = None
        self.observer: Observer = self._calls
        if tracing is not None:
            from inference_service.call_observer import CallObserver
            from inference_service.tracing import tracer

            self._tracer = tracer.Tracer(tracing)
            self.observer = CallObserver(self._calls, self._tracer, self._digest)
            self.add_counters("spans", self._tracer.counters)
        self.render = self._metrics.render
        self.add_methods = self._calls.add_methods
        self._metrics.add(model_info(self._served))
        self._metrics.add(model_states(models.states))
        self._metrics.add(model_statistics(statistics))

    def add_counters(self, subject: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Counters that are kept elsewhere: `inference_<subject>_<word>_total`."""
        self._metrics.add(word_counters(subject, read))

    def add_gauges(self, read: Callable[[], Mapping[str, float]]) -> None:
        """What is open at this moment: `inference_<word>`."""

        def families() -> Iterator[Family]:
            for word, value in read().items():
                text = f"{word}, at this moment.".replace("_", " ").capitalize()
                yield Family(f"inference_{word}", "gauge", text, [Sample(value)])

        self._metrics.add(families)

    def add_certificate(self, watch: "CertificateWatch") -> None:
        """When the TLS certificate ends, and how its reloads went."""
        self.add_gauges(lambda: {"tls_certificate_end_seconds": watch.state.ends})
        self.add_counters(
            "tls_certificate",
            lambda: {"reloads": watch.state.reloads, "failed_reloads": watch.state.failed_reloads},
        )

    def close(self, seconds: float) -> None:
        """Sends the spans that wait, for at most `seconds`."""
        if self._tracer is not None:
            self._tracer.close(seconds)

    def _digest(self, name: str, version: str) -> str:
        return self._models.find(name, version).engine.digest

    def _served(self) -> Iterator[tuple[str, str, str]]:
        for state in self._models.states():
            if isinstance(state, ServedModel):
                yield state.name, state.version, state.engine.digest
