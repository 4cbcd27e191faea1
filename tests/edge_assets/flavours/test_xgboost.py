"""XGBoost: what is stored and converted answers as what was trained, or is refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edge_assets.flavours import flavour_of
from protos.errors import ConfigurationError, VerificationFailed
from tests.edge_assets.flavours.tables import config_of, labels, numbers, parity, target

xgboost = pytest.importorskip("xgboost")
pytest.importorskip("onnxmltools")
ROWS = numbers(1500)
FLAVOUR = flavour_of("xgboost")


def booster(rows: Any = ROWS, y: Any = None, rounds: int = 15, **how: Any) -> Any:
    """A Booster grown on `rows`, by default for their `target`."""
    table = xgboost.DMatrix(
        rows, target(rows) if y is None else y, nthread=1, enable_categorical=True
    )
    return xgboost.train({"nthread": 1, **how}, table, rounds)


def places(count: int) -> Any:
    return labels(ROWS, tuple(range(count)))


@pytest.mark.parametrize(
    "objective",
    ["reg:squarederror", "reg:absoluteerror", "count:poisson", "reg:gamma", "reg:tweedie"],
)
def test_numbers(objective: str) -> None:
    model = booster(objective=objective)
    verdict = parity(FLAVOUR, model, ROWS, config_of(flavour="xgboost"))
    assert verdict.passed, verdict.reason
    told = FLAVOUR.predict(model, ROWS, config_of(flavour="xgboost"))["y"]
    assert np.corrcoef(told.ravel(), target(ROWS))[0, 1] > 0.9


@pytest.mark.parametrize("estimator", ["XGBRegressor", "XGBRFRegressor"])
def test_estimators(estimator: str) -> None:
    model = getattr(xgboost, estimator)(n_estimators=10, n_jobs=1).fit(ROWS, target(ROWS))
    config = config_of(flavour="xgboost")
    assert parity(FLAVOUR, model, ROWS, config).passed
    told = FLAVOUR.predict(FLAVOUR.load(FLAVOUR.dump(model), None), ROWS, config)
    np.testing.assert_allclose(told["y"].ravel(), model.predict(ROWS), rtol=1e-6)


@pytest.mark.parametrize(
    "classes", [(0, 1), ("bad", "good"), (0, 1, 2), ("x", "y", "z"), (3, 5, 9)]
)
def test_classes_come_out_as_declared(classes: Sequence[Any]) -> None:
    config = config_of(flavour="xgboost", classes=classes)
    model = xgboost.XGBClassifier(n_estimators=10, n_jobs=1).fit(ROWS, places(len(classes)))
    verdict = parity(FLAVOUR, model, ROWS, config)
    assert verdict.passed, verdict.reason
    told = FLAVOUR.predict(FLAVOUR.load(FLAVOUR.dump(model), None), ROWS, config)
    assert [classes[place] for place in model.predict(ROWS)] == told["y"].ravel().tolist()
    np.testing.assert_allclose(told["probabilities"], model.predict_proba(ROWS), atol=1e-6)


def test_a_booster_of_classes() -> None:
    model = booster(y=places(3), objective="multi:softprob", num_class=3)
    assert parity(FLAVOUR, model, ROWS, config_of(flavour="xgboost", classes="xyz")).passed


def test_only_the_columns_that_are_seen() -> None:
    config = config_of(flavour="xgboost", features=["n", "a"])
    assert parity(FLAVOUR, booster(ROWS[["n", "a"]], target(ROWS)), ROWS, config).passed


@pytest.mark.parametrize("count", [1, 3])
def test_a_training_that_stopped_early_is_stored_up_to_its_best_round(count: int) -> None:
    kind = xgboost.XGBRegressor if count == 1 else xgboost.XGBClassifier
    y = target(ROWS) if count == 1 else places(count)
    model = kind(n_estimators=200, learning_rate=0.7, n_jobs=1, early_stopping_rounds=3)
    model.fit(ROWS[:1000], y[:1000], eval_set=[(ROWS[1000:], y[1000:])], verbose=False)
    config = config_of(flavour="xgboost", classes=() if count == 1 else range(count))
    loaded = FLAVOUR.load(FLAVOUR.dump(model), None)
    assert loaded.num_boosted_rounds() == model.best_iteration + 1 < 200
    told = FLAVOUR.predict(loaded, ROWS, config)["y"]
    np.testing.assert_allclose(told.ravel(), model.predict(ROWS), rtol=1e-6)
    assert parity(FLAVOUR, model, ROWS, config).passed


@pytest.mark.parametrize(("classes", "told"), [((1, 0), "another order"), ((0, 1, 2), "2 apart")])
def test_classes_that_cannot_be_meant_are_refused(classes: Sequence[Any], told: str) -> None:
    model = booster(y=places(2), rounds=2, objective="binary:logistic")
    with pytest.raises(ConfigurationError, match=told):
        FLAVOUR.predict(model, ROWS, config_of(flavour="xgboost", classes=classes))


@pytest.mark.parametrize(
    ("how", "classes"),
    [
        ({"objective": "reg:squaredlogerror"}, ()),
        ({"objective": "binary:logistic"}, ()),
        ({"objective": "multi:softmax", "num_class": 2}, (0, 1)),
        ({"objective": "reg:squarederror"}, (0, 1)),
    ],
    ids=str,
)
def test_an_objective_that_does_not_fit_is_refused(
    how: dict[str, Any], classes: Sequence[Any]
) -> None:
    with pytest.raises(ConfigurationError, match="trained with the objective"):
        FLAVOUR.predict(
            booster(y=places(2), rounds=2, **how),
            ROWS,
            config_of(flavour="xgboost", classes=classes),
        )


@pytest.mark.parametrize("kind", ["dart", "gblinear"])
def test_other_boosters_are_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the booster {kind}"):
        FLAVOUR.predict(booster(rounds=2, booster=kind), ROWS, config_of(flavour="xgboost"))


def test_other_columns_are_refused() -> None:
    for features in (["a", "n", "b"], ["a", "b"]):
        with pytest.raises(ConfigurationError, match="other columns"):
            FLAVOUR.predict(
                booster(rounds=2), ROWS, config_of(flavour="xgboost", features=features)
            )
    unnamed = booster(ROWS.to_numpy(np.float32), target(ROWS), rounds=2)
    assert len(FLAVOUR.predict(unnamed, ROWS, config_of(flavour="xgboost"))["y"]) == len(ROWS)


def test_categories_of_a_dataframe_are_refused() -> None:
    model = booster(ROWS.assign(n=ROWS["n"].astype("category")), target(ROWS), rounds=2)
    with pytest.raises(ConfigurationError, match="categories of a DataFrame"):
        FLAVOUR.predict(model, ROWS, config_of(flavour="xgboost"))


@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "json", "pickle"])
def test_damaged_bytes_are_refused_and_end_no_process(damage: str) -> None:
    good = FLAVOUR.dump(booster(rounds=2))
    bad = {
        "empty": b"",
        "garbage": b"garbage",
        "half": good[: len(good) // 2],
        "json": b'{"a": 1}',
        "pickle": b"\x80\x04\x95\x0b\x00\x00\x00",
    }[damage]
    with pytest.raises(VerificationFailed, match="the trees are not loaded"):
        FLAVOUR.load(bad, None)
