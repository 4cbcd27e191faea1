"""A client that behaves badly, as a process of its own, until it is killed.

python -m benchmarks.soak.bad TARGET vanish|half|slow|malformed
"""

import contextlib
import os
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

from hpack import Encoder

from benchmarks.soak.models import COLUMNS, NAME
from protos import inference_pb2 as pb

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_INFER = "/inference.GRPCInferenceService/ModelInfer"
_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_END_HEADERS, _END_STREAM = 4, 1
_ROWS = 4000  # 1 MB
_SECONDS = 10.0


def _question(rows: int) -> bytes:
    request = pb.ModelInferRequest(model_name=NAME)
    request.inputs.add(name="x", datatype="FP32", shape=[rows, COLUMNS])
    request.raw_input_contents.append(bytes(4 * rows * COLUMNS))
    return request.SerializeToString()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack(">I", stream) + payload
    )


def _head(stream: int, path: str = _INFER) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "soak"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]
    return _frame(_HEADERS, _END_HEADERS, stream, Encoder().encode(fields))


def _data(stream: int, message: bytes) -> bytes:
    body = b"\0" + len(message).to_bytes(4, "big") + message
    pieces = [body[n : n + 16384] for n in range(0, len(body), 16384)]
    last = len(pieces) - 1
    return b"".join(
        _frame(_DATA, _END_STREAM if n == last else 0, stream, piece)
        for n, piece in enumerate(pieces)
    )


def _begun(target: str, settings: bytes = b"", receive_buffer: int = 0) -> socket.socket:
    host, _, port = target.rpartition(":")
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(_SECONDS)
    sock.connect((host, int(port)))
    sock.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, settings))
    return sock


def half(target: str) -> None:
    """Requests that stop anywhere: in the preface, in a header block, in a frame, in a message."""
    whole = _head(1) + _data(1, _question(8))
    held = []
    while True:
        sock = _begun(target)
        sock.sendall(whole[: random.randrange(len(whole))])
        held.append(sock)
        if len(held) > 20:
            held.pop(0).close()
        time.sleep(0.2)


def slow(target: str) -> None:
    """Asks for megabytes, grants windows for all of them, and reads next to nothing."""
    settings = struct.pack(">HI", 4, 0x7FFFFFFF)
    held = []
    for _ in range(3):
        sock = _begun(target, settings, receive_buffer=4096)
        sock.sendall(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFF0000)))
        held.append(sock)
        time.sleep(0.2)
    message = _question(100)
    for number in range(1, 400, 2):
        for sock in held:
            sock.sendall(_head(number) + _data(number, message))
            sock.recv(64)
        time.sleep(0.05)
    time.sleep(3600)


def vanish(target: str) -> None:
    """Streams and large questions in flight at all times: killed in the middle of them."""
    import grpc

    from protos import inference_pb2_grpc as pb_grpc

    def questions() -> Iterator[pb.ModelInferRequest]:
        while True:
            yield pb.ModelInferRequest.FromString(_question(50))

    def ask_on(stub: pb_grpc.GRPCInferenceServiceStub) -> None:
        while True:
            stub.ModelInfer(pb.ModelInferRequest.FromString(_question(_ROWS)), timeout=_SECONDS)

    with grpc.insecure_channel(target) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        threading.Thread(target=ask_on, args=(stub,), daemon=True).start()
        for _ in stub.ModelStreamInfer(questions(), timeout=600):
            time.sleep(0.01)


def malformed(target: str) -> None:
    """Garbage at every layer, one connection after the other."""
    while True:
        with contextlib.suppress(OSError):  # it is meant to be thrown out
            _one_malformed(target)
        time.sleep(0.05)


def _one_malformed(target: str) -> None:
    host, _, port = target.rpartition(":")
    noise = os.urandom(random.randint(1, 3000))
    what = random.randrange(7)
    if what < 2:
        with socket.create_connection((host, int(port)), _SECONDS) as sock:
            sock.sendall(noise if what else b"GET / HTTP/1.1\r\nHost: soak\r\n\r\n")
            sock.recv(100)
        return
    with _begun(target) as sock:
        if what == 2:
            sock.sendall(noise)
        elif what == 3:
            sock.sendall(_head(1) + _data(1, noise))
        elif what == 4:
            sock.sendall(_frame(_HEADERS, _END_HEADERS, 1, noise))
        elif what == 5:
            kind, flags = random.randrange(12), random.randrange(256)
            sock.sendall(_frame(kind, flags, random.randrange(4), noise[:100]))
        else:
            sock.sendall(_head(1, "/no.such/Method") + _data(1, noise) + _head(2))
        sock.recv(100)


KINDS: dict[str, Callable[[str], None]] = {
    "vanish": vanish,
    "half": half,
    "slow": slow,
    "malformed": malformed,
}


if __name__ == "__main__":
    while True:
        try:
            KINDS[sys.argv[2]](sys.argv[1])
        except OSError:  # the service threw it out: again
            time.sleep(0.2)
