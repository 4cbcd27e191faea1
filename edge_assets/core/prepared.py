"""What preparing a batch gives: the rows that can be used, and those that cannot, with reasons."""

from typing import NamedTuple

import pandas as pd

REASON = "reason"


class Prepared(NamedTuple):
    """`kept` and `set_aside` (with its column `reason`) hold together every row, once.

    Both keep the index of the raw rows, so that a row that is set aside can be shown as it came.
    """

    kept: pd.DataFrame
    set_aside: pd.DataFrame

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were set aside for each reason, most frequent first."""
        if self.set_aside.empty:
            return {}
        counts = self.set_aside[REASON].value_counts()
        return {str(reason): int(count) for reason, count in counts.items()}


def divide(rows: pd.DataFrame, reasons: pd.Series) -> Prepared:
    """`rows` by `reasons` (same index): those with an empty one are kept."""
    bad = reasons != ""
    return Prepared(rows[~bad], rows[bad].assign(**{REASON: reasons[bad]}))
