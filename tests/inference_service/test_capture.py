"""Capture: what is written, and that it is bounded, sealed and survives a restart."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference_service import capture as capture_module
from inference_service.capture import Capture, CapturedRequest, as_line
from inference_service.config import CaptureConfig
from tests.inference_service.harness import running_service, taxi_request, wait_until

pytestmark = pytest.mark.usefixtures("transport")

_WHEN = datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)


def _request(name: str = "r", rows: int = 1, **changes: Any) -> CapturedRequest:
    fields: dict[str, Any] = {
        "request_id": name,
        "time": _WHEN,
        "model": "taxi",
        "model_digest": "sha256:" + "a" * 64,
        "inputs": {"distance": np.full((rows, 1), 1.5, np.float32)},
        "outputs": {"fare": np.full((rows, 1), 7.5, np.float32)},
    }
    return CapturedRequest(**(fields | changes))


def _records(folder: Path, pattern: str = "captures-*.jsonl") -> list[dict[str, Any]]:
    lines = [p.read_bytes() for p in sorted(folder.glob(pattern))]
    return [json.loads(line) for line in b"".join(lines).splitlines()]


def test_a_line_holds_what_was_asked_and_answered() -> None:
    inputs = {
        "distance": np.array([[1.5], [np.nan], [np.inf]], np.float32),
        "id": np.array([[1], [2], [3]]),
        "name": np.array([["a"], ["ü"], [""]], dtype=object),
    }
    line = as_line(_request(inputs=inputs, outputs={"ok": np.array([True, False, True])}))
    assert line.endswith(b"\n")
    assert json.loads(line) == {
        "request_id": "r",
        "time": "2026-01-01T00:00:00.123456Z",
        "model": "taxi",
        "model_digest": "sha256:" + "a" * 64,
        "rows": 3,
        "inputs": {"distance": [1.5, None, None], "id": [1, 2, 3], "name": ["a", "ü", ""]},
        "outputs": {"ok": [True, False, True]},
    }


def test_a_segment_is_sealed_in_its_time_and_only_then_has_its_name(tmp_path: Path) -> None:
    capture = Capture(CaptureConfig(tmp_path, segment_seconds=0.3))
    capture.offer(_request("a"))
    capture.offer(_request("b"))
    wait_until(lambda: len(list(tmp_path.glob("*.jsonl.open"))) == 1)
    assert not list(tmp_path.glob("*.jsonl"))
    wait_until(lambda: len(list(tmp_path.glob("*.jsonl"))) == 1)
    assert not list(tmp_path.glob("*.open"))
    assert [r["request_id"] for r in _records(tmp_path)] == ["a", "b"]
    capture.close(5)


def test_closing_seals_what_was_offered(tmp_path: Path) -> None:
    capture = Capture(CaptureConfig(tmp_path, segment_seconds=3600))
    for number in range(100):
        capture.offer(_request(str(number)))
    capture.close(5)
    assert [r["request_id"] for r in _records(tmp_path)] == [str(n) for n in range(100)]
    assert capture.counters() == {
        "written": 100,
        "dropped": 0,
        "too_large": 0,
        "skipped": 0,
        "dropped_segments": 0,
    }


def test_the_folder_stays_within_its_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    bound = 65536
    capture = Capture(CaptureConfig(tmp_path, max_bytes=bound, segment_seconds=3600))
    for number in range(300):
        capture.offer(_request(str(number), rows=50))
    capture.close(5)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    kept = [int(r["request_id"]) for r in _records(tmp_path)]
    assert bound / 2 < size <= bound
    assert kept == list(range(kept[0], 300))
    assert kept[0] > 0
    assert capture.counters()["dropped_segments"] > 0


def test_a_request_too_large_for_a_message_is_left_out_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    capture = Capture(CaptureConfig(tmp_path))
    capture.offer(_request("large", rows=40_000))
    capture.offer(_request("again", rows=40_000))
    capture.offer(_request("small"))
    capture.close(5)
    assert [r["request_id"] for r in _records(tmp_path)] == ["small"]
    assert capture.counters()["too_large"] == 2
    assert capture.counters()["dropped"] == 0
    assert len([r for r in caplog.records if "too large" in r.message]) == 1


def _image(side: int) -> CapturedRequest:
    image = np.full((1, side, side, 3), 200, np.uint8)
    return _request(str(side), inputs={"image": image})


def test_images_come_with_their_shapes_and_tables_without(tmp_path: Path) -> None:
    image = np.arange(2 * 2 * 4 * 3, dtype=np.uint8).reshape(2, 2, 4, 3)
    record = json.loads(as_line(_request(rows=2, inputs={"image": image})))
    assert record["shapes"] == {"image": [2, 2, 4, 3]}
    assert record["inputs"]["image"] == list(range(48))
    assert "shapes" not in json.loads(as_line(_request()))


def test_images_of_up_to_64_pixels_are_captured_and_photographs_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture(CaptureConfig(tmp_path))
    lines: list[CapturedRequest] = []

    def line_of(request: CapturedRequest) -> bytes:
        lines.append(request)
        return as_line(request)

    monkeypatch.setattr(capture_module, "as_line", line_of)
    for side in (8, 64, 110, 130, 2000):
        capture.offer(_image(side))
    capture.close(5)
    assert [r["request_id"] for r in _records(tmp_path)] == ["8", "64", "110"]
    assert capture.counters()["too_large"] == 2
    # of the photograph, 24 MB as text, no line was made at all
    assert [int(request.request_id) for request in lines] == [8, 64, 110, 130]


def test_a_full_queue_drops_and_never_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "QUEUE_LENGTH", 5)
    monkeypatch.setattr(Capture, "_write", lambda self, request: time.sleep(0.05))
    capture = Capture(CaptureConfig(tmp_path))
    started = time.monotonic()
    for number in range(1000):
        capture.offer(_request(str(number)))
    assert time.monotonic() - started < 0.5
    assert capture.counters()["dropped"] >= 980
    capture.close(5)


def test_the_queue_is_bounded_in_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "QUEUE_BYTES", 10)
    capture = Capture(CaptureConfig(tmp_path))
    capture.offer(_request("fits"))
    capture.offer(_request("does not", rows=10))
    capture.close(5)
    assert [r["request_id"] for r in _records(tmp_path)] == ["fits"]
    assert capture.counters()["dropped"] == 1


def test_a_sample_is_a_share(tmp_path: Path) -> None:
    capture = Capture(CaptureConfig(tmp_path, sample=0.5))
    for number in range(1000):
        if capture.take(1):
            capture.offer(_request(str(number)))
    capture.close(5)
    assert 400 < len(_records(tmp_path)) < 600  # six standard deviations
    assert capture.counters()["dropped"] == 0


def test_a_sample_of_none_writes_nothing(tmp_path: Path) -> None:
    capture = Capture(CaptureConfig(tmp_path / "captures", sample=0.0))
    assert capture.take(100) == 0
    capture.close(5)
    assert not (tmp_path / "captures").exists()


def test_what_comes_faster_than_the_rate_is_skipped_and_counted(tmp_path: Path) -> None:
    capture = Capture(CaptureConfig(tmp_path, max_rate=1.0))
    assert [capture.take(2), capture.take(2), capture.take(2)] == [2, 2, 1]  # five seconds' worth
    assert capture.take(3) == 0
    capture.close(5)
    assert capture.counters()["skipped"] == 4


def test_a_disk_that_refuses_costs_captures_only(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    capture = Capture(CaptureConfig(blocked))
    capture.offer(_request("lost"))
    wait_until(lambda: capture.counters()["dropped"] == 1)
    blocked.unlink()
    capture.offer(_request("kept"))
    capture.close(5)
    assert [r["request_id"] for r in _records(blocked)] == ["kept"]


def test_what_a_killed_process_left_is_sealed_without_its_half_line(tmp_path: Path) -> None:
    whole = as_line(_request("whole"))
    (tmp_path / "captures-20260101T000000000000Z-000001.jsonl.open").write_bytes(whole + whole[:20])
    (tmp_path / "captures-20260101T000001000000Z-000002.jsonl.open").write_bytes(whole[:20])
    capture = Capture(CaptureConfig(tmp_path))
    capture.offer(_request("new"))
    capture.close(5)
    assert [r["request_id"] for r in _records(tmp_path)] == ["whole", "new"]
    assert not list(tmp_path.glob("*.open"))


def test_the_service_captures_answers_with_ids_of_their_own(taxi: Path, tmp_path: Path) -> None:
    settings = {"CAPTURE_DIR": str(tmp_path / "c"), "CAPTURE_SEGMENT_SECONDS": "3600"}
    with running_service(taxi, **settings) as running:
        own = running.stub.ModelInfer(taxi_request([float("nan")])).id
        for _ in range(2):
            running.stub.ModelInfer(taxi_request([2.0], id="same"))
        assert running.stop() == 0
    records = _records(tmp_path / "c")
    ids = [r["request_id"] for r in records]
    assert ids[0] == own
    assert all(given.startswith("same.") for given in ids[1:])
    assert len(set(ids)) == 3
    assert records[0]["inputs"] == {"distance": [None], "passengers": [1]}
    assert records[1]["outputs"] == {"fare": [8.0]}
    assert records[1]["model_digest"] == json.loads((taxi / "model.json").read_bytes())["digest"]


def test_a_killed_service_loses_no_more_than_half_a_line(taxi: Path, tmp_path: Path) -> None:
    settings = {"CAPTURE_DIR": str(tmp_path), "CAPTURE_SEGMENT_SECONDS": "3600"}
    with running_service(taxi, **settings) as running:
        for _ in range(20):
            running.stub.ModelInfer(taxi_request())
        wait_until(lambda: len(_records(tmp_path, "*.open")) == 20)
        running.process.kill()
    with running_service(taxi, **settings) as running:
        running.stub.ModelInfer(taxi_request())
        assert running.stop() == 0
    assert len(_records(tmp_path)) == 21
