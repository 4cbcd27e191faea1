"""Golden questions: asked of a running inference service, and judged.

What they are and which answer is right, `protos.golden` tells. Depends on grpcio and protobuf only,
so that the smoke-test image stays small.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from edge.modules.wire import decode_values, encode_values
from protos import inference_pb2 as pb
from protos import inference_pb2_grpc as pb_grpc
from protos.digests import short
from protos.errors import DeadlineExceeded, EdgeAssetsError, Unavailable, VerificationFailed
from protos.golden import Golden, GoldenRequest, Tolerance, Values, compare

__all__ = ["Answers", "Golden", "GoldenRequest", "Tolerance", "Verdict", "ask", "judge"]

# The target is a neighbour: try again soon, and never by way of a proxy.
_CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
]


@dataclass(frozen=True)
class Answers:
    """What the service answered.

    `served_digest` is of the model in memory, None if the service did not tell. `right` of `asked`
    questions were within tolerance; `max_error` is the largest absolute difference of a numeric
    value (infinite for a missing or not comparable answer). Latencies are in milliseconds, as the
    client saw them. `first_wrong` tells about the first wrong answer.
    """

    served_digest: str | None
    asked: int
    right: int
    max_error: float
    latency_ms_p50: float
    latency_ms_p95: float
    first_wrong: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether the answers prove the model, and if not, the first reason."""

    passed: bool
    reason: str
    within_budget: bool


def ask(target: str, golden: Golden, model: str, deadline_seconds: float) -> Answers:
    """Asks all questions of `model` at `target` (host:port), one after the other.

    Waits for the service to listen, all within `deadline_seconds`. The first question is asked
    once more before, unmeasured, so that no latency holds the making of the connection. Raises
    Unavailable if the service is not there or does not serve the model, DeadlineExceeded if it
    takes too long.
    """
    end = time.monotonic() + deadline_seconds
    with grpc.insecure_channel(target, options=_CHANNEL) as channel:
        stub = pb_grpc.GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        try:
            metadata = stub.ModelMetadata(
                pb.ModelMetadataRequest(name=model), timeout=deadline_seconds, wait_for_ready=True
            )
            return _ask_all(stub, golden, metadata, end)
        except grpc.RpcError as error:
            raise _unanswered(target, model, error) from error


def judge(golden: Golden, answers: Answers) -> Verdict:
    """Whether `answers` prove that the golden model is served, correctly and in time.

    In this order: the digest, then every answer, then the 95th percentile of latency against the
    budget. No question asked is no proof.
    """
    within_budget = answers.asked > 0 and answers.latency_ms_p95 <= golden.latency_budget_ms
    reason = ""
    if answers.served_digest != golden.model_digest:
        served = "nothing known" if not answers.served_digest else short(answers.served_digest)
        reason = f"wrong model: served {served}, expected {short(golden.model_digest)}"
    elif not answers.asked:
        reason = "no golden question was asked"
    elif answers.right < answers.asked:
        wrong = answers.asked - answers.right
        reason = f"{wrong} of {answers.asked} golden answers wrong: {answers.first_wrong}"
    elif not within_budget:
        reason = (
            f"too slow: 95th percentile {answers.latency_ms_p95:.1f} ms, "
            f"budget {golden.latency_budget_ms:g} ms"
        )
    return Verdict(not reason, reason, within_budget)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of `values`: the smallest with at least `share` at or below."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _ask_all(stub: Any, golden: Golden, metadata: pb.ModelMetadataResponse, end: float) -> Answers:
    latencies: list[float] = []
    right, largest, first_wrong = 0, 0.0, ""
    for place, question in enumerate(golden.requests):
        try:
            request = build_request(metadata, question)
            if not place:
                stub.ModelInfer(request, timeout=_left(end))
            start = time.perf_counter()
            response = stub.ModelInfer(request, timeout=_left(end))
            latencies.append(1000.0 * (time.perf_counter() - start))
            good, error = _compare_all(question.outputs, read_outputs(response), golden.tolerance)
            text = "outside the tolerance"
        except grpc.RpcError as refusal:
            if refusal.code() != grpc.StatusCode.INVALID_ARGUMENT:
                raise
            good, error, text = False, math.inf, refusal.details() or "refused"
        except EdgeAssetsError as unfit:
            if isinstance(unfit, DeadlineExceeded):
                raise
            good, error, text = False, math.inf, str(unfit)
        right += good
        largest = max(largest, error)
        if not good and not first_wrong:
            first_wrong = f"question {place}: {text}"
    return Answers(
        served_digest=metadata.properties.get("model_digest"),
        asked=len(golden.requests),
        right=right,
        max_error=largest,
        latency_ms_p50=percentile(latencies, 0.50) if latencies else math.inf,
        latency_ms_p95=percentile(latencies, 0.95) if latencies else math.inf,
        first_wrong=first_wrong,
    )


def build_request(
    metadata: pb.ModelMetadataResponse, question: GoldenRequest
) -> pb.ModelInferRequest:
    """One row as a request with raw contents. Raises VerificationFailed if an input is missing."""
    request = pb.ModelInferRequest(model_name=metadata.name)
    # Golden questions are no traffic: captured, they would look like drift after a while.
    request.parameters["capture"].bool_param = False
    for tensor in metadata.inputs:
        if tensor.name not in question.inputs:
            raise VerificationFailed(
                f"golden.json has no input {tensor.name!r}", remedy="build the image again"
            )
        values = question.inputs[tensor.name]
        shape = question.shape_of(tensor.name, tensor.shape)
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=shape)
        request.raw_input_contents.append(encode_values(tensor.datatype, values))
    return request


def read_outputs(response: pb.ModelInferResponse) -> dict[str, Values]:
    """The flat values of each output. Raises VerificationFailed if one cannot be read."""
    raws = response.raw_output_contents
    if len(raws) != len(response.outputs):
        raise VerificationFailed("the answer has no raw contents for each output")
    return {
        output.name: decode_values(output.datatype, raw)
        for output, raw in zip(response.outputs, raws, strict=True)
    }


def _compare_all(
    expected: Mapping[str, Values], got: Mapping[str, Values], tolerance: Tolerance
) -> tuple[bool, float]:
    results = [compare(values, got.get(name, []), tolerance) for name, values in expected.items()]
    return all(good for good, _ in results), max((error for _, error in results), default=0.0)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded(
            "the golden questions took too long", remedy="see what else the device is doing"
        )
    return left


def _unanswered(target: str, model: str, error: grpc.RpcError) -> EdgeAssetsError:
    code = error.code()
    what = f"the inference service at {target} does not answer for {model!r}"
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(what, why="no answer in time", remedy="look at the module's log")
    why = f"{code.name}: {error.details() or 'no details'}"
    return Unavailable(what, why=why, remedy="look at the log of the inference service")
