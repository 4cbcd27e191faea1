"""Every correction is in the table once, by its last word, or counted with its reason."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.webapp.contract import Contract
from edge.webapp.corrections import CorrectionRecord, to_messages
from edge_assets.core.corrections import Corrections, mark, parse_corrections, to_csv
from edge_assets.core.folders import SHIPPED
from edge_assets.core.messages import Bounds
from edge_assets.core.tables import read_table
from edge_assets.edge_model import EdgeModel

CONFIG = EdgeModel.load(SHIPPED / "compliance").config
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(id: str = "c1", text: Any = "poor iron", label: Any = 0, **changes: Any) -> dict[str, Any]:
    return {
        "correction_id": id,
        "time": "2026-01-01T11:00:00.000000Z",
        "model": "compliance",
        "model_digest": "sha256:" + "a" * 64,
        "inputs": {"description": text},
        "label": {"non_compliant": label},
        "said": {"non_compliant": 1, "confidence": 0.9},
        "reason": "coated",
        **changes,
    }


def line(*records: Any, second: int = 0, device: str = "line-1", **changes: Any) -> bytes:
    message = {
        "EnqueuedTimeUtc": (START + timedelta(seconds=second)).isoformat(),
        "Properties": {"kind": "corrections", "model": "compliance"},
        "SystemProperties": {"connectionDeviceId": device},
        "Body": list(records),
        **changes,
    }
    return json.dumps(message).encode()


def parse(*lines: bytes, **arguments: Any) -> Corrections:
    return parse_corrections([("a.json", each) for each in lines], CONFIG, **arguments)


def rows(found: Corrections) -> list[tuple[Any, ...]]:
    return list(found.frame.itertuples(index=False, name=None))


def test_what_the_register_sends_is_read() -> None:
    sent = CorrectionRecord(
        "c1", START, "poor iron", 0, "coated", 1, 0.9, "compliance", model_digest=""
    )
    [message] = to_messages("batch", [sent], Contract())
    found = parse(line(Body=json.loads(message.body), Properties=dict(message.properties)))
    assert list(found.frame) == ["description", "non_compliant"]
    assert rows(found) == [("poor iron", 0)]
    assert (found.oldest, found.files, found.devices) == (START, ("a.json",), ("line-1",))
    assert found.marks == (mark("c1"),)
    body = base64.b64encode(message.body).decode()
    assert rows(parse(line(Body=body))) == [("poor iron", 0)]


def test_a_second_delivery_counts_once() -> None:
    found = parse(line(told("c1")), line(told("c1"), told("c2", "old steel", 1), second=5))
    assert rows(found) == [("old steel", 1), ("poor iron", 0)]
    assert found.duplicates == 1


def test_the_last_word_about_a_text_counts_by_the_clock_of_the_hub() -> None:
    early = told("c1", label=0, time="2099-01-01T00:00:00Z")
    found = parse(line(told("c2", " poor iron ", 1), second=9), line(early, second=3))
    assert rows(found) == [("poor iron", 1)]
    assert found.superseded == (mark("c1"),)
    later = told("c3", label=0, time="2026-01-01T11:00:01Z")
    assert rows(parse(line(later, told("c2", label=1)))) == [("poor iron", 0)]


def test_a_repeated_word_does_not_become_the_last_one() -> None:
    first, second = told("c1", label=1), told("c2", label=0)
    found = parse(line(first), line(second, second=1), line(first, second=2))
    assert rows(found) == [("poor iron", 0)]


def test_what_was_taken_before_is_not_taken_again() -> None:
    found = parse(line(told("c1"), told("c2", "old steel")), taken={mark("c1")})
    assert rows(found) == [("old steel", 0)]
    assert found.duplicates == 1


def test_messages_outside_of_the_window_are_counted_only() -> None:
    lines = [line(told(f"c{at}", f"part {at}"), second=at) for at in (0, 1, 2)]
    found = parse(*lines, start=START + timedelta(seconds=1), end=START + timedelta(seconds=2))
    assert rows(found) == [("part 1", 0)]
    assert found.outside == 2


def test_other_kinds_and_other_models_are_counted_only() -> None:
    others = [
        line(told(), Properties={"kind": "capture", "model": "compliance"}),
        line(told(), Properties={"kind": "corrections", "model": "parts"}),
        line(told(), Properties=None),
    ]
    found = parse(*others)
    assert (found.other, found.malformed, len(found.frame)) == (3, 0, 0)
    assert list(found.frame) == ["description", "non_compliant"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"EnqueuedTimeUtc": "2026', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"17", "no JSON object"),
        (line(told(), SystemProperties={}), "connectionDeviceId"),
        (line(told(), EnqueuedTimeUtc="yesterday"), "EnqueuedTimeUtc"),
        (line(Body="%%%"), "neither JSON nor base64"),
        (line(Body=base64.b64encode(b"{}").decode()), "no list"),
        (line(Body=None), "no list of records"),
        (line("steel"), "the correction"),
        (line(told(model="parts")), "its model"),
        (line(told(id="x" * 600)), "correction_id"),
        (line(told(time="noon")), "time"),
        (line(told(model_digest="1.2")), "model_digest"),
        (line(told(reason=None)), "reason"),
        (line(told(inputs={"text": "x"})), "just description"),
        (line({**told(), "label": {}}), "just non_compliant"),
        (line(told(text="  ")), "is missing"),
        (line(told(text=17)), "not of BYTES"),
        (line(told(text="x" * 401)), "too long"),
        (line(told(text="nul\0")), "control characters"),
        (line(told(text="\ud800")), "UTF-8"),
        (line(told(label=2)), "none of [0, 1]"),
        (line(told(label=True)), "not of INT64"),
        (line(told(label=10**400)), "too large"),
        (line(told(), told(label=1)), "used for other content"),
    ],
)
def test_what_cannot_be_read_is_set_aside_and_stops_nothing_else(bad: bytes, reason: str) -> None:
    found = parse(bad, line(told("good", "new steel", 0)))
    assert ("new steel", 0) in rows(found)
    assert found.malformed == 1
    [aside] = found.set_aside
    assert reason in aside.reason
    assert (aside.file, aside.line) == ("a.json", 1)


def test_memory_is_bounded() -> None:
    many = [told(f"c{at}", f"part {at}") for at in range(5)]
    found = parse(line(*many), b"?", b"?", bounds=Bounds(rows=3, reasons=1))
    assert (len(found.frame), found.over_limit) == (3, 2)
    assert (found.malformed, len(found.set_aside)) == (2, 1)
    assert parse(line(*many), bounds=Bounds(line_bytes=100)).malformed == 1


deliveries = st.lists(
    st.tuples(
        st.sampled_from(["c1", "c2", "c3", "c4", "c5"]),
        st.sampled_from(["steel", "iron", 'a "b", c']),
        st.sampled_from([0, 1]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(deliveries, st.randoms(use_true_random=False))
def test_order_and_repetition_of_delivery_do_not_matter(
    sent: list[tuple[str, str, int, int]], chance: Any
) -> None:
    lines = [line(told(id, text, label), second=at) for id, text, label, at in sent]
    again = [*lines, *(chance.choice(lines) for _ in lines)]
    chance.shuffle(again)
    one, other = parse(*lines), parse(*again)
    assert to_csv(one.frame) == to_csv(other.frame)
    assert (one.marks, one.superseded) == (other.marks, other.superseded)
    texts = [row[0] for row in rows(one)]
    assert texts == sorted(set(texts))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=20))
def test_whatever_is_taken_reads_back_from_the_csv(texts: list[str]) -> None:
    found = parse(line(*(told(f"c{at}", text) for at, text in enumerate(texts))))
    if len(found.frame):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "a.csv"
            path.write_bytes(to_csv(found.frame))
            table = read_table(path)
        assert table["description"].tolist() == found.frame["description"].tolist()
        assert table["non_compliant"].astype(int).tolist() == found.frame["non_compliant"].tolist()
