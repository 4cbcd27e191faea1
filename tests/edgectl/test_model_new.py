"""`edgectl model new` on tables it has never seen: what it makes passes the check unchanged."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import yaml

from edge_assets.core.folders import SHIPPED
from edge_assets.deliveries import inspect, read
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking import check_model, exit_code

from .conftest import Runner

SEEN = {"wine": "classification", "diabetes": "regression", "breast_cancer": "classification"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for name in (*SEEN, "iris"):
        frame = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
        frame.to_csv(folder / f"{name}.csv", index=False)
    messy().to_csv(folder / "messy.csv", index=False)
    return folder


def messy(rows: int = 400) -> pd.DataFrame:
    """Flats: texts, unknown values, words in numbers, headers with spaces, a leak."""
    rng = np.random.default_rng(5)
    size, floor = rng.uniform(20, 200, rows), rng.integers(0, 9, rows)
    city = rng.choice(["Köln", "Bad Homburg, Hessen", "Ulm"], rows)
    heating = rng.choice(["gas", "oil", ""], rows)
    price = size * 40 + (city == "Köln") * 2500 + floor * 80 + rng.normal(0, 250, rows)
    made = pd.DataFrame(
        {
            "Row ID": np.arange(rows) + 1,
            "Living Area (m²)": np.round(size, 1),
            "Floor No.": floor,
            "City": city,
            "heating/type": heating,
            "Built On": pd.date_range("1990-01-01", periods=rows).strftime("%Y-%m-%d"),
            "2nd bath": rng.choice(["yes", "no"], rows),
            "Const": "x",
            "Remarks": [f"nice flat number {n} in a quiet street" for n in range(rows)],
            "Price in cents": np.round(price * 100),
            "Energy": np.round(rng.normal(100, 20, rows), 1),
            "batch": rng.integers(1, 4, rows),
            "Price €": np.round(price, 2),
        }
    ).astype(object)
    made.loc[rng.random(rows) < 0.1, "Energy"] = "NA"
    made.loc[rng.random(rows) < 0.05, "Living Area (m²)"] = "?"
    made.loc[3, "Floor No."] = "two"
    made.loc[7, "Price €"] = ""
    return made


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "models"
    for name in [name for name in sys.modules if name.startswith("edge_models.")]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def imports_are_looked_at_once(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of its own takes seconds: for one model it is enough."""

    def pretend(folder: Path) -> tuple[list[str], list[str], str]:
        return ["train", "sample"], [], ""

    if "[wine]" not in request.node.name:
        monkeypatch.setattr("edge_assets.onboarding.checking.contract.import_alone", pretend)


def new(edgectl: Runner, name: str, source: Path, parent: Path, *more: str):  # type: ignore[no-untyped-def]
    return edgectl(
        "model", "new", name, "--from", str(source), "--folder", str(parent), "--json", *more
    )


@pytest.mark.parametrize("name", SEEN)
def test_what_is_made_passes_the_check_unchanged(
    edgectl: Runner, tables: Path, parent: Path, name: str
) -> None:
    done = new(edgectl, name, tables / f"{name}.csv", parent, "--target", "target")
    assert done.code == 0, done.err
    assert done.json["kind"] == SEEN[name]
    assert done.json["better_than_dummy"] is True
    assert f"EDGE_MODELS={parent}" in done.err
    found = list(check_model(parent / name))
    assert [str(outcome) for outcome in found if outcome.state != "ok"] == []
    assert exit_code(found) == 0
    assert {"floors", "parity", "edges", "served", "latency", "leakage"} <= {o.name for o in found}


def test_a_messy_table(edgectl: Runner, tables: Path, parent: Path) -> None:
    done = new(edgectl, "flats", tables / "messy.csv", parent, "--target", "Price €")
    assert done.code == 0, done.err
    made = done.json
    assert made["set_aside"] == {"floor_no: no number": 1, "price: is missing": 1}
    assert set(made["left_out"]) == {"Row ID", "Built On", "Const", "Remarks", "Price in cents"}
    assert "explains" in made["left_out"]["Price in cents"]
    assert made["columns"] == [
        "living_area_m2", "floor_no", "city", "heating_type", "c_2nd_bath", "energy", "batch_value",
    ]  # fmt: skip
    config = EdgeModel.load(parent / "flats").config
    columns = {column.name: column for column in config.data.columns}
    assert columns["energy"].nullable
    assert columns["heating_type"].categories == ("gas", "oil")
    assert columns["living_area_m2"].aliases == ("Living Area (m²)",)
    assert config.data.leaking == ("Price in cents",)
    assert config.drift.categorical == ("city", "heating_type", "c_2nd_bath", "batch_value")
    outcomes = list(check_model(parent / "flats"))
    assert [str(outcome) for outcome in outcomes if outcome.state != "ok"] == []


def test_what_is_made_is_known_to_the_other_commands(
    edgectl: Runner, tables: Path, parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert new(edgectl, "iris", tables / "iris.csv", parent, "--target", "target").code == 0
    monkeypatch.setenv("EDGE_MODELS", str(parent))
    out = tmp_path / "rows.csv"
    done = edgectl("data", "sample", "iris", "--rows", "60", "--out", str(out))
    assert done.code == 0, done.err
    assert len(pd.read_csv(out)) == 60
    first = (parent / "iris" / "model.yaml").read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = (parent / "iris" / first.partition("=")[2]).resolve()
    assert schema == (SHIPPED / "model.schema.json").resolve()
    taken = new(edgectl, "iris", tables / "iris.csv", parent, "--target", "target")
    assert (taken.code, "never overwritten" in taken.err) == (2, True)
    elsewhere = new(edgectl, "iris", tables / "iris.csv", tmp_path / "b", "--target", "target")
    assert (elsewhere.code, "already" in elsewhere.err) == (2, True)
    assert not (tmp_path / "b").exists()
    port = EdgeModel.load(parent / "iris").config.device.port
    second = new(edgectl, "iris2", tables / "iris.csv", parent, "--target", "target")
    assert second.json["port"] != port
    third = new(edgectl, "iris3", tables / "iris.csv", parent, "--port", str(port))
    assert (third.code, "is taken" in third.err) == (2, True)


def test_a_baseline_that_is_no_better_than_a_dummy_keeps_its_gate_closed(
    edgectl: Runner, parent: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    noise = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    noise["y"] = rng.normal(size=300)
    noise.to_csv(tmp_path / "noise.csv", index=False)
    done = new(edgectl, "noise", tmp_path / "noise.csv", parent, "--target", "y")
    assert done.code == 0
    assert done.json["better_than_dummy"] is False
    assert "NOT better than a dummy" in done.err
    assert "NOT better than a dummy" in (parent / "noise" / "model.yaml").read_text()
    outcomes = list(check_model(parent / "noise"))
    assert [outcome.name for outcome in outcomes if outcome.failed] == ["floors"]
    assert exit_code(outcomes) == 3


@pytest.mark.parametrize("seed", [1, 3])
def test_noise_of_classes_keeps_its_gate_closed_in_the_check(
    edgectl: Runner, parent: Path, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    noise = pd.DataFrame({name: rng.normal(size=300).round(3) for name in "abcd"})
    noise["code"], noise["y"] = rng.integers(0, 5, 300), rng.choice(["good", "poor"], 300)
    noise.to_csv(tmp_path / "noise.csv", index=False)
    done = new(edgectl, "noise", tmp_path / "noise.csv", parent, "--target", "y")
    assert done.json["better_than_dummy"] is False
    outcomes = list(check_model(parent / "noise", own_tests=False))
    assert [outcome.name for outcome in outcomes if outcome.failed] == ["floors"]


def german(rows: int = 300) -> pd.DataFrame:
    """Semicolons, decimal commas and points between thousands, as a spreadsheet writes them."""
    rng = np.random.default_rng(4)
    size, pressure = rng.uniform(1, 2000, rows), rng.normal(size=rows)

    def comma(value: float, digits: int = 2) -> str:
        return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))

    made = pd.DataFrame(
        {
            "Länge mm": [comma(value) for value in size],
            "Druck": [comma(value, 3) for value in pressure],
            "Ort": rng.choice(["Ulm", "Bonn, Süd"], rows),
            "Menge": [f"{value},{value:03d}" for value in rng.integers(100, 999, rows)],
            "Preis": [comma(value) for value in size * 2 + pressure * 300],
        }
    )
    made.loc[5:12, "Druck"] = "n/a"
    return made


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_a_table_with_decimal_commas_is_read_by_new_and_by_the_chain(
    edgectl: Runner, parent: Path, tmp_path: Path, separator: str
) -> None:
    path = tmp_path / "preise.csv"
    german().to_csv(path, sep=separator, index=False)
    done = new(edgectl, "preise", path, parent, "--target", "Preis")
    assert done.code == 0, done.err
    assert "numbers with a decimal comma: Länge mm, Druck, Preis" in done.err
    assert (done.json["kind"], done.json["kept"]) == ("regression", 300)
    assert done.json["columns"] == ["lange_mm", "druck", "ort"]
    assert "decimals or thousands" in done.json["left_out"]["Menge"]
    assert [str(o) for o in check_model(parent / "preise") if o.state != "ok"] == []
    model = EdgeModel.load(parent / "preise")
    inspect(model.config, path, {})
    kept = model.prepare(read(model.config, path)).kept
    assert kept["lange_mm"].max() > 1900
    assert kept["druck"].isna().sum() == 8
    sample = model.sample_rows(20, 1, "none")
    assert sample["Länge mm"].str.contains(",").all()
    changed = model.prepare(german().head(2).assign(**{"Länge mm": ["3.91", "3,91"]}))
    assert changed.reasons == {"lange_mm: no number": 1}


def test_floors_lie_between_the_dummy_and_what_was_reached(
    edgectl: Runner, tables: Path, parent: Path
) -> None:
    assert new(edgectl, "iris", tables / "iris.csv", parent, "--target", "target").code == 0
    text = (parent / "iris" / "model.yaml").read_text()
    floors = yaml.safe_load(text)["floors"]
    for metric in ("accuracy", "balanced_accuracy"):
        said = text[: text.index(f"  {metric}: {{min")].splitlines()[-1]
        reached, dummy = float(said.split()[4]), float(said.split()[-1])
        assert dummy < floors[metric]["min"] < reached


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "1 row"),
        (b"a,b\n", "0 rows"),
        (b"a|b\n" + b"1|2\n" * 60, "one column"),
        (b"a,a,b\n" + b"1,2,3\n" * 60, "twice"),
        (b"A b,a_b,c\n" + b"1,2,3\n4,5,6\n" * 60, "one name"),
        ("größe,b\n".encode("latin-1") + b"1,2\n" * 60, "UTF-8"),
        (b"a,b\n" + b"1,2\n" * 60 + b"1,2,3\n", "cells"),
        (",".join(f"c{n}" for n in range(10_000)).encode() + b"\n", "10000 columns"),
        (b"a,c\n" + b"1,2\n3,2\n" * 60, "nothing to learn"),
        (b"k,c\n" + b"x,2\nx,3\n" * 60, "no column is left"),
        (b"a,c\n" + b"1,x\n2,y\n" * 60, "explains 100.00%"),
        (b"a,c\n" + b"1,x\n2,y\n1,y\n" * 60, "would be held out"),
    ],
)  # fmt: skip
def test_tables_that_are_refused(
    edgectl: Runner, tmp_path: Path, parent: Path, content: bytes, words: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    done = new(edgectl, "bad", tmp_path / "bad.csv", parent, "--target", "c")
    assert done.code == 2
    assert words in done.err
    assert not (parent / "bad").exists()
    assert not parent.exists() or list(parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "source", "more", "words"),
    [
        ("Wine", "wine.csv", (), "lower-case"),
        ("nyc_taxi", "wine.csv", (), "already"),
        ("wine", "none.csv", (), "there is no"),
        ("wine", "wine.csv", ("--target", "price"), "there is no column 'price'"),
        ("wine", "wine.csv", ("--data", "wine.csv"), "for an ONNX graph"),
    ],
)
def test_wrong_usage(
    edgectl: Runner,
    tables: Path,
    parent: Path,
    name: str,
    source: str,
    more: tuple[str, ...],
    words: str,
) -> None:
    done = new(edgectl, name, tables / source, parent, *more)
    assert done.code == 2
    assert words in done.err


def test_the_target_is_asked_for_on_a_terminal_only(
    edgectl: Runner, tables: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = new(edgectl, "iris", tables / "iris.csv", parent)
    assert done.code == 2
    assert "--target 'target'" in done.err
    asked: list[object] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    def answer(text: str, default: str, err: bool) -> str:
        asked.append(default)
        return default

    monkeypatch.setattr("click.prompt", answer)
    assert new(edgectl, "iris", tables / "iris.csv", parent).json["target"] == "target"
    assert asked == ["target"]


def test_what_fails_on_the_way_leaves_nothing_behind(
    edgectl: Runner, tables: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise RuntimeError("no memory left")

    monkeypatch.setattr("edge_assets.onboarding.from_table.first_training", broken)
    assert new(edgectl, "iris", tables / "iris.csv", parent, "--target", "target").code == 1
    assert list(parent.iterdir()) == []


def test_the_schema_is_printed(edgectl: Runner) -> None:
    done = edgectl("model", "schema")
    assert (done.code, done.out) == (0, (SHIPPED / "model.schema.json").read_text())
