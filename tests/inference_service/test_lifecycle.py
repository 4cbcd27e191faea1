"""What happens to a service: a corrupt model, a disk that goes bad, SIGTERM."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos import inference_pb2 as pb
from protos.digests import digest_bytes
from tests.inference_service.harness import (
    Service,
    floats,
    held_open,
    refusal,
    running_service,
    taxi_request,
    wait_until,
)
from tests.inference_service.models import slow_model, taxi_model

pytestmark = pytest.mark.usefixtures("transport")

_STATUS = health_pb2.HealthCheckResponse


def _flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)


def _remove(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def _not_onnx(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not a model")
    _describe(folder, digest=digest_bytes(b"not a model"))


def _other_inputs(folder: Path) -> None:
    _describe(folder, inputs=[{"name": "miles", "datatype": "FP32", "shape": [-1, 1]}])


def _describe(folder: Path, **changes: object) -> None:
    described = json.loads((folder / "model.json").read_bytes())
    (folder / "model.json").write_text(json.dumps(described | changes))


def _health(running: Service, name: str) -> int:
    stub = health_pb2_grpc.HealthStub(running.channel)
    status: int = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5).status
    return status


def _disk_state(running: Service) -> str:
    metadata = running.stub.ModelMetadata(pb.ModelMetadataRequest(name="taxi"), timeout=5)
    return str(metadata.properties["disk_state"])


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_flip_a_bit, "model.onnx does not have its digest"),
        (_remove, "model.onnx cannot be read"),
        (_not_onnx, "onnxruntime refuses it"),
        (_other_inputs, "disagree on input"),
    ],
)
def test_a_bad_model_folder_is_refused_with_its_reason(
    tmp_path: Path, harm: Callable[[Path], None], reason: str
) -> None:
    harm(taxi_model(tmp_path))
    with running_service(tmp_path) as running:
        assert _health(running, "") == _STATUS.NOT_SERVING
        assert _health(running, "taxi") == _STATUS.NOT_SERVING
        assert running.stub.ServerLive(pb.ServerLiveRequest()).live
        assert not running.stub.ServerReady(pb.ServerReadyRequest()).ready
        assert not running.stub.ModelReady(pb.ModelReadyRequest(name="taxi")).ready
        for error in (
            refusal(running.stub.ModelInfer, taxi_request()),
            refusal(running.stub.ModelMetadata, pb.ModelMetadataRequest(name="taxi")),
        ):
            assert error.code == grpc.StatusCode.FAILED_PRECONDITION
            assert reason in error.text
            assert str(tmp_path) not in error.text
            assert "Traceback" not in error.text
        assert reason in running.log


def test_another_model_than_the_expected_one_is_refused(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    with running_service(tmp_path, MODEL_DIGEST="sha256:" + "0" * 64) as running:
        error = refusal(running.stub.ModelInfer, taxi_request())
        assert error.code == grpc.StatusCode.FAILED_PRECONDITION
        assert "instead of 000000000000" in error.text


def test_the_expected_model_is_served(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    digest = json.loads((tmp_path / "model.json").read_bytes())["digest"]
    with running_service(tmp_path, MODEL_DIGEST=digest) as running:
        assert floats(running.stub.ModelInfer(taxi_request([2.0]))) == [8.0]


def test_a_disk_that_goes_bad_is_told_and_the_verified_model_serves_on(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    good = (tmp_path / "model.onnx").read_bytes()
    with running_service(tmp_path, INFERENCE_WATCH_SECONDS="0.1") as running:
        assert _disk_state(running) == "verified"
        _flip_a_bit(tmp_path)
        wait_until(lambda: _disk_state(running) == "corrupt")
        assert "no longer has its digest" in running.log
        assert floats(running.stub.ModelInfer(taxi_request([2.0]))) == [8.0]
        assert _health(running, "taxi") == _STATUS.SERVING
        (tmp_path / "model.onnx").write_bytes(good)
        wait_until(lambda: _disk_state(running) == "verified")


def test_a_refused_model_is_served_once_its_folder_is_mended(tmp_path: Path) -> None:
    taxi_model(tmp_path)
    good = (tmp_path / "model.onnx").read_bytes()
    _flip_a_bit(tmp_path)
    with running_service(tmp_path, INFERENCE_WATCH_SECONDS="0.1") as running:
        assert _health(running, "taxi") == _STATUS.NOT_SERVING
        (tmp_path / "model.onnx").write_bytes(good)
        wait_until(lambda: _health(running, "taxi") == _STATUS.SERVING)
        assert floats(running.stub.ModelInfer(taxi_request([2.0]))) == [8.0]


def _slow_request() -> pb.ModelInferRequest:
    request = pb.ModelInferRequest(model_name="slow")
    request.inputs.add(name="x", datatype="FP32", shape=[1, 1]).contents.fp32_contents.append(0.0)
    return request


def test_sigterm_lets_the_answer_in_flight_end_and_takes_no_new_question(tmp_path: Path) -> None:
    slow_model(tmp_path)
    with running_service(tmp_path, INFERENCE_DRAIN_SECONDS="30") as running:
        answer = running.stub.ModelInfer.future(_slow_request(), timeout=30)
        time.sleep(0.1)
        assert not answer.done()
        code: list[int] = []
        stopping = threading.Thread(target=lambda: code.append(running.stop(30)))
        stopping.start()
        wait_until(lambda: "draining" in running.log)
        late = refusal(running.stub.ModelInfer, _slow_request())
        assert late.code == grpc.StatusCode.UNAVAILABLE
        assert answer.result().outputs[0].name == "y"
        stopping.join(30)
        assert code == [0]
        assert "drained" in running.log


def test_the_drain_ends_in_its_time_whatever_is_in_flight(tmp_path: Path) -> None:
    slow_model(tmp_path, times=600)
    with running_service(tmp_path, INFERENCE_DRAIN_SECONDS="0.3") as running:
        answer = running.stub.ModelInfer.future(_slow_request(), timeout=30)
        time.sleep(0.3)
        started = time.monotonic()
        assert running.stop() == 1
        assert time.monotonic() - started < 3
        assert answer.exception() is not None
        assert "cut off" in running.log


def test_idle_streams_do_not_hold_up_the_drain(taxi: Path) -> None:
    with running_service(taxi) as running:
        gate = threading.Event()
        stream = running.stub.ModelStreamInfer(held_open(taxi_request(), gate), timeout=20)
        watch = health_pb2_grpc.HealthStub(running.channel).Watch(
            health_pb2.HealthCheckRequest(service="taxi"), timeout=20
        )
        assert next(watch).status == _STATUS.SERVING
        next(stream)
        started = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - started < 3
        gate.set()


def test_a_slow_answer_does_not_hold_up_health(tmp_path: Path) -> None:
    slow_model(tmp_path)
    with running_service(tmp_path) as running:
        answers = [running.stub.ModelInfer.future(_slow_request(), timeout=30) for _ in range(2)]
        started = time.monotonic()
        assert _health(running, "slow") == _STATUS.SERVING
        waited = time.monotonic() - started
        assert not all(answer.done() for answer in answers)
        assert waited < 0.5
