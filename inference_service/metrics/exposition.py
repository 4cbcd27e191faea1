"""The text format of Prometheus, version 0.0.4, as a pure function of samples.

Source: the Prometheus documentation, "Exposition formats", text-based format.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Sample:
    """One value. `suffix` is `_bucket`, `_sum` or `_count` for histograms, else empty."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """All samples of one metric. The name of a counter ends with `_total`."""

    name: str
    kind: Kind
    help: str
    samples: Iterable[Sample]


def histogram(
    labels: Mapping[str, str], bounds: Iterable[float], counts: Iterable[int], total: float
) -> list[Sample]:
    """The samples of one histogram: `counts` has one entry a bound, and one for what is above."""
    samples = []
    so_far = 0
    for bound, count in zip((*bounds, math.inf), counts, strict=True):
        so_far += count
        samples.append(Sample(so_far, {**labels, "le": _number(bound)}, "_bucket"))
    return [*samples, Sample(total, labels, "_sum"), Sample(so_far, labels, "_count")]


def render(families: Iterable[Family]) -> bytes:
    """The text; a family without samples is left out."""
    lines: list[str] = []
    for family in families:
        told = [
            f"{family.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}\n"
            for sample in family.samples
        ]
        if told:
            lines.append(f"# HELP {family.name} {_escaped(family.help)}\n")
            lines.append(f"# TYPE {family.name} {family.kind}\n")
            lines += told
    return "".join(lines).encode()


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _number(value: float) -> str:
    if value == math.inf:
        return "+Inf"
    if value == -math.inf:
        return "-Inf"
    if value != value:
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
