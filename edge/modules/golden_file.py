"""`golden.json`, read and checked."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protos.digests import is_digest
from protos.errors import ConfigurationError

Values = list[Any]
_REMEDY = "build the image again"


@dataclass(frozen=True)
class Tolerance:
    """A number is right within `absolute` + `relative` * |expected|."""

    absolute: float
    relative: float


@dataclass(frozen=True)
class GoldenRequest:
    """One row: flat values (row-major) of every input, and of every expected output."""

    inputs: Mapping[str, Values]
    outputs: Mapping[str, Values]


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
            value = json.loads(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"{path.name} cannot be read", why=error.strerror or "", remedy=_REMEDY
            ) from error
        except ValueError as error:
            raise ConfigurationError(
                f"{path.name} is not JSON", why=str(error), remedy=_REMEDY
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


def _request(entry: Any, where: str) -> GoldenRequest:
    entry = _object(entry, where)
    tensors = {key: _object(entry.get(key), f"{where}.{key}") for key in ("inputs", "outputs")}
    for key, values in tensors.items():
        if not values or not all(isinstance(flat, list) for flat in values.values()):
            raise _wrong(f"{where}.{key}", "a list of values for each tensor")
    return GoldenRequest(tensors["inputs"], tensors["outputs"])


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
