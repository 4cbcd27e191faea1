"""All states of one moment, and which model a request means. Pure."""

import re
from collections.abc import Sequence

from inference_service.errors import ModelNotServing, UnknownModel, quoted
from inference_service.repository.states import ModelState, RefusedModel, ServedModel

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
"""At most nine digits: a short digest (twelve) that happens to have no letter is no number."""
_MOST_NAMES = 8


class View:
    """The states of one moment; never changed, so that any thread may use it.

    Two served models of one name and version cannot be told apart: the one that was loaded first is
    served, the other is refused. `generation` is another one for every other content.
    """

    def __init__(self, states: Sequence[ModelState], generation: int) -> None:
        self.generation = generation
        self.states = _without_doubles(states)
        self._by_name: dict[str, list[ModelState]] = {}
        for state in self.states:
            self._by_name.setdefault(state.name, []).append(state)

    def find(self, name: str, version: str = "") -> ServedModel:
        """The model of this name and version; without a version the newest that is served.

        Raises UnknownModel, ModelNotServing.
        """
        states = self._by_name.get(name)
        if states is None or not name:
            raise self._unknown(name)
        served = [state for state in states if isinstance(state, ServedModel)]
        if served and not version:
            return newest(served)
        for model in served:
            if model.version == version:
                return model
        refused = [state for state in states if isinstance(state, RefusedModel)]
        same = [state for state in refused if state.version == version]
        if refused and (same or not served):
            raise ModelNotServing(
                f"model {quoted(name)} is not served", why=(same or refused)[-1].reason
            )
        raise UnknownModel(
            f"model_version of {quoted(name)}: got {quoted(version)}, "
            f"expected {_told([model.version for model in served])} or none"
        )

    def ready(self, name: str | None = None, version: str = "") -> bool:
        """Whether the model is served; without a name, whether every name has a served version.

        So a bad version beside a good one takes nothing away, and no model at all is not ready.
        """
        if name is None:
            return bool(self._by_name) and all(self.ready(known) for known in self._by_name)
        return any(
            isinstance(state, ServedModel) and version in ("", state.version)
            for state in self._by_name.get(name, [])
        )

    def _unknown(self, name: str) -> Exception:
        # Of a folder that is broken even the name may be unknown: it may be the one asked for.
        nameless = self._by_name.get("", [])
        for state in nameless:
            if isinstance(state, RefusedModel):
                return ModelNotServing(f"model {quoted(name)} is not served", why=state.reason)
        known = _told(sorted(self._by_name)) or "none: no model is here"
        return UnknownModel(f"model_name: got {quoted(name)}, expected {known}")


def newest(models: Sequence[ServedModel]) -> ServedModel:
    """The newest of several versions.

    If every version is a number (at most nine digits), the greatest; else the one loaded last.
    """
    if all(_NUMBER.fullmatch(model.version) for model in models):
        return max(models, key=lambda model: int(model.version))
    return max(models, key=lambda model: model.loaded)


def _without_doubles(states: Sequence[ModelState]) -> tuple[ModelState, ...]:
    first: dict[tuple[str, str], int] = {}
    for state in states:
        if isinstance(state, ServedModel):
            key = state.name, state.version
            first[key] = min(first.get(key, state.loaded), state.loaded)
    return tuple(
        RefusedModel(state.name, "this version is served from another folder", state.version)
        if isinstance(state, ServedModel) and first[state.name, state.version] != state.loaded
        else state
        for state in states
    )


def _told(words: Sequence[str]) -> str:
    told = ", ".join(quoted(word) for word in words[:_MOST_NAMES])
    return told + (f" and {len(words) - _MOST_NAMES} more" if len(words) > _MOST_NAMES else "")
