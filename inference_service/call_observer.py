"""What a transport tells of each call once it is over: counted, and traced where that is wanted."""

import time
from collections.abc import Callable, Mapping

from inference_service.metrics.calls import CallMetrics
from inference_service.tracing.otlp import Value
from inference_service.tracing.tracer import Tracer, model_attributes
from protos.errors import EdgeAssetsError

_NAME, _VERSION = 0x0A, 0x12
_NO_ATTRIBUTES: Mapping[str, Value] = {}

DigestOf = Callable[[str, str], str]


class CallObserver:
    """Counts calls in `calls` and hands spans to `tracer`. Without traces `calls` itself will do.

    It is asked when a call is over, since the service asks nobody else in its course: a span needs
    no identity before. `digest_of` tells the digest of a model's version; it may raise an
    EdgeAssetsError.
    """

    each = True  # each has a span of its own

    def __init__(
        self, calls: CallMetrics, tracer: Tracer, digest_of: DigestOf | None = None
    ) -> None:
        self._calls = calls
        self._tracer = tracer
        self._digest_of = digest_of

    def observed(self, path: str, seconds: float, count: int) -> None:
        """As `Observer` says; counted only, for nothing is known of each."""
        self._calls.observed(path, seconds, count)

    def observe(
        self,
        path: str,
        code: int,
        seconds: float,
        traceparent: str | None = None,
        answer: bytes | None = None,
    ) -> None:
        """As `Observer` says; costs less than a microsecond where the call is not traced."""
        self._calls.observe(path, code, seconds)
        context = self._tracer.wants(traceparent)
        if context is None:
            return
        end_ns = time.time_ns()
        method = self._calls.known(path)
        attributes = _NO_ATTRIBUTES if answer is None else self._of_model(answer)
        start_ns = end_ns - int(seconds * 1e9)
        self._tracer.finished(context, method, code, start_ns, end_ns, attributes)

    def _of_model(self, answer: bytes) -> Mapping[str, Value]:
        found = answering_model(answer)
        if found is None or self._digest_of is None:
            return _NO_ATTRIBUTES
        try:
            return model_attributes(*found, self._digest_of(*found))
        except EdgeAssetsError:  # it was swapped out meanwhile
            return _NO_ATTRIBUTES


def answering_model(answer: bytes) -> tuple[str, str] | None:
    """Name and version at the beginning of a ModelInferResponse, None if it begins otherwise.

    Parsing the whole of an answer would cost more than answering. A text of more than 127 bytes,
    whose length needs a second byte, counts as none.
    """
    texts = []
    place = 0
    for tag in (_NAME, _VERSION):
        head = answer[place : place + 2]
        if len(head) < 2 or head[0] != tag or head[1] > 127:
            return None
        end = place + 2 + head[1]
        text = answer[place + 2 : end]
        if len(text) < head[1] or not text.isascii():
            return None
        texts.append(text.decode())
        place = end
    return texts[0], texts[1]
