"""Our effects are Evidently's, and the calibration keeps its level."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial import distance

from edge_assets.core.drift_effects import (
    calibrate,
    jensen_shannon_effects,
    make_splits,
    null_share_effects,
    wasserstein_effects,
)


def evidently_value(reference: "pd.Series[float]", window: "pd.Series[float]", kind: str) -> float:
    from evidently.legacy.calculations.stattests import (
        jensenshannon_stat_test,
        wasserstein_stat_test,
    )
    from evidently.legacy.core import ColumnType

    test, column = (
        (wasserstein_stat_test, ColumnType.Numerical)
        if kind == "numbers"
        else (jensenshannon_stat_test, ColumnType.Categorical)
    )
    return float(test(reference.dropna(), window.dropna(), column, 0.1).drift_score)


@pytest.mark.parametrize("shift", [0.0, 0.3, 40.0])
def test_numbers_have_the_distance_that_evidently_tells(shift: float) -> None:
    rng = np.random.default_rng(1)
    reference, window = rng.gamma(2.0, 3.0, 700), rng.gamma(2.0, 3.0, 90) + shift
    window[:7] = np.nan
    reference[:50] = 2.0  # ties
    splits = make_splits(700, 90, 3, seed=0)

    ours = wasserstein_effects(np.concatenate([reference, window]), splits)[0]

    assert ours == pytest.approx(
        evidently_value(pd.Series(reference), pd.Series(window), "numbers"), rel=1e-9
    )


def test_categories_have_the_distance_that_evidently_tells() -> None:
    rng = np.random.default_rng(2)
    reference, window = rng.choice(4, 600, p=[0.6, 0.3, 0.1, 0.0]), rng.choice(4, 80)
    splits = make_splits(600, 80, 3, seed=0)

    ours = jensen_shannon_effects(np.concatenate([reference, window]), splits)[0]

    theirs = evidently_value(pd.Series(reference), pd.Series(window), "categories")
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert 0.2 < ours < np.sqrt(np.log(2))


def test_every_split_gets_its_own_distance() -> None:
    rng = np.random.default_rng(3)
    values, codes = rng.normal(size=120), rng.integers(0, 5, 120)
    values[rng.random(120) < 0.2] = np.nan
    splits = make_splits(90, 30, 40, seed=4)

    numbers, categories = wasserstein_effects(values, splits), jensen_shannon_effects(codes, splits)

    norm = np.nanstd(values[~splits[0]])
    for split, number, category in zip(splits, numbers, categories, strict=True):
        inside, outside = values[split], values[~split]
        expected = stats.wasserstein_distance(
            inside[~np.isnan(inside)], outside[~np.isnan(outside)]
        )
        assert number == pytest.approx(expected / norm)
        shares = [np.bincount(codes[side], minlength=5) for side in (split, ~split)]
        assert category == pytest.approx(distance.jensenshannon(*shares))


def test_splits_have_the_two_sizes_and_differ() -> None:
    splits = make_splits(300, 20, 50, seed=5)

    assert (splits.sum(axis=1) == 20).all()
    assert splits[0].nonzero()[0].tolist() == list(range(300, 320))
    assert len({split.tobytes() for split in splits}) == 51
    assert (make_splits(300, 20, 50, seed=5) == splits).all()


def test_shares_of_missing_values_are_compared() -> None:
    missing = np.array([True] * 10 + [False] * 90 + [True] * 6 + [False] * 4)

    assert null_share_effects(missing, make_splits(100, 10, 2, seed=0))[0] == pytest.approx(0.5)


def test_a_side_without_values_has_no_distance() -> None:
    splits = make_splits(30, 10, 5, seed=0)
    values = np.concatenate([np.arange(30.0), np.full(10, np.nan)])
    codes = np.concatenate([np.arange(30) % 3, np.full(10, -1)])

    assert wasserstein_effects(values, splits)[0] == 0
    assert jensen_shannon_effects(codes, splits)[0] == 0
    assert (wasserstein_effects(np.full(40, np.nan), splits) == 0).all()
    assert (jensen_shannon_effects(np.full(40, -1), splits) == 0).all()


def test_very_many_categories_are_bounded() -> None:
    codes = np.arange(3_000)

    effects = jensen_shannon_effects(codes, make_splits(2_500, 500, 5, seed=0))

    assert np.isfinite(effects).all()
    assert (effects > 0).all()


def test_the_level_holds_over_noisy_quiet_and_rare_columns_together() -> None:
    """Columns on wildly different scales: one alarm in twenty, all columns together."""
    rng = np.random.default_rng(6)
    alarms, p_values = 0, []
    for _ in range(600):
        table = np.column_stack(
            [
                rng.gamma(4.0, 0.01, 201),
                rng.lognormal(0.0, 1.5, 201),
                (rng.random(201) < 0.02).astype(float),
                np.zeros(201),
            ]
        )
        thresholds, p_value = calibrate(table, 0.05)
        alarms += bool((table[0] > thresholds).any())
        p_values.append(p_value)

    assert 15 <= alarms <= 45  # 30 expected
    assert alarms == sum(p <= 0.05 for p in p_values)


def test_one_loud_column_does_not_deafen_the_others() -> None:
    rng = np.random.default_rng(7)
    loud = np.where(rng.random(1001) < 0.03, 1e6, 1.0)
    quiet = rng.gamma(4.0, 0.01, 1001)
    quiet[0] = 2 * quiet[1:].max()
    loud[0] = 1.0

    thresholds, p_value = calibrate(np.column_stack([loud, quiet]), 0.01)

    assert quiet[0] > thresholds[1]
    assert p_value <= 0.01
