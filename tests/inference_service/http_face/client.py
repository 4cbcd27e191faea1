"""Short ways to ask an HTTP face: by the library's client, and by bare sockets."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inference_service.http_face.config import HttpConfig
from inference_service.http_face.face import HttpFace
from inference_service.methods import FindMethod

SECONDS = 15.0


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


@dataclass
class Site:
    """Asks whatever listens on a port of the loopback."""

    port: int

    def ask(self, path: str, value: Any = None, *, verb: str = "", **headers: str) -> Reply:
        """GET, or POST of `value` as JSON (bytes as they are)."""
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            connection.request(verb or ("GET" if body is None else "POST"), path, body, names)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def raw(self, data: bytes) -> Reply:
        """Sends bytes as they are and reads one answer."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_reply(connection)


@dataclass
class Face(Site):
    """The same of a face in this process."""

    served: HttpFace


def read_reply(connection: socket.socket) -> Reply:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return Reply(answer.status, answer.headers, answer.read())


@contextmanager
def running_face(
    find: FindMethod,
    render: Callable[[], bytes] | None = None,
    *,
    bounds: dict[str, Any] | None = None,
    **more: Any,
) -> Iterator[Face]:
    config = HttpConfig("127.0.0.1:0", **(bounds or {}))
    served = HttpFace(config, find, render, **more)
    face = Face(served.start(), served)
    try:
        yield face
    finally:
        served.stop(5.0)


def trip(*distances: Any, **more: Any) -> dict[str, Any]:
    """A question to `taxi`."""
    rows = len(distances)
    return {
        "inputs": [
            {"name": "distance", "datatype": "FP32", "shape": [rows, 1], "data": list(distances)},
            {"name": "passengers", "datatype": "INT64", "shape": [rows, 1], "data": [1] * rows},
        ]
    } | more
