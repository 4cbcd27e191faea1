"""The reference transport: a grpcio server over the table of methods, in bytes.

Threads, not grpc.aio: measured with grpcio 1.85 on one core, a small model, 8 and 32 questions in
flight, threads answered 5,500 to 6,700 requests a second, grpc.aio 3,500 (3,800 with uvloop).
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import grpc

from inference_service.errors import answer_too_large
from inference_service.methods import Batch, FindMethod, Inference, Method, Quick, Watch
from inference_service.observer import Observer
from inference_service.status import Code, status_of
from inference_service.tls import CertificateWatch
from inference_service.transports.pool import ThreadPool
from inference_service.transports.turns import QUICK_SECONDS, Turns, cores
from protos.errors import ConfigurationError, Unavailable

# Threads beyond those for requests: health, metadata and refusals answer even at the limit.
_SPARE_THREADS = 8
_LAST_BYTES_SECONDS = 0.2
_KEEPALIVE_ANSWER_MS = 20_000
_PING_INTERVAL_MS = 500  # C-core's clients send none sooner than 1 s after the one before
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Admission:
    """Admits at most `limit` requests and streams at once; knows when nothing is being answered.

    Plain methods and one lock: it is entered for every call, and a context manager costs more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self.open = 0
        """Requests and streams that hold a place."""
        self._answering = 0

    def admit(self, answering: int) -> None:
        """Takes a place; `answering` is 1 if something is being answered from now on.

        Raises Unavailable at once when all places are taken: no queue hides overload.
        """
        with self._changed:
            if self.open >= self._limit:
                raise Unavailable(
                    "the service is at its limit",
                    why=f"{self._limit} requests and streams are open",
                    remedy="ask again later, or raise INFERENCE_MAX_CONCURRENT",
                )
            self.open += 1
            self._answering += answering

    def release(self, answering: int) -> None:
        """Gives the place back, as it was taken."""
        with self._changed:
            self.open -= 1
            self._answering -= answering
            if not self._answering:
                self._changed.notify_all()

    def answer(self, change: int) -> None:
        """Something of a stream is being answered (1), or no longer (-1)."""
        with self._changed:
            self._answering += change
            if not self._answering:
                self._changed.notify_all()

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Whether nothing is being answered, waiting for it at most `timeout_seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._answering, timeout_seconds)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Each call has its own thread, so a slow answer holds up neither health nor others."""

    def __init__(
        self,
        find: FindMethod,
        admission: Admission,
        max_message: int,
        observer: Observer | None,
    ) -> None:
        self._find = find
        self._admission = admission
        self._max_message = max_message
        self._turns = Turns(cores())
        self._observer = observer
        self._made: dict[str, tuple[Method, Any]] = {}

    def service(self, details: Any) -> Any:
        """The handler of one call: messages stay bytes."""
        path = details.method
        method = self._find(path)
        if method is None:
            return None
        known, handler = self._made.get(path, (None, None))
        if known is not method:
            handler = self._handler(path, method)
            self._made[path] = (method, handler)
        return handler

    def _handler(self, path: str, method: Method) -> Any:
        if isinstance(method, Watch):
            return grpc.unary_stream_rpc_method_handler(lambda m, c: _watch(method, m, c))
        if method.streaming:
            return grpc.stream_stream_rpc_method_handler(
                lambda messages, context: self._stream(path, method, messages, context)
            )
        if self._observer is None:
            return grpc.unary_unary_rpc_method_handler(partial(self._unary, method))
        return grpc.unary_unary_rpc_method_handler(partial(self._observed, path, method))

    def _unary(self, method: Quick | Inference, message: bytes, context: Any) -> bytes:
        try:
            return self._answer(method, message, context)
        except Exception as error:
            _abort(context, *status_of(error))

    def _observed(
        self, path: str, method: Quick | Inference, message: bytes, context: Any
    ) -> bytes:
        started = time.monotonic()
        code, answer = Code.OK, None
        try:
            answer = self._answer(method, message, context)
            return answer
        except Exception as error:
            code, text = status_of(error)
            _abort(context, code, text)
        finally:
            if self._observer is not None:
                seconds = time.monotonic() - started
                self._observer.observe(path, code, seconds, _traceparent(context), answer)

    def _answer(self, method: Quick | Inference, message: bytes, context: Any) -> bytes:
        if isinstance(method, Quick):
            return method.answer(message)
        batch = method.plan([message])[0]
        self._admission.admit(answering=1)
        try:
            return self._run(batch, context)
        finally:
            self._admission.release(answering=1)

    def _run(self, batch: Batch, context: Any) -> bytes:
        if batch.expected_seconds < QUICK_SECONDS:  # grpcio itself ends what is past its deadline
            outcome = batch.run()[0]
        else:
            left = context.time_remaining()
            with self._turns.turn(batch.expected_seconds, left, context.is_active):
                outcome = batch.run()[0]
        if isinstance(outcome, Exception):
            raise outcome
        if len(outcome) > self._max_message:
            raise answer_too_large(len(outcome), self._max_message)
        return outcome

    def _stream(
        self, path: str, method: Quick | Inference, messages: Iterator[bytes], context: Any
    ) -> Iterator[bytes]:
        started, code = time.monotonic(), Code.OK
        try:
            if isinstance(method, Quick):
                yield from map(method.answer, messages)
                return
            self._admission.admit(answering=0)
            try:
                for message in messages:
                    self._admission.answer(1)
                    try:
                        answer = self._of_stream(method, message, context)
                    finally:
                        self._admission.answer(-1)
                    yield answer
            finally:
                self._admission.release(answering=0)
        except GeneratorExit:
            code = Code.CANCELLED
            raise
        except Exception as error:
            code, text = status_of(error)
            _abort(context, code, text)
        finally:
            if self._observer is not None:
                self._observer.observe(path, code, time.monotonic() - started)

    def _of_stream(self, method: Inference, message: bytes, context: Any) -> bytes:
        try:
            return self._run(method.plan([message])[0], context)
        except Exception as error:
            if method.as_message is None:
                raise
            return method.as_message(message, error)


def _traceparent(context: Any) -> str | None:
    for name, value in context.invocation_metadata():
        if name == "traceparent":
            return str(value)
    return None


def _watch(method: Watch, message: bytes, context: Any) -> Iterator[bytes]:
    told: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    try:
        end = method.subscribe(message, told.put)
    except Exception as error:
        _abort(context, *status_of(error))
    if not context.add_callback(lambda: told.put(None)):
        told.put(None)
    try:
        while (answer := told.get()) is not None:
            yield answer
    finally:
        end()


def _abort(context: Any, code: Code, text: str) -> NoReturn:
    context.abort(_CODES[int(code)], text)
    raise AssertionError("abort raises")


def server_credentials(watch: CertificateWatch) -> grpc.ServerCredentials:
    """Credentials that follow the certificate: each handshake asks whether it changed."""

    def configuration() -> Any:
        files = watch.current_bytes()
        return grpc.ssl_server_certificate_configuration(
            [(files.key, files.chain)], files.client_ca
        )

    seen = watch.generation

    def changed() -> Any:
        nonlocal seen
        if watch.generation == seen:
            return None
        seen = watch.generation
        return configuration()

    must_show = watch.current_bytes().client_ca is not None
    return grpc.dynamic_ssl_server_credentials(configuration(), changed, must_show)


class GrpcioTransport:
    """The gRPC server: `start` binds it, `drain` ends it."""

    def __init__(
        self,
        address: str,
        find: FindMethod,
        max_message: int,
        max_concurrent: int,
        observer: Observer | None = None,
        credentials: Callable[[], Any] | None = None,
        *,
        max_header: int = 16 << 10,
        keepalive_seconds: float = 60.0,
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._admission = Admission(max_concurrent)
        threads = max_concurrent + _SPARE_THREADS
        self._server = grpc.server(
            ThreadPool(threads),  # type: ignore[arg-type]  # grpcio takes any Executor
            handlers=[_Handlers(find, self._admission, max_message, observer)],
            maximum_concurrent_rpcs=threads * 4,  # calls that wait for a thread, and watches
            options=[
                ("grpc.max_receive_message_length", max_message),
                ("grpc.max_send_message_length", max_message),
                ("grpc.so_reuseport", 0),  # a second server on this port must fail, not share it
                ("grpc.max_metadata_size", max_header),
                ("grpc.absolute_max_metadata_size", max_header),
                # a client that is gone without a word must not hold its places
                ("grpc.keepalive_time_ms", int(keepalive_seconds * 1000)),
                ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER_MS),
                # else the third ping of a client's own keepalive within 5 minutes ends its calls
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MS),
            ],
        )

    def start(self) -> int:
        """Binds, serves, returns the port. Raises ConfigurationError if the address is taken."""
        try:
            if self._credentials is None:
                port: int = self._server.add_insecure_port(self._address)
            else:
                port = self._server.add_secure_port(self._address, self._credentials())
        except RuntimeError as error:
            raise ConfigurationError(
                f"cannot listen on {self._address}",
                why="the address is in use or not of this machine",
                remedy="set INFERENCE_ADDRESS to a free one",
            ) from error
        self._server.start()
        return port

    def gauges(self) -> dict[str, float]:
        """What is open at this moment."""
        return {"open": self._admission.open}

    def turned_away(self) -> dict[str, int]:
        """Nothing: grpcio tells nobody what it turns away."""
        return {}

    def drain(self, seconds: float) -> bool:
        """Takes no new call, lets those in flight end, for at most `seconds`; whether all did.

        Streams that wait for a next question, and health watches, are ended as soon as nothing is
        being answered: they would hold up the drain for nothing.
        """
        stopped: threading.Event = self._server.stop(seconds)
        idle = self._admission.wait_idle(seconds)
        if not stopped.wait(_LAST_BYTES_SECONDS):  # answers on their way out
            self._server.stop(0).wait(_LAST_BYTES_SECONDS)
        return idle
