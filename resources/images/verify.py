"""Proves an image by running it: started, asked its golden questions, stopped."""

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.modules.golden import Answers, Golden, ask
from edge.oci import BlobStore, UnpackedImage, unpack
from edge.runtime import Process, ProcessSpec, Runtime
from protos.digests import short
from protos.errors import EdgeAssetsError, VerificationFailed

PORT = 8081
_LOOK_SECONDS = 0.02
_STOP_SECONDS = 10.0
_CONNECT_SECONDS = 1.0
# The service loads its model before it listens, so "not serving" is its last word; a moment is
# left to it all the same.
_REFUSAL_SECONDS = 2.0
# The service is a neighbour that listens soon: look often, and never by way of a proxy.
_CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_http_proxy", 0),
]
_LOG_CHARACTERS = 600


@dataclass(frozen=True)
class Verification:
    """What was proven, and how. Times in milliseconds; `max_error` is the largest difference."""

    rung: str
    isolation: str
    image_bytes_verified: bool
    started_ms: float
    asked: int
    right: int
    max_error: float
    latency_ms: dict[str, float]
    served_digest: str


def verify_image(
    store: BlobStore,
    digest: str,
    runtime: Runtime,
    work_dir: Path,
    deadline_seconds: float = 60.0,
    *,
    cache: Path | None = None,
) -> Verification:
    """Starts image `digest` on `runtime`, waits until it serves, asks every golden question.

    `cache` keeps unpacked layers between calls (default: below `work_dir`). Raises
    VerificationFailed when it does not start or serve in time, serves another model than the
    golden questions are for, or gives a wrong answer. Being slow is not judged here.
    """
    image = unpack(store, digest, cache or work_dir / "rootfs", work_dir / "model")
    if image.model is None:
        raise VerificationFailed(f"image {short(digest)} has no model layer to ask about")
    golden = Golden.load(image.model / "golden.json")
    name = str(json.loads((image.model / "model.json").read_bytes())["name"])
    log = work_dir / "log"
    address = f"127.0.0.1:{free_port()}"
    deadline = time.monotonic() + deadline_seconds
    start = time.perf_counter()
    process = runtime.start(_spec(image, runtime, address, log))
    try:
        _wait_until_serving(process, address, name, deadline)
        started_ms = 1000 * (time.perf_counter() - start)
        answers = ask(address, golden, name, max(1.0, deadline - time.monotonic()))
        _judge(golden, answers)
    except EdgeAssetsError as error:
        raise VerificationFailed(
            f"image {short(digest)} did not prove itself on rung {runtime.rung}",
            why=f"{error}; its log ends: {log_tail(log)}",
            remedy="mend the service or the model and build the image again",
        ) from error
    finally:
        process.stop(_STOP_SECONDS)
    return Verification(
        runtime.rung,
        runtime.isolation,
        runtime.image_bytes_verified,
        started_ms,
        answers.asked,
        answers.right,
        answers.max_error,
        {"p50": answers.latency_ms_p50, "p95": answers.latency_ms_p95},
        golden.model_digest,
    )


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spec(image: UnpackedImage, runtime: Runtime, address: str, log: Path) -> ProcessSpec:
    port = int(address.rpartition(":")[2])
    if runtime.shares_network:
        return ProcessSpec(image, "verify", {"INFERENCE_ADDRESS": address}, log)
    env = {"INFERENCE_ADDRESS": f"0.0.0.0:{PORT}"}
    return ProcessSpec(image, "verify", env, log, ports={PORT: ("127.0.0.1", port)})


def _wait_until_serving(process: Process, address: str, name: str, deadline: float) -> None:
    refused_at: float | None = None
    with grpc.insecure_channel(address, options=_CHANNEL) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        while True:
            if (code := process.poll()) is not None:
                raise VerificationFailed(f"the service ended with code {code}")
            status = _status(check, name)
            if status == health_pb2.HealthCheckResponse.SERVING:
                return
            now = time.monotonic()
            refused_at = refused_at or (now if status is not None else None)
            if refused_at is not None and now - refused_at > _REFUSAL_SECONDS:
                raise VerificationFailed(f"the service runs and refuses to serve {name!r}")
            if now > deadline:
                raise VerificationFailed("the service did not listen in time")
            time.sleep(_LOOK_SECONDS)


def _status(check: Any, name: str) -> int | None:
    """The health of the model; None while nothing listens, 0 while the model is not known."""
    request = health_pb2.HealthCheckRequest(service=name)
    try:
        return int(check(request, timeout=_CONNECT_SECONDS).status)
    except grpc.RpcError as error:
        return 0 if error.code() == grpc.StatusCode.NOT_FOUND else None


def _judge(golden: Golden, answers: Answers) -> None:
    if answers.served_digest != golden.model_digest:
        raise VerificationFailed(
            f"it serves {answers.served_digest} instead of {golden.model_digest}"
        )
    if not answers.asked or answers.right < answers.asked:
        raise VerificationFailed(
            f"{answers.right} of {answers.asked} golden answers are right", why=answers.first_wrong
        )


def log_tail(log: Path) -> str:
    """The end of what a process wrote."""
    try:
        return log.read_text(errors="replace").strip()[-_LOG_CHARACTERS:] or "(empty)"
    except OSError:
        return "(none)"
