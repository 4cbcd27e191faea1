"""The sample is the reference's data, and its shifts are worth a retraining."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs

from edge_assets.core.champion import judge_champion
from edge_assets.core.drift import DriftPolicy, judge_drift
from edge_assets.core.folders import SHIPPED
from edge_assets.core.holdout import Split
from edge_assets.edge_model import EdgeModel
from edge_assets.models.tooling.sample import BEST_ACCURACY, CENTRES, sample
from protos.errors import ConfigurationError
from tests.edge_assets.models.tooling.dividing import divided

SHIFTS = EdgeModel.load(SHIPPED / "tooling").config.sample.shifts


@pytest.mark.parametrize("rows", [1000, 37, 1])
def test_the_seed_of_the_reference_gives_its_rows(rows: int) -> None:
    readings, label = make_blobs(rows, centers=2, n_features=2, cluster_std=4.0, random_state=42)
    made = sample(rows, 42)
    np.testing.assert_array_equal(made[["x1", "x2"]].to_numpy(), readings)
    np.testing.assert_array_equal(made["label"].to_numpy(), label)


def test_other_seeds_give_other_rows_of_the_same_world() -> None:
    one, two, again = sample(4000, 1), sample(4000, 2), sample(4000, 1)
    pd.testing.assert_frame_equal(one, again)
    assert not np.isin(one["x1"], two["x1"]).any()
    for made in (one, two):
        assert made["label"].value_counts().tolist() == [2000, 2000]
        means = made.groupby("label")[["x1", "x2"]].mean().to_numpy()
        np.testing.assert_allclose(means, CENTRES, atol=5 * 4.0 / np.sqrt(2000))


def test_no_rows_have_the_columns_too() -> None:
    assert sample(0, 1).dtypes.astype(str).to_dict() == {
        "x1": "float64",
        "x2": "float64",
        "label": "int64",
    }


def test_what_is_out_of_range_or_unknown_is_refused(tooling: EdgeModel) -> None:
    with pytest.raises(ValueError, match="rows must be"):
        sample(-1, 1)
    with pytest.raises(ValueError, match="none of: none, other_make, wear"):
        sample(1, 1, "rust")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="rust"):
        tooling.sample(1, 1, "rust")


def test_no_line_is_right_more_often_than_the_limit_says() -> None:
    """The best border of all, that of Bayes, on so many rows that chance hardly matters."""
    made = sample(200_000, 3)
    normal = CENTRES[1] - CENTRES[0]
    side = (made[["x1", "x2"]].to_numpy() - CENTRES.mean(axis=0)) @ normal > 0
    assert np.mean(side == made["label"]) == pytest.approx(BEST_ACCURACY, abs=0.002)


@pytest.fixture(scope="module", params=SHIFTS)
def shifted(request: pytest.FixtureRequest, tooling: EdgeModel) -> Split:
    return divided(tooling, tooling.sample(tooling.config.sample.rows, 2, request.param))


def test_a_shift_makes_the_model_worse_and_can_be_learned_again(
    tooling: EdgeModel, rows: Split, shifted: Split, trained: Any
) -> None:
    config, rule = tooling.config, tooling.config.champion
    before = tooling.evaluate(trained, rows.holdout)["accuracy"]
    after = tooling.evaluate(trained, shifted.holdout)["accuracy"]
    assert after < before - 0.05
    candidate = tooling.train(pd.concat([rows.train, shifted.train]))
    both = pd.concat([rows.holdout, shifted.holdout])
    newest = np.arange(len(both)) >= len(rows.holdout)
    errors = [tooling.errors(tooling.predict(m, both), both) for m in (candidate, trained)]
    verdict = judge_champion(
        errors[0],
        errors[1],
        newest,
        confidence=rule.confidence,
        min_gain=rule.min_gain,
        max_loss_on_frozen=rule.max_loss_on_frozen,
    )
    assert verdict.passed, verdict.reason
    metrics = tooling.evaluate(candidate, both)
    for name, floor in config.floors.items():
        assert floor.min is None or metrics[name] >= floor.min, name
        assert floor.max is None or metrics[name] <= floor.max, name


def test_drift_sees_the_shift_and_nothing_else(
    tooling: EdgeModel, rows: Split, shifted: Split
) -> None:
    policy = DriftPolicy(
        columns=tooling.config.drift.columns,
        min_rows=tooling.config.drift.min_rows,
        false_alarm_rate=tooling.config.drift.false_alarm_rate,
        min_effect=tooling.config.drift.min_effect,
    )
    same = tooling.prepare(tooling.sample(400, 5, "none")).kept
    assert judge_drift(rows.train, same, policy).word == "no drift"
    seen = judge_drift(rows.train, shifted.train.head(400), policy)
    assert seen.word == "drift"
    assert set(seen.drifted) == {"x1", "x2"}
