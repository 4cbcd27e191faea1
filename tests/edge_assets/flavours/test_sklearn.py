"""scikit-learn: what is stored and converted answers as what was trained, or is refused."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from edge_assets.flavours import flavour_of
from protos.errors import ConfigurationError, VerificationFailed
from tests.edge_assets.flavours.tables import config_of, labels, numbers, parity, target

ROWS = numbers(900)
WHOLE = numbers(900, nulls=0.0)
FLAVOUR = flavour_of("sklearn")
KINDS = ("steel", "brass", "")


def stranger(values: Any) -> Any:
    """A function that is neither of scikit-learn nor of numpy."""
    return values


class Stranger(LinearRegression):  # type: ignore[misc]
    """An estimator that somebody wrote."""


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingRegressor(max_iter=20),
        make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()),
        make_pipeline(SimpleImputer(), RandomForestRegressor(10, max_depth=6, random_state=1)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_numbers_with_unknown_values(model: Any) -> None:
    verdict = parity(FLAVOUR, model.fit(ROWS, target(ROWS)), ROWS, config_of())
    assert verdict.passed, verdict.reason


CLASSIFIERS: Sequence[Callable[[], Any]] = (
    lambda: HistGradientBoostingClassifier(max_iter=10),
    lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    lambda: CalibratedClassifierCV(LinearSVC(), cv=2, ensemble=False),
    lambda: RandomForestClassifier(8, max_depth=5, random_state=1),
    lambda: make_pipeline(StandardScaler(), MLPClassifier((6,), max_iter=50, tol=0.1)),
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", CLASSIFIERS)
@pytest.mark.parametrize("classes", [(0, 1), ("bad", "good"), (2, 5, 7)], ids=str)
def test_classes(make: Callable[[], Any], classes: Sequence[Any]) -> None:
    model = make().fit(WHOLE, labels(WHOLE, classes))
    verdict = parity(FLAVOUR, model, WHOLE, config_of(classes=classes))
    assert verdict.passed, verdict.reason


def mixed(rows: int) -> tuple[pd.DataFrame, Any]:
    """Columns of every kind of datatype, and the configuration that declares them."""
    rng = np.random.default_rng(3)
    table = numbers(rows, nulls=0.2).assign(
        kind=rng.choice(np.array(KINDS, dtype=object), rows),
        note=rng.choice(np.array(["old worn edge", "new edge", "good", ""], dtype=object), rows),
        exact=rng.normal(size=rows),
        worn=rng.random(rows) < 0.4,
    )
    columns = (
        {"name": "a"},
        {"name": "b", "nullable": True},
        {"name": "n", "datatype": "INT64"},
        {"name": "kind", "datatype": "BYTES", "nullable": True},
        {"name": "note", "datatype": "BYTES", "nullable": True},
        {"name": "exact", "datatype": "FP64"},
        {"name": "worn", "datatype": "BOOL"},
    )
    return table, columns


def by_column(last: Any) -> Any:
    """Text, categories and numbers, each prepared in its own way."""
    return make_pipeline(
        ColumnTransformer(
            [
                ("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
                ("code", OneHotEncoder(handle_unknown="ignore"), ["n"]),
                ("note", CountVectorizer(token_pattern="[a-z]+"), "note"),
                ("b", SimpleImputer(), ["b"]),
                ("a", StandardScaler(), ["a"]),
            ]
        ),
        last,
    )


@pytest.mark.parametrize("classes", [(), ("bad", "good")], ids=str)
def test_text_and_numbers_in_a_column_transformer(classes: Sequence[str]) -> None:
    table, columns = mixed(600)
    config = config_of(*columns, classes=classes)
    y = labels(table, classes) if classes else target(table)
    last = LogisticRegression(max_iter=500) if classes else LinearRegression()
    model = by_column(last).fit(table, y)
    verdict = parity(FLAVOUR, model, table, config)
    assert verdict.passed, verdict.reason
    new = table.assign(kind="gold", note="unknown words", n=99)
    assert parity(FLAVOUR, model, new, config).passed


def test_double_precision_comes_out_as_declared() -> None:
    table, columns = mixed(300)
    model = make_pipeline(
        ColumnTransformer([("exact", StandardScaler(), ["exact"])]), LinearRegression()
    ).fit(table, target(table))
    assert parity(FLAVOUR, model, table, config_of(*columns)).passed


def test_a_text_in_a_matrix_of_numbers_is_refused() -> None:
    config = config_of({"name": "a"}, {"name": "note", "datatype": "BYTES"})
    model = LinearRegression().fit(WHOLE[["a", "b"]].to_numpy(), target(WHOLE))
    with pytest.raises(ConfigurationError, match="note cannot be part of a matrix"):
        FLAVOUR.to_onnx(model, config)


def test_thresholds_between_neighbours_of_single_precision() -> None:
    """Values one float32 apart: a threshold between them, rounded up, would swallow the larger."""
    first = np.nextafter(np.float32(1e9), np.float32(2e9))  # the even one of the two is the next
    values = np.array([first, np.nextafter(first, np.float32(2e9))], np.float32)
    rows = WHOLE.assign(a=values[np.arange(len(WHOLE)) % 2])
    y = (rows["a"] == values[1]) * 10.0
    model = HistGradientBoostingRegressor(max_iter=5).fit(rows, y)
    assert len(np.unique(model.predict(rows))) == 2
    before = model._predictors[0][0].nodes["num_threshold"].copy()
    verdict = parity(FLAVOUR, model, rows, config_of())
    assert verdict.passed, verdict.reason
    np.testing.assert_array_equal(model._predictors[0][0].nodes["num_threshold"], before)


@pytest.mark.parametrize("classes", [("good", "bad"), ("bad", "good", "worse"), ("a", "b")])
def test_other_classes_or_another_order_are_refused(classes: Sequence[str]) -> None:
    model = LogisticRegression().fit(WHOLE, labels(WHOLE, ("bad", "good")))
    with pytest.raises(ConfigurationError, match="other classes than") as refused:
        FLAVOUR.predict(model, WHOLE, config_of(classes=classes))
    assert "learned ['bad', 'good']" in str(refused.value)


def test_a_classifier_without_probabilities_is_refused() -> None:
    model = LinearSVC().fit(WHOLE, labels(WHOLE, (0, 1)))
    with pytest.raises(ConfigurationError, match="no probabilities"):
        FLAVOUR.predict(model, WHOLE, config_of(classes=(0, 1)))


@pytest.mark.parametrize(
    "model",
    [
        Stranger().fit([[1.0], [2.0]], [1.0, 2.0]),
        make_pipeline(FunctionTransformer(stranger), LinearRegression()).fit([[1.0]], [1.0]),
    ],
    ids=["class", "function"],
)
def test_code_of_others_is_not_loaded(model: Any) -> None:
    data = FLAVOUR.dump(model)
    with pytest.raises(VerificationFailed, match="is not loaded") as refused:
        FLAVOUR.load(data, None)
    assert "test_sklearn" in str(refused.value)


def test_a_pickle_is_not_loaded() -> None:
    with pytest.raises(VerificationFailed, match="is not loaded"):
        FLAVOUR.load(b"\x80\x04\x95\x0b\x00\x00\x00", None)


def test_what_is_loaded_answers_as_what_was_stored() -> None:
    model = HistGradientBoostingRegressor(max_iter=5).fit(ROWS, target(ROWS))
    loaded = FLAVOUR.load(FLAVOUR.dump(model), None)
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))
