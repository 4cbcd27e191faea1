"""The drift report to look at: our verdict first, then Evidently's charts of the same rows.

Evidently draws; it does not decide. Its charts get our thresholds, so that its words agree with
the verdict above them, and exactly the rows that were compared, so that its figures do too.

The page is one HTML file of about 4.5 MB (Evidently's and Plotly's code; it holds distributions, no
rows) and needs no network: a content security policy forbids it every request. Names and texts that
came from devices are stripped of angle brackets, so that none can become markup.
"""

import logging
import os
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from edge_assets.core.drift import (
    ColumnDrift,
    Comparable,
    DriftPolicy,
    DriftVerdict,
    comparable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
_COLOURS = {"drift": "#d9660a", "no drift": "#2b6cb0", "too little data": "#5f6b7a"}
_STYLE = """
.verdict { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 1100px;
  margin: 0 auto; padding: 24px 32px 8px; }
.verdict h1 { font-size: 26px; margin: 0 0 4px; }
.verdict h1 span { color: white; border-radius: 6px; padding: 2px 12px; margin-left: 8px; }
.verdict p { margin: 6px 0; max-width: 80ch; }
.verdict .quiet { color: #5f6b7a; }
.verdict table { border-collapse: collapse; margin: 16px 0 8px; width: 100%; font-size: 14px; }
.verdict th { text-align: left; color: #5f6b7a; font-weight: 600; }
.verdict th, .verdict td { padding: 5px 24px 5px 0; border-bottom: 1px solid #e3e7ec; }
.verdict td.figure, .verdict th.figure { text-align: right;
  font-variant-numeric: tabular-nums; }
.verdict tr.drift td:first-child, .verdict td.drift { color: #b4530a; font-weight: 600; }
"""
_BELOW = "<p class=quiet>Below: the same rows, drawn by Evidently with these thresholds.</p>"


def drift_page(
    reference: pd.DataFrame, window: pd.DataFrame, policy: DriftPolicy, verdict: DriftVerdict
) -> bytes:
    """The page as UTF-8, for the verdict that `judge_drift` gave on the same tables.

    When nothing was compared, or Evidently cannot draw the data, the page is the verdict alone: a
    verdict must not be lost over its picture. Raises ConfigurationError as `judge_drift`.
    """
    charts = ""
    if verdict.columns:
        compared = comparable(reference, window, policy, verdict.seed)
        try:
            charts = _charts(compared, policy, verdict)
        except Exception:  # whatever a drawing library stumbles over
            logger.warning("Evidently could not draw the drift report", exc_info=True)
    head = (
        f'<meta charset="UTF-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(verdict.word)}</title><style>{_STYLE}</style>"
    )
    if not charts:
        charts = '<!DOCTYPE html><html lang="en"><head></head><body></body></html>'
    page = charts.replace("<head>", f"<head>{head}", 1)
    return page.replace("<body>", f"<body>{_summary(verdict)}", 1).encode()


def _charts(compared: Comparable, policy: DriftPolicy, verdict: DriftVerdict) -> str:
    """Evidently's page. Columns of texts, and those without any value on one side, are left to our
    own table.
    """
    # Evidently counts its users unless it is told not to; it is imported here because that takes
    # several seconds.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    old, new = compared.reference, compared.window
    shown = [
        column
        for column in verdict.columns
        if not policy.is_words(column.column)  # Evidently draws numbers and categories
        and old[column.column].notna().any()
        and new[column.column].notna().any()
    ]
    if not shown:
        return ""
    names = {column.column: _harmless(column.column) for column in shown}
    categorical = [name for name in names if policy.is_categorical(name)]
    definition = DataDefinition(
        numerical_columns=[names[name] for name in names if name not in categorical],
        categorical_columns=[names[name] for name in categorical],
    )
    report = Report(
        [
            DataDriftPreset(
                columns=list(names.values()),
                num_method="wasserstein",
                cat_method="jensenshannon",
                per_column_threshold={
                    names[c.column]: max(c.threshold, policy.min_effect) for c in shown
                },
                # Its word on the whole dataset: drift as soon as one column drifts.
                drift_share=round(0.5 / len(names), 4),
            )
        ],
        include_tests=False,
    )
    sides = [
        Dataset.from_pandas(
            _drawable(frame[list(names)], categorical).rename(columns=names),
            data_definition=definition,
        )
        for frame in (new, old)
    ]
    page: str = report.run(*sides).get_html_str(as_iframe=False)
    return page


def _drawable(frame: pd.DataFrame, categorical: "Iterable[str]") -> pd.DataFrame:
    """Categories as harmless text: Evidently writes them into a script of the page."""
    frame = frame.reset_index(drop=True)
    for name in categorical:
        column = frame[name]
        texts = column.map(lambda value: _harmless(f"{value:g}" if _number(value) else f"{value}"))
        frame[name] = texts.where(column.notna())
    return frame


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _harmless(text: str) -> str:
    return text.replace("<", "‹").replace(">", "›")


def _summary(verdict: DriftVerdict) -> str:
    """The verdict as HTML; nothing in it is taken over unescaped."""
    sizes = (
        f"{verdict.window_rows:,} rows against {verdict.reference_rows:,} rows of the reference "
        f"({verdict.window_compared:,} and {verdict.reference_compared:,} compared)."
    )
    chance = (
        f" A difference this large comes by chance with p = {verdict.p_value:.3f}."
        if verdict.p_value is not None
        else ""
    )
    rules = (
        f"A column drifts when its effect exceeds its threshold (found by {verdict.resamples:,} "
        f"random splits of the same rows: in windows without drift at most "
        f"{verdict.false_alarm_rate:.1%} raise any alarm) and is at least {verdict.min_effect:g}; "
        f"or when its share of missing values changes likewise, by at least "
        f"{verdict.min_null_change:.0%}. Below {verdict.min_rows:,} rows there is no verdict."
    )
    apart = "".join(
        f"<p class=quiet>{escape(name)} is not compared: {escape(reason)}.</p>"
        for name, reason in verdict.left_out.items()
    )
    reason = verdict.reason[:1].upper() + verdict.reason[1:]
    rows = "".join(_row(column) for column in verdict.columns)
    heads = (
        "<tr><th>column<th>measure<th class=figure>effect<th class=figure>threshold"
        "<th class=figure>missing before<th class=figure>missing now<th>verdict</tr>"
    )
    table = f"<table><thead>{heads}</thead><tbody>{rows}</tbody></table>" if rows else ""
    return (
        f"<section class=verdict><h1>Drift verdict "
        f'<span style="background:{_COLOURS[verdict.word]}">{escape(verdict.word)}</span></h1>'
        f"<p>{escape(reason)}.</p><p>{sizes}{chance}</p>{table}{apart}"
        f"<p class=quiet>{rules}</p>{_BELOW if rows else ''}</section>"
    )


def _row(column: ColumnDrift) -> str:
    parts = [
        word
        for word, bad in (("drift", column.drifted), ("missing values", column.nulls_drifted))
        if bad
    ]
    mark = " class=drift" if parts else ""
    return (
        f"<tr{mark}><td>{escape(column.column)}<td>{escape(column.measure)}"
        f"<td class=figure>{column.effect:.3f}<td class=figure>{column.threshold:.3f}"
        f"<td class=figure>{column.reference_nulls:.1%}<td class=figure>{column.window_nulls:.1%}"
        f"<td{mark}>{' and '.join(parts) or 'no drift'}</tr>"
    )
