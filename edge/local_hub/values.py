"""JSON values: the types, and the two operations that twins are made of."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

Json = Any
"""A JSON value: None, bool, int, float, str, a list or a dict of them. Never changed in place."""

Doc = dict[str, Any]
"""A JSON object."""


def read_json(data: bytes | str) -> Json:
    """The JSON value in `data`; ValueError if it is none (NaN is none), or nested too deeply."""
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def apply_patch(target: Json, patch: Json) -> Json:
    """`target` with the JSON merge patch (RFC 7396) applied: null removes, objects merge.

    Neither argument is changed.
    """
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_patch(result.get(key), value)
    return result


def make_patch(old: Mapping[str, Json], new: Mapping[str, Json]) -> Doc:
    """The smallest merge patch that turns `old` into `new`.

    Neither may hold a null: a merge patch has no way to say "set to null", and a twin cannot hold
    one.
    """
    patch: Doc = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if same(before, value) and key in old:
            continue
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            patch[key] = make_patch(before, value)
        else:
            patch[key] = value
    return patch


def without_nulls(value: Json) -> Json:
    """`value` with every null member of an object left out, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def same(one: Json, other: Json) -> bool:
    """Equality of JSON values; unlike Python's `==`, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
