"""Every picture is a small PNG in a line of Markdown that says in words what it shows."""

import base64
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from edge_assets.core.drift import DriftPolicy, DriftVerdict, judge_drift
from edge_assets.plot_style import in_figures, shorten
from edge_assets.plots import (
    feature_drift,
    latency,
    predicted_against_actual,
    residuals,
    rollout_progress,
)

RNG = np.random.default_rng(1)
ACTUAL = RNG.gamma(3.0, 5.0, 20_000)
PREDICTED = ACTUAL + RNG.standard_t(3, 20_000)


@dataclass
class Device:
    ring: str
    state: str


def verdict(columns: int, rows: int, shift: float) -> DriftVerdict:
    names = [f"column $x_{i}$ with a rather long name" for i in range(columns)]
    reference = pd.DataFrame(RNG.normal(size=(1_000, columns)), columns=names)
    window = pd.DataFrame(RNG.normal(size=(rows, columns)), columns=names)
    window[names[0]] += shift
    window.loc[: rows // 2, names[-1]] = np.nan if shift else 0.0
    return judge_drift(reference, window, DriftPolicy(columns=tuple(names), resamples=200))


def picture(markdown: str) -> tuple[str, Image.Image, int]:
    """Alternative text, picture and bytes; fails unless it is one line with one PNG."""
    match = re.fullmatch(r"!\[([^\]\n]+)\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert match is not None
    data = base64.b64decode(match[2])
    return match[1], Image.open(io.BytesIO(data)), len(data)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: predicted_against_actual(ACTUAL, PREDICTED, unit="USD"),
        lambda: predicted_against_actual(ACTUAL[:100], PREDICTED[:100].reshape(-1, 1)),
        lambda: predicted_against_actual([5, 5], [5, 5]),
        lambda: predicted_against_actual([], []),
        lambda: predicted_against_actual([1.0, np.nan, np.inf], [2.0, 1.0, 1.0]),
        lambda: residuals(ACTUAL, PREDICTED, unit="USD"),
        lambda: residuals([1.0], [1.0]),
        lambda: residuals([], []),
        lambda: feature_drift(verdict(20, 400, 6.0)),
        lambda: feature_drift(verdict(2, 400, 0.0)),
        lambda: feature_drift(verdict(2, 8, 0.0)),
        lambda: latency({f"line-{i}": {"p50": 1.0 + i, "p95": 30.0 + i} for i in range(30)}, 50.0),
        lambda: latency({"image": {"p50": 0.0, "p95": 0.0}}),
        lambda: latency({}, 50.0),
        lambda: rollout_progress([Device("canary", "proven")], ["canary", "early"]),
        lambda: rollout_progress([], []),
    ],
)
def test_every_picture_is_600_pixels_wide_and_small(draw: Callable[[], str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, image, size = picture(draw())

    assert image.format == "PNG"
    assert image.width == 600
    assert 150 <= image.height <= 700
    assert size <= 60_000


def test_predictions_tell_their_error_and_what_is_not_shown() -> None:
    text, _, _ = picture(predicted_against_actual(ACTUAL, PREDICTED, unit="USD"))

    rmse = float(np.sqrt(np.mean((ACTUAL - PREDICTED) ** 2)))
    assert f"20,000 rows, RMSE {rmse:.3g} USD" in text
    assert "R² 0.9" in text
    assert "rows beyond the axes" in text


def test_residuals_tell_the_bias() -> None:
    text, _, _ = picture(residuals([10.0, 20.0, 30.0], [12.0, 22.0, 32.0], unit="USD"))

    assert "mean 2 USD" in text


def test_drift_tells_how_many_columns_and_what_is_left_out() -> None:
    text, _, _ = picture(feature_drift(verdict(20, 400, 6.0)))

    assert text.startswith("Drift in 2 of 20 columns: 400 rows against 1,000")
    assert "5 calmer columns not shown" in text


def test_too_little_data_is_said_so() -> None:
    text, _, _ = picture(feature_drift(verdict(2, 8, 0.0)))

    assert text.startswith("Too little data")


def test_latency_counts_what_is_over_the_budget_also_what_is_not_shown() -> None:
    measured = {f"line-{i}": {"p50": 1.0, "p95": 60.0 if i < 20 else 5.0} for i in range(30)}

    text, _, _ = picture(latency(measured, 50.0))

    assert text == "Latency: 30 measured, 20 over the budget of 50 ms; the 15 slowest are shown"


def test_a_rollout_tells_proven_and_failed_and_paints_them() -> None:
    devices = [Device("canary", "proven")] * 3 + [Device("early", "failed")]

    text, image, _ = picture(rollout_progress(devices, ["canary", "early"]))

    assert text == "Rollout by ring: 3 of 4 devices proven, 1 failed"
    colours = {pixel for _, pixel in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(43, 108, 176), (217, 102, 10)} <= colours


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (12.345, "12.3"), (-1.0, "-1"), (12_345.6, "12,346")]
)
def test_figures_are_short(value: float, text: str) -> None:
    assert in_figures(value) == text


def test_long_names_keep_both_ends_and_are_no_formulas() -> None:
    assert shorten("warehouse-north-conveyor-0039") == "warehouse-n…onveyor-0039"
    assert shorten("a$b") == r"a\$b"
