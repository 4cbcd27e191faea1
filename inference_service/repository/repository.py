"""The models under one path: loaded at start, looked at from time to time."""

import logging
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

from inference_service.repository.load import LoadContract, Loader
from inference_service.repository.memory import release_memory
from inference_service.repository.places import (
    MAX_MODELS,
    Place,
    age_key,
    find_places,
    nothing_yet,
    single_place,
)
from inference_service.repository.slot import Slot
from inference_service.repository.states import ModelState, ServedModel
from inference_service.repository.view import View

log = logging.getLogger(__name__)


class ModelRepository:
    """Which models and versions are served.

    `path` is one `.onnx` file, one model folder (it holds model.json or model.onnx), or a folder of
    `<name>.onnx`, `<name>/` and `<name>/<version>/`, at most MAX_MODELS. What a model is called,
    model.json says; a bare file is called as the file, and its version is its short digest. Which
    kind of path it is, is decided when something is first found there. With `expected_digest`
    nothing else is ever served.

    `view` is replaced as a whole, so that any thread may read it at any time; a request that took
    a model from it keeps that model's engine until it is answered. The constructor loads what is
    there, and `check` whatever has changed: both may take seconds. Never raises for what is wrong
    with a model.
    """

    def __init__(
        self,
        path: Path,
        expected_digest: str | None = None,
        *,
        load_contract: LoadContract | None = None,
    ) -> None:
        self._path = path
        self._loader = Loader(expected_digest, load_contract)
        self._lock = threading.Lock()
        self._slots: dict[str, Slot] = {}
        self._single: Place | None = None
        self._missing: set[str] = set()
        self._trouble = ""
        self._freed: list[bool] = []
        self.view = View((), 0)
        self._add(self._find(), settled=True)
        release_memory()  # loading tears more than it keeps

    @property
    def generation(self) -> int:
        """Increases whenever any state changes."""
        return self.view.generation

    def states(self) -> Sequence[ModelState]:
        """The state of every model and version, by place."""
        return self.view.states

    def find(self, name: str, version: str = "") -> ServedModel:
        """The model of this name and version; without a version the newest that is served.

        The newest is the greatest version if all are numbers, else the one loaded last; at start
        models are loaded in the order in which their files were written. Raises UnknownModel,
        ModelNotServing.
        """
        return self.view.find(name, version)

    def ready(self, name: str | None = None, version: str = "") -> bool:
        """Whether the model is served; without a name, whether every name has a served version."""
        return self.view.ready(name, version)

    def check(self) -> bool:
        """Looks at the disk, and acts on what has changed; whether any state is another one now.

        One look at each file if nothing has. A model is unloaded when two looks in a row did not
        find its place, so that replacing a folder by renaming interrupts nothing.
        """
        with self._lock:
            before = self.generation
            places = {place.key: place for place in self._find()}
            self._remove(self._slots.keys() - places.keys())
            for key in self._slots.keys() - self._missing:
                self._slots[key].check()
                self._publish()
            self._add([places[key] for key in places if key not in self._slots], settled=False)
            changed = self.generation != before
            if changed or self._freed:
                self._freed.clear()
                release_memory()
            return changed

    def _find(self) -> list[Place]:
        if self._single is None and not self._slots_are_many():
            self._single = single_place(self._path)
        if self._single is not None:
            return [self._single]
        known = [slot.place for slot in self._slots.values()]
        trouble = ""
        try:
            places = find_places(self._path, known)
            if len(places) > MAX_MODELS:
                trouble = f"more than {MAX_MODELS} models: the others are not served"
        except OSError as error:
            trouble = f"the models cannot be listed: {error.strerror}"
            places = known
        if trouble and trouble != self._trouble:
            log.error("%s", trouble)
        self._trouble = trouble
        if not places and not self._slots_are_many():
            return [nothing_yet(self._path)]
        return places[:MAX_MODELS]

    def _slots_are_many(self) -> bool:
        """Whether a folder of models was found before; the place of nothing yet does not count."""
        return any(slot.place.name for slot in self._slots.values())

    def _add(self, places: Sequence[Place], *, settled: bool) -> None:
        for place in sorted(places, key=age_key):
            self._slots[place.key] = Slot(place, self._loader, settled=settled)
            self._publish()

    def _remove(self, absent: set[str]) -> None:
        for key in absent & self._missing:
            del self._slots[key]
            log.info("%s is gone and no longer served", key)
        self._missing = absent - self._missing
        self._publish()

    def _publish(self) -> None:
        old = self.view
        new = View([self._slots[key].state for key in sorted(self._slots)], old.generation + 1)
        if new.states == old.states:
            return
        kept = {id(state.engine) for state in new.states if isinstance(state, ServedModel)}
        for state in old.states:
            if isinstance(state, ServedModel) and id(state.engine) not in kept:
                # Requests in flight still hold it: its memory can be given back once they end.
                weakref.finalize(state.engine, self._freed.append, True).atexit = False
        self.view = new
