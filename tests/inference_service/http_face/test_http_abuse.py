"""What an HTTP face does to those who are slow, large, many or wrong. Bare sockets."""

import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from inference_service.http_face.calls import SERVICE
from inference_service.http_face.config import HttpConfig
from inference_service.http_face.face import HttpFace
from inference_service.http_face.reader import send_all
from inference_service.methods import FindMethod, Quick
from inference_service.tls import CertificateWatch
from inference_service.tls_config import HTTP1, TlsConfig
from protos import inference_pb2 as pb
from protos.errors import ConfigurationError
from tests.inference_service.certificates import Authority
from tests.inference_service.harness import wait_until
from tests.inference_service.http_face.client import Face, read_reply, running_face, trip

LIVE = b"GET /v2/health/live HTTP/1.1\r\n\r\n"
POST = b"POST /v2/models/taxi/infer HTTP/1.1\r\n"


def ended(connection: socket.socket) -> bool:
    """Whether the other side hung up; waits for it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_serves_many_requests_even_at_once(face: Face) -> None:
    with face.connect() as connection:
        connection.sendall(LIVE)
        assert read_reply(connection).status == 200
        connection.sendall(LIVE * 3)
        text = b""
        while text.count(b"\r\n\r\n") < 3 or not text.endswith(b"}\n"):
            text += connection.recv(65536)
        assert text.count(b"HTTP/1.1 200") == 3


def test_http_1_0_gets_one_answer(face: Face) -> None:
    with face.connect() as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.0\r\n\r\n")
        assert read_reply(connection).status == 200
        assert ended(connection)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n", 0),
        (b"hello\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n" * 3, 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: x\r\n" % n for n in range(200)) + b"\r\n", 431),
        (
            b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: %s\r\n" % (n, b"x" * 4000) for n in range(20)),
            431,
        ),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 411),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: +2\r\n\r\n{}", 400),
        (POST + b"Content-Length: 1e9\r\n\r\n", 400),
        (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 413),
        (POST + b"Content-Length: 99999999\r\n\r\n", 413),
        (POST + b"Content-Length: 2\r\nInference-Header-Content-Length: 2\r\n\r\n{}", 400),
        (b"GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400),
    ],
)
def test_what_is_not_well_formed_is_refused_and_the_connection_ended(
    face: Face, data: bytes, status: int
) -> None:
    with face.connect() as connection:
        connection.sendall(data)
        if status:
            reply = read_reply(connection)
            assert reply.status == status
            assert reply.error
            assert "Python" not in str(reply.headers)
        assert ended(connection)
    assert face.ask("/v2/health/live").status == 200


def test_a_large_body_is_refused_before_it_is_sent(face: Face) -> None:
    with face.connect() as connection:
        connection.sendall(POST + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        assert read_reply(connection).status == 413
    with face.connect() as connection:
        connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_reply(connection).status == 400


def test_a_client_that_sends_a_large_body_anyway_reads_the_refusal(face: Face) -> None:
    reply = face.ask("/v2/models/taxi/infer", b" " * 5_000_000)
    assert reply.status == 413


def test_a_body_near_the_bound_is_answered(find: FindMethod) -> None:
    with running_face(find, bounds={"max_body_bytes": 300_000}) as face:
        good = trip(*[1.5] * 20_000)
        reply = face.ask("/v2/models/taxi/infer", good)
        assert reply.json["outputs"][0]["data"] == [6.75] * 20_000
        assert face.ask("/v2/models/taxi/infer", trip(*[1.5] * 60_000)).status == 413


@pytest.mark.parametrize(
    "begun", [b"G", b"GET /v2 HTTP/1.1\r\nA: ", POST + b"Content-Length: 900\r\n\r\n{"]
)
def test_a_trickle_of_bytes_does_not_hold_a_connection(find: FindMethod, begun: bytes) -> None:
    with running_face(find, bounds={"read_seconds": 0.4}) as face, face.connect() as connection:
        connection.sendall(begun)
        connection.settimeout(0.05)
        answer, end = b"", time.monotonic() + 10.0
        while not answer:
            assert time.monotonic() < end
            try:
                connection.sendall(b"a")
                answer = connection.recv(65536)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")
        wait_until(lambda: face.served.connections() == 0)


def test_a_silent_connection_is_ended_without_a_word(find: FindMethod) -> None:
    with running_face(find, bounds={"idle_seconds": 0.3}) as face, face.connect() as connection:
        assert ended(connection)


def test_one_who_does_not_read_the_answer_is_cut() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_all(ours, b"answer", 5.0)
        assert theirs.recv(100) == b"answer"
        with pytest.raises(TimeoutError):
            send_all(ours, bytes(50 << 20), 0.3)


def test_a_slow_reader_has_one_time_for_all() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = threading.Event()

        def read_slowly() -> None:
            while not done.wait(0.01) and theirs.recv(65536):
                pass

        reader = threading.Thread(target=read_slowly)
        reader.start()
        with pytest.raises(TimeoutError):
            send_all(ours, bytes(100 << 20), 0.5)
        done.set()
        ours.close()
        reader.join(10)


def test_connections_are_bounded(find: FindMethod) -> None:
    with running_face(find, bounds={"max_connections": 2}) as face:
        with face.connect() as first, face.connect() as second:
            for connection in (first, second):
                connection.sendall(LIVE)
                assert read_reply(connection).status == 200
            with face.connect() as third:
                reply = read_reply(third)
                assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
                assert "connections" in reply.error
                assert ended(third)
            first.sendall(LIVE)
            assert read_reply(first).status == 200
        wait_until(lambda: face.served.connections() == 0)
        assert face.ask("/v2/health/live").status == 200


def test_large_bodies_are_read_a_few_at_a_time(find: FindMethod) -> None:
    bounds = {"large_bodies": 1, "large_body_bytes": 100, "read_seconds": 0.5}
    with running_face(find, bounds=bounds) as face, face.connect() as slow:
        slow.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        with face.connect() as other:
            other.sendall(POST + b"Content-Length: 1000\r\n\r\n")
            assert read_reply(other).status in (503, 408)
        assert face.ask("/v2/models/taxi/infer", trip(1.0)).status == 200


def test_clients_that_vanish_leave_nothing(face: Face) -> None:
    for _ in range(20):
        with face.connect() as connection:
            connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    wait_until(lambda: face.served.connections() == 0)
    assert face.ask("/v2/health/live").status == 200


def _slow(begun: threading.Event, go: threading.Event) -> FindMethod:
    def live(message: bytes) -> bytes:
        begun.set()
        go.wait(10)
        return pb.ServerLiveResponse(live=True).SerializeToString()

    return {SERVICE + "ServerLive": Quick(live)}.get


def test_a_drain_lets_an_answer_end(find: FindMethod) -> None:
    begun, go = threading.Event(), threading.Event()
    with running_face(_slow(begun, go)) as face, face.connect() as busy, face.connect() as idle:
        busy.sendall(LIVE)
        assert begun.wait(10)
        wait_until(lambda: face.served.connections() == 2)
        finished: list[bool] = []
        drain = threading.Thread(target=lambda: finished.append(face.served.stop(10.0)))
        drain.start()
        assert ended(idle)
        with pytest.raises(OSError, match="refused"):
            face.connect()
        go.set()
        reply = read_reply(busy)
        assert (reply.status, reply.headers["Connection"]) == (200, "close")
        drain.join(10)
        assert finished == [True]


def test_a_drain_ends_in_its_time() -> None:
    begun, go = threading.Event(), threading.Event()
    with running_face(_slow(begun, go)) as face, face.connect() as busy:
        busy.sendall(LIVE)
        assert begun.wait(10)
        assert face.served.stop(0.1) is False
        assert ended(busy)
        go.set()


def test_an_address_in_use_is_told(find: FindMethod, face: Face) -> None:
    other = HttpFace(HttpConfig(f"127.0.0.1:{face.port}"), find)
    with pytest.raises(ConfigurationError, match="INFERENCE_HTTP_ADDRESS"):
        other.start()


def test_over_tls_with_client_certificates(find: FindMethod, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    shown, server = authority.issue("page", client=True), authority.issue("server")
    watch = CertificateWatch(TlsConfig(server.certificate, server.key, authority.file))
    with running_face(find, tls=lambda: watch.current(HTTP1), bounds={"read_seconds": 1.0}) as face:
        trusted = ssl.create_default_context(cafile=authority.file)
        stranger = ssl.create_default_context(cafile=authority.file)
        trusted.load_cert_chain(shown.certificate, shown.key)

        def status(context: ssl.SSLContext) -> int:
            asking = http.client.HTTPSConnection(
                "localhost", face.port, timeout=10, context=context
            )
            try:
                asking.request("GET", "/v2/health/live")
                answer = asking.getresponse()
                answer.read()
                return answer.status
            finally:
                asking.close()

        with face.connect() as silent:  # a handshake that never begins holds up nobody
            assert status(trusted) == 200
            with pytest.raises((OSError, http.client.HTTPException)):
                status(stranger)
            assert ended(silent)
        with face.connect() as plain:
            plain.sendall(LIVE)
            assert not plain.recv(100).startswith(b"HTTP/")
        assert status(trusted) == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_asks(face: Face) -> None:
    body = '{"inputs": [{"name": "distance", "datatype": "FP32", "shape": [1, 1], "data": [2.0]}, '
    body += '{"name": "passengers", "datatype": "INT64", "shape": [1, 1], "data": [1]}]}'
    url = f"http://127.0.0.1:{face.port}/v2/models/taxi/infer"
    done = subprocess.run(
        ["curl", "--silent", "--fail-with-body", "--max-time", "10", "--data", body, url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done
    assert '"data":[8.0]' in done.stdout
