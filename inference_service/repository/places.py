"""Where models lie: one file, one model folder, or a folder of them; and a cheap look at each."""

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MAX_MODELS = 256
"""More places than this are not looked at: a bound for a path given by mistake."""
_MAX_ENTRIES = 4096
_WATCHED = ("model.json", "model.onnx", "golden.json", "contract.proto", "contract.binpb")
_RECENT_NS = 100_000_000
"""Longer than the steps of any file system's clock: a file changed twice within one step looks the
same twice."""


@dataclass(frozen=True)
class Place:
    """Where one model lies. `folder` is None for a bare `.onnx` file, which has no model.json.

    `key` is the place within the repository, for the log. `name` and `version` are what the model
    is called as long as nothing better is known.
    """

    key: str
    model: Path
    folder: Path | None
    name: str = ""
    version: str = ""

    @property
    def files(self) -> list[Path]:
        """What a load reads."""
        return [self.model] if self.folder is None else [self.folder / name for name in _WATCHED]


def single_place(path: Path) -> Place | None:
    """The one model that `path` is; None if it is a folder of models, or nothing yet."""
    if path.suffix == ".onnx" and not path.is_dir():
        return _bare(path)
    try:
        return nothing_yet(path) if _is_model_folder(path) else None
    except OSError:
        return None


def nothing_yet(path: Path) -> Place:
    """The place of the one model that is, or is expected, in the folder `path`."""
    return _in_folder(path, ".")


def find_places(path: Path, known: Sequence[Place] = ()) -> list[Place]:
    """The models in the folder `path`, by name, at most MAX_MODELS and one more.

    `<name>.onnx`, `<name>/` or `<name>/<version>/`; what starts with a dot is no model. Raises
    OSError if `path` cannot be listed: then nothing is known, which is not "no models". Of a folder
    in it that cannot be listed, those that are `known` count as still there.
    """
    places: list[Place] = []
    for entry in _listing(path):
        try:
            places += _places_at(entry)
        except OSError:
            places += [place for place in known if place.key.split("/")[0] == entry.name]
        if len(places) > MAX_MODELS:
            return places[: MAX_MODELS + 1]
    return places


def _places_at(entry: Path) -> list[Place]:
    if entry.suffix == ".onnx" and entry.is_file():
        return [_bare(entry)]
    if not entry.is_dir():
        return []
    if _is_model_folder(entry):
        return [_in_folder(entry, entry.name, entry.name)]
    return [
        _in_folder(version, f"{entry.name}/{version.name}", entry.name, version.name)
        for version in _listing(entry)
        if _is_model_folder(version)
    ]


def fingerprint(place: Place) -> object:
    """What a cheap look at the files of `place` tells; equal if nothing was changed."""
    now = time.time_ns()
    return tuple(_look(path, now) for path in place.files)


def age_key(place: Place) -> tuple[int, str]:
    """Sorts places by when their model was written, so that a restart finds the same order."""
    try:
        return place.model.stat().st_mtime_ns, place.key
    except OSError:
        return 0, place.key


def _bare(path: Path) -> Place:
    return Place(path.name, path, None, path.stem)


def _in_folder(folder: Path, key: str, name: str = "", version: str = "") -> Place:
    return Place(key, folder / "model.onnx", folder, name, version)


def _is_model_folder(path: Path) -> bool:
    return (path / "model.json").exists() or (path / "model.onnx").exists()


def _listing(path: Path) -> list[Path]:
    with os.scandir(path) as entries:
        seen = (path / entry.name for entry in entries if not entry.name.startswith("."))
        return sorted(islice(seen, _MAX_ENTRIES))


def _look(path: Path, now: int) -> tuple[int, ...] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        return (seen.st_ino,)
    look = (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    recent = 0 <= now - seen.st_mtime_ns < _RECENT_NS
    return (*look, now) if recent else look
