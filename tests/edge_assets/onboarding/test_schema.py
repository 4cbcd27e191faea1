"""The JSON schema of model.yaml is in step, complete, and accepts what is shipped."""

import json
from typing import Any

import pytest
import yaml

from edge_assets.core.folders import SHIPPED
from edge_assets.onboarding.schema import HINTS, model_schema, schema_text

FILE = SHIPPED / "model.schema.json"


def sections() -> dict[str, Any]:
    schema = model_schema()
    return {"ModelConfig": schema, **schema["$defs"]}


def test_the_file_is_in_step() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text(), (
        "run: edgectl model schema > edge_assets/models/model.schema.json"
    )


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{name}.{key}"
        for name, section in sections().items()
        for key, value in section.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []


def test_no_hint_is_of_a_key_that_is_gone() -> None:
    known = sections()
    gone = [
        f"{name}.{key}"
        for name, hints in HINTS.items()
        for key in hints
        if key not in known.get(name, {}).get("properties", {})
    ]
    assert gone == []


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/model.yaml")), ids=lambda p: p.parent.name)
def test_shipped_models_have_only_keys_of_the_schema(path: Any) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(content) <= set(json.loads(FILE.read_text())["properties"])
