"""One place on the disk and the state of the model that came from it."""

import dataclasses
import logging
from pathlib import Path

from inference_service.repository.load import Loader
from inference_service.repository.places import Place, fingerprint
from inference_service.repository.states import ModelState, RefusedModel, ServedModel
from protos.digests import digest_file

log = logging.getLogger(__name__)

_STILL_WRITTEN = "its file is new: it is read once two looks in a row see it the same"


class Slot:
    """Keeps `state` true to the files in `place`.

    A refused model is loaded when its files have changed. A served one keeps serving whatever
    happens to its files; if they become another model, that one is loaded beside it, proven, and
    takes its place, or is refused. Not thread-safe: `state` alone may be read from anywhere.
    """

    def __init__(self, place: Place, loader: Loader, *, settled: bool = True) -> None:
        """With `settled` the model is loaded at once.

        Without, a bare `.onnx` file waits until two looks in a row see it the same: it has no
        stated digest by which a half-written one could be told.
        """
        self.place = place
        self._loader = loader
        self._waits_for: object = None
        self._source: object = None
        self._seen: object = None
        self.state: ModelState
        if settled or place.folder is not None:
            self._seen = fingerprint(place)
            self._load()
        else:
            self._waits_for = fingerprint(place)
            self.state = RefusedModel(place.name, _STILL_WRITTEN, place.version)

    def check(self) -> None:
        """Looks at the files; reads them only if they have changed."""
        seen = fingerprint(self.place)
        retry = isinstance(self.state, RefusedModel) and self.state.retry
        if seen == self._seen and not retry:
            return
        if self.place.folder is None and seen != self._waits_for:
            self._waits_for = seen
            return
        self._seen = seen
        if isinstance(self.state, RefusedModel):
            self._load()
        else:
            self._compare(self.state)

    def _load(self) -> None:
        before, source = getattr(self, "state", None), _source(self.place)
        self.state = self._loader.load(self.place)
        if isinstance(self.state, ServedModel):
            self._source = source
            _log_serving("serving", self.state)
        elif self.state != before:
            where = (
                self.place.folder or self.place.model
            )  # for the log only: no answer holds a path
            log.error("not serving %s (%s): %s", self.state.name, where, self.state.reason)

    def _compare(self, served: ServedModel) -> None:
        digest, source = _digest(self.place.model), _source(self.place)
        corrupt = digest != served.engine.digest
        reason = ""
        is_other = source != self._source if self.place.folder is not None else corrupt
        if is_other and digest is not None:
            candidate = self._loader.load(self.place)
            if isinstance(candidate, ServedModel):
                self.state, self._source = candidate, source
                _log_serving(f"swapped {served.version}: now serving", candidate)
                return
            reason = candidate.reason
        self.state = dataclasses.replace(served, corrupt_on_disk=corrupt, swap_refused=reason)
        _log_difference(served, self.state)


def _log_serving(what: str, model: ServedModel) -> None:
    proof = "proven by its golden questions" if model.proven else "without proof"
    log.info("%s %s %s (%s), %s", what, model.name, model.version, model.engine.digest, proof)


def _log_difference(before: ServedModel, after: ServedModel) -> None:
    if after.swap_refused and after.swap_refused != before.swap_refused:
        log.error("%s %s serves on: %s", after.name, after.version, after.swap_refused)
    if after.corrupt_on_disk and not before.corrupt_on_disk:
        log.error(
            "the file of %s on disk no longer has its digest: the verified model in memory keeps "
            "serving, a restart would refuse it; deploy it again",
            after.name,
        )
    elif before.corrupt_on_disk and not after.corrupt_on_disk:
        log.info("the file of %s on disk has its digest again", after.name)


def _source(place: Place) -> object:
    """What is beside the model itself: digests of its description, proof and contract."""
    if place.folder is None:
        return None
    return tuple(_digest(path) for path in place.files if path != place.model)


def _digest(path: Path) -> str | None:
    try:
        return digest_file(path) if path.is_file() else None
    except OSError:
        return None
