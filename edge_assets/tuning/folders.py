"""The tuned model folder: the same model, run in the way that was chosen."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference_service.tune.tuning import Tuning
from protos.digests import digest_bytes, short
from protos.errors import ConfigurationError, Unavailable


def tuned_description(
    description: Mapping[str, Any], runtime: Mapping[str, Any], digest: str
) -> dict[str, Any]:
    """`model.json` with `runtime`; a new graph has a new `digest`, and a new version with it."""
    changed = (
        {} if digest == description["digest"] else {"digest": digest, "version": short(digest)}
    )
    return {**description, **changed, "runtime": dict(runtime)}


def tuned_golden(
    golden: Mapping[str, Any], digest: str, absolute: float, relative: float
) -> dict[str, Any]:
    """`golden.json` for the new graph, with the tolerance that its answers were accepted by."""
    tolerance = {"absolute": absolute, "relative": relative}
    return {**golden, "model_digest": digest, "tolerance": tolerance}


def write_tuned(source: Path, target: Path, graph: Path, tuning: Tuning) -> dict[str, Any]:
    """Writes `source` as tuned to `target` (may be `source` itself); returns the new model.json.

    A new folder appears complete or not at all. In place each file is replaced in one step, the
    graph first: a service that looks in between finds a digest that does not match, keeps the
    model that it has, and takes the new one at its next look. Raises ConfigurationError if there
    is another `target` already, Unavailable if it cannot be written.
    """
    in_place = target.resolve() == source.resolve()
    if target.exists() and not in_place:
        raise ConfigurationError(
            f"{target} was not written", why="it is there already", remedy="choose another --out"
        )
    data = graph.read_bytes()
    digest = digest_bytes(data)
    description = json.loads((source / "model.json").read_bytes())
    made = tuned_description(description, tuning.choice.runtime.as_json(), digest)
    files = {"tuning.json": _text({**tuning.record, "tuned_digest": digest})}
    if digest != description["digest"]:
        files["model.onnx"] = data
        if (source / "golden.json").exists():
            golden = json.loads((source / "golden.json").read_bytes())
            limits = tuning.record["tolerance"]
            new = tuned_golden(golden, digest, limits["absolute"], limits["relative"])
            files["golden.json"] = _text(new)
    files["model.json"] = _text(made)
    try:
        if in_place:
            for name, content in files.items():
                _replace(target / name, content)
        else:
            _new_folder(source, target, files)
    except OSError as error:
        raise Unavailable(
            f"{target} was not written",
            why=error.strerror or type(error).__name__,
            remedy="free its folder, or choose another --out",
        ) from None
    return made


def _new_folder(source: Path, target: Path, files: Mapping[str, bytes]) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copytree(source, part)
        for name, content in files.items():
            _replace(part / name, content)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
