"""Sample data of a model that was made from a table: its rows, drawn again, slightly moved.

The rows are those of the file and as confidential as it is. What keeps figures on them honest: a
moved copy stays on the side of the holdout on which its origin is, so that a copy of what was
learned never comes into the holdout. A *shift* lets the readings of one column move to the top of
its range, above all that was seen, as after a sensor was exchanged: the order stays, so that it can
be learned again.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from edge_assets.core.config_data import Column
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.holdout import split
from edge_assets.core.near import meant
from edge_assets.core.preparing import plain
from edge_assets.core.schema import dtype_of
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.decimals import has_decimal_commas, with_points
from protos.errors import ConfigurationError

DATA_FILE = "data.parquet"
JITTER = 0.01
"""Of the spread of a column, as the standard deviation of the noise."""
_TRIES = 40
_DIGITS = 7


@dataclass(frozen=True)
class _Movable:
    """A column of numbers: where it is in the raw table, and what was seen of it."""

    column: Column
    header: str
    values: NDArray[np.float64]
    noise: float
    commas: bool = False
    """Whether its cells have decimal commas; those that are made get them too."""

    @property
    def seen(self) -> tuple[float, float]:
        return float(np.nanmin(self.values)), float(np.nanmax(self.values))


def resample(folder: Path, rows: int, seed: int, shift: str = "none") -> pd.DataFrame:
    """`rows` raw rows drawn with replacement from the data in `folder`; cells are text.

    `shift` is the name of a column whose readings move, or `none`. The same arguments give the same
    rows. Raises ConfigurationError when the shift is no column that can move, or the data lacks a
    column of model.yaml.
    """
    model = EdgeModel.load(folder)
    raw = pd.read_parquet(folder / DATA_FILE)
    for column in model.config.data.columns:
        _header(raw, column)  # first: without it every row would be set aside, and nobody says why
    kept = model.prepare(raw).kept
    rng = np.random.default_rng(seed)
    origins = rng.integers(0, len(raw), rows)
    drawn = raw.iloc[origins].reset_index(drop=True)
    movable = _movable(model.config, raw)
    shifted = _shifted_column(model.config, movable, raw, shift)
    # only rows that are kept have a side; the others stay as they came, to be set aside
    good = np.flatnonzero(np.isin(origins, kept.index))
    if not len(good):
        return drawn
    typed = kept.loc[origins[good]].reset_index(drop=True)
    wanted = _held_out(typed, model.config)
    cells = _moved(rng, raw, typed, wanted, origins[good], model.config, movable, shifted)
    for header, texts in cells.items():
        drawn[header] = drawn[header].astype("object")
        drawn.loc[good, header] = texts
    return drawn


def _moved(
    rng: np.random.Generator,
    raw: pd.DataFrame,
    typed: pd.DataFrame,
    wanted: NDArray[np.bool_],
    origins: NDArray[np.int64],
    config: ModelConfig,
    movable: list[_Movable],
    shifted: "_Movable | None",
) -> dict[str, NDArray[np.object_]]:
    """New cells by header, so that each row is on the side of the holdout that is `wanted`."""
    parts = [*movable, *([shifted] if shifted and shifted not in movable else [])]
    cells = {part.header: raw[part.header].to_numpy(dtype=object)[origins] for part in parts}
    open_rows = np.arange(len(typed))
    for _ in range(_TRIES):
        trial = typed.iloc[open_rows].copy()
        texts: dict[str, NDArray[np.object_]] = {}
        for part in parts:
            values = part.values[origins[open_rows]]
            if part.noise:
                low, high = part.seen
                noise = rng.normal(0.0, part.noise, len(values))
                values = np.clip(values + noise, low, high)
            if part is shifted:
                values = _to_the_top(values, part)
            made = _texts(values, part.column.datatype == "INT64")
            read = pd.to_numeric(pd.Series(made), errors="coerce")
            trial[part.column.name] = read.to_numpy().astype(dtype_of(part.column.datatype))
            commas = [text.replace(".", ",") for text in made] if part.commas else made
            texts[part.header] = np.array(commas, dtype=object)
        right = _held_out(trial, config) == wanted[open_rows]
        for header, found in texts.items():
            cells[header][open_rows[right]] = found[right]
        open_rows = open_rows[~right]
        if not len(open_rows) or not parts:
            break
    return cells  # what found no place on its side stays as it came: neither moved nor shifted


def _to_the_top(values: NDArray[np.float64], part: _Movable) -> NDArray[np.float64]:
    """Readings from what was seen to between that and the maximum; the order stays."""
    (low, high), top = part.seen, float(part.column.maximum or 0.0)
    made: NDArray[np.float64] = high + (top - high) * (0.1 + 0.8 * (values - low) / (high - low))
    return np.round(made) if part.column.datatype == "INT64" else made


def _held_out(typed: pd.DataFrame, config: ModelConfig) -> NDArray[np.bool_]:
    rows = typed.reset_index(drop=True)
    parts = split(
        rows,
        columns=list(config.data.inputs),
        share=config.holdout.share,
        seed=config.holdout.seed,
    )
    found: NDArray[np.bool_] = rows.index.isin(parts.holdout.index)
    return found


def _movable(config: ModelConfig, raw: pd.DataFrame) -> list[_Movable]:
    found = []
    for column in config.data.columns:
        if column.datatype not in ("FP32", "FP64"):
            continue
        values = _numbers(raw, column)
        finite = values[np.isfinite(values)]
        if len(finite) and not np.all(finite == np.floor(finite)):
            header, noise = _header(raw, column), JITTER * float(finite.std())
            found.append(_Movable(column, header, values, noise, has_decimal_commas(raw[header])))
    return found


def _shifted_column(
    config: ModelConfig, movable: list[_Movable], raw: pd.DataFrame, shift: str
) -> _Movable | None:
    if shift == "none":
        return None
    known = {part.column.name: part for part in movable}
    if shift in known:
        return known[shift]
    for column in config.data.columns:
        if column.name == shift and column.maximum is not None:
            header = _header(raw, column)
            commas = has_decimal_commas(raw[header])
            return _Movable(column, header, _numbers(raw, column), 0.0, commas)
    raise ConfigurationError(
        f"{config.name} knows no shift {shift!r}",
        why="a shift is a column of numbers with a maximum",
        remedy="name one of these under sample.shifts in model.yaml",
    )


def _header(raw: pd.DataFrame, column: Column) -> str:
    wanted = {plain(name) for name in (column.name, *column.aliases)}
    found = [str(name) for name in raw.columns if plain(str(name)) in wanted]
    if not found:
        there = list(map(str, raw.columns))
        raise ConfigurationError(
            f"the sample rows in {DATA_FILE} have no column {column.name}"
            f"{meant(column.name, there)}",
            why=f"they have {', '.join(there)[:500]}",
            remedy="name it in model.yaml as they do, or add their name to its aliases",
        )
    return found[0]


def _numbers(raw: pd.DataFrame, column: Column) -> NDArray[np.float64]:
    cells = raw[_header(raw, column)]
    cells = with_points(cells) if has_decimal_commas(cells) else cells
    numbers: NDArray[np.float64] = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)
    return numbers


def _texts(values: NDArray[np.float64], whole: bool) -> NDArray[np.object_]:
    """Cells as a file has them; unknown ones are empty."""
    made = [
        "" if not np.isfinite(value) else str(int(value)) if whole else f"{value:.{_DIGITS}g}"
        for value in values.tolist()
    ]
    return np.array(made, dtype=object)
