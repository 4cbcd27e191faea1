"""The TLS pipe against a client that is held in memory, and against OpenSSL's own."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_service.tls import server_context
from inference_service.tls_config import TlsConfig
from inference_service.tls_pipe import MAX_IDLE_BYTES, TlsFailed, TlsPipe
from tests.inference_service.certificates import Authority, Files


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> Files:
    return authority.issue("server")


@pytest.fixture(scope="module")
def context(files: Files) -> ssl.SSLContext:
    return server_context(TlsConfig(files.certificate, files.key))


class Peer:
    """A client in memory."""

    def __init__(self, authority: Authority, protocols: tuple[str, ...] = ("h2",)) -> None:
        context = ssl.create_default_context(cafile=authority.file)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        self.context = context
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    @property
    def tls(self) -> ssl.SSLObject:
        if self._tls is None:
            self._tls = self.context.wrap_bio(self._in, self._out, server_hostname="localhost")
        return self._tls

    def step(self, data: bytes = b"") -> bytes:
        """Goes on with the handshake; what it wants to send."""
        self._in.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._out.read()

    def write(self, data: bytes) -> bytes:
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view) :]
        return self._out.read()

    def read(self, data: bytes) -> bytes:
        self._in.write(data)
        parts = []
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while part := self.tls.read(1 << 20):
                parts.append(part)
        return b"".join(parts)

    def end(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._out.read()


def shaken(pipe: TlsPipe, peer: Peer) -> None:
    """Does the handshake."""
    data = peer.step()
    for _ in range(4):
        assert pipe.receive(data) == b""
        data = peer.step(pipe.outgoing())
    assert pipe.ready


@pytest.fixture
def both(context: ssl.SSLContext, authority: Authority) -> tuple[TlsPipe, Peer]:
    pipe, peer = TlsPipe(context), Peer(authority)
    shaken(pipe, peer)
    return pipe, peer


def test_words_go_there_and_back(both: tuple[TlsPipe, Peer]) -> None:
    pipe, peer = both
    assert pipe.receive(peer.write(b"question")) == b"question"
    assert peer.read(pipe.send(b"answer")) == b"answer"
    assert pipe.outgoing() == b""
    assert pipe.peer() is None


def test_every_byte_may_come_alone(context: ssl.SSLContext, authority: Authority) -> None:
    pipe, peer = TlsPipe(context), Peer(authority)
    data = peer.step()
    while not pipe.ready:
        for place in range(len(data)):
            assert pipe.receive(data[place : place + 1]) == b""
        data = peer.step(pipe.outgoing())
    cipher = peer.write(b"one") + peer.write(b"two")
    got = [pipe.receive(cipher[place : place + 1]) for place in range(len(cipher))]
    assert [part for part in got if part] == [b"one", b"two"]


def test_data_may_follow_the_handshake_at_once(
    context: ssl.SSLContext, authority: Authority
) -> None:
    pipe, peer = TlsPipe(context), Peer(authority)
    pipe.receive(peer.step())
    last = peer.step(pipe.outgoing())
    assert pipe.receive(last + peer.write(b"PRI * HTTP/2.0")) == b"PRI * HTTP/2.0"


def test_large_data_passes_both_ways(both: tuple[TlsPipe, Peer]) -> None:
    pipe, peer = both
    data = bytes(range(256)) * 12_345  # 3 MB: many records
    assert pipe.receive(peer.write(data)) == data
    assert peer.read(pipe.send(data)) == data
    assert peer.read(pipe.send(memoryview(data))) == data


def test_mtls_shows_who_the_client_is(files: Files, authority: Authority) -> None:
    context = server_context(TlsConfig(files.certificate, files.key, authority.file))
    pipe, peer = TlsPipe(context), Peer(authority)
    shown = authority.issue("robot-7", client=True)
    peer.context.load_cert_chain(shown.certificate, shown.key)
    shaken(pipe, peer)
    known = pipe.peer()
    assert known is not None
    assert known["subject"] == ((("commonName", "robot-7"),),)


def test_without_its_certificate_a_client_is_told_and_cut(
    files: Files, authority: Authority
) -> None:
    context = server_context(TlsConfig(files.certificate, files.key, authority.file))
    pipe, peer = TlsPipe(context), Peer(authority)
    pipe.receive(peer.step())
    with pytest.raises(TlsFailed) as failed:
        pipe.receive(peer.step(pipe.outgoing()))
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        peer.read(failed.value.last_words)


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)])
def test_another_protocol_is_refused(
    context: ssl.SSLContext, authority: Authority, protocols: tuple[str, ...]
) -> None:
    pipe, peer = TlsPipe(context), Peer(authority, protocols)
    pipe.receive(peer.step())
    with pytest.raises(TlsFailed, match="h2"):
        pipe.receive(peer.step(pipe.outgoing()))


def test_what_is_no_tls_is_refused(context: ssl.SSLContext) -> None:
    with pytest.raises(TlsFailed):
        TlsPipe(context).receive(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


def test_a_changed_byte_ends_the_connection(both: tuple[TlsPipe, Peer]) -> None:
    pipe, peer = both
    cipher = bytearray(peer.write(b"question"))
    cipher[-1] ^= 1
    with pytest.raises(TlsFailed, match=r"MAC|DECRYPTION") as failed:
        pipe.receive(cipher)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
        peer.read(failed.value.last_words)


def test_the_end_is_said_and_heard(both: tuple[TlsPipe, Peer]) -> None:
    pipe, peer = both
    assert pipe.receive(peer.write(b"last") + peer.end()) == b"last"
    assert pipe.ended
    assert peer.read(pipe.send(b"answer") + pipe.close()) == b"answer"
    assert pipe.close() == b"", "a second time there is nothing to say"


def test_close_before_the_handshake_says_nothing(context: ssl.SSLContext) -> None:
    assert TlsPipe(context).close() == b""


def test_a_handshake_without_end_is_cut(context: ssl.SSLContext, authority: Authority) -> None:
    pipe = TlsPipe(context)
    pipe.receive(Peer(authority).step())
    pipe.outgoing()
    nothing = b"\x14\x03\x03\x00\x01\x01" * 1000  # a record that TLS 1.3 must overlook

    def flood() -> None:
        for _ in range(2 * MAX_IDLE_BYTES // len(nothing)):
            pipe.receive(nothing)

    with pytest.raises(TlsFailed):
        flood()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
@pytest.mark.parametrize(
    ("version", "command", "taken"), [("-tls1_2", b"R\n", False), ("-tls1_3", b"K\n", True)]
)
def test_renegotiation_is_refused_and_new_keys_are_taken(
    context: ssl.SSLContext, authority: Authority, version: str, command: bytes, taken: bool
) -> None:
    with connected(authority.file, version) as (tool, server):
        pipe = TlsPipe(context)
        lines = [b"before\n", command, b"after\n"]
        heard, bytes_of_command = b"", 0
        try:
            while b"after" not in heard and (data := server.recv(65536)):
                bytes_of_command += 0 if lines else len(data)
                heard += pipe.receive(data)
                server.sendall(pipe.outgoing())
                if b"before" in heard and lines == [command, b"after\n"]:
                    say(tool, lines.pop(0))
                    say(tool, lines.pop(0))
                elif pipe.ready and len(lines) == 3:
                    say(tool, lines.pop(0))
        except TlsFailed as failed:
            server.sendall(failed.last_words)
        assert b"before" in heard
        assert bytes_of_command, "the client tried"
        assert (b"after" in heard) is taken


def say(tool: "subprocess.Popen[bytes]", line: bytes) -> None:
    """Types a line; s_client takes what it reads at once for one command, hence the pause."""
    assert tool.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it gave up after the refusal
        tool.stdin.write(line)
        tool.stdin.flush()
    time.sleep(0.3)


@contextlib.contextmanager
def connected(ca: Path, version: str) -> Iterator[tuple["subprocess.Popen[bytes]", socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        port = listener.getsockname()[1]
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", version]
        tool = subprocess.Popen(
            [*command, "-CAfile", str(ca)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            server, _ = listener.accept()
            with server:
                server.settimeout(10.0)
                yield tool, server
        finally:
            tool.kill()
            with contextlib.suppress(BrokenPipeError):
                tool.communicate(timeout=10)
