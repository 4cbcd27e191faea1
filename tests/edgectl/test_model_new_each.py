"""`edgectl model new --each`: a model for each value of a column."""

from pathlib import Path

import pandas as pd
import pytest

from edge_assets.deliveries import shares_landing
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking import check_model
from tests.edge_assets.siblings import PRODUCTS, sales

from .conftest import Done, Runner


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "sales.csv"
    few = sales(3).assign(product=["nut", "nut", ""])
    pd.concat([sales(), few]).to_csv(path, index=False)
    return path


def new(edgectl: Runner, table: Path, parent: Path, *more: str) -> Done:
    return edgectl(
        *("model", "new", "demand", "--from", str(table), "--folder", str(parent)),
        *("--target", "sold", "--each", "product", "--json", *more),
    )


def test_each_value_gets_a_model_that_passes_the_check(
    edgectl: Runner, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tmp_path / "models"
    refused = new(edgectl, table, parent)
    assert (refused.code, "rows of 'nut' 2" in refused.err) == (2, True)
    assert not parent.exists()

    done = new(edgectl, table, parent, "--leave-out-few")
    assert done.code == 0, done.err
    told = done.json
    assert (told["landing"], told["each"]) == ("demand", "product")
    assert {model["value"]: model["name"] for model in told["models"]} == PRODUCTS
    assert (told["too_few_rows"], told["rows_without_value"]) == ({"nut": 2}, 1)
    assert all(model["better_than_dummy"] for model in told["models"])
    assert len({model["port"] for model in told["models"]}) == 3
    assert f"EDGE_MODELS={parent}" in done.err
    assert sorted(path.name for path in parent.iterdir()) == sorted(PRODUCTS.values())

    monkeypatch.setattr(
        "edge_assets.onboarding.checking.contract.import_alone",
        lambda folder: (["train", "sample"], [], ""),  # a process of its own takes seconds
    )
    trains = set()
    for product, name in PRODUCTS.items():
        model = EdgeModel.load(parent / name)
        assert model.config.data.where == {"product": product}
        assert model.config.data.landing == "demand"
        assert shares_landing(model.config)
        assert set(model.sample_rows(50, 1, "none")["product"]) == {product}
        assert [str(o) for o in check_model(parent / name) if o.state != "ok"] == []
        trains.add((parent / name / "train.py").read_text())
    assert len(trains) == 1

    again = new(edgectl, table, parent, "--leave-out-few")
    assert (again.code, "is there already" in again.err) == (2, True)


def test_sample_data_of_siblings_do_not_get_in_each_others_way(
    edgectl: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "sales.csv"
    sales().to_csv(source, index=False)
    assert new(edgectl, source, tmp_path / "models").code == 0
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("EDGE_LANDING", str(tmp_path / "landing"))
    for name in PRODUCTS.values():
        done = edgectl("data", "sample", name, "--rows", "60")
        assert done.code == 0, done.err
    names = [path.name.partition("-")[0] for path in (tmp_path / "landing" / "demand").iterdir()]
    assert sorted(names) == sorted(PRODUCTS.values())

    spoiled = tmp_path / "models" / "demand_7" / "model.yaml"
    spoiled.write_text(spoiled.read_text().replace('product: "7"', "product: 8"))
    last = list(check_model(spoiled.parent))[-1]
    assert last.failed
    assert "2000 of 2000 sample rows are not of this model: data.where asks for product = 8" in str(
        last
    )


def test_a_value_that_cannot_be_learned_is_named_and_nothing_is_written(
    edgectl: Runner, tmp_path: Path
) -> None:
    rows = sales()
    rows.loc[rows["product"] == "bolt", "sold"] = 5.0
    rows.to_csv(tmp_path / "sales.csv", index=False)
    done = new(edgectl, tmp_path / "sales.csv", tmp_path / "models")
    assert done.code == 2
    assert "of product 'bolt' no model can be made: the column 'sold' cannot be" in done.err
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--port", "50100"], "--port is for one model"),
        (["--each", "article"], "there is no column 'article'"),
        (["--each", "sold"], "is the target"),
    ],
)
def test_what_does_not_go_together_is_refused(
    edgectl: Runner, table: Path, tmp_path: Path, more: list[str], told: str
) -> None:
    done = new(edgectl, table, tmp_path / "models", *more)
    assert (done.code, told in done.err) == (2, True), done.err


def test_only_tables_are_divided(edgectl: Runner, tmp_path: Path) -> None:
    done = new(edgectl, tmp_path, tmp_path / "models")
    assert (done.code, "--each is for a table" in done.err) == (2, True)
    alone = edgectl("model", "new", "demand", "--from", str(tmp_path), "--leave-out-few")
    assert (alone.code, "without --each" in alone.err) == (2, True)
