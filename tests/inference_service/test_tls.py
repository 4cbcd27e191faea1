"""TLS over real sockets: who gets in, what is refused at start, how a certificate is changed."""

import logging
import shutil
import socket
import ssl
import threading
import warnings
from pathlib import Path

import pytest

from inference_service.tls import CertificateWatch, server_context
from inference_service.tls_config import TlsConfig
from inference_service.x509 import validity
from protos.errors import ConfigurationError
from tests.inference_service.certificates import Authority, Files

SECONDS = 10.0

# What a client sees depends on how far it came when the server hung up.
REFUSED = r"(?i)alert|reset|hung|pipe|EOF"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Files:
    return authority.issue("server")


def client(
    authority: Authority, shown: Files | None = None, protocol: str = "h2"
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    context.set_alpn_protocols([protocol])
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def meet(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLSocket:
    """Connects the two over the loopback and sends a word there and back; the client's socket.

    Raises what the client sees if the server refuses it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(SECONDS)

    def answer() -> None:
        plain, _ = listener.accept()
        plain.settimeout(SECONDS)
        try:
            with server.wrap_socket(plain, server_side=True) as tls:
                tls.sendall(tls.recv(100))
        except OSError:
            plain.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    raw = socket.create_connection(listener.getsockname(), SECONDS)
    try:
        tls = client.wrap_socket(raw, server_hostname="localhost")
        with tls:
            tls.sendall(b"hello")
            # With TLS 1.3 a refusal comes after the client's side of the handshake is done.
            if tls.recv(100) != b"hello":
                raise ConnectionError("the server hung up")
            tls.peer = tls.getpeercert()  # type: ignore[attr-defined]
            return tls
    finally:
        raw.close()
        thread.join(SECONDS)
        listener.close()


def serial(tls: ssl.SSLSocket) -> str:
    return str(tls.peer["serialNumber"])  # type: ignore[attr-defined]


def test_a_client_that_knows_the_ca_gets_in(authority: Authority, server: Files) -> None:
    context = server_context(TlsConfig(server.certificate, server.key))
    assert meet(context, client(authority)).version() in (None, "TLSv1.3")


def test_old_tls_is_refused(authority: Authority, server: Files) -> None:
    context = server_context(TlsConfig(server.certificate, server.key))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    old = client(authority)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)protocol|version|reset|hung|EOF"):
        meet(context, old)


def test_weak_ciphers_of_tls_1_2_are_refused(authority: Authority, server: Files) -> None:
    context = server_context(TlsConfig(server.certificate, server.key))
    good, weak = client(authority), client(authority)
    good.maximum_version = weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    meet(context, good)
    with pytest.raises(OSError, match=r"(?i)handshake|reset|hung|EOF"):
        meet(context, weak)


def test_mtls_lets_in_a_client_of_the_ca_only(
    authority: Authority, server: Files, tmp_path: Path
) -> None:
    context = server_context(TlsConfig(server.certificate, server.key, authority.file))
    meet(context, client(authority, authority.issue("good", client=True)))
    stranger = Authority(tmp_path, "stranger").issue("client", client=True)
    refused = {
        "no certificate": None,
        "of another CA": stranger,
        "expired": authority.issue("expired", client=True, days=-1),
        "for servers": authority.issue("purpose"),
    }
    for shown in refused.values():
        with pytest.raises(OSError, match=REFUSED):
            meet(context, client(authority, shown))


def test_alpn_offers_the_one_protocol(authority: Authority, server: Files) -> None:
    config = TlsConfig(server.certificate, server.key)
    watch = CertificateWatch(config)
    for word in ("h2", "http/1.1"):
        listening = watch.current(word)
        there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
        asking = client(authority, protocol=word).wrap_bio(here, there, server_hostname="localhost")
        answering = listening.wrap_bio(there, here, server_side=True)
        for _ in range(4):
            for side in (asking, answering):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        assert asking.selected_alpn_protocol() == word


def test_a_wrong_file_is_named_and_not_shown(
    authority: Authority, server: Files, tmp_path: Path
) -> None:
    other = authority.issue("other")
    secret = tmp_path / "secret-word.key"
    secret.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXdvcmQ=\n-----END PRIVATE KEY-----\n")
    missing = tmp_path / "secret-word.pem"
    empty = tmp_path / "empty.pem"
    empty.touch()
    cases = [
        (TlsConfig(missing, server.key), "INFERENCE_TLS_CERTIFICATE", "No such file"),
        (TlsConfig(server.certificate, missing), "INFERENCE_TLS_KEY", "No such file"),
        (TlsConfig(server.certificate, other.key), "INFERENCE_TLS_KEY", "not the key"),
        (TlsConfig(server.certificate, secret), "INFERENCE_TLS_KEY", "PEM"),
        (TlsConfig(empty, server.key), "INFERENCE_TLS_CERTIFICATE", "PEM"),
        (TlsConfig(server.certificate, server.key, missing), "CLIENT_CA", "No such file"),
        (TlsConfig(server.certificate, server.key, empty), "CLIENT_CA", "PEM"),
    ]
    for config, setting, why in cases:
        with pytest.raises(ConfigurationError) as refused:
            server_context(config)
        assert setting in str(refused.value)
        assert why in str(refused.value)
        assert "secret-word" not in str(refused.value)


def test_a_key_with_a_password_is_refused_without_asking(server: Files, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(server.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
    )
    with pytest.raises(ConfigurationError, match="without a password"):
        server_context(TlsConfig(server.certificate, locked))


def test_an_expired_certificate_is_served_with_a_warning(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    old = authority.issue("old", days=-1)
    with caplog.at_level(logging.WARNING):
        watch = CertificateWatch(TlsConfig(old.certificate, old.key))
    assert "has expired" in caplog.text
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        meet(watch.current(), client(authority))


class Live:
    """A watch over copies of files, which the test replaces."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.authority = authority
        folder.mkdir(exist_ok=True)
        self.config = TlsConfig(folder / "tls.pem", folder / "tls.key", folder / "ca.pem")
        self.put(authority.issue("first"))
        shutil.copy(authority.file, folder / "ca.pem")
        self.visitor = authority.issue("visitor", client=True)
        self.watch = CertificateWatch(self.config)

    def put(self, files: Files, *, key: bool = True) -> None:
        shutil.copy(files.certificate, self.config.certificate)
        if key:
            shutil.copy(files.key, self.config.key)

    def seen(self) -> str:
        return serial(meet(self.watch.current(), client(self.authority, self.visitor)))


@pytest.fixture
def live(tmp_path: Path) -> Live:
    return Live(Authority(tmp_path / "live"), tmp_path / "served")


def test_a_new_certificate_is_shown_to_new_connections(live: Live) -> None:
    first = live.seen()
    assert not live.watch.check()
    live.put(live.authority.issue("second", days=5))
    assert live.seen() == first
    assert live.watch.check()
    assert live.seen() != first
    assert (live.watch.generation, live.watch.state.reloads) == (1, 1)
    files = live.watch.current_bytes()
    assert files.chain == live.config.certificate.read_bytes()
    assert files.key == live.config.key.read_bytes()
    assert live.watch.state.ends == validity(files.chain).ends


def test_a_new_client_ca_shuts_out_the_old_clients(live: Live, tmp_path: Path) -> None:
    live.seen()
    other = Authority(tmp_path / "other", "other")
    assert live.config.client_ca is not None
    shutil.copy(other.file, live.config.client_ca)
    assert live.watch.check()
    with pytest.raises(OSError, match=REFUSED):
        live.seen()
    meet(live.watch.current(), client(live.authority, other.issue("new", client=True)))


def test_a_half_written_pair_leaves_the_old_one(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    first, kept = live.seen(), live.watch.current_bytes()
    second = live.authority.issue("second")
    live.put(second, key=False)
    assert not live.watch.check()
    assert "the old one is served" in caplog.text
    assert live.watch.state.failed_reloads == 1
    assert live.watch.current_bytes() == kept
    assert live.seen() == first
    assert not live.watch.check(), "told once"
    assert live.watch.state.failed_reloads == 1
    live.put(second)
    assert live.watch.check()
    assert live.seen() != first


@pytest.mark.parametrize("fault", ["cut", "gone", "expired"])
def test_a_bad_certificate_leaves_the_old_one(live: Live, fault: str) -> None:
    first = live.seen()
    if fault == "cut":
        whole = live.config.certificate.read_bytes()
        live.config.certificate.write_bytes(whole[: len(whole) // 2])
    elif fault == "gone":
        live.config.key.unlink()
    else:
        live.put(live.authority.issue("expired", days=-1))
    assert not live.watch.check()
    assert live.watch.state.failed_reloads == 1
    assert live.seen() == first


@pytest.mark.parametrize(
    "pem", [b"", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"]
)
def test_the_end_of_no_certificate_is_unknown(pem: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        validity(pem)
