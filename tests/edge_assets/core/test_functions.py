import os
import sys
from pathlib import Path

import pytest

from edge_assets.core.config import load_model_config
from edge_assets.core.folders import SHIPPED, model_folder, model_folders
from edge_assets.core.functions import find_function, load_function, place_in
from protos.errors import ConfigurationError


def _folder(root: Path, name: str, **files: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / f"{file}.py").write_text(text)
    return folder


def test_the_functions_of_a_shipped_model_are_found() -> None:
    entrypoints = load_model_config(SHIPPED / "nyc_taxi" / "model.yaml").entrypoints
    assert callable(load_function(SHIPPED / "nyc_taxi", entrypoints.train))
    assert find_function(SHIPPED / "nyc_taxi", entrypoints.restore) is None


def test_a_folder_elsewhere_is_a_package_of_its_own(tmp_path: Path) -> None:
    one = _folder(
        tmp_path / "a", "same", helper="X = 1", train="from .helper import X\ndef train(): return X"
    )
    two = _folder(tmp_path / "b", "same", train="def train(): return 2")
    assert load_function(one, "train:train")() == 1
    assert load_function(two, "train:train")() == 2
    assert load_function(one, "train:train")() == 1


@pytest.mark.parametrize(
    ("text", "reference", "told"),
    [
        ("def train(): ...", "other:train", "has no function other:train"),
        ("def train(): ...", "train:fit", "there is no fit in"),
        ("train = 3", "train:train", "train:train of bad is no function: it is a int"),
        (
            "import no_such_thing",
            "train:train",
            "cannot be imported: train.py:1: ModuleNotFoundError",
        ),
        ("def", "train:train", "cannot be imported: train.py:1: SyntaxError"),
        ("1 / 0", "train:train", "cannot be imported: train.py:1: ZeroDivisionError"),
    ],
)
def test_functions_that_are_none(tmp_path: Path, text: str, reference: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_function(_folder(tmp_path, "bad", train=text), reference)
    assert told in str(caught.value)
    assert caught.value.remedy


def test_edge_models_of_a_team_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    (_folder(tmp_path, "zebra") / "model.yaml").write_text("")
    found = model_folders({"EDGE_MODELS": str(tmp_path)})
    assert found["zebra"] == tmp_path / "zebra"
    assert "nyc_taxi" in found
    assert list(found) == sorted(found)
    assert model_folder("zebra", {"EDGE_MODELS": str(tmp_path)}) == tmp_path / "zebra"
    own = {"EDGE_MODELS": os.pathsep.join((str(tmp_path / "zebra"), str(tmp_path)))}
    assert model_folder("zebra", own) == tmp_path / "zebra"


def test_the_folder_that_one_works_in_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_folder(tmp_path, "zebra") / "model.yaml").write_text("")
    monkeypatch.chdir(tmp_path / "zebra")
    assert model_folder("zebra", {"EDGE_MODELS": "."}) == tmp_path / "zebra"


def test_folders_that_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="which is no folder"):
        model_folders({"EDGE_MODELS": str(tmp_path / "none")})
    (_folder(tmp_path, "nyc_taxi") / "model.yaml").write_text("")
    with pytest.raises(ConfigurationError, match="two edge models nyc_taxi"):
        model_folders({"EDGE_MODELS": str(tmp_path)})
    with pytest.raises(ConfigurationError, match=r"known are: .*nyc_taxi"):
        model_folder("nyctaxi", {})


@pytest.mark.parametrize(
    ("package", "extra"), [("torch", "deep"), ("keras", "deep"), ("xgboost", "boosting")]
)
def test_a_package_of_an_extra_that_is_missing_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    folder = _folder(tmp_path, f"lacks_{package}", train=f"import {package}\ndef train(): ...")
    with pytest.raises(ConfigurationError) as told:
        find_function(folder, "train:train")
    assert told.value.why == f"not installed: {package}, of the extra {extra}"
    assert f"pip install -e '.[{extra}]'" in told.value.remedy
    assert "checkout" in told.value.remedy


def test_the_place_of_an_error_is_the_innermost_line_of_the_folder(tmp_path: Path) -> None:
    text = "import json\n\ndef train():\n    return inner()\n\ndef inner():\n    json.loads('?')\n"
    folder = _folder(tmp_path, "fails", train=text)
    with pytest.raises(ValueError, match="Expecting") as raised:
        load_function(folder, "train:train")()
    assert place_in(folder, raised.value) == "train.py:7 in inner"
    assert place_in(tmp_path / "other", raised.value) == ""
