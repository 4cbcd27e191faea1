"""The edge model as it is shipped, a model of its default sample, and the folder that is served."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.core.holdout import Split
from edge_assets.core.model_folder import golden_json, model_json
from edge_assets.edge_model import EdgeModel
from edge_assets.onnx_session import feeds
from protos.digests import digest_bytes
from resources.contracts import SOURCE_FILE, add_contract
from tests.edge_assets.models.tooling.dividing import divided

GOLDEN = 16


@pytest.fixture(scope="session")
def tooling() -> EdgeModel:
    return EdgeModel.load(SHIPPED / "tooling")


@pytest.fixture(scope="session")
def rows(tooling: EdgeModel) -> Split:
    return divided(tooling, tooling.sample(tooling.config.sample.rows, 1, "none"))


@pytest.fixture(scope="session")
def trained(tooling: EdgeModel, rows: Split) -> Any:
    return tooling.load_trained(tooling.dump(tooling.train(rows.train)))


@pytest.fixture(scope="session")
def served(
    tooling: EdgeModel, rows: Split, trained: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the asset `onnx_model` makes: graph, description, golden questions, contract."""
    config, folder = tooling.config, tmp_path_factory.mktemp("tooling")
    graph = tooling.to_onnx(trained)
    digest = digest_bytes(graph)
    few = rows.holdout.iloc[:GOLDEN]
    questions = [next(feeds(config, few.iloc[[place]]))[1] for place in range(len(few))]
    answers = [
        {name: np.asarray(array[place : place + 1]) for name, array in told.items()}
        for told in [tooling.predict(trained, few)]
        for place in range(len(few))
    ]
    (folder / "model.onnx").write_bytes(graph)
    (folder / "model.json").write_text(json.dumps(model_json(config, digest)))
    (folder / "golden.json").write_text(json.dumps(golden_json(config, digest, questions, answers)))
    add_contract(tooling.folder / SOURCE_FILE, folder)
    return folder
