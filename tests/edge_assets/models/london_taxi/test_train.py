import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor as Model

from edge_assets.assets.drift_report import policy_of
from edge_assets.chain import Chain
from edge_assets.core.champion import ChampionVerdict, judge_champion
from edge_assets.core.drift import judge_drift
from edge_assets.core.holdout import Split
from edge_assets.core.leakage import find_leakage
from edge_assets.core.metrics import judge_floors
from edge_assets.core.preparing import plain
from edge_assets.edge_model import EdgeModel
from edge_assets.models.london_taxi import columns, features
from edge_assets.models.london_taxi.prepare import LIMITS
from edge_assets.models.london_taxi.train import predict, train
from tests.edge_assets.models.london_taxi.conftest import trips


def test_the_model_is_good_on_unseen_rows(london: EdgeModel, model: Model, tables: Split) -> None:
    metrics = london.evaluate(model, tables.holdout)
    assert metrics["r2"] > 0.97
    assert metrics["rmse"] < 1.6
    assert metrics["rows"] == len(tables.holdout)
    assert judge_floors(metrics, london.config.floors).passed


@pytest.mark.parametrize("lazy", [{"max_iter": 1, "learning_rate": 0.001}, {"max_iter": 8}])
def test_floors_close_for_a_model_that_learned_too_little(
    london: EdgeModel, tables: Split, lazy: dict[str, float]
) -> None:
    model = train(tables.train, **lazy)  # type: ignore[arg-type]
    verdict = judge_floors(london.evaluate(model, tables.holdout), london.config.floors)
    assert not verdict.passed


def test_the_floors_close_in_a_world_that_changed(
    london: EdgeModel, model: Model, shifted: Split
) -> None:
    assert not judge_floors(london.evaluate(model, shifted.holdout), london.config.floors).passed


@pytest.fixture(scope="module")
def retrained(tables: Split, shifted: Split) -> Model:
    return train(pd.concat([tables.train, shifted.train]))


def test_longer_trips_hurt_and_learning_them_helps(
    london: EdgeModel, model: Model, retrained: Model, tables: Split, shifted: Split
) -> None:
    before = london.evaluate(model, shifted.holdout)
    usual = london.evaluate(model, tables.holdout)
    assert before["rmse"] > 2 * usual["rmse"]
    assert london.evaluate(retrained, shifted.holdout)["rmse"] < 0.6 * before["rmse"]
    assert london.evaluate(retrained, tables.holdout)["mae"] < 1.05 * usual["mae"]


def _compared(
    london: EdgeModel, candidate: Model, champion: Model, frozen: Split, newest: Split
) -> ChampionVerdict:
    rows = pd.concat([frozen.holdout, newest.holdout])
    new = np.repeat([False, True], [len(frozen.holdout), len(newest.holdout)])
    errors = [london.errors(london.predict(made, rows), rows) for made in (candidate, champion)]
    rule = london.config.champion.model_dump(exclude={"error"})
    return judge_champion(errors[0], errors[1], new, **rule)


def test_the_retrained_model_beats_the_champion_and_not_the_other_way_round(
    london: EdgeModel, model: Model, retrained: Model, tables: Split, shifted: Split
) -> None:
    better = _compared(london, retrained, model, tables, shifted)
    assert better.passed, better.reason
    assert not _compared(london, model, retrained, tables, shifted).passed
    assert not _compared(london, model, model, tables, shifted).passed


@pytest.mark.parametrize("shift", ["distance", "hours"])
def test_the_drift_check_sees_the_shifts_and_nothing_else(
    london: EdgeModel, tables: Split, shift: str
) -> None:
    policy = policy_of(Chain(london))
    usual = judge_drift(tables.train, trips(400, 11), policy)
    assert usual.word == "no drift", usual.reason
    changed = judge_drift(
        tables.train, london.prepare(london.sample_rows(400, 12, shift)).kept, policy
    )
    assert changed.word == "drift"
    assert {"distance": "distance", "hours": "pickup_datetime_hour"}[shift] in changed.drifted


def test_the_same_rows_give_the_same_model(tables: Split) -> None:
    rows = tables.train.head(400)
    one, two = (predict(train(rows, max_iter=20), tables.holdout) for _ in range(2))
    assert one.tobytes() == two.tobytes()
    assert one.dtype == np.float32
    assert one.shape == (len(tables.holdout),)


def test_nothing_is_answered_for_no_rows(model: Model, tables: Split) -> None:
    assert predict(model, tables.holdout.head(0)).shape == (0,)


def test_nothing_leaks(london: EdgeModel, tables: Split) -> None:
    data = london.config.data
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


def test_the_tip_would_leak(london: EdgeModel, tables: Split) -> None:
    data = london.config.data
    findings = find_leakage(
        tables.train,
        tables.holdout,
        target="fare",
        inputs=data.inputs,
        features=(*data.features, "tipGBP"),
        forbidden=data.leaking,
        key_columns=data.inputs,
    )
    assert [(found.code, found.subject) for found in findings] == [("forbidden_input", "tipGBP")]


def test_the_configuration_and_the_code_agree(london: EdgeModel) -> None:
    config = london.config
    assert config.data.inputs == columns.INPUTS
    assert config.data.features == features.FEATURES
    assert config.prediction.target == columns.TARGET
    defaults = train.__kwdefaults__
    assert defaults is not None
    assert {name: defaults[name] for name in config.training} == dict(config.training)
    known = {plain(name) for names in columns.ALIASES.values() for name in names}
    known |= {plain(name) for name in columns.INPUTS}
    for group in config.data.required:
        assert {plain(name) for name in group} <= known
    bounds = {c.name: (c.minimum, c.maximum) for c in config.data.columns}
    for end in ("pickup", "dropoff"):
        assert bounds[f"{end}_longitude"] == columns.LONDON.longitude
        assert bounds[f"{end}_latitude"] == columns.LONDON.latitude
    assert bounds["distance"] == (0.0, LIMITS.max_distance)
    days = [pd.Timestamp(day).timestamp() for day in (LIMITS.earliest, LIMITS.latest)]
    assert bounds["pickup_datetime"] == tuple(days)
    assert bounds["dropoff_datetime"] == (days[0], days[1] + LIMITS.max_duration_seconds)
