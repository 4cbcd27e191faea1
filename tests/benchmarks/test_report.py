"""Goals in both directions, the table, the rows."""

import json
import math

import pytest

from benchmarks.inference.figures import FIGURES, SECTIONS, Figure, Measured, shown
from benchmarks.inference.report import as_json, rows, table
from benchmarks.inference.sections import SECTIONS as MEASURED_SECTIONS

MORE = Figure("more", "one", "throughput against a peer", 10.0, at_least=True)
LESS = Figure("less", "one", "first answer", 0.5, at_least=False, unit="s")


@pytest.mark.parametrize(
    ("figure", "value", "reached"),
    [
        (MORE, 9.99, False),
        (MORE, 10.0, True),
        (MORE, 31.0, True),
        (MORE, math.nan, False),
        (LESS, 0.51, False),
        (LESS, 0.5, True),
        (LESS, 0.1, True),
        (LESS, math.nan, False),
    ],
)
def test_a_goal_is_reached_or_not(figure: Figure, value: float, reached: bool) -> None:
    assert figure.reached(value) is reached
    assert rows([figure], {figure.key: Measured(value)})[0].ok is reached


def test_margin_says_how_far_past_the_goal() -> None:
    assert MORE.margin(20.0) == 2.0
    assert MORE.margin(5.0) == 0.5
    assert LESS.margin(0.25) == 2.0
    assert LESS.margin(1.0) == 0.5
    assert (MORE.margin(0.0), LESS.margin(0.0)) == (0.0, math.inf)


def test_values_as_people_read_them() -> None:
    assert [shown(12.3456, "x"), shown(0.35, "x"), shown(104.4, "MB"), shown(0.5, "s")] == [
        "12.3x",
        "0.35x",
        "104 MB",
        "0.5 s",
    ]
    assert (MORE.goal_text, LESS.goal_text) == (">= 10x", "<= 0.5 s")


def test_table_has_goal_value_and_ok_side_by_side() -> None:
    text = table(rows([MORE, LESS], {"more": Measured(12.0), "less": Measured(0.7)}))
    lines = text.splitlines()
    assert lines[0].split() == ["figure", "goal", "value", "ok"]
    assert " ".join(lines[2].split()) == "throughput against a peer >= 10x 12x yes"
    assert " ".join(lines[3].split()) == "first answer <= 0.5 s 0.7 s NO"
    assert lines[2].index("yes") == lines[3].index("NO") == lines[0].index("ok")


def test_what_was_not_measured_is_not_reached_and_says_why() -> None:
    found = rows([MORE, LESS], {"more": Measured(None, "MLServer cannot be installed")})
    assert [row.ok for row in found] == [False, False]
    text = table(found)
    assert "not measured: MLServer cannot be installed\n  throughput against a peer" in text
    assert "not measured: nothing was returned\n  first answer" in text


def test_a_long_reason_is_cut_in_the_table_and_whole_in_the_rows() -> None:
    why = "begin" + "x" * 5000 + "end"
    found = rows([MORE], {"more": Measured(None, why)})
    assert len(table(found)) < 1500
    assert "begin" in table(found)
    assert "xend" in table(found)
    assert as_json(found, {})[0]["not_measured"] == why


def test_rows_hold_figure_goal_value_ok_and_conditions() -> None:
    measured = {"more": Measured(12.34567, seen={"ours rate": 100.0})}
    made = as_json(rows([MORE, LESS], measured), {"date": "2026-01-01"})
    assert made[0] == {
        "figure": "throughput against a peer",
        "goal": ">= 10x",
        "value": 12.3457,
        "ok": True,
        "seen": {"ours rate": 100.0},
        "measured_with": {"date": "2026-01-01"},
    }
    assert made[1]["value"] is None
    assert json.loads(json.dumps(made)) == made


def test_every_figure_has_a_section_that_measures_it() -> None:
    assert set(SECTIONS) == set(MEASURED_SECTIONS)
    assert len({figure.key for figure in FIGURES}) == len(FIGURES)
    assert len({figure.text for figure in FIGURES}) == len(FIGURES)
