"""TLS and mTLS: what the service shows to its clients, and whom it lets in."""

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from inference_service.tls_config import HTTP1, HTTP2, TlsConfig
from inference_service.x509 import validity
from protos.errors import ConfigurationError

log = logging.getLogger(__name__)

# Forward secret and authenticated; all others are forbidden for HTTP/2 (RFC 9113, appendix A).
# This is for TLS 1.2: the suites of TLS 1.3 are all of that kind.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class TlsBytes(NamedTuple):
    """The content of the files, as grpcio takes it."""

    key: bytes
    chain: bytes
    client_ca: bytes | None


@dataclass(frozen=True)
class CertificateState:
    """How the certificate is doing, for metrics: times are seconds since 1970."""

    ends: float
    loaded: float
    reloads: int = 0
    failed_reloads: int = 0


def server_context(config: TlsConfig, protocol: str = HTTP2) -> ssl.SSLContext:
    """A context for the server's side of connections that speak `protocol` (ALPN).

    TLS 1.2 or later, no renegotiation. Raises ConfigurationError, which names the setting and never
    shows what a file holds. A certificate that has expired is served all the same, with a warning:
    it is the client that judges it, and a device whose clock is wrong after a power cut would
    otherwise serve nobody.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols([protocol])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        # The password is never asked for: OpenSSL would read it from a terminal.
        context.load_cert_chain(config.certificate, config.key, password="")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise _bad_pair(config, error) from None
    if config.client_ca is not None:
        try:
            context.load_verify_locations(cafile=config.client_ca)
        except OSError as error:
            raise _bad_file("INFERENCE_TLS_CLIENT_CA", error) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_files(config: TlsConfig) -> TlsBytes:
    """The content of the files. Raises ConfigurationError naming the setting."""
    return TlsBytes(
        _read("INFERENCE_TLS_KEY", config.key),
        _read("INFERENCE_TLS_CERTIFICATE", config.certificate),
        _read("INFERENCE_TLS_CLIENT_CA", config.client_ca) if config.client_ca else None,
    )


class CertificateWatch:
    """The certificate that is served now; `check` takes over files that were changed.

    New connections get the new certificate and the new CA, those that are open keep theirs. Files
    that do not fit together (a certificate whose key has not been written yet, say) or that would
    put an expired certificate in the place of one that counts are not taken: the old one goes on
    being served, the log and `state` say so, and the next change of the files is looked at again.
    `check` is for one thread; all else may be read from any.
    """

    def __init__(self, config: TlsConfig, clock: Callable[[], float] = time.time) -> None:
        """Loads the files. Raises ConfigurationError."""
        self._config = config
        self._clock = clock
        self._seen = self._look()
        self.generation = 0
        self._bytes, self._contexts, ends = self._loaded()
        self.state = CertificateState(ends=ends, loaded=clock())
        if not self._counts(ends):
            log.warning("the TLS certificate has expired: clients will refuse it")

    def current(self, protocol: str = HTTP2) -> ssl.SSLContext:
        """The context for a new connection that speaks `protocol`, h2 or http/1.1."""
        return self._contexts[protocol]

    def current_bytes(self) -> TlsBytes:
        """The same as bytes, for grpcio; they changed if `generation` did."""
        return self._bytes

    def check(self) -> bool:
        """Looks at the files, and takes them over if they changed and are good; whether it did."""
        seen = self._look()
        if seen == self._seen:
            return False
        before = self.state
        try:
            files, contexts, ends = self._loaded()
            if self._counts(before.ends) and not self._counts(ends):
                raise ConfigurationError(
                    "INFERENCE_TLS_CERTIFICATE has expired",
                    why="the one that is served has not",
                    remedy="put a certificate there that counts",
                )
        except ConfigurationError as error:
            self._seen = seen
            self.state = CertificateState(
                before.ends, before.loaded, before.reloads, before.failed_reloads + 1
            )
            log.error("the TLS certificate is not reloaded, the old one is served: %s", error)
            return False
        self._seen = seen
        self._bytes, self._contexts = files, contexts
        self.state = CertificateState(
            ends, self._clock(), before.reloads + 1, before.failed_reloads
        )
        self.generation += 1
        log.info("new TLS certificate, it ends in %.1f days", (ends - self._clock()) / 86400)
        return True

    def _loaded(self) -> tuple[TlsBytes, dict[str, ssl.SSLContext], float]:
        files = read_files(self._config)
        contexts = {word: server_context(self._config, word) for word in (HTTP2, HTTP1)}
        if read_files(self._config) != files:
            raise ConfigurationError(
                "the TLS files are being written",
                why="they changed while they were read",
                remedy="nothing: they are read again",
            )
        try:
            return files, contexts, validity(files.chain).ends
        except ValueError as error:
            raise _wrong("INFERENCE_TLS_CERTIFICATE", str(error)) from None

    def _counts(self, ends: float) -> bool:
        return ends > self._clock()

    def _look(self) -> tuple[object, ...]:
        config = self._config
        return tuple(
            _fingerprint(path) for path in (config.certificate, config.key, config.client_ca)
        )


def _fingerprint(path: Path | None) -> object:
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return stat and (stat.st_ino, stat.st_size, stat.st_mtime_ns)


def _read(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _bad_file(setting, error) from None


def _bad_pair(config: TlsConfig, error: OSError | ValueError) -> ConfigurationError:
    read_files(config)  # says which of the files is missing
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return _wrong("INFERENCE_TLS_KEY", "it is not the key of the certificate")
    return _wrong(
        "INFERENCE_TLS_CERTIFICATE or INFERENCE_TLS_KEY", "PEM without a password is expected"
    )


def _bad_file(setting: str, error: OSError) -> ConfigurationError:
    if isinstance(error, ssl.SSLError):
        return _wrong(setting, "PEM certificates are expected")
    return _wrong(setting, error.strerror or "it cannot be read")


def _wrong(setting: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the file of {setting} cannot be used", why=why, remedy="write the file anew"
    )
