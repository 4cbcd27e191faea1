"""The configuration of the service, read from the environment once, at start."""

import select
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inference_service.http_face.config import HttpConfig
from inference_service.tls_config import TlsConfig
from inference_service.tracing.config import TracingConfig
from protos.digests import is_digest
from protos.errors import ConfigurationError

_MIB = 1 << 20
_SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}


@dataclass(frozen=True)
class CaptureConfig:
    """Where and how much of the traffic is kept.

    `max_bytes` bounds the folder, `sample` is the share of requests kept (0 to 1), `max_rate` how
    many a second for longer than a burst, and an open segment is sealed after `segment_seconds`.
    """

    folder: Path
    max_bytes: int = 64 * _MIB
    sample: float = 1.0
    max_rate: float = 200.0
    segment_seconds: float = 5.0


@dataclass(frozen=True)
class Config:
    """Everything the service needs to know before it starts.

    `transport` is `fast` or `grpcio`. `drain_seconds` is how long SIGTERM waits for requests in
    flight; `watch_seconds` is how often the model folder is looked at; `max_concurrent` is how many
    requests that wait for a model, and streams, are open at once before the next one is answered
    RESOURCE_EXHAUSTED. The others bound what one client may use; `fast` heeds all of them.
    """

    address: str = "0.0.0.0:8081"
    model_path: Path = Path("/model")
    model_digest: str | None = None
    capture: CaptureConfig | None = None
    transport: str = "fast" if hasattr(select, "epoll") else "grpcio"
    max_message_bytes: int = 16 * _MIB
    max_concurrent: int = 64
    max_connections: int = 256
    max_streams: int = 128
    max_header_bytes: int = 16 << 10
    max_buffered_bytes: int = 256 * _MIB
    stall_seconds: float = 30.0
    keepalive_seconds: float = 60.0
    drain_seconds: float = 8.0
    watch_seconds: float = 5.0
    reflection: bool = True
    tls: TlsConfig | None = None
    http: HttpConfig | None = None
    tracing: TracingConfig | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Config":
        """The configuration that `environ` describes; an empty setting counts as not set.

        Raises ConfigurationError, which names the setting, what it holds and what it may hold.
        """
        read = _Reader(environ)
        folder = read.text("CAPTURE_DIR", "")
        capture = (
            CaptureConfig(  # read in any case: a wrong setting is told though it has no effect
                folder=Path(folder),
                max_bytes=int(read.number("CAPTURE_MAX_BYTES", 64 * _MIB, 65536, 1 << 40)),
                sample=read.number("CAPTURE_SAMPLE", 1.0, 0.0, 1.0),
                max_rate=read.number("CAPTURE_MAX_RATE", 200.0, 0.1, 1e6),
                segment_seconds=read.number("CAPTURE_SEGMENT_SECONDS", 5.0, 0.05, 86400.0),
            )
        )
        return cls(
            address=checked_address(read.text("INFERENCE_ADDRESS", cls.address)),
            model_path=Path(read.text("MODEL_PATH", str(cls.model_path))),
            model_digest=read.digest("MODEL_DIGEST"),
            capture=capture if folder else None,
            max_message_bytes=int(
                read.number("INFERENCE_MAX_MESSAGE_BYTES", cls.max_message_bytes, 1024, 1 << 30)
            ),
            max_concurrent=int(
                read.number("INFERENCE_MAX_CONCURRENT", cls.max_concurrent, 1, 1024)
            ),
            transport=read.word("INFERENCE_TRANSPORT", cls.transport, ("fast", "grpcio")),
            max_connections=int(
                read.number("INFERENCE_MAX_CONNECTIONS", cls.max_connections, 1, 65536)
            ),
            max_streams=int(read.number("INFERENCE_MAX_STREAMS", cls.max_streams, 1, 65536)),
            max_header_bytes=int(
                read.number("INFERENCE_MAX_HEADER_BYTES", cls.max_header_bytes, 1024, 1 << 20)
            ),
            max_buffered_bytes=int(
                read.number("INFERENCE_MAX_BUFFERED_BYTES", cls.max_buffered_bytes, 1024, 1 << 40)
            ),
            stall_seconds=read.number("INFERENCE_STALL_SECONDS", cls.stall_seconds, 0.1, 3600.0),
            keepalive_seconds=read.number(
                "INFERENCE_KEEPALIVE_SECONDS", cls.keepalive_seconds, 0.1, 86400.0
            ),
            drain_seconds=read.number("INFERENCE_DRAIN_SECONDS", cls.drain_seconds, 0.0, 600.0),
            watch_seconds=read.number("INFERENCE_WATCH_SECONDS", cls.watch_seconds, 0.05, 86400.0),
            reflection=read.switch("INFERENCE_REFLECTION", True),
            tls=_tls(read),
            http=_http(read),
            tracing=TracingConfig.from_environment(environ),
        )


def _tls(read: "_Reader") -> TlsConfig | None:
    certificate, key = (
        read.text(name, "") for name in ("INFERENCE_TLS_CERTIFICATE", "INFERENCE_TLS_KEY")
    )
    client_ca = read.text("INFERENCE_TLS_CLIENT_CA", "")
    if not (certificate or key or client_ca):
        return None
    if not certificate or not key:
        raise ConfigurationError(
            "TLS is half configured",
            why="INFERENCE_TLS_CERTIFICATE and INFERENCE_TLS_KEY go together",
            remedy="set both, or none of the three INFERENCE_TLS_ settings",
        )
    return TlsConfig(Path(certificate), Path(key), Path(client_ca) if client_ca else None)


def _http(read: "_Reader") -> HttpConfig | None:
    address = read.text("INFERENCE_HTTP_ADDRESS", "")
    if not address:
        return None
    return HttpConfig(
        address=checked_address(address, "INFERENCE_HTTP_ADDRESS"),
        origins=tuple(read.text("INFERENCE_HTTP_ORIGINS", "").replace(",", " ").split()),
        max_body_bytes=int(
            read.number("INFERENCE_HTTP_MAX_BODY_BYTES", HttpConfig.max_body_bytes, 1024, 1 << 30)
        ),
        max_connections=int(
            read.number("INFERENCE_HTTP_MAX_CONNECTIONS", HttpConfig.max_connections, 1, 1024)
        ),
        read_seconds=read.number(
            "INFERENCE_HTTP_READ_SECONDS", HttpConfig.read_seconds, 0.1, 3600.0
        ),
    )


def checked_address(text: str, name: str = "INFERENCE_ADDRESS") -> str:
    """`text` if it reads `host:port` (port 0 takes any free one), else ConfigurationError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(
            f"{name} is {text!r}",
            why="it is not host:port",
            remedy="set it to something like 0.0.0.0:8081",
        )
    return text


class _Reader:
    """Typed, bounded reading of environment settings."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ConfigurationError(
                f"{name} is {text!r}",
                why=f"it must be a number from {low:.12g} to {high:.12g}",
                remedy=f"set {name} within these bounds, or unset it for {default:.12g}",
            )
        return value

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in words:
            raise ConfigurationError(
                f"{name} is {text!r}",
                why=f"it must be {' or '.join(words)}",
                remedy=f"set {name} to one of these, or unset it for {default}",
            )
        return text

    def switch(self, name: str, default: bool) -> bool:
        text = self.text(name, "on" if default else "off")
        if text.lower() not in _SWITCH:
            raise ConfigurationError(
                f"{name} is {text!r}", why="it must be on or off", remedy=f"set {name} to on or off"
            )
        return _SWITCH[text.lower()]

    def digest(self, name: str) -> str | None:
        text = self.text(name, "")
        if text and not is_digest(text):
            raise ConfigurationError(
                f"{name} is {text!r}",
                why="a digest is sha256: and 64 hex digits",
                remedy=f"copy the digest from model.json, or unset {name}",
            )
        return text or None
