"""A well-behaved client, as a process of its own: asks until SIGTERM, checks every answer.

    python -m benchmarks.soak.good TARGET unary|stream|large

At the end one line of JSON: {"good", "failed", "versions": {version: answers}, "reasons"}.
"""

import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np

from benchmarks.soak.models import COLUMNS, FACTORS, NAME
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc

KINDS = ("unary", "stream", "large")
_CALL_SECONDS = 20.0
_PAUSE_SECONDS = 0.004
_STREAM_MESSAGES = 200
_LARGE_ROWS = 2000  # 512 KB
_MAX_REASONS = 10


class Tally:
    """What came back."""

    def __init__(self) -> None:
        self.good = 0
        self.failed = 0
        self.versions: Counter[str] = Counter()
        self.reasons: list[str] = []

    def check(self, values: Any, response: pb.ModelInferResponse) -> None:
        """Counts one answer: right only if it is what the version that it names must say."""
        reason = wrong(values, response)
        if reason is None:
            self.good += 1
            self.versions[response.model_version] += 1
        else:
            self.fail(reason)

    def fail(self, reason: str) -> None:
        """Counts a question that was not answered, or not rightly."""
        self.failed += 1
        if len(self.reasons) < _MAX_REASONS:
            self.reasons.append(f"{time.time():.1f}: {reason[:300]}")

    def as_json(self) -> str:
        """The one line."""
        return json.dumps(vars(self))


def question(values: Any) -> pb.ModelInferRequest:
    """`soak`, asked with the rows of `values`."""
    request = pb.ModelInferRequest(model_name=NAME)
    request.inputs.add(name="x", datatype="FP32", shape=values.shape)
    request.raw_input_contents.append(values.tobytes())
    return request


def wrong(values: Any, response: pb.ModelInferResponse) -> str | None:
    """What is wrong with the answer to `values`; None if nothing is."""
    factor = FACTORS.get(response.model_version)
    if factor is None:
        return f"version {response.model_version!r}"
    if len(response.raw_output_contents) != 1:
        return f"{len(response.raw_output_contents)} outputs"
    if response.raw_output_contents[0] != (values * np.float32(factor)).tobytes():
        return f"not {factor} times what was sent, though version {response.model_version}"
    return None


def _values(rows: int) -> Any:
    return np.random.default_rng().random((rows, COLUMNS), dtype=np.float32)


def _unary(stub: Any, tally: Tally, rows: int) -> None:
    values = _values(rows)
    try:
        tally.check(values, stub.ModelInfer(question(values), timeout=_CALL_SECONDS))
    except grpc.RpcError as error:
        tally.fail(f"{error.code()}: {error.details()}")


def _stream(stub: Any, tally: Tally, stop: threading.Event) -> None:
    sent: list[Any] = []

    def questions() -> Iterator[pb.ModelInferRequest]:
        for _ in range(_STREAM_MESSAGES):
            if stop.is_set():
                return
            values = _values(random.randint(1, 3))
            sent.append(values)
            yield question(values)
            time.sleep(_PAUSE_SECONDS)

    answered = 0
    try:
        for answer in stub.ModelStreamInfer(questions(), timeout=_CALL_SECONDS * 3):
            if answer.error_message:
                tally.fail(answer.error_message)
            else:
                tally.check(sent[answered], answer.infer_response)
            answered += 1
    except grpc.RpcError as error:
        tally.fail(f"{error.code()}: {error.details()}")
        return
    for _ in range(len(sent) - answered):
        tally.fail("a question of a stream without an answer")


def main(target: str, kind: str) -> None:
    """Asks until SIGTERM; each minute or so on a new connection."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tally = Tally()
    while not stop.is_set():
        until = time.monotonic() + random.uniform(20, 60)
        with grpc.insecure_channel(target) as channel:
            stub: Any = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
            while not stop.is_set() and time.monotonic() < until:
                if kind == "stream":
                    _stream(stub, tally, stop)
                else:
                    _unary(stub, tally, _LARGE_ROWS if kind == "large" else random.randint(1, 4))
                stop.wait(_PAUSE_SECONDS * (10 if kind == "large" else 1))
    sys.stdout.write(tally.as_json() + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
