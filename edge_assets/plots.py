"""Small pictures for the metadata of assets: each a PNG inside a line of Markdown.

600 pixels wide and below 60 KB, because Dagster keeps metadata in its event log.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_assets.core.drift import DriftVerdict
from edge_assets.plot_style import (
    BLUE,
    DASHES,
    GREY,
    INK,
    ORANGE,
    PALE,
    QUIET,
    as_markdown,
    bar_figure,
    in_figures,
    label_axes,
    new_figure,
    say_instead,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BARS = 15


class Judged(Protocol):
    """What is known of one device: its ring, and `proven`, `pending` or `failed`."""

    @property
    def ring(self) -> str:
        """The device's ring."""

    @property
    def state(self) -> str:
        """How far the device is."""


def predicted_against_actual(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, *, unit: str = ""
) -> str:
    """Markdown: each row a point (many rows: density), the diagonal is a perfect prediction.

    Axes span the middle 99% of both; rows beyond are counted in the line under the title.
    """
    true, guess = _pairs(actual, predicted)
    figure, axes = new_figure(4.2)
    note = "no rows"
    if len(true) == 0:
        say_instead(axes, "nothing to compare")
    else:
        error = guess - true
        spread = float(((true - true.mean()) ** 2).sum())
        r2 = f", R² {1 - float((error**2).sum()) / spread:.3f}" if spread > 0 else ""
        low, high = _middle(np.concatenate([true, guess]))
        inside = (np.minimum(true, guess) >= low) & (np.maximum(true, guess) <= high)
        rmse = float(np.sqrt((error**2).mean()))
        note = f"{len(true):,} rows, RMSE {in_figures(rmse)}{_of(unit)}{r2}{_beyond(inside)}"
        if len(true) > 2_000:
            axes.hexbin(
                true[inside],
                guess[inside],
                gridsize=45,
                bins="log",
                mincnt=1,
                cmap=blues(),
                linewidths=0.2,
                extent=(low, high, low, high),
            )
        else:
            axes.plot(true[inside], guess[inside], "o", ms=4, mew=0, color=BLUE, alpha=0.4)
        axes.plot([low, high], [low, high], color=ORANGE, lw=1.6, label="perfect prediction")
        axes.set(xlim=(low, high), ylim=(low, high))
    label_axes(axes, f"actual{_in(unit)}", f"predicted{_in(unit)}")
    return as_markdown(figure, axes, "Predicted against actual", note)


def residuals(actual: npt.ArrayLike, predicted: npt.ArrayLike, *, unit: str = "") -> str:
    """Markdown: how often a prediction is too low (left of 0) or too high, and by how much.

    The axis spans the middle 99% of the errors; those beyond are counted.
    """
    true, guess = _pairs(actual, predicted)
    figure, axes = new_figure(3.4)
    note = "no rows"
    if len(true) == 0:
        say_instead(axes, "nothing to compare")
    else:
        error = guess - true
        low, high = _middle(error)
        inside = (error >= low) & (error <= high)
        within = float(np.quantile(np.abs(error), 0.9))
        note = (
            f"mean {in_figures(float(error.mean()))}{_of(unit)}, nine of ten within "
            f"±{in_figures(within)}{_of(unit)}{_beyond(inside)}"
        )
        axes.hist(error[inside], bins=61, range=(low, high), color=BLUE, alpha=0.85)
        axes.axvline(0.0, color=INK, lw=1.0)
        axes.axvline(
            float(error.mean()), color=ORANGE, lw=1.5, label="mean error", linestyle=DASHES
        )
        axes.set(xlim=(low, high))
    label_axes(axes, f"predicted − actual{_in(unit)}", "rows")
    return as_markdown(figure, axes, "Errors of the predictions", note)


def feature_drift(verdict: DriftVerdict) -> str:
    """Markdown: the effect of every column against its threshold, the 15 worst first.

    A column drifts when its bar passes both its own mark and the dashed line. Bars that would
    dwarf all others are cut; drifted columns carry their figure.
    """
    shown = verdict.columns[:MAX_BARS]
    figure, axes = bar_figure(len(shown))
    note = f"{verdict.window_rows:,} rows against {verdict.reference_rows:,}"
    if not shown:
        say_instead(axes, verdict.reason)
        return as_markdown(figure, axes, "Too little data for a verdict on drift", note)
    note += f", p = {verdict.p_value:.3f}, false-alarm rate {verdict.false_alarm_rate:g}"
    if len(verdict.columns) > MAX_BARS:
        note += f"; {len(verdict.columns) - MAX_BARS} calmer columns not shown"
    marks = [column.threshold for column in shown]
    effects = [column.effect for column in shown]
    least = max(*marks, verdict.min_effect)
    limit = 1.25 * min(max(*effects, least), 5 * least)
    drifted = [column.drifted or column.nulls_drifted for column in shown]
    places = np.arange(len(shown))
    colours = [ORANGE if bad else PALE for bad in drifted]
    axes.barh(places, np.minimum(effects, 0.8 * limit), height=0.62, color=colours)
    axes.scatter(
        marks,
        places,
        marker="|",
        s=130,
        color=INK,
        linewidths=1.6,
        label="threshold: chance stays below",
        zorder=3,
    )
    axes.axvline(
        verdict.min_effect, color=QUIET, lw=1, linestyle=DASHES, label="least effect that counts"
    )
    for place, column in enumerate(shown):
        parts = []
        if column.drifted:
            cut = "… " if column.effect > 0.8 * limit else ""
            parts.append(f"{cut}{in_figures(column.effect)}")
        if column.nulls_drifted:
            parts.append(f"missing {column.reference_nulls:.0%} → {column.window_nulls:.0%}")
        end = max(min(column.effect, 0.8 * limit), column.threshold) + 0.012 * limit
        _figure_beside(axes, end, place, ", ".join(parts))
    axes.set_yticks(places, [shorten(column.column) for column in shown])
    axes.set_xlim(0, limit)
    label_axes(axes, "effect (standard deviations; categories: Jensen-Shannon distance)", "")
    return as_markdown(figure, axes, _drift_title(verdict), note)


def _drift_title(verdict: DriftVerdict) -> str:
    if verdict.drifted:
        return f"Drift in {len(verdict.drifted)} of {len(verdict.columns)} columns"
    return f"No drift in {len(verdict.columns)} columns"


def _figure_beside(axes: "Axes", end: float, place: float, text: str) -> None:
    if text:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(end, place, text, va="center", fontsize=8.5, color=INK, bbox=box, zorder=4)


def latency(measured: Mapping[str, Mapping[str, float]], budget_ms: float | None = None) -> str:
    """Markdown: median and 95th percentile, in milliseconds, against the budget.

    `measured` maps what was measured (a device, an image) to `p50` and `p95`. The 15 slowest are
    shown.
    """
    slowest = sorted(measured.items(), key=lambda item: -item[1]["p95"])
    shown = slowest[:MAX_BARS]
    figure, axes = bar_figure(len(shown))
    if not shown:
        say_instead(axes, "nothing measured")
        return as_markdown(figure, axes, "Latency", "0 measured")
    places = np.arange(len(shown))
    p95 = [values["p95"] for _, values in shown]
    over = [budget_ms is not None and value > budget_ms for value in p95]
    axes.barh(places, p95, height=0.62, color=PALE, label="95th percentile")
    if any(over):
        late = [value if bad else 0.0 for value, bad in zip(p95, over, strict=True)]
        axes.barh(places, late, height=0.62, color=ORANGE, label="over the budget")
    axes.barh(places, [v["p50"] for _, v in shown], height=0.3, color=BLUE, label="median")
    axes.set_yticks(places, [shorten(name) for name, _ in shown])
    limit = 1.15 * max([*p95, budget_ms or 0.0, 1e-3])
    for place, value in enumerate(p95):
        # Inside a long bar, so that the figure keeps clear of the budget line.
        inside = value > 0.15 * limit
        end = value + (-0.008 if inside else 0.008) * limit
        side, ink = ("right" if inside else "left"), ("white" if inside and over[place] else INK)
        axes.text(end, place, in_figures(value), ha=side, va="center", fontsize=8.5, color=ink)
    note = f"{len(measured)} measured"
    if budget_ms is not None:
        axes.axvline(
            budget_ms, color=INK, lw=1.2, linestyle=DASHES, label=f"budget {budget_ms:g} ms"
        )
        count = sum(values["p95"] > budget_ms for values in measured.values())
        note += f", {count} over the budget of {budget_ms:g} ms"
    if len(slowest) > MAX_BARS:
        note += f"; the {MAX_BARS} slowest are shown"
    axes.set_xlim(0, limit)
    label_axes(axes, "milliseconds a request", "")
    return as_markdown(figure, axes, "Latency", note)


def rollout_progress(verdicts: Sequence[Judged], rings: Sequence[str]) -> str:
    """Markdown: how many devices of each ring are proven, pending and failed, rings in order."""
    figure, axes = bar_figure(len(rings))
    places = np.arange(len(rings))
    left = np.zeros(len(rings))
    counts = {
        state: np.array(
            [sum(v.ring == ring and v.state == state for v in verdicts) for ring in rings]
        )
        for state in ("proven", "pending", "failed")
    }
    total = np.sum(list(counts.values()), axis=0) if rings else np.zeros(0)
    for state, colour, ink in (
        ("proven", BLUE, "white"),
        ("pending", GREY, INK),
        ("failed", ORANGE, "white"),
    ):
        share = 100 * counts[state] / np.maximum(total, 1)
        axes.barh(places, share, left=left, height=0.62, color=colour, label=state)
        for place, (width, count) in enumerate(zip(share, counts[state], strict=True)):
            if count and width >= 4:
                middle = left[place] + width / 2
                axes.text(middle, place, f"{count}", ha="center", va="center", color=ink)
        left = left + share
    for place, devices in enumerate(total):
        if devices == 0:
            axes.text(1, place, "no device in this ring", va="center", color=QUIET)
    labels = [f"{shorten(r)} ({int(n)})" for r, n in zip(rings, total, strict=True)]
    axes.set_yticks(places, labels)
    axes.set_xlim(0, 100)
    label_axes(axes, "share of the ring's devices (%)", "")
    whole = int(total.sum())
    note = f"{int(counts['proven'].sum())} of {whole} devices proven"
    failed = int(counts["failed"].sum())
    note += f", {failed} failed" if failed else ""
    return as_markdown(figure, axes, "Rollout by ring", note)


def _pairs(
    actual: npt.ArrayLike, predicted: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both as flat float64, without the rows where one is not finite."""
    true = np.asarray(actual, dtype=np.float64).ravel()
    guess = np.asarray(predicted, dtype=np.float64).ravel()
    finite = np.isfinite(true) & np.isfinite(guess)
    return true[finite], guess[finite]


def _middle(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The span of the middle 99%, never empty."""
    low, high = (float(bound) for bound in np.quantile(values, [0.005, 0.995]))
    margin = 0.03 * (high - low) or 0.5
    return low - margin, high + margin


def blues() -> Any:
    """The colours of densities and shares: pale for few, dark for many."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale to blue", ["#d5e4f5", "#2b6cb0", "#12304f"])


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _of(unit: str) -> str:
    return f" {unit}" if unit else ""


def _beyond(inside: npt.NDArray[np.bool_]) -> str:
    count = int((~inside).sum())
    return f"; {count:,} rows beyond the axes" if count else ""
