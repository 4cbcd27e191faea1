"""The page shows our verdict, Evidently's charts of the same figures, and asks no network."""

import re

import numpy as np
import pandas as pd
import pytest

from edge_assets import drift_page as module
from edge_assets.core.drift import DriftPolicy, judge_drift
from edge_assets.drift_page import drift_page

EVIL = "</script><img src=x onerror=alert(1)>"
POLICY = DriftPolicy(columns=("distance", "<b>", "empty"), categorical=("<b>",), clocks=("t",))


def rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "distance": rng.gamma(2, 2, count),
            "<b>": rng.choice(["plain", EVIL], count),
            "empty": np.nan,
            "t": rng.integers(0, 86_400 * 2, count),
        }
    )


REFERENCE = rows(2_000, 1)
WINDOW = rows(400, 2).assign(distance=lambda frame: frame["distance"] * 2)
VERDICT = judge_drift(REFERENCE, WINDOW, POLICY)


@pytest.fixture(scope="module")
def page() -> str:
    return drift_page(REFERENCE, WINDOW, POLICY, VERDICT).decode()


def test_our_verdict_comes_first_with_its_figures(page: str) -> None:
    summary = page[: page.index("</section>")]

    assert VERDICT.word == "drift"
    assert "Drift verdict" in summary
    assert f"{VERDICT.columns[0].effect:.3f}" in summary
    assert f"{VERDICT.columns[0].threshold:.3f}" in summary
    assert "400 rows against 2,000" in summary
    assert "t_weekday is not compared" in summary


def test_evidently_tells_the_same_figures_below(page: str) -> None:
    charts = page[: page.index("</head>")]  # Evidently keeps its data there

    assert "Data Drift Summary" in charts
    assert f"{VERDICT.columns[0].effect:.6f}"[:-1] in charts
    assert "Dataset Drift is detected" in charts


def test_the_page_is_small_enough_and_needs_no_network(page: str) -> None:
    assert len(page) < 5_000_000
    assert "default-src 'none'" in page[:500]
    assert page.index("charset") < 200
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?https?:", page)


def test_texts_from_devices_cannot_become_markup(page: str) -> None:
    assert EVIL not in page
    assert r"onerror=alert(1)\u203a" in page
    assert "<td><b>" not in page
    assert "&lt;b&gt;" in page


def test_too_little_data_is_the_verdict_alone() -> None:
    verdict = judge_drift(REFERENCE, WINDOW[:8], POLICY)

    page = drift_page(REFERENCE, WINDOW[:8], POLICY, verdict).decode()

    assert "too little data" in page
    assert "at least 200 are needed" in page
    assert len(page) < 5_000


def test_the_verdict_outlives_charts_that_cannot_be_drawn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "_charts", fails)

    page = drift_page(REFERENCE, WINDOW, POLICY, VERDICT).decode()

    assert "Drift verdict" in page
    assert "could not draw" in caplog.text


def test_no_drift_says_so_in_both_parts() -> None:
    window = rows(400, 3)
    verdict = judge_drift(REFERENCE, window, POLICY)

    page = drift_page(REFERENCE, window, POLICY, verdict).decode()

    assert verdict.word == "no drift"
    assert "Dataset Drift is NOT detected" in page
