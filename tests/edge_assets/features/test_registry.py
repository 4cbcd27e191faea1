import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_assets.core.folders import SHIPPED, model_folders
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions, load_chains
from edge_assets.features import registry, taxi_trips
from edge_assets.features.registry import FeatureModule, feature_module, known_modules
from protos.errors import ConfigurationError

TAXI = ("london_taxi", "nyc_taxi")
ASKED = 'features: {module: taxi_trips, version: "1"}'


def copy_asking_for(tmp_path: Path, features: str) -> Path:
    """The folder of a London model of which `model.yaml` asks for other features."""
    folder = tmp_path / "london_taxi"
    shutil.copytree(SHIPPED / "london_taxi", folder)
    file = folder / "model.yaml"
    assert ASKED in file.read_text()
    file.write_text(file.read_text().replace(ASKED, features))
    return folder


def test_the_version_that_is_asked_for_is_loaded(tmp_path: Path) -> None:
    model = EdgeModel.load(copy_asking_for(tmp_path, ASKED))
    assert model.config.features is not None
    assert model.config.features.version == taxi_trips.VERSION
    assert known_modules() == ["taxi_trips"]


def test_another_version_refuses_the_load_of_the_definitions(tmp_path: Path) -> None:
    folder = copy_asking_for(tmp_path, 'features: {module: taxi_trips, version: "0"}')
    for load in (load_chains, build_definitions):
        with pytest.raises(ConfigurationError) as caught:
            load([folder])
        assert str(caught.value).startswith(
            "london_taxi was made for version 0 of the features taxi_trips: "
            f"the code here is version {taxi_trips.VERSION}"
        )
        assert "features.version in the model.yaml of london_taxi" in caught.value.remedy


def test_a_new_version_of_the_code_refuses_models_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_asking_for(tmp_path, ASKED)
    monkeypatch.setattr(taxi_trips, "VERSION", "10")
    with pytest.raises(ConfigurationError, match="the code here is version 10"):
        load_chains([folder])


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ('features: {module: taxi_trip, version: "1"}', "no feature module taxi_trip: known are"),
        ('features: {module: ../core, version: "1"}', "features.module: String should match"),
        ("features: {module: taxi_trips}", "features.version: Field required"),
        ("features: {module: taxi_trips, version: 1}", "features.version: Input should be a valid"),
        ('features: {module: taxi_trips, version: ""}', "features.version: String should have"),
        (
            'features: {module: taxi_trips, version: "1", city: x}',
            "features.city: there is no such",
        ),
    ],
)
def test_what_is_no_feature_set_is_told(tmp_path: Path, features: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EdgeModel.load(copy_asking_for(tmp_path, features))
    assert told in str(caught.value)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeatureModule]:
    folder = tmp_path / "rides"
    folder.mkdir()
    (folder / "__init__.py").write_text('VERSION = "3"\n')
    (folder / "build.py").write_text("LIMIT = 1\n")
    monkeypatch.setattr(registry, "known_modules", lambda: ["rides"])
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    monkeypatch.setattr("edge_assets.features.__path__", [str(tmp_path)])
    yield FeatureModule("rides", "3", folder)
    sys.modules.pop("edge_assets.features.rides", None)


def test_a_feature_module_is_found_with_its_version(module: FeatureModule) -> None:
    assert feature_module("rides") == module


def test_its_code_changes_with_every_file_and_nothing_else(module: FeatureModule) -> None:
    before = module.code()
    cache = module.folder / "__pycache__"
    cache.mkdir()
    (cache / "build.py").write_text("compiled")
    assert module.code() == before
    (module.folder / "build.py").write_text("LIMIT = 2\n")
    edited = module.code()
    (module.folder / "build.py").rename(module.folder / "built.py")
    assert len({before, edited, module.code()}) == 3


@pytest.mark.parametrize("text", ["", "VERSION = 3\n"])
def test_one_without_a_version_is_refused(module: FeatureModule, text: str) -> None:
    (module.folder / "__init__.py").write_text(text)
    sys.modules.pop("edge_assets.features.rides", None)
    with pytest.raises(ConfigurationError, match="rides has no version"):
        feature_module("rides")


def test_other_features_make_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = EdgeModel.load(SHIPPED / "nyc_taxi")
    before = model.code()
    monkeypatch.setattr(FeatureModule, "code", lambda module: "edited")
    assert model.code() != before
    alone = model.config.model_copy(update={"features": None})
    assert EdgeModel(alone, model.folder).code() not in (before, model.code())


def _imported(folder: Path) -> set[str]:
    """The feature modules that the files of an edge model import."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
    prefix = "edge_assets.features."
    return {name.split(".")[2] for name in names if name.startswith(prefix)}


@pytest.mark.parametrize("name", sorted(model_folders({})))
def test_every_model_declares_the_features_that_it_imports(name: str) -> None:
    folder = SHIPPED / name
    features = EdgeModel.load(folder).config.features
    assert _imported(folder) == (set() if features is None else {features.module})
    assert (features is not None) == (name in TAXI)
