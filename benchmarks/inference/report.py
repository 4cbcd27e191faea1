"""The table for people and the rows for machines: pure, from figures and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.inference.figures import Figure, Measured, shown

_DIGITS = 4
_WHY = 800  # characters of a reason in the table; the beginning and the end


@dataclass(frozen=True)
class Row:
    """One figure with what came out."""

    figure: Figure
    measured: Measured

    @property
    def ok(self) -> bool:
        """Whether it was measured, and reaches its goal."""
        value = self.measured.value
        return value is not None and self.figure.reached(value)


def rows(figures: Sequence[Figure], measured: Mapping[str, Measured]) -> list[Row]:
    """A row for each figure; one that nothing is known of is not measured."""
    nothing = Measured(None, "nothing was returned")
    return [Row(figure, measured.get(figure.key, nothing)) for figure in figures]


def table(found: Sequence[Row]) -> str:
    """Figure, goal, value and ok side by side; below it why figures were not measured."""
    cells = [("figure", "goal", "value", "ok")]
    reasons: dict[str, list[str]] = {}
    for row in found:
        value = row.measured.value
        text = "-" if value is None else shown(value, row.figure.unit)
        cells.append((row.figure.text, row.figure.goal_text, text, "yes" if row.ok else "NO"))
        if value is None:
            reasons.setdefault(row.measured.why_not, []).append(row.figure.text)
    widths = [max(len(line[place]) for line in cells) for place in range(4)]
    lines = [
        f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d:<{widths[3]}}".rstrip()
        for a, b, c, d in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for why, texts in reasons.items():
        short = " ".join(why.split())
        short = short if len(short) <= _WHY else f"{short[: _WHY // 2]} … {short[-_WHY // 2 :]}"
        lines += ["", f"not measured: {short}", *(f"  {text}" for text in texts)]
    return "\n".join(lines)


def as_json(found: Sequence[Row], conditions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows: figure, goal, value, ok; `seen` behind it, and under which `conditions`."""
    return [
        {
            "figure": row.figure.text,
            "goal": row.figure.goal_text,
            "value": None if row.measured.value is None else round(row.measured.value, _DIGITS),
            "ok": row.ok,
            **({"not_measured": row.measured.why_not} if row.measured.value is None else {}),
            "seen": row.measured.seen,
            "measured_with": dict(conditions),
        }
        for row in found
    ]
