"""Which files a step is made of."""

from pathlib import Path

import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.core.sources import sources_of
from edge_assets.edge_model import EdgeModel


def _write(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        path = folder / f"{name.replace('_of_', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _names(folder: Path, module: str = "prepare") -> set[str]:
    return {path.relative_to(folder).as_posix() for path in sources_of(folder, module).values()}


def test_imports_of_the_same_folder_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "wine"
    _write(
        folder,
        prepare="import pandas\nfrom edge_models.wine import columns\nfrom .deep import reading\n",
        columns="from edge_models.wine.units import MILES\n",
        units="MILES = 1\n",
        deep_of_reading="from .. import last\n",
        last="from edge_models.wine import prepare\n",
        train="import sklearn\n",
    )
    found = {"prepare.py", "columns.py", "units.py", "deep/reading.py", "last.py"}
    assert _names(folder) == found
    assert _names(folder, "train") == {"train.py"}
    assert _names(folder, "missing") == set()


def test_a_package_is_read_from_its_init(tmp_path: Path) -> None:
    folder = tmp_path / "wine"
    _write(folder, prepare_of___init__="from .reading import X\n", prepare_of_reading="X = 1\n")
    assert _names(folder) == {"prepare/__init__.py", "prepare/reading.py"}


@pytest.mark.parametrize("name", ["nyc_taxi", "london_taxi"])
def test_shared_features_are_followed(name: str) -> None:
    found = sources_of(SHIPPED / name, "prepare")
    assert {f"edge_assets.models.{name}.columns", "edge_assets.features.taxi_trips.city"} < set(
        found
    )
    assert f"edge_assets.models.{name}.train" not in found
    assert "edge_assets.features.taxi_trips.trees" not in found


def test_what_model_new_wrote_in_is_followed(tmp_path: Path) -> None:
    _write(tmp_path / "wine", prepare="from edge_assets.onboarding.decimals import X\n")
    assert "edge_assets.onboarding.decimals" in sources_of(tmp_path / "wine", "prepare")


def _shipped(tmp_path: Path, name: str) -> tuple[EdgeModel, Path]:
    folder = tmp_path / name
    folder.mkdir()
    for path in (SHIPPED / name).iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return EdgeModel.load(folder), folder


@pytest.mark.parametrize("name", ["nyc_taxi", "tooling", "parts"])
def test_training_code_and_bounds_do_not_change_the_preparation(tmp_path: Path, name: str) -> None:
    model, folder = _shipped(tmp_path, name)
    code, before = model.code(), model.preparation()
    _edit(folder / "train.py", '"""', '"""Other. ')
    _edit(folder / "model.yaml", "max_set_aside_share: 0.", "max_set_aside_share: 0.0")
    again = EdgeModel.load(folder)
    assert again.code() != code
    assert again.preparation() == before


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("nyc_taxi", "prepare.py", '"""', '"""Other. '),
        ("nyc_taxi", "model.yaml", "maximum: ", "maximum: 1"),
        ("tooling", "model.yaml", "minimum: -500.0", "minimum: -50.0"),
        ("parts", "model.yaml", "max_side: ", "max_side: 1"),
        ("tooling", "model.yaml", "  landing:", "  where: {plant: 7}\n  landing:"),
    ],
)
def test_code_and_columns_change_the_preparation(
    tmp_path: Path, name: str, file: str, old: str, new: str
) -> None:
    model, folder = _shipped(tmp_path, name)
    before = model.preparation()
    _edit(folder / file, old, new)
    assert EdgeModel.load(folder).preparation() != before


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
