"""LightGBM: what is stored and converted answers as what was trained, or is refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edge_assets.flavours import flavour_of
from protos.errors import ConfigurationError, VerificationFailed
from tests.edge_assets.flavours.tables import config_of, labels, numbers, parity, target

lightgbm = pytest.importorskip("lightgbm")
pytest.importorskip("onnxmltools")
QUIET = {"verbose": -1, "num_threads": 1}
ROWS = numbers(1500)
FLAVOUR = flavour_of("lightgbm")


def booster(rows: Any = ROWS, y: Any = None, rounds: int = 25, data: Any = None, **how: Any) -> Any:
    """A Booster grown on `rows`, by default for their `target`."""
    table = lightgbm.Dataset(rows, target(rows) if y is None else y, **(data or {}))
    return lightgbm.train({**QUIET, "objective": "regression", **how}, table, rounds)


def classifier(classes: Sequence[Any]) -> Any:
    model = lightgbm.LGBMClassifier(n_estimators=15, n_jobs=1, verbose=-1)
    return model.fit(ROWS, labels(ROWS, classes))


@pytest.mark.parametrize(
    "how",
    [
        {"objective": objective}
        for objective in ("regression", "regression_l1", "huber", "quantile", "poisson", "gamma")
    ]
    + [{"objective": "tweedie"}, {"boosting": "dart"}, {"max_depth": 1}],
    ids=str,
)
def test_numbers(how: dict[str, Any]) -> None:
    verdict = parity(FLAVOUR, booster(**how), ROWS, config_of(flavour="lightgbm"))
    assert verdict.passed, verdict.reason


def test_an_unknown_value_goes_the_same_way_where_none_was_learned() -> None:
    whole = numbers(800, nulls=0.0)
    verdict = parity(FLAVOUR, booster(whole), ROWS, config_of(flavour="lightgbm"))
    assert verdict.passed, verdict.reason


def test_thresholds_between_neighbours_of_single_precision() -> None:
    """Values one float32 apart: a threshold between them, rounded up, would swallow the larger."""
    first = np.float32(1e9)
    values = np.array([first, np.nextafter(first, np.float32(2e9))], np.float32)
    rows = numbers(600, nulls=0.0)
    rows["a"] = values[np.arange(len(rows)) % 2]
    y = (rows["a"] == values[1]).astype(float) * 10
    model = booster(rows, y, rounds=5, min_data_in_bin=1)
    verdict = parity(FLAVOUR, model, rows, config_of(flavour="lightgbm"))
    assert verdict.passed, verdict.reason
    assert len(np.unique(model.predict(rows))) == 2


@pytest.mark.parametrize(
    "classes", [(0, 1), ("bad", "good"), (0, 1, 2), ("x", "y", "z"), (3, 5, 9)]
)
def test_classes_come_out_as_declared(classes: Sequence[Any]) -> None:
    config = config_of(flavour="lightgbm", classes=classes)
    model = classifier(classes)
    verdict = parity(FLAVOUR, model, ROWS, config)
    assert verdict.passed, verdict.reason
    told = FLAVOUR.predict(FLAVOUR.load(FLAVOUR.dump(model), None), ROWS, config)
    np.testing.assert_array_equal(told["y"].ravel(), model.predict(ROWS))
    np.testing.assert_allclose(told["probabilities"], model.predict_proba(ROWS), atol=1e-6)


@pytest.mark.parametrize("classes", [(0, 1, 2), ("x", "y", "z")])
def test_a_booster_knows_classes_by_their_places(classes: Sequence[Any]) -> None:
    model = booster(ROWS, labels(ROWS, (0, 1, 2)), objective="multiclass", num_class=3)
    config = config_of(flavour="lightgbm", classes=classes)
    assert parity(FLAVOUR, model, ROWS, config).passed
    told = FLAVOUR.predict(model, ROWS, config)["y"].ravel()
    assert np.mean(told == labels(ROWS, classes)) > 0.8


def test_categories_that_are_numbers() -> None:
    rows = numbers(900)
    y = target(rows) + (rows["n"] % 3) * 4
    model = booster(rows, y, data={"categorical_feature": ["n"]})
    assert "==" in str(model.dump_model()["tree_info"])
    assert parity(FLAVOUR, model, rows, config_of(flavour="lightgbm")).passed


def test_only_the_columns_that_are_seen() -> None:
    config = config_of(flavour="lightgbm", features=["n", "a"])
    assert parity(FLAVOUR, booster(ROWS[["n", "a"]], target(ROWS)), ROWS, config).passed


@pytest.mark.parametrize("classes", [("good", "bad"), (1, 0), (0, 2), (0, 1, 2)])
def test_other_classes_than_declared_are_refused(classes: Sequence[Any]) -> None:
    trained = classifier(sorted(classes) if classes[0] == "good" else (0, 1))
    with pytest.raises(ConfigurationError, match="other classes than"):
        FLAVOUR.predict(trained, ROWS, config_of(flavour="lightgbm", classes=classes))


@pytest.mark.parametrize(("classes", "told"), [((1, 0), "another order"), ((0, 1, 2), "2 apart")])
def test_a_booster_that_cannot_fit_the_classes_is_refused(
    classes: Sequence[Any], told: str
) -> None:
    model = booster(ROWS, labels(ROWS, (0, 1)), rounds=2, objective="binary")
    with pytest.raises(ConfigurationError, match=told):
        FLAVOUR.predict(model, ROWS, config_of(flavour="lightgbm", classes=classes))


@pytest.mark.parametrize(
    "how",
    [
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"zero_as_missing": True},
        {"linear_tree": True},
    ],
    ids=str,
)
def test_what_would_be_converted_to_something_else_is_refused(how: dict[str, Any]) -> None:
    model = booster(rounds=3, **how)
    with pytest.raises(ConfigurationError, match="cannot be converted exactly"):
        FLAVOUR.to_onnx(FLAVOUR.load(FLAVOUR.dump(model), None), config_of(flavour="lightgbm"))


@pytest.mark.parametrize(
    ("how", "classes"),
    [
        ({"objective": "mape"}, ()),
        ({"reg_sqrt": True}, ()),
        ({"objective": "binary"}, ()),
        ({"objective": "binary", "sigmoid": 2.0}, (0, 1)),
        ({"objective": "multiclassova", "num_class": 2}, (0, 1)),
        ({"objective": "regression"}, (0, 1)),
    ],
    ids=str,
)
def test_an_objective_that_does_not_fit_is_refused(
    how: dict[str, Any], classes: Sequence[Any]
) -> None:
    model = booster(ROWS, labels(ROWS, (0, 1)), rounds=2, **how)
    with pytest.raises(ConfigurationError, match="trained with the objective"):
        FLAVOUR.predict(model, ROWS, config_of(flavour="lightgbm", classes=classes))


def test_other_columns_are_refused() -> None:
    for features in (["a", "n", "b"], ["a", "b"]):
        with pytest.raises(ConfigurationError, match="other columns"):
            FLAVOUR.predict(
                booster(rounds=2), ROWS, config_of(flavour="lightgbm", features=features)
            )
    unnamed = booster(ROWS.to_numpy(np.float32), target(ROWS), rounds=2)
    assert len(FLAVOUR.predict(unnamed, ROWS, config_of(flavour="lightgbm"))["y"]) == len(ROWS)


def test_categories_of_a_dataframe_are_refused() -> None:
    model = booster(ROWS.assign(n=ROWS["n"].astype("category")), target(ROWS), rounds=2)
    with pytest.raises(ConfigurationError, match="categories of a DataFrame"):
        FLAVOUR.predict(model, ROWS, config_of(flavour="lightgbm"))


def test_what_is_stored_is_text_that_lightgbm_itself_reads() -> None:
    model = classifier(("bad", "good"))
    text = FLAVOUR.dump(model).decode()
    assert text.startswith("tree\n")
    own = lightgbm.Booster(model_str=text)
    np.testing.assert_array_equal(own.predict(ROWS), model.booster_.predict(ROWS))
    again = FLAVOUR.dump(FLAVOUR.load(text.encode(), None)).decode()
    assert again.count('edge_assets_classes:["bad", "good"]') == 1


def test_a_training_that_stopped_early_is_stored_up_to_its_best_round() -> None:
    model = lightgbm.train(
        {**QUIET, "objective": "regression", "learning_rate": 0.5},
        lightgbm.Dataset(ROWS[:1000], target(ROWS)[:1000]),
        200,
        valid_sets=[lightgbm.Dataset(ROWS[1000:], target(ROWS)[1000:])],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )
    loaded = FLAVOUR.load(FLAVOUR.dump(model), None)
    assert loaded.num_trees() == model.best_iteration < 200
    np.testing.assert_allclose(loaded.predict(ROWS), model.predict(ROWS))


@pytest.mark.parametrize("damage", ["empty", "garbage", "half", "bytes", "field", "classes"])
def test_damaged_text_is_refused_and_ends_no_process(damage: str) -> None:
    good = FLAVOUR.dump(classifier((0, 1)))
    bad = {
        "empty": b"",
        "garbage": b"garbage",
        "half": good[: len(good) // 2],
        "bytes": good[:300] + b"\xff" + good[301:],
        "field": good.replace(b"threshold=", b"treshold=", 3),
        "classes": good.replace(b"edge_assets_classes:[", b"edge_assets_classes:"),
    }[damage]
    with pytest.raises(VerificationFailed, match="the trees are not loaded"):
        FLAVOUR.load(bad, None)
