"""What a model card says."""

import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.folders import model_folders
from edge_assets.lineage import gate
from edge_assets.model_card import model_card

TRAINED = {
    "metrics": {"accuracy": 0.9912345678, "rows": 200.0},
    "gates": {"metric_floors": gate(True, "all reached"), "champion": gate(False, "a | b\nc")},
    "commit": "abc",
    "code": "sha256:1",
}
DATASET = {"rows": {"train": 800, "holdout": 200}, "batches": ["a.csv", "b.csv"]}


@pytest.mark.parametrize("name", sorted(model_folders({})))
def test_every_field_of_the_datasheet_is_told(name: str) -> None:
    config = load_model_config(model_folders({})[name] / "model.yaml")
    card = model_card(config, TRAINED, DATASET)
    assert config.datasheet
    for field, text in config.datasheet.items():
        assert str(text) in card
        assert field == "title" or f"**{field.replace('_', ' ').capitalize()}.**" in card
    assert config.owner in card
    assert "800 to train, 200 held out" in card
    assert "| batches | a.csv, b.csv |" in card


def test_metrics_gates_and_code_are_told() -> None:
    config = load_model_config(model_folders({})["tooling"] / "model.yaml")
    card = model_card(config, TRAINED, DATASET)
    assert "| accuracy | 0.991235 |" in card
    assert "| metric floors | open | all reached |" in card
    assert "| champion | closed | a \\| b c |" in card
    assert "| code | abc |" in card
    unknown = model_card(config, {**TRAINED, "commit": None}, {})
    assert "| code | sha256:1 |" in unknown
    assert "? to train" in unknown
