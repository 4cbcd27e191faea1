"""What a transport sees of tracing: two calls a request."""

from collections.abc import Mapping

from inference_service.tracing.config import TracingConfig
from inference_service.tracing.context import SpanContext, decide, parse_traceparent
from inference_service.tracing.exporter import Exporter
from inference_service.tracing.otlp import Span, Value

_NOTHING: Mapping[str, Value] = {}


class Tracer:
    """Decides which requests are traced, and hands their spans to the exporter. Never waits."""

    def __init__(self, config: TracingConfig) -> None:
        self._sampling = config.sampling
        self._exporter = Exporter(config)

    def wants(self, traceparent: str | None) -> SpanContext | None:
        """The span of a request that comes with `traceparent`, None if it is not traced.

        A `traceparent` that is not as the standard says counts as none.
        """
        parent = parse_traceparent(traceparent) if traceparent else None
        return decide(parent, self._sampling)

    def finished(
        self,
        context: SpanContext,
        method: str,
        code: int,
        start_ns: int,
        end_ns: int,
        attributes: Mapping[str, Value] = _NOTHING,
    ) -> None:
        """Tells that the call is over.

        `method` is its path, times are nanoseconds since 1970 (`time.time_ns`). `attributes` must
        not be changed afterwards; `model_attributes` makes those of a model, once.
        """
        self._exporter.offer(Span(context, method, code, start_ns, end_ns, attributes))

    def counters(self) -> Mapping[str, int]:
        """Spans `exported`, `dropped` and `failed` so far."""
        return self._exporter.counters()

    def close(self, seconds: float) -> None:
        """Sends what waits, for at most `seconds`."""
        self._exporter.close(seconds)


def model_attributes(name: str, version: str, digest: str) -> Mapping[str, Value]:
    """The attributes that tell which model answered."""
    return {"model.name": name, "model.version": version, "model.digest": digest}
