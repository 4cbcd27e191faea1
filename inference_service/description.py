"""`model.json`: what a model is called, which bytes it is, what goes in and what comes out."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inference_service.datatypes import DATATYPES
from inference_service.runtime_options import DEFAULT_RUNTIME, RuntimeOptions, parse_runtime
from protos.digests import is_digest
from protos.errors import ConfigurationError

_REMEDY = "build the model folder again"


@dataclass(frozen=True)
class TensorSpec:
    """One input or output. -1 in `shape` stands for any size; the first -1 counts the rows.

    `minimum` and `maximum` bound every value of a numeric input, where given; NaN, which means
    unknown, passes them. `categories` are the only values of a text or integer input, where given;
    `max_length` is of a text, in characters. Without `nullable`, NaN and empty texts are refused.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | tuple[int, ...] | None = None
    max_length: int | None = None
    nullable: bool = True

    @cached_property
    def bounded(self) -> bool:
        """Whether any value of the right datatype may still be refused."""
        bounds = (self.minimum, self.maximum, self.categories, self.max_length)
        return not self.nullable or any(bound is not None for bound in bounds)

    @cached_property
    def known_values(self) -> frozenset[str | int]:
        """The categories, to look values up."""
        return frozenset(self.categories or ())


@dataclass(frozen=True)
class ModelDescription:
    """The content of `model.json`."""

    name: str
    version: str
    digest: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    runtime: RuntimeOptions = DEFAULT_RUNTIME


def parse_description(data: bytes) -> ModelDescription:
    """The description in `data`.

    Raises ConfigurationError naming the field that is wrong; the text holds no path.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise ConfigurationError(
            "model.json is not JSON", why=str(error), remedy=_REMEDY
        ) from error
    if not isinstance(value, dict):
        raise _wrong("model.json", value, "an object")
    digest = _text(value, "digest")
    if not is_digest(digest):
        raise _wrong("digest", digest, "sha256: and 64 hex digits")
    return ModelDescription(
        name=_text(value, "name"),
        version=_text(value, "version"),
        digest=digest,
        inputs=_tensors(value, "inputs"),
        outputs=_tensors(value, "outputs"),
        runtime=parse_runtime(value.get("runtime")),
    )


def _tensors(value: Mapping[str, Any], key: str) -> tuple[TensorSpec, ...]:
    entries = value.get(key)
    if not isinstance(entries, list) or not entries:
        raise _wrong(key, entries, "a list of at least one tensor")
    specs = tuple(_tensor(entry, f"{key}[{place}]") for place, entry in enumerate(entries))
    if len({spec.name for spec in specs}) != len(specs):
        raise _wrong(key, [spec.name for spec in specs], "different names")
    return specs


def _tensor(entry: Any, where: str) -> TensorSpec:
    if not isinstance(entry, dict):
        raise _wrong(where, entry, "an object")
    datatype, shape = _text(entry, "datatype", where), entry.get("shape")
    if datatype not in DATATYPES:
        raise _wrong(f"{where}.datatype", datatype, "one of " + ", ".join(DATATYPES))
    if not isinstance(shape, list) or not all(_is_dimension(size) for size in shape):
        raise _wrong(f"{where}.shape", shape, "a list of sizes, -1 for any")
    return TensorSpec(
        _text(entry, "name", where),
        datatype,
        tuple(shape),
        _bound(entry, "minimum", where),
        _bound(entry, "maximum", where),
        _categories(entry, datatype, where),
        _max_length(entry, datatype, where),
        _nullable(entry, datatype, where),
    )


def _is_dimension(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and (size == -1 or size > 0)


def _bound(entry: Mapping[str, Any], key: str, where: str) -> float | None:
    bound = entry.get(key)
    if bound is None:
        return None
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
        raise _wrong(f"{where}.{key}", bound, "a number")
    return bound


def _categories(
    entry: Mapping[str, Any], datatype: str, where: str
) -> tuple[str, ...] | tuple[int, ...] | None:
    values = entry.get("categories")
    if values is None:
        return None
    kind, word = (str, "texts") if datatype == "BYTES" else (int, "integers")
    if datatype != "BYTES" and "INT" not in datatype:
        raise _wrong(f"{where}.categories", values, f"none for {datatype}")
    if (
        not isinstance(values, list)
        or not values
        or any(type(value) is not kind for value in values)
    ):
        raise _wrong(f"{where}.categories", values, f"a list of {word}")
    if len(set(values)) != len(values):
        raise _wrong(f"{where}.categories", values, "different values")
    return tuple(values)


def _max_length(entry: Mapping[str, Any], datatype: str, where: str) -> int | None:
    length = entry.get("max_length")
    if length is None:
        return None
    if datatype != "BYTES":
        raise _wrong(f"{where}.max_length", length, f"none for {datatype}")
    if type(length) is not int or length < 1:
        raise _wrong(f"{where}.max_length", length, "a number of characters")
    return length


def _nullable(entry: Mapping[str, Any], datatype: str, where: str) -> bool:
    nullable = entry.get("nullable", True)
    if not isinstance(nullable, bool):
        raise _wrong(f"{where}.nullable", nullable, "true or false")
    if not nullable and datatype not in ("FP16", "FP32", "FP64", "BYTES"):
        raise _wrong(f"{where}.nullable", nullable, f"none for {datatype}")
    return nullable


def _text(value: Mapping[str, Any], key: str, where: str = "") -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text:
        raise _wrong(f"{where}.{key}".lstrip("."), text, "a text")
    return text


def _wrong(field: str, got: Any, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"model.json: {field} is {str(got)[:80]!r}", why=f"expected {expected}", remedy=_REMEDY
    )
