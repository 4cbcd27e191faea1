"""Expressions: parsing and three-valued evaluation."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.local_hub.expressions import UNDEFINED, ExpressionError, evaluate, paths, selects
from edge.local_hub.parsing import Parser

ROW: dict[str, Any] = {
    "deviceId": "line-1",
    "tags": {"ring": "canary", "n": 3, "on": True, "o'k": 1, "none": None, "list": [1]},
    "configurations": {"a-r0001+x": {"status": "Applied"}},
    "properties": {"desired": {"$version": 4}},
}


def value(text: str) -> Any:
    parser = Parser(text)
    node = parser.parse_condition()
    parser.expect_end()
    return evaluate(node, ROW)


@pytest.mark.parametrize(
    "text",
    [
        "tags.ring = 'canary'",
        "tags.ring='canary' AND deviceId='line-1'",
        "tags.ring = 'x' or tags.n >= 3",
        "NOT tags.ring = 'x'",
        "not not tags.on",
        "tags.ring IN ['early', 'canary']",
        "tags.ring NOT IN ['early']",
        "tags.ring != 'x' and tags.ring <> 'y'",
        "(tags.n < 4 or tags.n > 100) and tags.n = 3.0",
        "configurations.[[a-r0001+x]].status = 'Applied'",
        "properties.desired.$version = 4",
        "IS_DEFINED(tags.ring) and NOT IS_DEFINED(tags.x)",
        "is_null(tags.none) and is_bool(tags.on) and is_number(tags.n) and is_string(tags.ring)",
        "is_object(tags) and is_array(tags.list)",
        "STARTS_WITH(deviceId, 'line-') and ends_with(deviceId, '1') and CONTAINS(deviceId, 'e-')",
        "tags.on = true and tags.on",
        "tags.[[o'k]] = 1",
        "tags.missing = 1 OR deviceId = 'line-1'",
        'deviceId = "line-1"',
        "'it''s' = \"it's\"",
        "-1 < 0.5",
        "tags.n=-3 or tags.n=3",
    ],
)
def test_holds(text: str) -> None:
    assert value(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "tags.ring = 'early'",
        "tags.on = 1",
        "tags.missing = 1 AND deviceId = 'x'",
        "tags.n IN ['3']",
        "tags.none = false",
    ],
)
def test_does_not_hold(text: str) -> None:
    assert value(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "tags.missing = 1",
        "tags.missing != 1",
        "NOT tags.missing = 1",
        "tags.missing IN [1]",
        "tags.missing = 1 AND deviceId = 'line-1'",
        "tags.missing = 1 OR deviceId = 'x'",
        "tags.n < 'a'",
        "tags.on < true",
        "starts_with(tags.n, 'a')",
        "NOT deviceId",
        "NOT NOT deviceId",
    ],
)
def test_is_undefined_and_selects_nothing(text: str) -> None:
    assert value(text) is UNDEFINED
    assert not selects(Parser(text).parse_condition(), ROW)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a name"),
        ("tags.ring =", "found 'the end'"),
        ("tags.ring = 'x", "unexpected text at character 12"),
        ("tags.ring = 'a' deviceId", "expected the end"),
        ("tags.ring IN []", "expected a value"),
        ("tags.ring IN 'a'", "expected ["),
        ("(tags.a", "expected )"),
        ("IS_DEFINED()", "expected a name"),
        ("STARTS_WITH(tags.a)", "takes 2"),
        ("tags..a = 1", "expected a name"),
        ("tags.a NOT 3", "expected IN"),
        ("tags.a = 1; DROP", "unexpected text"),
        ("IS_NULL(" * 500, "too deeply"),
        ("(" * 100 + "true" + ")" * 100, "too deeply"),
    ],
)
def test_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(complaint)):
        value(text)


def test_a_long_condition_is_no_deep_one() -> None:
    text = " OR ".join(f"deviceId = 'line-{n}'" for n in range(5000))
    assert value(text) is True


def test_paths_are_all_that_is_read() -> None:
    node = Parser(
        "a.b = 1 and (not c in [1] or starts_with(d.[[e-f]], 'x')) or 1 < g"
    ).parse_condition()
    assert paths(node) == {("a", "b"), ("c",), ("d", "e-f"), ("g",)}


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        found = value(text)
    except ExpressionError:
        return
    assert found is UNDEFINED or isinstance(found, bool | int | float | str | list | dict | None)


@given(st.text(max_size=30))
def test_a_quoted_literal_means_itself(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert value(quoted) == text
