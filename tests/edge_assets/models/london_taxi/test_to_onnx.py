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
from edge_assets.edge_model import EdgeModel
from edge_assets.graphs import check_interface
from edge_assets.models.london_taxi.columns import INPUTS
from edge_assets.models.london_taxi.to_onnx import to_onnx
from edge_assets.models.london_taxi.train import predict, train
from edge_assets.onnx_session import run as run_artifact
from tests.edge_assets.features.taxi_trips.cities import edge_rows

Run = Callable[[pd.DataFrame], NDArray[np.float32]]


@pytest.fixture(scope="session")
def artifact(model: Model) -> onnx.ModelProto:
    return to_onnx(model)


@pytest.fixture(scope="session")
def run(artifact: onnx.ModelProto) -> Run:
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


def test_the_artifact_is_what_the_device_is_promised(
    london: EdgeModel, artifact: onnx.ModelProto, model: Model, tables: Split
) -> None:
    check_interface(artifact, london.config)
    assert tuple(value.name for value in artifact.graph.input) == INPUTS
    content = london.to_onnx(model)
    assert len(content) < london.config.budget.model_bytes
    answers = run_artifact(london.config, content, tables.holdout)
    expected = london.predict(model, tables.holdout)
    assert list(answers) == list(expected) == ["fare"]
    assert answers["fare"].shape == expected["fare"].shape == (len(tables.holdout), 1)


def test_the_number_of_rows_is_free(run: Run, tables: Split) -> None:
    whole = run(tables.holdout)
    for count in (0, 1, 7):
        part = run(tables.holdout.head(count))
        assert part.shape == (count, 1)
        np.testing.assert_allclose(part, whole[:count], rtol=1e-6)


def test_equal_models_give_equal_bytes(model: Model, artifact: onnx.ModelProto) -> None:
    assert to_onnx(model).SerializeToString() == artifact.SerializeToString()


def test_the_model_is_stored_without_code_and_answers_the_same_again(
    london: EdgeModel, model: Model, tables: Split
) -> None:
    again = london.load_trained(london.dump(model))
    rows = tables.holdout.head(50)
    assert predict(again, rows).tobytes() == predict(model, rows).tobytes()
