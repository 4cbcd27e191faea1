"""Puts the folder of a new edge model together beside its place; moves it when it works."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge_assets.core.folders import SHIPPED, VARIABLE, model_folders
from edge_assets.onboarding.naming import check_model_name, free_port
from protos.errors import ConfigurationError, Unavailable


def target_folder(name: str, parent: Path | None) -> Path:
    """Where the model `name` goes; nothing is ever replaced.

    Raises ConfigurationError when the name is no name, or is taken here or elsewhere.
    """
    check_model_name(name)
    target = (parent or SHIPPED) / name
    if target.exists():
        raise ConfigurationError(
            f"{target} is there already",
            why="a model is never overwritten",
            remedy="choose another name, or remove that folder yourself",
        )
    known = model_folders()
    if name in known:
        raise ConfigurationError(
            f"there is an edge model {name} already", why=f"in {known[name]}", remedy="rename it"
        )
    return target


def choose_port(given: int | None = None) -> int:
    """`given`, or a port that no known model has. Raises ConfigurationError when it is taken."""
    used = _ports()
    if given is None:
        return free_port(used)
    if given in used:
        raise ConfigurationError(
            f"the port {given} is taken", why=f"by {used[given]}", remedy="leave --port away"
        )
    return given


def choose_ports(count: int) -> list[int]:
    """As many ports that no known model has. Raises ConfigurationError when there are too few."""
    used = dict(_ports())
    found = []
    for _ in range(count):
        found.append(free_port(used))
        used[found[-1]] = ""
    return found


def _ports() -> dict[int, str]:
    """The port on devices -> the model that has it."""
    from edge_assets.core.config import load_model_config

    used = {}
    for name, folder in model_folders().items():
        try:
            used[load_model_config(folder / "model.yaml").device.port] = name
        except ConfigurationError:  # a model that somebody is writing; its own check tells
            continue
    return used


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder to write into, of the same name and on the same disk; moved to `target` at the end.

    What fails on the way leaves nothing behind. Raises Unavailable when it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    except OSError as error:
        raise Unavailable(
            f"{target} was not written", why=error.strerror or "", remedy="choose another --folder"
        ) from None
    try:
        stage = work / target.name
        stage.mkdir()
        yield stage
        for cache in stage.rglob("__pycache__"):
            shutil.rmtree(cache)
        try:
            stage.rename(target)  # onto a folder that is not empty it fails
        except OSError as error:
            raise ConfigurationError(
                f"{target} was not written",
                why=error.strerror or "",
                remedy="somebody made it in the meantime: choose another name",
            ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_all(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files below `folder`; text as UTF-8."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def schema_path(target: Path) -> str:
    """How `model.yaml` in `target` names the schema of the checkout, relative where it can."""
    schema = SHIPPED / "model.schema.json"
    if target.resolve().parent == SHIPPED:
        return "../model.schema.json"
    return os.path.relpath(schema, target.resolve())


def registration(target: Path) -> list[str]:
    """What has to be set for the chain to find the model; nothing for one of the checkout."""
    parent = target.resolve().parent
    roots = [Path(p).resolve() for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p]
    if parent == SHIPPED or parent in roots:
        return []
    return [f"export {VARIABLE}={os.pathsep.join(map(str, [*roots, parent]))}"]
