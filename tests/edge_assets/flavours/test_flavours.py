"""A flavour is there, or says what to install."""

import importlib
import importlib.util
from typing import Any, get_args

import pytest

from edge_assets.core.config_schema import Flavour as Word
from edge_assets.flavours import flavour_of
from protos.errors import ConfigurationError

WORDS = get_args(Word)


@pytest.mark.parametrize("word", WORDS)
def test_every_flavour_that_model_yaml_knows_keeps_the_protocol(word: str) -> None:
    module: Any = importlib.import_module(f"edge_assets.flavours.{word}")
    assert all(callable(getattr(module, name)) for name in ("dump", "load", "predict", "to_onnx"))
    assert module.NEEDS
    assert isinstance(module.EXTRA, str)


@pytest.mark.parametrize("word", WORDS)
def test_one_that_is_not_installed_tells_the_extra(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = importlib.import_module(f"edge_assets.flavours.{word}")
    found = importlib.util.find_spec
    gone = module.NEEDS[-1]
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == gone else found(name)
    )
    with pytest.raises(ConfigurationError, match=f"flavour {word} cannot be run here") as refused:
        flavour_of(word)
    assert gone in str(refused.value)
    assert f"pip install -e '.[{module.EXTRA}]', run in the checkout" in str(refused.value)


def test_one_that_is_installed_is_given() -> None:
    assert flavour_of("sklearn") is importlib.import_module("edge_assets.flavours.sklearn")


@pytest.mark.parametrize("word", WORDS)
def test_no_flavour_imports_its_library_at_once(word: str) -> None:
    """The code location loads in a second because nothing heavy comes with it."""
    import subprocess
    import sys

    program = (
        f"import sys, edge_assets.flavours.{word};"
        "heavy = {'sklearn', 'torch', 'keras', 'lightgbm', 'xgboost', 'onnx', 'onnxruntime'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
