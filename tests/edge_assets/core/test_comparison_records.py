"""From the messages of the real module, and from damaged ones, to the table of pairs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.modules.shadow.questions import Answer, as_pair, body_of, read_question
from edge_assets.core.comparison_records import Pairs, parse_pairs

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHAMPION, CANDIDATE = "sha256:" + "c" * 64, "sha256:" + "d" * 64


def pair(name: str, *distances: float, champion_ms: float | None = None) -> dict[str, Any]:
    """A pair as the module makes it."""
    record = {
        "request_id": name,
        "time": NOON.isoformat(),
        "model": "taxi",
        "model_digest": CHAMPION,
        "rows": len(distances),
        "inputs": {"distance": list(distances)},
        "outputs": {"fare": [2 * d for d in distances]},
    }
    answer = Answer({"fare": [3 * d for d in distances]}, CANDIDATE, 1.5)
    question = read_question(json.dumps(record).encode())
    made: dict[str, Any] = json.loads(body_of([as_pair(question, answer, champion_ms)]))[0]
    return made


def line(*pairs: Any, at: datetime = NOON, **changes: Any) -> tuple[str, bytes]:
    properties = {"kind": "comparison", "model": "taxi", **changes.pop("properties", {})}
    system = {"connectionDeviceId": changes.pop("device", "line-1")}
    system |= {"messageId": changes.pop("message", "")} if "message" in changes else {}
    envelope = {
        "EnqueuedTimeUtc": at.isoformat(),
        "Properties": properties,
        "SystemProperties": system,
        "Body": list(pairs),
    }
    return "file", json.dumps({**envelope, **changes}).encode()


def parsed(*lines: tuple[str, bytes]) -> Pairs:
    return parse_pairs(lines, model="taxi", start=NOON, end=NOON + timedelta(minutes=5))


def test_pairs_become_rows() -> None:
    found = parsed(line(pair("q1", 1.0, 2.0), pair("q2", 4.0, champion_ms=1.25)))
    frame = found.frame
    assert frame["champion.fare"].tolist() == [2.0, 4.0, 8.0]
    assert frame["candidate.fare"].tolist() == [3.0, 6.0, 12.0]
    assert frame["row"].tolist() == [0, 1, 0]
    assert frame["champion_ms"].isna().tolist() == [True, True, False]
    assert frame["candidate_ms"].tolist() == [1.5, 1.5, 1.5]
    assert (found.requests, found.malformed) == (2, 0)
    assert frame["input"].nunique() == 3


def test_a_pair_counts_once_for_its_device() -> None:
    found = parsed(line(pair("q1", 1.0)), line(pair("q1", 1.0)), line(pair("q1", 1.0), device="b"))
    assert (found.requests, found.duplicates) == (2, 1)
    assert found.frame["device"].tolist() == ["line-1", "b"]


def test_only_the_window_and_the_model_count() -> None:
    late = line(pair("q1", 1.0), at=NOON + timedelta(minutes=5))
    early = line(pair("q2", 1.0), at=NOON - timedelta(seconds=1))
    found = parsed(late, early, line({**pair("q3", 1.0), "model": "text"}))
    assert found.frame.empty
    assert found.other == 1
    assert "champion_ms" in found.frame


def test_captures_are_passed_over() -> None:
    found = parsed(line(pair("q", 1.0), properties={"kind": "capture"}))
    assert (found.requests, found.malformed) == (0, 0)


def test_a_base64_body_is_read() -> None:
    body = base64.b64encode(json.dumps([pair("q", 1.0)]).encode()).decode()
    assert parsed(line(Body=body)).requests == 1


def test_what_devices_let_go_is_summed_once_a_message() -> None:
    first: dict[str, Any] = {"properties": {"dropped": "3", "late": "1"}, "message": "m1"}
    lines = [line(**first), line(**first), line(properties={"dropped": "4"}, message="m2")]
    assert parsed(*lines).lost["dropped"] == 7
    assert parsed(*lines).lost["late"] == 1
    assert parsed(line(properties={"dropped": "-9"})).lost["dropped"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 2},
        {"rows": True},
        {"rows": 0},
        {"request_id": ""},
        {"request_id": 5},
        {"champion_digest": "latest"},
        {"candidate": {}},
        {"champion": {"fare": [{}]}},
        {"inputs": ["short"]},
        {"candidate_ms": -1.0},
        {"candidate_ms": "late"},
    ],
)
def test_a_damaged_pair_is_counted_and_the_others_stay(change: dict[str, Any]) -> None:
    damaged = {**pair("bad", 1.0), **change}
    found = parsed(line(damaged, pair("good", 1.0)))
    assert found.malformed == 1
    assert found.frame["request_id"].tolist() == ["good"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"kind": "comparison"',
        b'["comparison"]',
        b'{"Properties": {"kind": "comparison"}}',
        line({**pair("q", 1.0), "candidate_ms": 1e400})[1],  # Infinity is no JSON
        line(Body="no base64!")[1],
        line(Body={})[1],
        line(EnqueuedTimeUtc="noon")[1],
        line(SystemProperties=None)[1],
        b'{"comparison":' + b"[" * 200_000,
        b"comparison" + b" " * (1 << 20),
    ],
)
def test_a_damaged_line_is_counted_or_passed_over_and_stops_nothing(content: bytes) -> None:
    found = parsed(("file", content), line(pair("good", 1.0)))
    assert found.requests == 1
    assert found.malformed <= 1


def test_outputs_that_only_some_pairs_have_are_unknown_in_the_others() -> None:
    odd = {**pair("q2", 1.0), "candidate": {"fare": [1.0], "p": [0.25, 0.75]}}
    frame = parsed(line(pair("q1", 1.0), odd)).frame
    assert frame["candidate.p"].tolist() == [None, [0.25, 0.75]]
