"""The settings of tracing: those that OpenTelemetry itself has named.

Source: OpenTelemetry specification, "SDK environment variables" and "OTLP exporter".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from inference_service.tracing.context import Sampling
from protos.errors import ConfigurationError

_PREFIX = "OTEL_EXPORTER_OTLP_"
_SAMPLERS = {
    "always_on": Sampling(False, 1.0),
    "always_off": Sampling(False, 0.0),
    "traceidratio": Sampling(False),
    "parentbased_always_on": Sampling(True, 1.0),
    "parentbased_always_off": Sampling(True, 0.0),
    "parentbased_traceidratio": Sampling(True),
}


@dataclass(frozen=True)
class TracingConfig:
    """Where spans go, which, and how many may wait.

    `headers` may hold a secret: it is not shown. Times are in seconds. A batch is sent when it is
    full or `flush_seconds` have passed; what comes while `queue_length` spans wait is dropped.
    """

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    service_name: str = "inference-service"
    resource: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    ca: str | None = None
    timeout_seconds: float = 10.0
    flush_seconds: float = 5.0
    queue_length: int = 2048
    batch_length: int = 512

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "TracingConfig | None":
        """What `environ` describes; None: nothing is traced, since no endpoint is named.

        Raises ConfigurationError, which names the setting, and shows what it holds unless it may be
        a secret.
        """

        def text(name: str, default: str = "") -> str:
            return environ.get(name, "").strip() or default

        def of_traces(word: str, default: str = "") -> str:
            return text(f"{_PREFIX}TRACES_{word}") or text(_PREFIX + word, default)

        off = text("OTEL_SDK_DISABLED").lower() == "true" or text("OTEL_TRACES_EXPORTER") == "none"
        base = text(_PREFIX + "ENDPOINT")
        endpoint = text(_PREFIX + "TRACES_ENDPOINT") or (base and base.rstrip("/") + "/v1/traces")
        if off or not endpoint:
            return None
        _check_endpoint(endpoint)
        protocol = of_traces("PROTOCOL", "http/json")
        if protocol != "http/json":
            raise _wrong(_PREFIX + "PROTOCOL", protocol, "http/json, which collectors take too")
        return cls(
            endpoint=endpoint,
            headers=_pairs(_PREFIX + "HEADERS", of_traces("HEADERS")),
            service_name=text("OTEL_SERVICE_NAME", cls.service_name),
            resource=_pairs("OTEL_RESOURCE_ATTRIBUTES", text("OTEL_RESOURCE_ATTRIBUTES")),
            sampling=_sampling(text("OTEL_TRACES_SAMPLER"), text("OTEL_TRACES_SAMPLER_ARG")),
            ca=_ca(of_traces("CERTIFICATE")),
            timeout_seconds=_number(_PREFIX + "TIMEOUT", of_traces("TIMEOUT", "10000"), 1, 600_000)
            / 1e3,
            flush_seconds=_number(
                "OTEL_BSP_SCHEDULE_DELAY", text("OTEL_BSP_SCHEDULE_DELAY", "5000"), 1, 600_000
            )
            / 1e3,
            queue_length=_count("OTEL_BSP_MAX_QUEUE_SIZE", text("OTEL_BSP_MAX_QUEUE_SIZE", "2048")),
            batch_length=_count(
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", text("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512")
            ),
        )


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        good = good and "@" not in parts.netloc and endpoint.isascii() and endpoint.isprintable()
    except ValueError:
        good = False
    if not good or " " in endpoint:
        # Not shown: people put passwords into URLs.
        raise ConfigurationError(
            f"{_PREFIX}ENDPOINT is no URL of a collector",
            why="http://host:port or https://host:port without a password is expected",
            remedy="set it to something like http://localhost:4318",
        )


def _sampling(word: str, argument: str) -> Sampling:
    chosen = _SAMPLERS.get(word or "parentbased_always_on")
    if chosen is None:
        raise _wrong("OTEL_TRACES_SAMPLER", word, "one of " + ", ".join(_SAMPLERS))
    if word.endswith("traceidratio"):
        ratio = _number("OTEL_TRACES_SAMPLER_ARG", argument or "1", 0, 1)
        return Sampling(chosen.parent_based, ratio)
    return chosen


def _pairs(name: str, text: str) -> dict[str, str]:
    """`a=1,b=2`, percent-encoded, as in W3C Baggage. Errors never show what it holds."""
    pairs = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (unquote(part).strip() for part in entry.partition("="))
        if not equals or not key or not (key + value).isprintable() or not (key + value).isascii():
            raise ConfigurationError(
                f"{name} cannot be read",
                why="pairs like name=value, with a comma between them, are expected",
                remedy="percent-encode what is not plain text",
            )
        pairs[key] = value
    return pairs


def _ca(path: str) -> str | None:
    if path:
        import ssl  # 6 ms of the start, needed by few

        try:
            ssl.create_default_context(cafile=path)
        except OSError:
            raise ConfigurationError(
                f"the file of {_PREFIX}CERTIFICATE cannot be used",
                why="PEM certificates are expected",
                remedy="name the CA certificate of the collector",
            ) from None
    return path or None


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise _wrong(name, text, f"a number from {low:.12g} to {high:.12g}")
    return value


def _count(name: str, text: str) -> int:
    return int(_number(name, text, 1, 65536))


def _wrong(name: str, text: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is {text[:80]!r}", why=f"expected {expected}", remedy=f"set {name} so, or unset it"
    )
