import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor as Model

from edge_assets.core.holdout import Split
from edge_assets.core.leakage import find_leakage
from edge_assets.core.metrics import judge_floors
from edge_assets.edge_model import EdgeModel
from edge_assets.models.nyc_taxi import columns, features
from edge_assets.models.nyc_taxi.train import predict, train

EDGE_MODEL = EdgeModel.load(Path(columns.__file__).parent)
evaluate = EDGE_MODEL.evaluate


def test_the_model_is_good_on_unseen_rows(model: Model, tables: Split) -> None:
    metrics = evaluate(model, tables.holdout)
    assert metrics["r2"] > 0.95
    assert metrics["rmse"] < 1.5
    assert metrics["median_absolute_error"] <= metrics["mae"] <= metrics["rmse"]
    assert metrics["rows"] == len(tables.holdout)
    assert judge_floors(metrics, EDGE_MODEL.config.floors).passed


def test_floors_close_for_a_model_that_learned_nothing(tables: Split) -> None:
    lazy = train(tables.train, max_iter=1, learning_rate=0.001)
    verdict = judge_floors(evaluate(lazy, tables.holdout), EDGE_MODEL.config.floors)
    assert not verdict.passed


def test_longer_trips_hurt_and_learning_them_helps(
    model: Model, tables: Split, shifted: Split
) -> None:
    before, usual = evaluate(model, shifted.holdout), evaluate(model, tables.holdout)
    assert before["rmse"] > 1.5 * usual["rmse"]
    retrained = train(pd.concat([tables.train, shifted.train]))
    assert evaluate(retrained, shifted.holdout)["rmse"] < 0.6 * before["rmse"]
    assert evaluate(retrained, tables.holdout)["mae"] < 1.05 * usual["mae"]


def test_the_same_rows_give_the_same_model(tables: Split) -> None:
    rows = tables.train.head(400)
    one, two = (predict(train(rows, max_iter=20), tables.holdout) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert one.dtype == np.float32
    assert one.shape == (len(tables.holdout),)


def test_features_can_be_chosen(tables: Split) -> None:
    small = train(tables.train, features=["distance"], max_iter=30)
    assert evaluate(small, tables.holdout)["r2"] > 0.8


def test_metrics_without_rows_or_spread_are_no_numbers(model: Model, tables: Split) -> None:
    empty = evaluate(model, tables.holdout.head(0))
    assert empty["rows"] == 0
    assert math.isnan(empty["rmse"])
    flat = evaluate(model, tables.holdout.head(5).assign(fare=9.0))
    assert math.isnan(flat["r2"])
    assert math.isfinite(flat["rmse"])


def test_the_median_survives_an_absurd_fare(model: Model, tables: Split) -> None:
    usual = evaluate(model, tables.holdout)
    fares = tables.holdout["fare"].copy()
    fares.iloc[0] = 430_000.0
    absurd = evaluate(model, tables.holdout.assign(fare=fares))
    assert absurd["median_absolute_error"] == pytest.approx(
        usual["median_absolute_error"], abs=0.01
    )
    assert absurd["r2"] < 0.01


def test_nothing_leaks(tables: Split) -> None:
    data = EDGE_MODEL.config.data
    findings = find_leakage(
        tables.train,
        tables.holdout,
        target="fare",
        inputs=data.inputs,
        features=data.features,
        forbidden=data.leaking,
        key_columns=data.inputs,
        matrix=features.build,
    )
    assert findings == []


def test_the_configuration_and_the_code_agree() -> None:
    config = EDGE_MODEL.config
    assert config.data.inputs == columns.INPUTS
    assert config.data.features == features.FEATURES
    assert {c.name for c in config.data.columns if c.datatype == "FP32"} == set(columns.FLOATS)
    assert config.prediction.target == columns.TARGET
    defaults = train.__kwdefaults__
    assert defaults is not None
    assert {name: defaults[name] for name in config.training} == dict(config.training)
    known = {columns.plain(name) for names in columns.ALIASES.values() for name in names}
    for group in config.data.required:
        assert {columns.plain(name) for name in group} <= known
