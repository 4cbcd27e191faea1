"""The picture for the docs: throughput beside the peers, and each figure against its goal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.inference.figures import shown
from benchmarks.inference.report import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = {
    "mlserver": "MLServer",
    "kserve": "KServe",
    "echo": "grpc.aio echo, no model",
    "ours": "this service",
    "bare TCP": "bare TCP round trip, in C",
}
_LOADS = {"throughput_1_": "1 connection", "throughput_8_": "8 connections"}
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
_OURS, _PEER, _SHORT = "#1f6f8b", "#b8c4cc", "#c0564b"


def rates(found: Sequence[Row], prefix: str) -> dict[str, float]:
    """Answers a second by server, from what the figures with this prefix saw."""
    seen: dict[str, float] = {}
    for row in found:
        if row.figure.key.startswith(prefix):
            seen |= {
                name.removesuffix(" rate"): value
                for name, value in row.measured.seen.items()
                if name.endswith(" rate")
            }
    return {name: seen[name] for name in _WORDS if name in seen}


def draw(found: Sequence[Row], path: Path) -> None:
    """Draws both panels into the PNG at `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    _draw_rates(left, found)
    _draw_goals(right, [row for row in found if row.measured.value is not None])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw_rates(axes: "Axes", found: Sequence[Row]) -> None:
    names: list[str] = []
    values: list[float] = []
    for prefix, load in _LOADS.items():
        seen = rates(found, prefix)
        names += [f"{_WORDS[name]}\n{load}" for name in seen]
        values += seen.values()
    colours = [_OURS if name.startswith(_WORDS["ours"]) else _PEER for name in names]
    places = list(range(len(names)))
    axes.barh(places, values, color=colours)
    axes.set_yticks(places, names, fontsize=8)
    for place, value in zip(places, values, strict=True):
        axes.text(value, place, f" {value:,.0f}", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title("ModelInfer, batch 1: requests/s, server on one core", fontsize=10)
    _bare(axes)


def _draw_goals(axes: "Axes", found: Sequence[Row]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    margins = [max(row.figure.margin(row.measured.value or 0.0), 0.01) for row in found]
    places = list(range(len(found)))
    widths = [margin - 1.0 for margin in margins]
    colours = [_OURS if row.ok else _SHORT for row in found]
    axes.barh(places, widths, left=1.0, color=colours)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(places, [row.figure.text for row in found], fontsize=8)
    for place, row, margin in zip(places, found, margins, strict=True):
        value = shown(row.measured.value or 0.0, row.figure.unit)
        text = f" {value}  (goal {row.figure.goal_text})"
        axes.text(max(margin, 1.0), place, text, va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(min([0.5, *margins]) * 0.9, max([2.0, *margins]) * 2.5)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_major_formatter("{x:g}x")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_title("How far past the goal (line: the goal is just reached)", fontsize=10)
    _bare(axes)


def _bare(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
