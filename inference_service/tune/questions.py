"""What the model is asked while it is measured: golden rows, calibration rows or made-up ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference_service.datatypes import DATATYPES
from inference_service.description import TensorSpec
from inference_service.tune.parity import Answers, Array
from protos.errors import ConfigurationError

Question = Mapping[str, Array]
"""One value of every input: one row, or as many as the model fixes."""

_SEED = 20


def has_free_rows(specs: Sequence[TensorSpec]) -> bool:
    """Whether the first dimension of every input counts rows, so that questions can be batched."""
    return all(spec.shape[:1] == (-1,) for spec in specs)


def made_up(specs: Sequence[TensorSpec], count: int) -> list[Question]:
    """`count` questions within the declared bounds, always the same ones."""
    random = np.random.default_rng(_SEED)
    return [{spec.name: _made_up(spec, random) for spec in specs} for _ in range(count)]


def from_golden(
    rows: Sequence[Mapping[str, Any]],
    specs: Sequence[TensorSpec],
    shapes: Sequence[Mapping[str, Sequence[int]]] = (),
) -> list[Answers]:
    """The flat values of golden inputs or outputs as arrays of `specs`.

    `shapes` are those of each row that the values alone do not tell. Raises ConfigurationError
    naming what does not fit.
    """
    told = shapes or [{}] * len(rows)
    return [
        {
            s.name: _flat(
                row.get(s.name), s, f"golden.json: requests[{number}]", told[number].get(s.name)
            )
            for s in specs
        }
        for number, row in enumerate(rows)
    ]


def from_npz(path: Path, specs: Sequence[TensorSpec]) -> list[Question]:
    """The rows of a `.npz` file that has an array for each input, rows along the first axis.

    Raises ConfigurationError if the file cannot be read, holds pickles or does not fit.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _wrong(path.name, f"it is no .npz file of plain arrays ({error})") from None
    parts = {spec.name: _split(arrays.get(spec.name), spec, path.name) for spec in specs}
    counts = {name: len(rows) for name, rows in parts.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise _wrong(path.name, f"rows of each input: {counts}")
    return [dict(zip(parts, rows, strict=True)) for rows in zip(*parts.values(), strict=True)]


def truth_from_npz(path: Path, specs: Sequence[TensorSpec], count: int) -> list[Answers]:
    """What is right of the `count` rows of `from_npz`: its arrays with the names of outputs.

    Empty where there is none. Raises ConfigurationError if one does not fit.
    """
    with np.load(path, allow_pickle=False) as held:
        arrays = [(spec, held[spec.name]) for spec in specs if spec.name in held.files]
    parts = {spec.name: _split(array, spec, path.name) for spec, array in arrays}
    counts = {name: len(rows) for name, rows in parts.items()}
    if any(number != count for number in counts.values()):
        raise _wrong(path.name, f"rows of the inputs: {count}, of each output: {counts}")
    return [dict(zip(parts, rows, strict=True)) for rows in zip(*parts.values(), strict=True)]


def batch(questions: Sequence[Question], rows: int) -> Question:
    """`rows` rows as one question, over and over those of the sizes that the first one has."""
    sizes = {name: array.shape[1:] for name, array in questions[0].items()}
    alike = [q for q in questions if {name: a.shape[1:] for name, a in q.items()} == sizes]
    chosen = [alike[number % len(alike)] for number in range(rows)]
    return {name: np.concatenate([q[name] for q in chosen]) for name in questions[0]}


def save(path: Path, tables: Sequence[Mapping[str, Array]]) -> None:
    """Writes questions or answers to a file without pickles; text becomes fixed-width text."""
    flat = {
        f"{number}:{name}": array.astype(str) if array.dtype == object else array
        for number, table in enumerate(tables)
        for name, array in table.items()
    }
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **flat)


def load(path: Path) -> list[dict[str, Array]]:
    """What `save` wrote, text as objects again."""
    tables: dict[int, dict[str, Array]] = {}
    with np.load(path, allow_pickle=False) as held:
        for key in held.files:
            number, _, name = key.partition(":")
            array = held[key]
            plain = array.astype(object) if array.dtype.kind == "U" else array
            tables.setdefault(int(number), {})[name] = plain
    return [tables[number] for number in sorted(tables)]


def _made_up(spec: TensorSpec, random: np.random.Generator) -> Array:
    shape = [1 if size == -1 else size for size in spec.shape]
    dtype = DATATYPES[spec.datatype].dtype
    if spec.categories is not None:
        return random.choice(np.array(spec.categories, dtype=dtype or object), shape)
    if dtype is None:
        return np.full(shape, "", dtype=object)
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    low = 0.0 if spec.minimum is None else spec.minimum
    high = low + 1.0 if spec.maximum is None else spec.maximum
    if spec.minimum is None:
        low = min(low, high - 1.0)
    if dtype.kind == "f":
        return random.uniform(low, high, shape).astype(dtype)
    limits = np.iinfo(dtype.str)
    first, last = max(int(np.ceil(low)), limits.min), min(int(np.floor(high)), limits.max)
    return random.integers(first, max(first, last), shape, endpoint=True, dtype=dtype)


def _flat(values: Any, spec: TensorSpec, where: str, told: Sequence[int] | None = None) -> Array:
    if not isinstance(values, list):
        raise _wrong(where, f"{spec.name!r} is no list of values")
    dtype = DATATYPES[spec.datatype].dtype
    if dtype is not None and dtype.kind == "f":
        values = [np.nan if value is None else value for value in values]
    free = [place for place, size in enumerate(spec.shape) if size == -1 and place]
    shape = [1 if size == -1 else size for size in spec.shape]
    if len(free) == 1:
        shape[free[0]] = -1
    if told is not None:
        fits = len(told) == len(spec.shape) and all(
            want in (-1, size) for size, want in zip(told, spec.shape, strict=True)
        )
        if not fits:
            raise _wrong(where, f"{spec.name!r} has the shape {list(told)}")
        shape = list(told)
    try:
        return np.array(values, dtype=object if dtype is None else dtype).reshape(shape)
    except (ValueError, TypeError, OverflowError):
        why = f"{spec.name!r} is not {spec.datatype} of shape {list(spec.shape)}"
        raise _wrong(where, why) from None


def _split(array: Array | None, spec: TensorSpec, where: str) -> list[Array]:
    if array is None:
        raise _wrong(where, f"it has no array {spec.name!r}")
    dtype = DATATYPES[spec.datatype].dtype
    fits = array.ndim == len(spec.shape) > 0 and all(
        want in (-1, size) for size, want in zip(array.shape[1:], spec.shape[1:], strict=True)
    )
    if not fits or (array.dtype.kind not in "US" if dtype is None else array.dtype != dtype):
        expected = f"{spec.datatype} of shape {list(spec.shape)}"
        raise _wrong(where, f"{spec.name!r} is {array.dtype} {list(array.shape)}, not {expected}")
    typed = array.astype(str).astype(object) if dtype is None else array
    step = 1 if spec.shape[0] == -1 else spec.shape[0]
    return [typed[at : at + step] for at in range(0, len(typed) - step + 1, step)]


def _wrong(what: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{what} does not fit the model", why=why, remedy="mend the file")
