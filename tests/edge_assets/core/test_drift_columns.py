"""Time goes on and is no drift; hours, weekdays and durations are compared instead."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.drift_columns import Derivation, Duration, derive, left_out, numbers
from protos.errors import ConfigurationError

DAY = 86_400
TIMES = Derivation(
    columns=("distance",),
    clocks=("start",),
    durations=(Duration("seconds", "start", "end"),),
    texts=("note",),
)


def seconds(*times: str) -> list[float]:
    return [datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() for time in times]


def test_time_stamps_become_hour_weekday_and_duration() -> None:
    frame = pd.DataFrame(
        {
            "distance": ["1.5", "far"],
            "start": seconds("2016-01-04 23:59:59", "1969-12-31 00:00:00"),
            "end": seconds("2016-01-05 00:10:00", "1969-12-31 01:00:00"),
            "note": ["four", None],
        }
    )

    made = derive(frame, TIMES)

    texts = ["note_length", "note_word_count", "note_words"]
    assert list(made) == ["distance", "start_hour", "start_weekday", "seconds", *texts]
    assert made["start_hour"].tolist() == [23, 0]
    assert made["start_weekday"].tolist() == [0, 2]  # a Monday; a Wednesday before 1970
    assert made["seconds"].tolist() == [601, 3600]
    assert made["note_length"].tolist()[0] == 4
    assert made["distance"].isna().tolist() == [False, True]
    assert made["note_word_count"].tolist()[0] == 1
    assert made["note_words"].dropna().tolist() == ["four"]
    for name in texts:
        assert made[name].isna().tolist() == [False, True]
        assert TIMES.is_words(name) == (name == "note_words")
        assert not TIMES.is_categorical(name)


def test_a_column_that_is_not_there_is_missing_in_every_row() -> None:
    made = derive(pd.DataFrame({"distance": [1.0, 2.0]}), TIMES)

    assert made.drop(columns="distance").isna().all().all()
    assert len(made) == 2


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e308, "text", None])
def test_what_is_no_number_to_reckon_with_is_missing(value: object) -> None:
    assert np.isnan(numbers(pd.Series([value], dtype=object))[0])


@pytest.mark.parametrize(
    ("days", "apart"),
    [(0.2, ["start_hour", "start_weekday"]), (2.0, ["start_weekday"]), (14.0, [])],
)
def test_windows_shorter_than_a_cycle_leave_it_out(days: float, apart: list[str]) -> None:
    month = pd.DataFrame({"start": np.linspace(0, 30 * DAY, 500)})
    window = pd.DataFrame({"start": 40 * DAY + np.linspace(0, days * DAY, 200)})

    reasons = left_out(month, window, TIMES)

    assert sorted(reasons) == apart
    assert all("the window spans less than a" in reason for reason in reasons.values())


def test_one_wrong_clock_does_not_stretch_a_window() -> None:
    month = pd.DataFrame({"start": np.linspace(0, 30 * DAY, 500)})
    window = pd.DataFrame({"start": [0.0, *np.linspace(9e8, 9e8 + 300, 200)]})

    assert "start_hour" in left_out(month, window, TIMES)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"columns": ("a", "a")},
        {"columns": ("a",), "categorical": ("b",)},
        {"columns": ("t_hour",), "clocks": ("t",)},
        {"columns": ("t_words",), "texts": ("t",)},
    ],
)
def test_unclear_columns_are_refused(arguments: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ConfigurationError, match="not clear"):
        Derivation(**arguments)  # type: ignore[arg-type]
