import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.alert_events import Event, Kind, tidy
from edge_assets.core.alert_text import MOST_LISTED, WORDS, compose
from edge_assets.core.alerts import Alert

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GATE = Alert.first(
    Event(
        1,
        "gate",
        "nyc_taxi/raw_batch: usable_rows",
        "it lacks columns",
        "deliver it again",
        NOON,
        "a.csv",
        "/assets/nyc_taxi/raw_batch?view=checks",
    )
)


def test_a_message_says_what_why_and_what_to_do() -> None:
    message = compose([GATE], "prod", "https://dagster.example.org/")
    assert message.subject == "[edge-assets prod] gate closed: nyc_taxi/raw_batch: usable_rows"
    assert message.text == (
        "edge-assets, environment prod: 1 alert\n"
        "\n"
        "GATE CLOSED  nyc_taxi/raw_batch: usable_rows\n"
        "  why:  it lacks columns\n"
        "  part: a.csv\n"
        "  do:   deliver it again\n"
        "  when: 2026-01-01 12:00:00 UTC\n"
        "  see:  https://dagster.example.org/assets/nyc_taxi/raw_batch?view=checks\n"
    )
    (alert,) = message.data["alerts"]
    assert alert["kind"] == "gate"
    assert alert["partitions"] == ["a.csv"]
    assert alert["url"].endswith("?view=checks")


def test_without_an_address_of_the_ui_there_is_no_link() -> None:
    message = compose([GATE], "prod")
    assert "see:" not in message.text
    assert message.data["alerts"][0]["url"] == ""


def test_repeats_are_counted() -> None:
    again = GATE.plus(replace(GATE.newest, time=NOON + timedelta(minutes=5), part="b.csv"))
    text = compose([again], "prod").text
    assert "when: 2026-01-01 12:05:00 UTC, 2 times since 2026-01-01 12:00:00 UTC" in text
    assert "part: a.csv, b.csv" in text


def test_the_most_urgent_comes_first_and_the_subject_counts_the_rest() -> None:
    rollout = Alert.first(replace(GATE.newest, kind="rollout", about="m/rollout: ring_gates"))
    message = compose([GATE, rollout, GATE], "prod")
    assert message.subject.endswith("rollout stopped: m/rollout: ring_gates, and 2 more")
    assert message.text.index("ROLLOUT STOPPED") < message.text.index("GATE CLOSED")


def test_a_flood_is_one_message_of_bounded_size() -> None:
    long = replace(GATE.newest, about=tidy("a" * 999), reason=tidy("r" * 999), remedy="d" * 300)
    message = compose([Alert.first(long)] * 200, "prod", "https://d.example.org")
    assert message.text.count("GATE CLOSED") == MOST_LISTED
    assert message.text.endswith(
        f"And {200 - MOST_LISTED} more: 170 x gate closed. Dagster shows them.\n"
    )
    assert len(message.text) < 40_000
    assert message.data["more"] == 170


def test_every_kind_has_its_words() -> None:
    assert set(WORDS) == set(get_args(Kind))


@given(st.text(), st.text(), st.text())
def test_a_subject_is_one_line_and_the_data_is_json(about: str, reason: str, part: str) -> None:
    event = Event(1, "gate", tidy(about), tidy(reason), "", NOON, tidy(part))
    message = compose([Alert.first(event)], "prod")
    assert message.subject.isprintable()
    assert len(message.subject) < 200
    assert json.loads(json.dumps(message.data)) == message.data
