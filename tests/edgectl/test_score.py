"""`edgectl score` on a pretended release of a small artifact."""

import io
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.folders import SHIPPED
from tests.edge_assets.artifacts import FLAG_DROP, pretend_artifact, pretend_release
from tests.edge_assets.bench import FOLDER, Bench, opened_bench

from .conftest import Runner


@pytest.fixture
def bench(
    tmp_path: Path, blank: Path, clean: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    level = logging.getLogger("dagster").level
    with opened_bench(tmp_path / "home", blank, monkeypatch) as opened:
        monkeypatch.setattr("resources.platform.Platform", lambda: opened.platform)
        train = opened.cleaned(1, rows=100)
        pretend_release(opened, pretend_artifact(opened, 2.0, train))
        pretend_artifact(opened, 3.0, train)  # the newest artifact, not released
        yield opened
    logging.getLogger("dagster").setLevel(level)


@pytest.fixture
def trips(bench: Bench, tmp_path: Path) -> Path:
    """Trips that nobody has paid for yet, one of them of no length."""
    rows = bench.sample(4, rows=60).drop(columns="fareAmount").reset_index(drop=True)
    rows = rows.astype(object)
    rows.loc[7, "tripDistance"] = "far"
    path = tmp_path / "trips.csv"
    rows.to_csv(path, index=False)
    return path


def distances(trips: Path) -> "pd.Series[float]":
    return pd.to_numeric(pd.read_csv(trips)["tripDistance"], errors="coerce")


def test_a_file_without_labels_is_scored_row_by_row(
    bench: Bench, trips: Path, tmp_path: Path, edgectl: Runner
) -> None:
    out = tmp_path / "new" / "scores.csv"
    done = edgectl("score", "nyc_taxi", str(trips), "--out", str(out), "--json")
    assert done.code == 0, done.err
    told, table = done.json, pd.read_csv(out, keep_default_na=False, na_values={"fare": [""]})
    assert (told["rows"], told["release"]) == (60, 1)
    assert told["model_digest"] == bench.document("release")["model_digest"]
    assert table["row"].tolist() == list(range(60))
    assert "distance" in table["rejected"][7]
    good = (table["rejected"] == "").to_numpy()
    assert good.sum() == told["scored"] > 40
    assert np.allclose(table["fare"][good], FLAG_DROP + 2.0 * distances(trips)[good], rtol=1e-5)
    assert "rejected: distance" in done.err


def test_the_candidate_can_be_asked_and_parquet_written(
    bench: Bench, trips: Path, tmp_path: Path, edgectl: Runner
) -> None:
    out = tmp_path / "scores.parquet"
    done = edgectl("score", "nyc_taxi", str(trips), "--out", str(out), "--candidate")
    assert (done.code, done.out.strip()) == (0, str(out))
    table = pd.read_parquet(out)
    good = table["rejected"] == ""
    assert np.allclose(table["fare"][good], FLAG_DROP + 3.0 * distances(trips)[good], rtol=1e-5)


def test_without_a_file_the_scores_go_to_stdout(bench: Bench, trips: Path, edgectl: Runner) -> None:
    printed = edgectl("score", "nyc_taxi", str(trips)).out
    assert len(pd.read_csv(io.StringIO(printed))) == 60
    rows = edgectl("score", "nyc_taxi", str(trips), "--json").json["scores"]
    assert [row["row"] for row in rows] == list(range(60))
    assert rows[7]["fare"] is None


def test_a_file_of_which_nothing_can_be_scored_exits_with_1(
    bench: Bench, tmp_path: Path, edgectl: Runner
) -> None:
    rows = bench.sample(4, rows=3).astype(object).assign(tripDistance="far")
    path = tmp_path / "far.csv"
    rows.to_csv(path, index=False)
    done = edgectl("score", "nyc_taxi", str(path), "--out", str(tmp_path / "scores.csv"))
    assert done.code == 1
    assert "0 of 3 rows scored" in done.err
    told = pd.read_csv(tmp_path / "scores.csv")["rejected"]
    assert (told.str.len() > 5).all(), "every row says why"


def test_a_file_with_none_of_the_columns_is_one_error(
    bench: Bench, tmp_path: Path, edgectl: Runner
) -> None:
    path = tmp_path / "weather.csv"
    path.write_text("day,rain\n" + "1,2\n" * 900)
    done = edgectl("score", "nyc_taxi", str(path))
    assert (done.code, done.out) == (1, "")
    assert "weather.csv cannot be scored" in done.err
    assert "tripDistance" in done.err
    assert "it has: day, rain" in done.err
    assert len(done.err.splitlines()) < 5


def test_a_column_of_another_name_is_no_column_of_unknown_values(
    tmp_path: Path, edgectl: Runner
) -> None:
    """Where values may be unknown, all rows would be scored as if this one were."""
    folder = tmp_path / "tooling"
    shutil.copytree(SHIPPED / "tooling", folder)
    yaml = folder / "model.yaml"
    yaml.write_text(yaml.read_text().replace("{name: x2, ", "{name: x2, nullable: true, "))
    rows = tmp_path / "rows.csv"
    rows.write_text("x1,druck\n1,2\n")
    done = edgectl("score", "tooling", str(rows), "--model-folder", str(folder))
    assert (done.code, done.out) == (1, "")
    assert "it has no column x2; it has: x1, druck" in done.err


def test_the_file_that_is_scored_is_not_overwritten(
    bench: Bench, trips: Path, edgectl: Runner
) -> None:
    before = trips.read_bytes()
    done = edgectl("score", "nyc_taxi", str(trips), "--out", str(trips))
    assert done.code == 2
    assert "is the file that is scored" in done.err
    assert trips.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\x00\x01"])
def test_a_file_that_cannot_be_read_exits_with_1(
    bench: Bench, tmp_path: Path, edgectl: Runner, content: bytes
) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    done = edgectl("score", "nyc_taxi", str(path))
    assert (done.code, done.out) == (1, "")
    assert "broken.csv" in done.err
    assert path.exists(), "it is not quarantined"


def test_wrong_usage_is_told(bench: Bench, trips: Path, tmp_path: Path, edgectl: Runner) -> None:
    assert edgectl("score", "nyc_taxi", str(trips), "--out", "scores.txt").code == 2
    assert edgectl("score", "nyc_taxi", str(tmp_path)).code == 2
    assert edgectl("score", "nyc_taxi", str(tmp_path / "none.csv")).code == 2
    elsewhere = edgectl("score", "tokyo_taxi", str(trips), "--model-folder", str(FOLDER))
    assert elsewhere.code == 2
    assert "names nyc_taxi" in elsewhere.err


def test_without_a_release_there_is_nothing_to_score_with(
    tmp_path: Path, blank: Path, clean: None, monkeypatch: pytest.MonkeyPatch, edgectl: Runner
) -> None:
    trips = tmp_path / "trips.csv"
    trips.write_text("a\n1\n")
    with opened_bench(tmp_path / "home", blank, monkeypatch) as opened:
        monkeypatch.setattr("resources.platform.Platform", lambda: opened.platform)
        done = edgectl("score", "nyc_taxi", str(trips))
        assert done.code == 1
        assert "no release yet" in done.err
        assert "no candidate yet" in edgectl("score", "nyc_taxi", str(trips), "--candidate").err
