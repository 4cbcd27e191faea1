"""Twin documents: tags, desired and reported properties, their versions and their limits.

A twin here is plain data: `{"tags", "desired", "reported", "desiredVersion", "reportedVersion",
"desiredMetadata", "reportedMetadata", "version", "etagVersion", "configurations"}`. Functions
return new twins and change none.
"""

import re
from collections.abc import Mapping

from edge.local_hub.errors import bad_argument
from edge.local_hub.limits import Limits
from edge.local_hub.values import Doc, Json, apply_patch, make_patch, same

_BAD_KEY = re.compile(r"[.$ \x00-\x1f\x7f-\x9f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INTEGER_BOUND = 4503599627370496  # 2^52, the range of integers in a twin


def new_twin(now: str) -> Doc:
    """An empty twin, all versions 1. `now` is an ISO time."""
    metadata = {"$lastUpdated": now}
    return {
        "tags": {},
        "desired": {},
        "reported": {},
        "desiredVersion": 1,
        "reportedVersion": 1,
        "desiredMetadata": metadata,
        "reportedMetadata": metadata,
        "version": 1,
        "etagVersion": 1,
        "configurations": {},
    }


def patch_reported(twin: Doc, patch: Json, now: str, limits: Limits) -> Doc:
    """`twin` after its device sent a patch of reported properties; HubError 400 if refused."""
    return _set_section(twin, "reported", apply_patch(twin["reported"], patch), patch, now, limits)


def patch_desired(twin: Doc, patch: Json, now: str, limits: Limits) -> Doc:
    """`twin` after the service patched the desired properties; HubError 400 if refused."""
    changed = _set_section(twin, "desired", apply_patch(twin["desired"], patch), patch, now, limits)
    return {**changed, "etagVersion": twin["etagVersion"] + 1}


def replace_desired(twin: Doc, desired: Mapping[str, Json], now: str, limits: Limits) -> Doc:
    """`twin` with other desired properties; the same twin if they are what it has."""
    if same(twin["desired"], desired):
        return twin
    return patch_desired(twin, make_patch(twin["desired"], desired), now, limits)


def set_tags(twin: Doc, tags: Json, limits: Limits) -> Doc:
    """`twin` with `tags` in place of its tags; HubError 400 if refused."""
    _check(tags, "tags", limits.tags_bytes, limits)
    return {
        **twin,
        "tags": tags,
        "version": twin["version"] + 1,
        "etagVersion": twin["etagVersion"] + 1,
    }


def _set_section(
    twin: Doc, section: str, value: Json, patch: Json, now: str, limits: Limits
) -> Doc:
    _check(value, section, limits.twin_section_bytes, limits)
    return {
        **twin,
        section: value,
        f"{section}Version": twin[f"{section}Version"] + 1,
        f"{section}Metadata": _stamp(twin[f"{section}Metadata"], patch, value, now),
        "version": twin["version"] + 1,
    }


def _stamp(metadata: Doc, patch: Mapping[str, Json], value: Mapping[str, Json], now: str) -> Doc:
    """The `$metadata` after `patch` led to `value`: what was touched gets the time `now`."""
    result = {key: item for key, item in metadata.items() if key in value}
    for key, item in patch.items():
        if key not in value:
            continue
        below = metadata.get(key, {})
        inner = value[key]
        result[key] = (
            _stamp(below, item, inner, now)
            if isinstance(item, Mapping) and isinstance(inner, Mapping)
            else {"$lastUpdated": now}
        )
    return {"$lastUpdated": now, **result}


def _check(value: Json, section: str, max_bytes: int, limits: Limits) -> None:
    if not isinstance(value, Mapping):
        raise bad_argument(f"{section} must be an object")
    _check_shape(value, section, 0, limits)
    size = size_of(value)
    if size > max_bytes:
        raise bad_argument(f"{section} is {size} bytes, the limit is {max_bytes}")


def _check_shape(value: Json, where: str, depth: int, limits: Limits) -> None:
    if depth > limits.twin_depth:
        raise bad_argument(f"{where} is nested deeper than {limits.twin_depth}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not key or _BAD_KEY.search(key) or len(key.encode()) > limits.twin_key_bytes:
                raise bad_argument(f"{where}: the key {key[:64]!r} is not allowed")
            _check_shape(item, f"{where}.{key[:64]}", depth + 1, limits)
    elif isinstance(value, list):
        for item in value:
            _check_shape(item, where, depth + 1, limits)
    elif isinstance(value, str) and len(value.encode()) > limits.twin_string_bytes:
        raise bad_argument(f"{where} is longer than {limits.twin_string_bytes} bytes")
    elif isinstance(value, int) and abs(value) > _INTEGER_BOUND:
        raise bad_argument(f"{where} is out of the range of integers")


def size_of(value: Json) -> int:
    """The size of a twin section in bytes, by IoT Hub's rule.

    Keys and strings count their UTF-8 bytes without control characters, numbers 8, booleans 4;
    objects and arrays the sum of what they hold.
    """
    if isinstance(value, Mapping):
        return sum(size_of(key) + size_of(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(map(size_of, value))
    if isinstance(value, str):
        return len(_CONTROL.sub("", value).encode(errors="replace"))
    if isinstance(value, bool):
        return 4
    return 0 if value is None else 8
