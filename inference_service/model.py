"""The model folder: read once, verified, and looked at from time to time."""

import logging
from dataclasses import dataclass
from pathlib import Path

from inference_service.description import ModelDescription, parse_description
from inference_service.engine import OnnxEngine
from protos.digests import digest_bytes, digest_file, short
from protos.errors import EdgeAssetsError, IntegrityError, NotFound

log = logging.getLogger(__name__)

Fingerprint = tuple[int, int, int] | None


@dataclass(frozen=True)
class ServedModel:
    """A verified model in memory; `corrupt_on_disk` once its file is no longer what it was."""

    description: ModelDescription
    engine: OnnxEngine
    corrupt_on_disk: bool = False

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.description.name


@dataclass(frozen=True)
class RefusedModel:
    """A model that is not served, and why; its name is empty where even that is unknown."""

    name: str
    reason: str


ModelState = ServedModel | RefusedModel


def load_model(folder: Path, expected_digest: str | None = None) -> ModelState:
    """The model in `folder`, served if its bytes have the digest of model.json, else refused.

    The file is read once: the bytes that are hashed are the bytes the session is made from.
    `expected_digest`, if given, must match too. Never raises for what is wrong in the folder, and
    no reason holds a path.
    """
    name = ""
    try:
        description = parse_description(_read(folder / "model.json"))
        name = description.name
        if expected_digest is not None and description.digest != expected_digest:
            raise IntegrityError(
                "model.json describes another model than the one asked for",
                why=f"{short(description.digest)} instead of {short(expected_digest)}",
                remedy="deploy the model folder that MODEL_DIGEST names",
            )
        data = _read(folder / "model.onnx")
        if (digest := digest_bytes(data)) != description.digest:
            raise IntegrityError(
                "model.onnx does not have its digest",
                why=f"{short(digest)} instead of {short(description.digest)}",
                remedy="deploy the model again",
            )
        engine = OnnxEngine(data, description)
    except EdgeAssetsError as error:
        log.error("not serving: %s", error)
        return RefusedModel(name, str(error))
    log.info("serving %s %s (%s)", name, description.version, engine.digest)
    return ServedModel(description, engine)


def fingerprint(folder: Path) -> Fingerprint:
    """What a cheap look at model.onnx tells: inode, size, time of change; None if not there."""
    try:
        stat = (folder / "model.onnx").stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def is_corrupt(folder: Path, digest: str) -> bool:
    """Whether model.onnx on disk is gone, unreadable or no longer has `digest`."""
    try:
        return digest_file(folder / "model.onnx") != digest
    except OSError:
        return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{path.name} cannot be read", why=error.strerror or "", remedy="deploy the model again"
        ) from error
