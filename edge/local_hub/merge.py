"""The merge of layered deployments: what one device is to run, given every configuration.

The rules are IoT Edge's:

1. Candidates are the configurations whose condition matches an IoT Edge device.
2. Base: the full deployment of highest (priority, creation time); one applies.
3. Layers need a priority strictly above the base. They are applied in ascending order; each dotted
   path replaces its subtree, and a bare `properties.desired` wipes what lower layers set for that
   module.
4. Layers of equal priority that meet on one device are a mistake (on the real hub their order is
   undefined): `equal_priorities` finds them, so that they can be refused.
5. Each candidate is Applied, or stays Targeted if it contributes nothing: another base, a layer not
   above the base, or a layer every path of which a higher one replaces.
6. A device that no base matches keeps what it had: the merge then has no `desired`.

Everything here is pure; documents that come in are never changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.local_hub.values import Doc, Json, without_nulls

AGENT, EDGE_HUB = "$edgeAgent", "$edgeHub"
ROOT = "properties.desired"

Status = Literal["Applied", "Targeted"]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """One configuration as the merge sees it.

    `content` is its `modulesContent`: module -> dotted path -> value. `created` orders equal
    priorities (a sortable UTC time).
    """

    id: str
    priority: int
    created: str
    content: Mapping[str, Mapping[str, Json]] = field(hash=False)

    @property
    def is_base(self) -> bool:
        """Whether this is a full deployment: it sets all of `$edgeAgent`'s desired properties."""
        return ROOT in self.content.get(AGENT, {})

    @property
    def order(self) -> tuple[int, str, str]:
        """What layers are sorted by; the id only makes the order total."""
        return (self.priority, self.created, self.id)


@dataclass(frozen=True)
class Merged:
    """What the merge decides for one device.

    `desired`: module -> desired properties; None if the device keeps what it had. `statuses`:
    configuration id -> Applied or Targeted, for every candidate.
    """

    desired: Mapping[str, Doc] | None
    statuses: Mapping[str, Status]


def merge(candidates: Iterable[Layer]) -> Merged:
    """Merges the configurations that match one device, in whatever order they come."""
    ordered = sorted(candidates, key=lambda layer: layer.order)
    base = next((layer for layer in reversed(ordered) if layer.is_base), None)
    if base is None:
        return Merged(None, {layer.id: "Targeted" for layer in ordered})
    stack = [base, *layers_above(base, ordered)]
    desired: dict[str, Doc] = {}
    for layer in stack:
        for module, path, value in assignments(layer.content):
            desired[module] = _set(desired.get(module, {}), path, value)
    applied = {layer.id for index, layer in enumerate(stack) if _survives(index, stack)}
    statuses: dict[str, Status] = {
        layer.id: "Applied" if layer.id in applied else "Targeted" for layer in ordered
    }
    return Merged({name: without_nulls(value) for name, value in desired.items()}, statuses)


def layers_above(base: Layer, candidates: Iterable[Layer]) -> list[Layer]:
    """The layers that apply on `base`, ascending."""
    above = (one for one in candidates if not one.is_base and one.priority > base.priority)
    return sorted(above, key=lambda layer: layer.order)


def equal_priorities(candidates: Iterable[Layer]) -> tuple[str, str] | None:
    """The ids of two layers of the same priority among the candidates of one device, if any."""
    seen: dict[int, str] = {}
    for layer in sorted(candidates, key=lambda one: one.order):
        if layer.is_base:
            continue
        if layer.priority in seen:
            return seen[layer.priority], layer.id
        seen[layer.priority] = layer.id
    return None


def assignments(content: Mapping[str, Mapping[str, Json]]) -> list[tuple[str, Path, Json]]:
    """(module, path below `properties.desired`, value) of a content, shallow paths first.

    Raises ValueError for a path that does not start with `properties.desired`.
    """
    found: list[tuple[str, Path, Json]] = []
    for module, entries in content.items():
        for dotted, value in entries.items():
            if dotted != ROOT and not dotted.startswith(ROOT + "."):
                raise ValueError(f"{module}: a path must start with {ROOT}, not {dotted!r}")
            path = tuple(dotted.removeprefix(ROOT).split(".")[1:])
            if not all(path):
                raise ValueError(f"{module}: the path {dotted!r} has an empty part")
            found.append((module, path, value))
    return sorted(found, key=lambda item: (item[0], len(item[1]), item[1]))


def _set(desired: Doc, path: Path, value: Json) -> Doc:
    """`desired` with the subtree at `path` replaced; null removes it."""
    if not path:
        return dict(value) if isinstance(value, Mapping) else {}
    key, *rest = path
    result = dict(desired)
    if rest:
        below = result.get(key)
        result[key] = _set(below if isinstance(below, dict) else {}, tuple(rest), value)
    elif value is None:
        result.pop(key, None)
    else:
        result[key] = value
    return result


def _survives(index: int, stack: list[Layer]) -> bool:
    """Whether anything that layer `index` sets is left after the layers above it."""
    own = [(module, path) for module, path, _ in assignments(stack[index].content)]
    above = {(m, p) for layer in stack[index + 1 :] for m, p, _ in assignments(layer.content)}
    if not own:
        return True
    return any(
        all((module, path[:length]) not in above for length in range(len(path) + 1))
        for module, path in own
    )
