from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from edgectl.data import batch_name, deliver
from protos.errors import ConfigurationError, Unavailable

from .conftest import Runner

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_batch_lands_complete_in_the_landing_folder(
    edgectl: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_LANDING", str(tmp_path / "landing"))
    done = edgectl("data", "sample", "nyc_taxi", "--rows", "50", "--seed", "4", "--json")
    assert done.code == 0, done.err
    path = Path(done.json["path"])
    assert path.parent == tmp_path / "landing" / "nyc_taxi"
    assert done.json["synthetic"] is True
    assert "Next:  edgectl release approve nyc_taxi" in done.err
    assert len(pd.read_csv(path)) == 50
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_seed_gives_the_same_bytes_and_a_shift_other_ones(
    edgectl: Runner, tmp_path: Path
) -> None:
    def written(name: str, *more: str) -> bytes:
        path = tmp_path / name
        command = ("data", "sample", "nyc_taxi", "--rows", "30", "--out", str(path))
        done = edgectl(*command, *more)
        assert (done.code, done.out) == (0, f"{path}\n")
        assert "Nothing was delivered" in done.err
        assert "Next:" not in done.err
        return path.read_bytes()

    first = written("a.csv")
    assert written("b.csv") == first
    assert written("c.csv", "--seed", "2") != first
    assert written("d.csv", "--shift", "distance") != first


def test_an_unknown_model_is_wrong_usage(edgectl: Runner) -> None:
    done = edgectl("data", "sample", "taxi")
    assert (done.code, done.out) == (2, "")
    assert "nyc_taxi" in done.err


@pytest.mark.parametrize("options", [("--rows", "0"), ("--shift", "colour"), ("--seed", "x")])
def test_options_that_make_no_sense_are_wrong_usage(
    edgectl: Runner, options: tuple[str, str]
) -> None:
    assert edgectl("data", "sample", "nyc_taxi", *options).code == 2


def test_sample_data_is_not_sent_into_a_cloud(
    edgectl: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_LANDING", "abfs://landing@x")
    done = edgectl("data", "sample", "nyc_taxi")
    assert done.code == 2
    assert "--out" in done.err


def test_names_sort_by_time_and_tell_how_it_was_made() -> None:
    assert batch_name(10, 3, "none", NOW) == "sample-20260102T030405-10-seed3"
    assert batch_name(10, 3, "hours", NOW) == "sample-20260102T030405-10-seed3-hours"


def test_a_delivered_batch_is_never_replaced(tmp_path: Path) -> None:
    deliver(b"first", tmp_path / "in" / "a.csv")
    with pytest.raises(ConfigurationError, match="never changes"):
        deliver(b"second", tmp_path / "in" / "a.csv")
    assert (tmp_path / "in" / "a.csv").read_bytes() == b"first"
    assert len(list((tmp_path / "in").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="was not written"):
        deliver(b"x", tmp_path / "file" / "a.csv")
