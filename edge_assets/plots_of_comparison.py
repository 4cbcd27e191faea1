"""The picture of a comparison: how the candidate stands, and how surely that is known."""

import math
from typing import TYPE_CHECKING

from edge_assets.plot_style import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    PALE,
    as_markdown,
    bar_figure,
    in_figures,
    label_axes,
    say_instead,
)

if TYPE_CHECKING:
    from edge_assets.core.comparison import Comparison, Interval

_WIDEST = 2.0  # of a share: bounds beyond are cut


def gain_of_candidate(found: "Comparison") -> str:
    """Markdown: the gain in error and the share that agrees, each with its interval.

    Right of 0 the candidate is better. What is unbounded is cut at the edge.
    """
    shown: list[tuple[str, Interval]] = []
    if found.gain is not None:
        shown.append(("gain", found.gain))
    if found.agreement is not None and math.isfinite(found.agreement.estimate):
        shown.append(("same answer", found.agreement))
    note = f"{found.rows[0]:,} and {found.rows[1]:,} rows, {found.confidence:.0%} confidence"
    if math.isfinite(found.latency_ms.estimate):
        note += f", {in_figures(found.latency_ms.estimate)} ms slower"
    figure, axes = bar_figure(len(shown))
    if not shown:
        say_instead(axes, found.reason)
        return as_markdown(figure, axes, f"Candidate: {found.verdict}", note)
    for place, (_, interval) in enumerate(shown):
        low, high = (max(-_WIDEST, min(_WIDEST, x)) for x in (interval.lower, interval.upper))
        middle = max(low, min(high, interval.estimate)) if not math.isnan(interval.estimate) else 0
        colour = ORANGE if interval.upper < 0 else BLUE
        axes.plot([low, high], [place, place], color=PALE, lw=7, solid_capstyle="butt")
        axes.plot([middle], [place], "o", ms=8, color=colour)
        axes.text(middle, place - 0.22, f"{interval.estimate:.1%}", ha="center", size=9, color=INK)
    axes.axvline(0.0, color=INK, lw=1.0, linestyle=DASHES)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    label_axes(axes, "share (gain: of the champion's error)", "")
    return as_markdown(figure, axes, f"Candidate: {found.verdict}", note)
