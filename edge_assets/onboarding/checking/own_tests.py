"""The tests in a model's folder that need no fixture: run here without pytest."""

import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from edge_assets.onboarding.checking.faults import failed, first_line
from edge_assets.onboarding.checking.outcome import Outcome, judged

CONTRACT = "test_contract"
"""The test that runs this very check, for those who use pytest."""


def own_tests(folder: Path) -> Iterator[Outcome]:
    """Every `test_` function without parameters in `tests/test_*.py`, each one outcome."""
    for path in sorted((folder / "tests").glob("test_*.py")):
        try:
            module = _load(path, folder.name)
        except Exception as error:
            yield failed(path.name, error, folder, "it cannot be imported: ")
            continue
        for name, function in inspect.getmembers(module, inspect.isfunction):
            plain = (
                function.__module__ == module.__name__
                and not inspect.signature(function).parameters
            )
            if not name.startswith("test_") or name == CONTRACT or not plain:
                continue
            yield _run(name, function, folder)


def _run(name: str, function: object, folder: Path) -> Outcome:
    assert callable(function)  # noqa: S101 - inspect found it
    try:
        function()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        if type(error).__name__ == "Skipped":
            return Outcome(name, "not proven", first_line(error))
        return failed(name, error, folder)
    return judged(name, "", "a test of this model")


def _load(path: Path, model: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tests_of_{model}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
