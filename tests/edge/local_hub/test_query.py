"""The query language over plain rows."""

from typing import Any

import pytest

from edge.local_hub.expressions import ExpressionError
from edge.local_hub.query import parse_query, run

ROWS: list[dict[str, Any]] = [
    {"deviceId": "a", "tags": {"ring": "canary", "n": 1}},
    {"deviceId": "b", "tags": {"ring": "early", "n": 2}},
    {"deviceId": "c", "tags": {"ring": "early"}},
    {"deviceId": "d", "tags": {}},
]


def rows(text: str) -> list[dict[str, Any]]:
    return run(parse_query(text), ROWS)


def test_star_gives_whole_rows() -> None:
    assert rows("SELECT * FROM devices") == ROWS


def test_keywords_in_any_case_and_a_condition() -> None:
    assert rows("select deviceId from devices where tags.ring = 'early'") == [
        {"deviceId": "b"},
        {"deviceId": "c"},
    ]


def test_columns_are_named_by_alias_or_last_part_and_left_out_if_undefined() -> None:
    assert rows("SELECT deviceId AS id, tags.n FROM devices") == [
        {"id": "a", "n": 1},
        {"id": "b", "n": 2},
        {"id": "c"},
        {"id": "d"},
    ]


def test_count_with_and_without_a_name() -> None:
    assert rows("SELECT COUNT() FROM devices") == [{"$1": 4}]
    assert rows("SELECT COUNT() AS n FROM devices WHERE tags.ring = 'x'") == [{"n": 0}]


def test_group_by_keeps_the_undefined_apart() -> None:
    assert rows("SELECT tags.ring, COUNT() AS n FROM devices GROUP BY tags.ring") == [
        {"ring": "canary", "n": 1},
        {"ring": "early", "n": 2},
        {"n": 1},
    ]


def test_aggregates_skip_what_is_no_number() -> None:
    text = (
        "SELECT SUM(tags.n) AS s, AVG(tags.n) AS a, MIN(tags.n) AS l, MAX(tags.n) AS h FROM devices"
    )
    assert rows(text) == [{"s": 3, "a": 1.5, "l": 1, "h": 2}]
    assert rows("SELECT MAX(tags.zzz) AS h FROM devices") == [{}]


def test_top() -> None:
    assert rows("SELECT TOP 2 deviceId FROM devices") == [{"deviceId": "a"}, {"deviceId": "b"}]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT",
        "SELECT * FROM configurations",
        "SELECT * FROM devices WHERE",
        "SELECT * FROM devices d",
        "SELECT COUNT(tags.n) FROM devices",
        "SELECT SUM() FROM devices",
        "SELECT TOP x * FROM devices",
        "SELECT * FROM devices GROUP tags",
        "UPDATE devices",
        "SELECT deviceId AS 3 FROM devices",
    ],
)
def test_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_query(text)


def test_modules_are_another_source() -> None:
    assert parse_query("SELECT * FROM devices.modules").source == "devices.modules"
