"""One connection: reads requests within their bounds, answers them, and goes on or hangs up."""

import io
import logging
import socket
import ssl
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from inference_service.http_face.config import HttpConfig
from inference_service.http_face.reader import BoundedReader, TooMuch, send_all
from inference_service.http_face.routes import Answer, Asked, Routes, error_answer

log = logging.getLogger(__name__)

_LONGEST_LINE = 8192
_BINARY = "Inference-Header-Content-Length"
_PREFLIGHT_SECONDS = 600


class Owner(Protocol):
    """What a connection needs of the face that it is of."""

    config: HttpConfig
    routes: Routes
    stopping: bool

    def answering(self, connection: socket.socket) -> AbstractContextManager[None]:
        """A drain waits for what happens within."""

    def large_body(self) -> AbstractContextManager[bool]:
        """A place for a large body; false if there is none in time."""


class Connection(BaseHTTPRequestHandler):
    """Serves one connection to its end, in the thread that makes it."""

    protocol_version = "HTTP/1.1"
    connection: socket.socket
    server: Any

    def setup(self) -> None:
        """Takes the socket; a handshake has the time of one request."""
        self._owner: Owner = self.server
        self._config = self._owner.config
        self.connection = self.request
        self.connection.settimeout(self._config.read_seconds)
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.do_handshake()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = BoundedReader(self.connection, self._config.read_seconds)
        self.rfile = io.BufferedReader(self._reader, 8192)
        self.wfile = io.BytesIO()

    def handle(self) -> None:
        """Request after request, until one side has enough."""
        self.close_connection = False
        while not self.close_connection and not self._owner.stopping:
            self._reader.await_request(self._config.idle_seconds, self._config.max_head_bytes)
            self.headers = None  # type: ignore[assignment]
            self.command = ""
            try:
                self.handle_one_request()
            except TimeoutError:
                self.close_connection = True
                if self._reader.begun:
                    self._send(error_answer(408, "the request did not come in time"))
            except TooMuch:
                self.close_connection = True
                self._send(error_answer(431, "the head of the request is too large"))

    def handle_one_request(self) -> None:
        """Reads one request and answers it."""
        self.raw_requestline = self.rfile.readline(_LONGEST_LINE + 1)
        if not self.raw_requestline:
            self.close_connection = True
        elif len(self.raw_requestline) > _LONGEST_LINE:
            self.send_error(414)
        elif self.parse_request():
            self._respond()

    def parse_request(self) -> bool:
        """As the library does, and stricter. False: it was answered with an error."""
        self._expects = False
        if not super().parse_request():
            self.close_connection = True
            return False
        lengths = self.headers.get_all("Content-Length", [])
        refused: tuple[int, str] | None = None
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1") or self.headers.defects:
            refused = 400, "the request is not HTTP/1.1"
        elif "Transfer-Encoding" in self.headers:
            refused = 411, "the body needs a Content-Length"
        elif len(lengths) > 1 or any(not (t.isascii() and t.isdigit()) for t in lengths):
            refused = 400, "Content-Length is not one number"
        elif lengths and (len(lengths[0]) > 15 or int(lengths[0]) > self._config.max_body_bytes):
            refused = 413, f"the body may have {self._config.max_body_bytes} bytes"
        elif _BINARY in self.headers:
            refused = 400, "binary tensors are not served here; ask over gRPC"
        if refused:
            self.send_error(*refused)
            return False
        self._length = int(lengths[0]) if lengths else 0
        return True

    def handle_expect_100(self) -> bool:
        """Says nothing yet: a body that is too large is better not sent."""
        self._expects = True
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """An error in the JSON of the protocol, instead of a page; the connection ends."""
        self.close_connection = True
        self._send(error_answer(code, message or self.responses.get(code, ("error",))[0]))

    def log_message(self, format: str, *args: object) -> None:
        """For debugging only: who asks is no matter of the log."""
        log.debug(format, *args)

    def finish(self) -> None:
        """Lets go of the reader; the socket is the face's."""
        self.rfile.close()

    def _respond(self) -> None:
        with self._owner.answering(self.connection):
            if self._length <= self._config.large_body_bytes:
                self._send(self._answer(self._body()))
                return
            with self._owner.large_body() as place:
                if place:
                    self._send(self._answer(self._body()))
                else:
                    self.send_error(503, "too many large requests at once")

    def _body(self) -> bytes:
        if not self._length:
            return b""
        if self._expects:
            send_all(self.connection, b"HTTP/1.1 100 Continue\r\n\r\n", self._config.read_seconds)
        self._reader.await_body(self._length)
        body = self.rfile.read(self._length)
        if len(body) < self._length:
            raise ConnectionResetError
        return body

    def _answer(self, body: bytes) -> Answer:
        """Pages of other origins are refused: a browser sends simple requests without asking."""
        origin = self.headers.get("Origin")
        allowed = origin is None or bool({origin, "*"} & set(self._config.origins))
        if not allowed:
            return error_answer(403, "this origin is not allowed to ask")
        if self.command == "OPTIONS":
            return Answer(204, b"", headers={"Allow": "GET, HEAD, POST, OPTIONS"})
        path = self.path.partition("?")[0]
        return self._owner.routes.answer(
            Asked(self.command, path, body, self.headers.get("traceparent"))
        )

    def _send(self, answer: Answer) -> None:
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **answer.headers,
            **self._cors(),
        }
        if answer.status == 204:
            del headers["Content-Length"], headers["Content-Type"]
        if self._owner.stopping:
            self.close_connection = True
        headers["Connection"] = "close" if self.close_connection else "keep-alive"
        reason = self.responses.get(answer.status, ("",))[0]
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        body = b"" if self.command == "HEAD" else answer.body
        send_all(self.connection, head + body, self._config.read_seconds)

    def _cors(self) -> dict[str, str]:
        origin = self.headers.get("Origin") if self.headers else None
        if origin is None or not {origin, "*"} & set(self._config.origins):
            return {}
        cors = {
            "Access-Control-Allow-Origin": "*" if "*" in self._config.origins else origin,
            "Vary": "Origin",
        }
        if self.command == "OPTIONS":
            cors["Access-Control-Allow-Methods"] = "GET, HEAD, POST"
            cors["Access-Control-Allow-Headers"] = "content-type, traceparent"
            cors["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
        return cors
