import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.config_schema import Floor
from edge_assets.core.metrics import judge_floors

FLOORS = {"rmse": Floor(max=4.0), "r2": Floor(min=0.85, max=1.0)}


def test_opens_when_every_floor_is_met_and_exactly_on_it() -> None:
    verdict = judge_floors({"rmse": 4.0, "r2": 0.85, "other": math.nan}, FLOORS)
    assert verdict.passed
    assert verdict.missed == ()
    assert verdict.reason == "all 2 floors are met"


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"rmse": 4.1, "r2": 0.9}, "rmse is 4.1, above 4"),
        ({"rmse": 1.0, "r2": 0.8}, "r2 is 0.8, below 0.85"),
        ({"rmse": 1.0, "r2": 1.1}, "r2 is 1.1, above 1"),
        ({"rmse": 1.0}, "r2 was not measured"),
        ({"rmse": math.nan, "r2": 0.9}, "rmse is nan"),
        ({"rmse": -math.inf, "r2": 0.9}, "rmse is -inf"),
        ({"rmse": 9.0, "r2": 0.1}, "r2 is 0.1, below 0.85; rmse is 9, above 4"),
    ],
)
def test_closes(metrics: dict[str, float], told: str) -> None:
    verdict = judge_floors(metrics, FLOORS)
    assert not verdict.passed
    assert verdict.reason == told


def test_closes_without_floors() -> None:
    assert not judge_floors({"rmse": 0.0}, {}).passed


@given(st.floats(), st.floats(-10, 10), st.floats(0, 10))
def test_passes_only_between_the_bounds(value: float, low: float, width: float) -> None:
    floors = {"m": Floor(min=low, max=low + width)}
    assert judge_floors({"m": value}, floors).passed == (low <= value <= low + width)
