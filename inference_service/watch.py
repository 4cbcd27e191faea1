"""The watch over the model folder: what is in memory, and whether the disk still agrees."""

import dataclasses
import logging
from pathlib import Path

from inference_service.model import (
    ModelState,
    RefusedModel,
    ServedModel,
    fingerprint,
    is_corrupt,
    load_model,
)

log = logging.getLogger(__name__)


class ModelKeeper:
    """Holds the state of the model and keeps it true.

    `state` is replaced as a whole, so that any thread may read it at any time. A verified model in
    memory keeps serving whatever happens to its file; a refused one is loaded when the folder has
    been mended.
    """

    def __init__(self, folder: Path, expected_digest: str | None = None) -> None:
        self._folder = folder
        self._expected = expected_digest
        self._seen = self._look()
        self.state: ModelState = load_model(folder, expected_digest)

    def check(self) -> bool:
        """Looks at the folder; hashes only if it changed. True if `state` is another one now."""
        seen = self._look()
        if seen == self._seen:
            return False
        self._seen = seen
        before = self.state
        if isinstance(before, RefusedModel):
            self.state = load_model(self._folder, self._expected)
        else:
            self.state = self._compared(before)
        return self.state != before

    def _compared(self, model: ServedModel) -> ServedModel:
        corrupt = is_corrupt(self._folder, model.engine.digest)
        if corrupt and not model.corrupt_on_disk:
            log.error(
                "model.onnx on disk no longer has its digest: the verified model in memory keeps "
                "serving, a restart would refuse it; deploy %s again",
                model.description.name,
            )
        elif model.corrupt_on_disk and not corrupt:
            log.info("model.onnx on disk has its digest again")
        return dataclasses.replace(model, corrupt_on_disk=corrupt)

    def _look(self) -> object:
        try:
            changed = (self._folder / "model.json").stat().st_mtime_ns
        except OSError:
            changed = None
        return changed, fingerprint(self._folder)
