from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor as Model

from edge_assets.core.holdout import Split
from edge_assets.core.parity import compare
from edge_assets.models.nyc_taxi.columns import COORDINATES, FLOATS, INPUTS
from edge_assets.models.nyc_taxi.to_onnx import to_onnx
from edge_assets.models.nyc_taxi.train import predict, train
from tests.edge_assets.features.taxi_trips.cities import edge_rows

Run = Callable[[pd.DataFrame], NDArray[np.float32]]


def _runner(artifact: onnx.ModelProto) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        artifact.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(rows: pd.DataFrame) -> NDArray[np.float32]:
        feed = {name: rows[name].to_numpy().reshape(-1, 1) for name in INPUTS}
        answer: NDArray[np.float32] = session.run(None, feed)[0]
        return answer

    return run


@pytest.fixture(scope="session")
def artifact(model: Model) -> onnx.ModelProto:
    return to_onnx(model)


@pytest.fixture(scope="session")
def run(artifact: onnx.ModelProto) -> Run:
    return _runner(artifact)


def test_parity_on_all_rows_seen_and_unseen(model: Model, run: Run, tables: Split) -> None:
    for rows in (tables.holdout, tables.train):
        verdict = compare(predict(model, rows), run(rows), absolute=1e-4, relative=1e-5)
        assert verdict.passed, verdict.reason


def test_parity_on_edge_rows(model: Model, run: Run, tables: Split) -> None:
    rows = edge_rows(tables.train, INPUTS)
    verdict = compare(predict(model, rows), run(rows), absolute=1e-4, relative=1e-5)
    assert verdict.passed, verdict.reason


def test_the_gate_of_parity_closes_for_another_model(run: Run, tables: Split) -> None:
    other = predict(train(tables.train, learning_rate=0.05, max_iter=50), tables.holdout)
    assert not compare(other, run(tables.holdout), absolute=1e-3, relative=1e-4).passed


def test_neighbouring_values_go_different_ways_as_in_the_model(tables: Split) -> None:
    """A threshold between two float32 neighbours is none itself; rounded up, it loses one side."""
    low = np.linspace(1.0, 9.0, 60, dtype=np.float32)
    pairs = np.concatenate([low, np.nextafter(low, np.float32(99))])
    rows = pd.concat([tables.train.head(1)] * 2400, ignore_index=True)
    rows["distance"] = np.tile(pairs, 20)
    rows["fare"] = np.tile(np.repeat([10.0, 20.0], 60), 20)
    sharp = train(rows, features=["distance"], max_iter=30, max_leaf_nodes=128)
    thresholds = np.concatenate([tree.nodes["num_threshold"] for (tree,) in sharp._predictors])
    assert (thresholds.astype(np.float32) > thresholds).any(), "rounding up does happen here"
    verdict = compare(
        predict(sharp, rows), _runner(to_onnx(sharp))(rows), absolute=1e-4, relative=1e-5
    )
    assert verdict.passed, verdict.reason


def test_names_types_and_free_batch(artifact: onnx.ModelProto, run: Run, tables: Split) -> None:
    inputs = {i.name: i.type.tensor_type for i in artifact.graph.input}
    assert tuple(inputs) == INPUTS
    for name, kind in inputs.items():
        wanted = onnx.TensorProto.FLOAT if name in FLOATS else onnx.TensorProto.INT64
        assert kind.elem_type == wanted
        assert kind.shape.dim[0].dim_param == "rows"
        assert kind.shape.dim[1].dim_value == 1
    assert [output.name for output in artifact.graph.output] == ["fare"]
    whole = run(tables.holdout)
    for count in (0, 1, 7):
        part = run(tables.holdout.head(count))
        assert part.shape == (count, 1)
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, whole[:count], rtol=1e-6)


def test_equal_models_give_equal_bytes(model: Model, artifact: onnx.ModelProto) -> None:
    assert to_onnx(model).SerializeToString() == artifact.SerializeToString()


def test_the_model_itself_is_not_changed(tables: Split) -> None:
    small = train(tables.train.head(300), max_iter=5)
    before = [t.nodes["num_threshold"].copy() for (t,) in small._predictors]
    to_onnx(small)
    for (tree,), thresholds in zip(small._predictors, before, strict=True):
        np.testing.assert_array_equal(tree.nodes["num_threshold"], thresholds)


def test_unknown_positions_of_models_that_were_trained_with_them(tables: Split) -> None:
    rows = tables.train.head(1500).copy()
    rows.loc[rows.index % 3 == 0, list(COORDINATES)] = np.nan
    gaps = train(rows, max_iter=40)
    got = _runner(to_onnx(gaps))(rows)
    assert compare(predict(gaps, rows), got, absolute=1e-4, relative=1e-5).passed
