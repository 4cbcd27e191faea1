"""Which columns of captures can be compared over time, and how they are made comparable.

Absolute time always moves on, so a column of time stamps always differs from its reference. It is
never compared: what is compared is its hour of the day, its weekday, and durations between two of
them. The hour is taken as 24 categories, not as a number: 23 h and 0 h are neighbours, and a
distance between numbers would call them far apart.

A window shorter than a day holds a few hours only, and that says nothing about drift; likewise a
window shorter than a week for the weekday. Such columns are left out, and the verdict says so.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.drift_words import word_counts
from edge_assets.core.image_columns import FEATURES, image_features
from protos.errors import ConfigurationError

LIMIT = 1e150
"""Beyond this a square overflows a float64: such numbers count as missing, as infinities do."""

_DAY = 86_400
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_OF_TEXT = ("length", "word_count", "words")
_CYCLES = {"hour": _DAY, "weekday": 7 * _DAY}
# The middle nine tenths of evenly spread rows span 0.9 of a cycle; a little slack below that.
_SPANNED = 0.85


@dataclass(frozen=True)
class Duration:
    """A column to derive: the seconds from time stamp `start` to time stamp `end`."""

    name: str
    start: str
    end: str


@dataclass(frozen=True)
class Derivation:
    """What is made of the raw columns before they are compared.

    `columns` are compared as they are; those also in `categorical` as categories, the others as
    numbers. `clocks` are columns of seconds since 1970-01-01 00:00; each becomes `<name>_hour` and
    `<name>_weekday`. `texts` become `<name>_length` in characters, `<name>_word_count`, and
    `<name>_words`: the text itself, of which the shares of its words are compared (`drift_words`).
    """

    columns: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    durations: tuple[Duration, ...] = ()
    texts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.names()
        twice = sorted({name for name in names if names.count(name) > 1})
        unknown = sorted(set(self.categorical) - set(self.columns))
        if not names or twice or unknown:
            why = "no column is named"
            if twice:
                why = f"named twice: {', '.join(twice)}"
            elif unknown:
                why = f"categorical, but not among the columns: {', '.join(unknown)}"
            raise ConfigurationError(
                "the columns to watch for drift are not clear",
                why=why,
                remedy="name each column once, categorical ones in both lists",
            )

    def raw(self) -> list[str]:
        """The raw columns that a reference must have, in a fixed order."""
        ends = [name for duration in self.durations for name in (duration.start, duration.end)]
        return list(dict.fromkeys([*self.columns, *self.clocks, *ends, *self.texts, *self.images]))

    def names(self) -> list[str]:
        """The columns that `derive` makes, in order."""
        parts = [f"{clock}_{part}" for clock in self.clocks for part in _CYCLES]
        texts = [f"{text}_{part}" for text in self.texts for part in _OF_TEXT]
        images = [f"{image}_{feature}" for image in self.images for feature in FEATURES]
        durations = [duration.name for duration in self.durations]
        return [*self.columns, *parts, *durations, *texts, *images]

    def is_categorical(self, name: str) -> bool:
        """Whether a derived column is compared as categories."""
        return name in self.categorical or name in {
            f"{clock}_{part}" for clock in self.clocks for part in _CYCLES
        }

    def is_words(self, name: str) -> bool:
        """Whether a derived column is a text whose words are compared."""
        return name in {f"{text}_words" for text in self.texts}


def numbers(column: "pd.Series[float]") -> NDArray[np.float64]:
    """The column as float64; what is no number one can reckon with is NaN."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.abs(values) < LIMIT, values, np.nan)


def derive(frame: pd.DataFrame, derivation: Derivation) -> pd.DataFrame:
    """The comparable columns of `frame`, one row a row, named and ordered as `Derivation.names`.

    A raw column that `frame` lacks is missing in every row.
    """
    empty = pd.Series(np.nan, index=frame.index)
    raw = {name: frame.get(name, empty) for name in derivation.raw()}
    made: dict[str, object] = {}
    for name in derivation.columns:
        made[name] = raw[name] if name in derivation.categorical else numbers(raw[name])
    for name in derivation.clocks:
        seconds = numbers(raw[name])
        made[f"{name}_hour"] = np.floor(np.mod(seconds, _DAY) / 3600)
        made[f"{name}_weekday"] = np.mod(np.floor(seconds / _DAY) + _EPOCH_WEEKDAY, 7)
    for duration in derivation.durations:
        made[duration.name] = numbers(raw[duration.end]) - numbers(raw[duration.start])
    for name in derivation.texts:
        text = raw[name].astype(object)
        made[f"{name}_length"] = text.astype(str).str.len().where(text.notna()).to_numpy()
        made[f"{name}_word_count"] = word_counts(text)
        made[f"{name}_words"] = text.map(str, na_action="ignore").where(text.notna(), np.nan)
    for name in derivation.images:
        features = image_features(raw[name])
        made |= {f"{name}_{feature}": features[feature].to_numpy() for feature in FEATURES}
    return pd.DataFrame(made, index=frame.index, columns=derivation.names())


def left_out(
    reference: pd.DataFrame, window: pd.DataFrame, derivation: Derivation
) -> dict[str, str]:
    """The derived clock columns that say nothing here, each with the reason.

    A cycle counts as covered when the middle nine tenths of the time stamps span it, so that one
    wrong clock does not stretch a window.
    """
    reasons = {}
    for clock in derivation.clocks:
        for part, cycle in _CYCLES.items():
            for side, frame in (("reference", reference), ("window", window)):
                if clock not in frame:
                    continue
                seconds = numbers(frame[clock])
                seconds = seconds[~np.isnan(seconds)]
                if len(seconds) == 0:
                    continue
                low, high = np.quantile(seconds, [0.05, 0.95])
                if high - low < _SPANNED * cycle:
                    word = "day" if part == "hour" else "week"
                    reasons[f"{clock}_{part}"] = f"the {side} spans less than a {word}"
    return reasons
