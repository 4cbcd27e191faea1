"""What one value of a request may be, so that it reaches the model unchanged or is refused."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inference_service.contracts.kinds import Kind
from inference_service.errors import InvalidRequest
from inference_service.tensors import one_of, range_text, value_text, wrong

MOST_WARNINGS = 16
"""Warnings told of one request; more rows than that can be wrong, but not more is read."""


@dataclass(frozen=True)
class Rule:
    """What a value of `field` may be.

    `dtype` is that of the input, None for text; `datatype` is what the protocol calls it. `names`
    are those of the enum. `minimum`, `maximum` and `allowed` are what the model was made for: with
    `warn` another value is told of and passes, without it is refused. Below `least`, above `most`
    and where the input cannot hold it, a value is always refused; NaN and the infinities are,
    unless `non_finite`.
    """

    field: str
    kind: Kind
    datatype: str
    dtype: np.dtype[Any] | None
    names: Mapping[int, str]
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str | int, ...] | None = None
    warn: bool = False
    non_finite: bool = False
    least: float | None = None
    most: float | None = None

    @cached_property
    def expected(self) -> str:
        """What an error says was expected, where the value is of no use at all."""
        return one_of(list(self.names.values())) if self.kind is Kind.ENUM else self.kind.value

    @cached_property
    def fast(self) -> tuple[float, float] | None:
        """From where to where a value is good without a further look; None for text and enums."""
        if self.dtype is None or self.kind is Kind.ENUM or self.allowed is not None:
            return None
        low, high = _limits(self.dtype)
        if self.kind is not Kind.FLOAT and self.dtype.kind == "f":
            high = float(2 ** (np.finfo(self.dtype).nmant + 1))  # up to here all integers are exact
            low = -high
        lows = [bound for bound in (low, self.minimum, self.least) if bound is not None]
        highs = [bound for bound in (high, self.maximum, self.most) if bound is not None]
        return max(lows), min(highs)

    def judge(self, value: Any, place: int | None, warnings: list[str]) -> Any:
        """The value as the model gets it; what is to be warned of is added to `warnings`.

        `place` is that of a repeated field. Raises InvalidRequest naming the field.
        """
        value = self._converted(value, place)
        if self._is_outside(value, self._outer_bounds):
            raise self.refused(value_text(value), range_text(self.least, self.most), place)
        expected = None
        if self.allowed is not None:
            if value not in self._lookup:
                expected = one_of(self.allowed)
        elif self._is_outside(value, self._inner_bounds):
            expected = range_text(self.minimum, self.maximum)
        if expected is None:
            return value
        got = self.names.get(value, value) if self.kind is Kind.ENUM else value
        violation = wrong(self._where(place), value_text(got), expected)
        if not self.warn:
            raise violation
        warn(warnings, str(violation))
        return value

    def refused(self, got: str, expected: str = "", place: int | None = None) -> InvalidRequest:
        """The error of this field."""
        return wrong(self._where(place), got, expected or self.expected)

    def _where(self, place: int | None) -> str:
        return f"field {self.field}" + ("" if place is None else f": value {place}")

    @cached_property
    def _lookup(self) -> frozenset[Any]:
        """What `allowed` is once it is converted: of an enum that is no text, the numbers."""
        if self.kind is Kind.ENUM and self.dtype is not None:
            given = set(self.allowed or ())  # names by the contract, numbers by model.json
            return frozenset(n for n, name in self.names.items() if {n, name} & given)
        return frozenset(self.allowed or ())

    @cached_property
    def _inner_bounds(self) -> tuple[float, float]:
        return self._as_held(self.minimum, self.maximum)

    @cached_property
    def _outer_bounds(self) -> tuple[float, float]:
        return self._as_held(self.least, self.most)

    def _as_held(self, minimum: float | None, maximum: float | None) -> tuple[float, float]:
        """Bounds as the input would hold them: 0.1 as FP32 is not above the maximum 0.1."""
        low = -math.inf if minimum is None else minimum
        high = math.inf if maximum is None else maximum
        if self.dtype is None or self.dtype.kind != "f":
            return low, high
        return _rounded(low, self.dtype), _rounded(high, self.dtype)

    def _is_outside(self, value: Any, bounds: tuple[float, float]) -> bool:
        if self.dtype is None or bounds == (-math.inf, math.inf):
            return False
        if self.dtype.kind == "f":
            value = _rounded(value, self.dtype)
        low, high = bounds
        return bool(value < low or value > high)  # NaN is neither

    def _converted(self, value: Any, place: int | None) -> Any:
        if self.kind is Kind.ENUM:
            if value not in self.names:
                raise self.refused(str(value), place=place)
            return self.names[value] if self.dtype is None else self._held(value, place)
        if isinstance(value, bytes):
            try:
                return value.decode()
            except UnicodeDecodeError as error:
                raise self.refused("other bytes", "UTF-8", place) from error
        return value if self.dtype is None else self._held(value, place)

    def _held(self, value: Any, place: int | None) -> Any:
        """`value`, if the input can hold it."""
        if self.dtype is None:
            return value
        if isinstance(value, float) and not math.isfinite(value):
            if not self.non_finite:
                raise self.refused(str(value), "a finite number", place)
            return value
        low, high = _limits(self.dtype)
        if not low <= value <= high:
            raise self.refused(str(value), f"{self.expected} of {self.datatype}", place)
        whole = isinstance(value, int) and self.dtype.kind == "f"
        if whole and _rounded(value, self.dtype) != value:
            raise self.refused(str(value), f"{self.expected} that {self.datatype} holds", place)
        return value


def warn(warnings: list[str], text: str) -> None:
    """Adds `text`, unless there are enough; the last one then says that there is more."""
    if len(warnings) < MOST_WARNINGS:
        warnings.append(text)
    elif len(warnings) == MOST_WARNINGS:
        warnings.append("there is more to warn of than is told here")


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "b":
        return 0, 1
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return (float(limits.min), float(limits.max)) if dtype.kind == "f" else (limits.min, limits.max)


def _rounded(value: float, dtype: np.dtype[Any]) -> float:
    with np.errstate(over="ignore"):
        return float(dtype.type(value))
