"""Golden questions: `golden.json` read and checked, and what counts as a right answer.

`golden.json` travels with the model. It holds questions of one row each, the answers that the
model gave when it was built, the tolerance and the latency budget. The inference service proves a
model with it before serving it, the smoke test proves the service with it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protos.digests import is_digest
from protos.errors import ConfigurationError, VerificationFailed

Values = list[Any]
_REMEDY = "build the image again"


@dataclass(frozen=True)
class Tolerance:
    """A number is right within `absolute` + `relative` * |expected|."""

    absolute: float
    relative: float


@dataclass(frozen=True)
class GoldenRequest:
    """One row: flat values (row-major) of every input, and of every expected output.

    `shapes` are of the inputs whose sizes the values alone do not tell, such as images; the rows
    come first.
    """

    inputs: Mapping[str, Values]
    outputs: Mapping[str, Values]
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def shape_of(self, name: str, declared: Sequence[int]) -> list[int]:
        """The shape of the input `name`, which is declared with -1 for sizes that are free.

        Raises VerificationFailed if its values do not fill it, or it is not as declared.
        """
        count = len(self.inputs.get(name, ()))
        told = self.shapes.get(name)
        if told is None:
            return shape_of_row(declared, count)
        fits = len(told) == len(declared) and all(
            want in (-1, size) for size, want in zip(told, declared, strict=True)
        )
        if not fits or math.prod(told) != count:
            raise VerificationFailed(
                f"golden values of {name} do not fit the model",
                why=f"{count} of the shape {list(told)}, declared is {list(declared)}",
                remedy=_REMEDY,
            )
        return list(told)


@dataclass(frozen=True)
class Golden:
    """The golden questions of one model. The latency budget is in milliseconds, for one row."""

    model_digest: str
    tolerance: Tolerance
    latency_budget_ms: float
    requests: tuple[GoldenRequest, ...]

    @classmethod
    def load(cls, path: Path) -> "Golden":
        """The golden questions in the file. Raises ConfigurationError telling what is wrong."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"{path.name} cannot be read", why=error.strerror or "", remedy=_REMEDY
            ) from error
        return cls.from_json(data)

    @classmethod
    def from_json(cls, data: bytes) -> "Golden":
        """The golden questions in `data`. Raises ConfigurationError telling what is wrong."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(
                "golden.json is not JSON", why=str(error), remedy=_REMEDY
            ) from error
        return cls.parse(value)

    @classmethod
    def parse(cls, value: Any) -> "Golden":
        """The golden questions in `value`. Raises ConfigurationError naming the wrong field."""
        value = _object(value, "golden.json")
        digest = value.get("model_digest")
        if not isinstance(digest, str) or not is_digest(digest):
            raise _wrong("model_digest", "sha256: and 64 hex digits")
        tolerance = _object(value.get("tolerance"), "tolerance")
        requests = value.get("requests")
        if not isinstance(requests, list) or not requests:
            raise _wrong("requests", "a list of at least one question")
        return cls(
            digest,
            Tolerance(
                _number(tolerance.get("absolute"), "tolerance.absolute"),
                _number(tolerance.get("relative"), "tolerance.relative"),
            ),
            _number(value.get("latency_budget_ms"), "latency_budget_ms"),
            tuple(_request(entry, f"requests[{n}]") for n, entry in enumerate(requests)),
        )


def compare(expected: Values, got: Values, tolerance: Tolerance) -> tuple[bool, float]:
    """Whether `got` is right, and the largest absolute difference.

    A number is right within absolute + relative * |expected| (as numpy.isclose), unknown (None or
    NaN) only where unknown is expected; text, booleans and infinities must be equal.
    """
    if len(expected) != len(got):
        return False, math.inf
    right, largest = True, 0.0
    for want, have in zip(expected, got, strict=True):
        if isinstance(want, str | bool) or isinstance(have, str | bool):
            right = right and want == have
        elif _unknown(want) or _unknown(have):
            if not (_unknown(want) and _unknown(have)):
                right, largest = False, math.inf
        else:
            error = 0.0 if want == have else abs(float(want) - float(have))
            largest = max(largest, error)
            allowed = tolerance.absolute + tolerance.relative * abs(want)
            # an infinity would allow every error
            right = right and (not error or (math.isfinite(allowed) and error <= allowed))
    return right, largest


def shape_of_row(declared: Sequence[int], count: int) -> list[int]:
    """The shape of one row with `count` values: the first -1 is 1, another takes what is left.

    Raises VerificationFailed if no shape fits.
    """
    shape = list(declared)
    if shape and shape[0] == -1:
        shape[0] = 1
    if shape.count(-1) == 1:
        known = math.prod(size for size in shape if size != -1)
        shape[shape.index(-1)] = count // known if known else 0
    if -1 in shape or math.prod(shape) != count:
        raise VerificationFailed(
            f"{count} golden values do not fill the shape {list(declared)}",
            remedy="build the image again",
        )
    return shape


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _request(entry: Any, where: str) -> GoldenRequest:
    entry = _object(entry, where)
    tensors = {key: _object(entry.get(key), f"{where}.{key}") for key in ("inputs", "outputs")}
    for key, values in tensors.items():
        if not values or not all(map(_is_flat, values.values())):
            raise _wrong(f"{where}.{key}", "a flat list of values for each tensor")
    shapes = _object(entry.get("shapes", {}), f"{where}.shapes")
    if not all(name in tensors["inputs"] and _is_shape(sizes) for name, sizes in shapes.items()):
        raise _wrong(f"{where}.shapes", "a list of sizes for each of some inputs")
    return GoldenRequest(tensors["inputs"], tensors["outputs"], shapes)


def _is_shape(sizes: Any) -> bool:
    return isinstance(sizes, list) and all(type(size) is int and size > 0 for size in sizes)


def _is_flat(values: Any) -> bool:
    return isinstance(values, list) and all(
        value is None or isinstance(value, str | int | float) for value in values
    )


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _wrong(where, "a number, not negative")
    return float(value)


def _wrong(where: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"golden.json: {where} is wrong", why=f"expected {expected}", remedy=_REMEDY
    )
