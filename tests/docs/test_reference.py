"""The reference names every setting, every key, every asset, check and sensor."""

import re
from collections.abc import Iterator

import dagster as dg
import pydantic
import pytest

from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.folders import model_folders
from edge_assets.definitions import defs
from resources.settings import VARIABLES, PublicSettings
from tests.docs.markdown import CHECKOUT, DOCS

REFERENCE = DOCS / "reference"


def text(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def keys(model: type[pydantic.BaseModel]) -> Iterator[str]:
    """Every key of a model and of the sections in it."""
    for name, field in model.model_fields.items():
        yield name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, pydantic.BaseModel):
                yield from keys(part)


def test_every_setting_is_named() -> None:
    page = text("settings.md")
    aliases = [field.alias or name for name, field in PublicSettings.model_fields.items()]
    assert [name for name in (*VARIABLES.values(), *aliases) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("folder", ["inference_service", "edge/modules"])
def test_every_variable_of_a_device_is_named(folder: str) -> None:
    code = "".join(p.read_text() for p in (CHECKOUT / folder).rglob("*.py"))
    read = set(
        re.findall(r"\"((?:INFERENCE|CAPTURE|MODEL|SMOKE_TEST|GOLDEN|SHADOW)_[A-Z_]+)\"", code)
    )
    assert len(read) > 4
    assert [name for name in sorted(read) if f"`{name}`" not in text("settings.md")] == []


def test_every_key_of_model_yaml_is_named() -> None:
    page = text("model-yaml.md")
    found = list(keys(ModelConfig))
    assert {"soak_seconds", "min_effect", "datatype"} <= set(found)
    assert [name for name in found if f"`{name}`" not in page] == []


def test_every_asset_check_and_sensor_is_named() -> None:
    page = text("assets-and-gates.md")
    graph = defs.resolve_asset_graph()
    shared = re.compile(r"^[a-z_]+_features$")
    assets = {shared.sub("FEATURES_features", key.path[-1]) for key in graph.get_all_asset_keys()}
    checks = {key.name for key in graph.asset_check_keys}
    models = re.compile("|".join(f"^{name}_" for name in model_folders()))
    sensors = {models.sub("NAME_", s.name) for s in defs.sensors or []}
    assert len(assets) > 8
    assert isinstance(defs, dg.Definitions)
    missing = [
        name for name in assets | checks | sensors if not re.search(rf"`(shared/)?{name}`", page)
    ]
    assert missing == []
