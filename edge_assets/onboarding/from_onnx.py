"""A new edge model from an ONNX graph: bring your own. Nothing is trained, what it is stays open
unless there is labelled data."""

import math
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edge_assets.core.config_data import PROBABILITIES, Column
from edge_assets.core.holdout import split
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking.edges import failing_edge, probe_rows
from edge_assets.onboarding.columns import MARKERS, Draft, bounds, infer_column
from edge_assets.onboarding.floors import measure_floors
from edge_assets.onboarding.folder import schema_path, write_all
from edge_assets.onboarding.from_table import OPEN_FLOOR, Made, check_kept, data_part, parquet, user
from edge_assets.onboarding.naming import aliases_of, identifiers
from edge_assets.onboarding.onnx_graph import (
    Given,
    adapt,
    column_names,
    read_graph,
    target_name,
)
from edge_assets.onboarding.plan import Floor, Plan
from edge_assets.onboarding.reading import with_decimal_points
from edge_assets.onboarding.resampling import DATA_FILE
from edge_assets.onboarding.target import candidates
from edge_assets.onboarding.templates import init_py, prepare_py, sample_py, tests_py
from edge_assets.onboarding.yaml_text import datasheet, model_yaml
from edge_assets.onnx_session import run
from protos.errors import ConfigurationError

_UNLABELLED = (
    "whether its answers are right: no labelled data was given (--data), so the floors are only "
    "those of a dummy",
)
_OF_DATA = (
    "that the model has never seen the labelled rows: nobody here knows what it was trained on",
)
_SHARE = 0.5
"""Of labelled rows: nothing is trained, so as many as possible are asked."""


def make_from_onnx(
    stage: Path,
    target_path: Path,
    source: Path,
    port: int,
    table: pd.DataFrame | None,
    table_name: str,
    target: str | None,
    classes: tuple[str, ...],
) -> Made:
    """Writes the folder of an edge model around a graph into `stage`, meant for `target_path`.

    Raises ConfigurationError when the graph cannot be served, or the table does not fit it.
    """
    given = read_graph(source)
    kind = given.kind
    as_it_came = table
    commas: tuple[str, ...] = ()
    if table is not None:
        table, commas = with_decimal_points(table)
    header = None if table is None else _target_header(table, target, given)
    headers = [] if table is None else [str(h) for h in table.columns if h != header]
    pairs = column_names(given, headers)
    columns, drafts = _columns(given, pairs, table)
    name = target or target_name(given, [header for _, header in pairs])
    if header is not None:
        name = identifiers([*(h for _, h in pairs), header])[header]
    elif target is not None:
        name = identifiers([*(h for _, h in pairs), target])[target]
    labels = () if kind == "regression" else _labels(given, classes, table, header)
    graph = adapt(given, columns, name, labels)
    plan = Plan(
        name=stage.name,
        owner=user(),
        source=source.name,
        made=date.today(),
        flavour="onnx",
        target=name,
        target_aliases=() if header is None else aliases_of(name, header),
        kind=kind,
        columns=columns,
        port=port,
        classes=labels,
        drafts=drafts,
        left_out=dict.fromkeys(_unused(headers, pairs), "the graph has no such input"),
        holdout_share=_SHARE,
        floors=_dummy_floors(kind, len(labels)),
        parity=(1e-4, 1e-3),
        model_bytes=max(200_000, 2 * graph.ByteSize()),
        min_rows=50,
        notes=_notes(given, source, table is None),
        shift_note="Nothing is trained here, so no shift of the world can be learned again.",
    )
    schema = schema_path(target_path)
    files: dict[str, str | bytes] = {
        "__init__.py": init_py(plan.name, source.name),
        "model.onnx": graph.SerializeToString(deterministic=True),
        "model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema),
    }
    if table is None:
        sheet = datasheet(source.name, plan.made, "none: no labelled data was given", {})
        plan = replace(plan, datasheet=sheet)
        files["model.yaml"] = model_yaml(plan, schema)
        files[f"tests/test_{plan.name}.py"] = tests_py(
            plan.name, rows_kept=0, rows=0, labelled=False
        )
        write_all(stage, files)
        model = EdgeModel.load(stage)
        _check_answers(model, probe_rows(model.config, 64))
        return _made(plan, None, _UNLABELLED)
    assert as_it_came is not None  # noqa: S101 - as table
    commas = tuple(one for one in commas if one not in plan.left_out)
    return _with_data(stage, plan, files, as_it_came, commas, table_name, schema)


def _with_data(
    stage: Path,
    plan: Plan,
    files: dict[str, str | bytes],
    table: pd.DataFrame,
    commas: tuple[str, ...],
    table_name: str,
    schema: str,
) -> Made:
    """Floors from what the graph reaches on the labelled rows."""
    part = data_part(table, plan)
    markers = sorted({m for draft in plan.drafts.values() for m in draft.markers})
    files[DATA_FILE] = parquet(part)
    files["sample.py"] = sample_py(table_name, plan.made, len(part))
    if markers or commas:
        files["prepare.py"] = prepare_py(markers, commas)
    write_all(stage, files)
    model = EdgeModel.load(stage)
    prepared = model.prepare(table)
    check_kept(prepared.kept, table, model)
    _check_answers(model, prepared.kept.head(500))
    plan, model = _narrowed(stage, plan, model, prepared.kept, schema)
    trained = model.train(prepared.kept)
    parts = split(prepared.kept, columns=list(model.config.data.inputs), share=_SHARE, seed=42)
    measured = measure_floors(
        model, model.predict(trained, parts.holdout), parts.train, parts.holdout
    )
    plan = plan.with_floors(measured, "the graph")
    sheet = datasheet(
        plan.source,
        plan.made,
        f"{len(prepared.kept)} labelled rows of {table_name} were kept",
        {"not known": "whether the model was trained on these rows"},
    )
    plan = replace(plan, datasheet=sheet)
    tests = tests_py(
        plan.name, rows_kept=len(model.prepare(part).kept), rows=len(part), labelled=True
    )
    write_all(stage, {"model.yaml": model_yaml(plan, schema), f"tests/test_{plan.name}.py": tests})
    EdgeModel.load(stage)
    made = _made(plan, measured, _OF_DATA)
    return replace(
        made,
        rows=len(table),
        kept=len(prepared.kept),
        reasons=prepared.reasons,
        rows_in_folder=len(part),
    )


def _narrowed(
    stage: Path, plan: Plan, model: EdgeModel, kept: pd.DataFrame, schema: str
) -> tuple[Plan, EdgeModel]:
    """Without room beyond what was seen for integers at which the graph fails, such as codes."""
    graph = model.train(kept)
    columns, told = [], []
    for column in plan.columns:
        draft = plan.drafts[column.name]
        alone = model.config.model_copy(
            update={"data": model.config.data.model_copy(update={"columns": (column,)})}
        )
        failing = ""
        if column.datatype.startswith("INT"):
            failing = failing_edge(alone, kept, partial(_ask_with, model, graph, kept.head(1)))
        if failing:
            low, high = int(draft.low), int(draft.high)
            told.append(f"{column.name} from {low} to {high}")
            column = column.model_copy(update={"minimum": low, "maximum": high})
        columns.append(column)
    if not told:
        return plan, model
    note = f"The graph fails beyond what was seen, so these have no room: {', '.join(told)}."
    plan = replace(plan, columns=tuple(columns), notes=(*plan.notes, note))
    write_all(stage, {"model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema)})
    return plan, EdgeModel.load(stage)


def _ask_with(model: EdgeModel, graph: bytes, base: pd.DataFrame, one: pd.DataFrame) -> None:
    """Asks the graph about `base` with the values of `one`. Raises what onnxruntime raises."""
    run(model.config, graph, base.assign(**{str(name): one[name].to_numpy() for name in one}))


def _made(plan: Plan, measured: Any, open_ends: tuple[str, ...]) -> Made:
    return Made(
        plan,
        0,
        0,
        {},
        bool(measured and measured.better),
        measured.reason if measured else "nothing was measured",
        tuple(f"{f.metric} {f.word} {f.bound:g} ({f.comment})" for f in plan.floors),
        (),
        0,
        open_ends,
    )


def _target_header(table: pd.DataFrame, target: str | None, given: Given) -> str:
    from edge_assets.core.preparing import plain

    output = given.label or given.number or given.scores
    wanted = target or (output.name if output else "")
    for header in table.columns:
        if plain(str(header)) == plain(wanted):
            return str(header)
    shown = ", ".join(map(repr, candidates(table)[:12]))
    raise ConfigurationError(
        f"the table has no column {wanted!r} to compare the answers with",
        why=f"candidates: {shown}",
        remedy="name the column with the right answers: --target",
    )


def _columns(
    given: Given, pairs: list[tuple[str, str]], table: pd.DataFrame | None
) -> tuple[tuple[Column, ...], dict[str, Draft]]:
    types = [one.datatype for one in given.inputs for _ in range(one.width)]
    columns, drafts = [], {}
    for (name, header), datatype in zip(pairs, types, strict=True):
        facts: dict[str, Any] = {"name": name, "datatype": datatype}
        facts["aliases"] = aliases_of(name, header)
        if table is not None:
            draft = infer_column(header, name, table[header])
            drafts[name] = draft
            facts |= _seen(draft, datatype, table[header])
        columns.append(Column.model_validate(facts))
    return tuple(columns), drafts


def _seen(draft: Draft, datatype: str, cells: pd.Series) -> dict[str, Any]:
    """Bounds of numbers, and whether a value may be unknown, as the labelled rows show it."""
    facts: dict[str, Any] = {}
    missing = bool((cells == "").any() or cells.isin(draft.markers).any())
    if missing and datatype in ("FP32", "FP64", "BYTES"):
        facts["nullable"] = True
    if math.isfinite(draft.low) and datatype in ("FP32", "FP64", "INT32", "INT64"):
        whole = datatype.startswith("INT")
        facts["minimum"], facts["maximum"] = bounds(draft.low, draft.high, whole=whole)
    return facts


def _labels(
    given: Given, told: tuple[str, ...], table: pd.DataFrame | None, header: str | None
) -> tuple[int, ...] | tuple[str, ...]:
    """The classes in the order of the probabilities. Raises ConfigurationError when unknown."""
    count = given.scores.width if given.scores else 0
    texts = given.label.kind in "OSU" if given.label else None
    found: tuple[int, ...] | tuple[str, ...] = given.classes
    if told:
        found = told if texts or not _whole(told) else tuple(int(part) for part in told)
    elif not found and texts is None and table is not None and header is not None:
        seen = sorted({cell for cell in table[header] if cell})
        found = tuple(sorted(map(int, seen))) if _whole(seen) else tuple(seen)
    elif not found and not texts:
        found = tuple(range(count))
    if len(found) != count:
        raise ConfigurationError(
            f"the classes of the graph are not known: it has {count} probabilities",
            why=f"{len(found)} classes were found: {', '.join(map(str, found[:10])) or 'none'}",
            remedy="name them in the order of the probabilities: --classes a,b,c",
        )
    if isinstance(found[0], str) and texts is False:
        _check_places(given, count)
    if isinstance(found[0], int) and table is not None and header is not None:
        _check_words(found, table[header])
    return found


def _check_places(given: Given, count: int) -> None:
    """Raises ConfigurationError where the integers of the graph do not count its classes."""
    places = given.classes or tuple(range(count))
    if tuple(places) != tuple(range(count)):
        raise ConfigurationError(
            "the classes of the graph cannot be given names",
            why=f"its label is one of {', '.join(map(str, places))}; names are given in order to "
            f"0 to {count - 1}",
            remedy=f"leave --classes away and write {', '.join(map(str, places))} into the table, "
            "or export the graph with the names",
        )


def _check_words(classes: tuple[int, ...] | tuple[str, ...], cells: pd.Series) -> None:
    """Raises ConfigurationError where the table has words for the integers of the graph."""
    seen = sorted({cell for cell in cells if cell and cell.lower() not in MARKERS})
    if any(_is_number(cell) for cell in seen):
        return
    numbers = ", ".join(map(str, classes[:10]))
    raise ConfigurationError(
        "the table has other classes than the graph",
        why=f"the table says {', '.join(map(repr, seen[:10]))}, the graph {numbers}",
        remedy=f"name those of the table in the order of {numbers}: "
        f"--classes {','.join(seen[:10])} or in another order",
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _whole(parts: Any) -> bool:
    return all(part.lstrip("-").isdigit() for part in parts)


def _check_answers(model: EdgeModel, rows: pd.DataFrame) -> None:
    """Raises ConfigurationError when scores are no probabilities, or belong to other classes."""
    config = model.config
    try:
        outputs = run(config, model.train(rows), rows)
    except Exception as error:  # onnxruntime has a dozen classes of its own
        raise ConfigurationError(
            "the ONNX graph cannot be served",
            why=f"it fails when it is asked: {str(error).splitlines()[0][:300]}",
            remedy="give --data with rows that it was made for; where its label is no place, "
            "export it with their names",
        ) from error
    if config.prediction.kind == "regression":
        return
    scores = np.asarray(outputs[PROBABILITIES], dtype=np.float64)
    if scores.min() < -1e-6 or np.abs(scores.sum(axis=1) - 1).max() > 1e-3:
        raise ConfigurationError(
            "the ONNX graph cannot be served",
            why="its scores do not add up to 1: they are no probabilities",
            remedy="end the graph with Softmax, or export its probabilities",
        )
    best = np.array(config.prediction.classes, dtype=object)[scores.argmax(axis=1)]
    same = best.astype(str) == outputs[config.prediction.target].ravel().astype(str)
    if same.mean() < 0.95:
        raise ConfigurationError(
            "the classes are not in the order of the probabilities",
            why=f"on {int((~same).sum())} of {len(same)} rows the greatest one is of another class",
            remedy="name them in the order of the probabilities: --classes a,b,c",
        )


def _dummy_floors(kind: str, classes: int) -> tuple[Floor, ...]:
    rows = Floor("rows", "min", 50, "fewer held-out rows prove nothing")
    said = "not measured: what a dummy that always says the same reaches"
    if kind == "regression":
        return Floor("r2", "min", 0.0, said), rows
    return Floor("balanced_accuracy", "min", round(1 / classes, 4), said), rows


def _unused(headers: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    used = {header for _, header in pairs}
    return [header for header in headers if header not in used]


def _notes(given: Given, source: Path, unlabelled: bool) -> tuple[str, ...]:
    told = [given.label, given.scores] if given.scores else [given.number]
    names = [output.name for output in told if output]
    dropped = [o.name for o in given.outputs if o.name not in names]
    notes = [
        f"model.onnx is a copy of {source.name} with one input for each column and the outputs "
        f"renamed ({', '.join(names)}); what it reckons is untouched."
    ]
    if dropped:
        notes.append(f"Outputs that were left out: {', '.join(dropped)}.")
    if unlabelled:
        notes.append(
            "NOT PROVEN: whether its answers are right. There was no labelled data; the floors "
            "are only those of a dummy, and ranges of the columns are open. Measure it on your "
            "own rows and set floors before anything depends on it."
        )
    return tuple(notes)
