"""A new edge model from a table: schema, baseline, floors and sample data, all from its rows."""

import getpass
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.baseline import (
    FirstTraining,
    choose_shift,
    first_training,
    holdout_seed,
    leaking_columns,
)
from edge_assets.onboarding.columns import infer_column
from edge_assets.onboarding.folder import schema_path, write_all
from edge_assets.onboarding.naming import aliases_of, identifiers
from edge_assets.onboarding.plan import Floor, Plan
from edge_assets.onboarding.reading import with_decimal_points
from edge_assets.onboarding.resampling import DATA_FILE
from edge_assets.onboarding.target import Target, unlabelled
from edge_assets.onboarding.templates import (
    TRAINING,
    init_py,
    prepare_py,
    sample_py,
    tests_py,
    train_py,
)
from edge_assets.onboarding.threads import one_thread
from edge_assets.onboarding.yaml_text import datasheet, model_yaml
from protos.errors import ConfigurationError

MAX_DATA_BYTES = 5_000_000
"""Of the copy of the data in the folder; of a larger table a part is kept."""
_MAX_TRAINING_ROWS = 50_000
OPEN_FLOOR = (Floor("rows", "min", 1, "not measured yet"),)


@dataclass(frozen=True)
class Made:
    """What was made, for the closing lines."""

    plan: Plan
    rows: int
    kept: int
    reasons: dict[str, int]
    better: bool
    verdict: str
    floors: tuple[str, ...]
    shifts: tuple[str, ...]
    rows_in_folder: int
    not_proven: tuple[str, ...] = ()
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a reason why rows were set aside: the files that they came from."""


def make_from_table(
    stage: Path,
    target_path: Path,
    table: pd.DataFrame,
    target: Target,
    source: str,
    port: int,
    *,
    landing: str = "",
    where: Mapping[str, str] = MappingProxyType({}),
) -> Made:
    """Writes the folder of an edge model into `stage`; it is meant for `target_path`.

    `where` are the headers and values by which the rows of `table` were chosen, and those of
    deliveries will be; several models may have one folder `landing`, by default the model's name.

    Raises ConfigurationError when nothing of the table can be learned from.
    """
    pointed, commas = with_decimal_points(table)
    plan = draft_plan(stage.name, pointed, target, source, port, where)
    plan = replace(plan, landing=landing, where=where)
    commas = tuple(header for header in commas if header not in plan.left_out)
    part = data_part(table, plan)
    texts = any(column.datatype == "BYTES" for column in plan.columns)
    markers = sorted({m for draft in plan.drafts.values() for m in draft.markers})
    schema = schema_path(target_path)
    write_all(
        stage,
        {
            "__init__.py": init_py(plan.name, source),
            "train.py": train_py(plan.target, plan.kind, texts=texts),
            "sample.py": sample_py(source, plan.made, len(part)),
            "model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema),
            DATA_FILE: parquet(part),
            **({"prepare.py": prepare_py(markers, commas)} if markers or commas else {}),
        },
    )
    model = EdgeModel.load(stage)
    raw = table.head(_MAX_TRAINING_ROWS)
    kept = model.prepare(raw).kept
    check_kept(kept, raw, model)
    plan = replace(plan, holdout_seed=holdout_seed(kept, model, plan.holdout_share))
    write_all(stage, {"model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema)})
    model = EdgeModel.load(stage)
    movable = [name for name, draft in plan.drafts.items() if draft.movable]
    with one_thread():
        trained = first_training(model, raw, movable)
    plan = _finished(plan, trained, len(table), len(part))
    with one_thread():
        tried = choose_shift(model, trained.important)
    works = [shift.name for shift in tried if shift.worked]
    said = "; ".join(f"{shift.name}: {shift.reason}" for shift in tried)
    note = f"Shifts that were tried, {said}." if tried else "No column of numbers matters enough."
    plan = replace(plan, shifts=tuple(works), shift_note=note)
    tests = tests_py(
        plan.name, rows_kept=len(model.prepare(part).kept), rows=len(part), labelled=True
    )
    write_all(
        stage,
        {"model.yaml": model_yaml(plan, schema), f"tests/test_{plan.name}.py": tests},
    )
    EdgeModel.load(stage)
    return Made(
        plan,
        len(raw),
        len(trained.prepared.kept),
        trained.prepared.reasons,
        trained.measured.better,
        trained.measured.reason,
        tuple(f"{f.metric} {f.word} {f.bound:g} ({f.comment})" for f in plan.floors),
        tuple(works),
        len(part),
    )


def draft_plan(
    name: str,
    table: pd.DataFrame,
    target: Target,
    source: str,
    port: int,
    where: Collection[str] = (),
) -> Plan:
    """What can be told before anything is trained; columns of `where` are no inputs.

    Raises ConfigurationError when no column is left to learn from.
    """
    names = identifiers([str(header) for header in table.columns])
    drafts = [
        infer_column(header, names[header], table[header])
        for header in table.columns
        if header != target.header and header not in where
    ]
    leaking = leaking_columns(table, drafts, target)
    left_out = {d.header: leaking.get(d.header) or d.why for d in drafts}
    left_out = {header: why for header, why in left_out.items() if why}
    left_out |= dict.fromkeys(where, "it chooses the rows of this model")
    used = [d for d in drafts if d.header not in left_out]
    if not used:
        reasons = "; ".join(f"{header}: {why}" for header, why in list(left_out.items())[:5])
        raise ConfigurationError(
            "no column is left to learn from",
            why=reasons,
            remedy="give a table with columns that are known before the target is",
        )
    target_name = names[target.header]
    share = 0.2 if len(table) >= 1000 else 0.3
    return Plan(
        name=name,
        owner=user(),
        source=source,
        made=date.today(),
        flavour="sklearn",
        target=target_name,
        target_aliases=aliases_of(target_name, target.header),
        kind=target.kind,
        columns=tuple(d.column for d in used if d.column is not None),
        port=port,
        classes=target.classes,
        drafts={d.name: d for d in used},
        left_out=left_out,
        leaking=tuple(leaking),
        training=TRAINING,
        holdout_share=share,
        parity=_parity(table, target),
        min_rows=1 if where else min(50, len(table) // 2),
        notes=_notes(table, target),
        rare=target.rare,
    )


def _parity(table: pd.DataFrame, target: Target) -> tuple[float, float]:
    """Single precision holds seven digits; what is asked for is a ten-thousandth of the spread."""
    if target.kind == "classification":
        return 1e-4, 1e-4
    spread = float(pd.to_numeric(table[target.header], errors="coerce").std())
    return float(f"{spread * 1e-4:.1g}"), 1e-4


def _notes(table: pd.DataFrame, target: Target) -> tuple[str, ...]:
    notes = []
    lost = unlabelled(table, target)
    if target.rare:
        text = f"Classes with too few rows were left out: {', '.join(target.rare[:20])}."
        notes.append(text)
    if lost:
        notes.append(f"{lost} of {len(table)} rows have no target, or one that was left out.")
    return tuple(notes)


def check_kept(kept: pd.DataFrame, raw: pd.DataFrame, model: EdgeModel) -> None:
    """Raises ConfigurationError when most of the rows were set aside, with the reasons."""
    if len(kept) >= max(20, len(raw) // 4):
        return
    reasons = model.prepare(raw).reasons
    top = ", ".join(f"{text} ({count} rows)" for text, count in list(reasons.items())[:3])
    raise ConfigurationError(
        f"only {len(kept)} of {len(raw)} rows can be used",
        why=top,
        remedy="mend the file, or leave out the columns that are named",
    )


def _finished(plan: Plan, trained: FirstTraining, rows: int, in_folder: int) -> Plan:
    """With floors, budget, the order of importance for drift, and the datasheet."""
    plan = plan.with_floors(trained.measured)
    kept, aside = len(trained.prepared.kept), len(trained.prepared.set_aside)
    copied = (
        f"all {rows} rows" if in_folder == rows else f"{in_folder} of {rows} rows drawn at random"
    )
    text = f"{kept} rows were kept and {aside} set aside"
    sheet = datasheet(
        plan.source,
        plan.made,
        text,
        {
            "copy": f"data.parquet in this folder holds {copied}, of the columns that are used",
            "columns": f"{len(plan.columns)} used, {len(plan.left_out)} left out; types and ranges "
            "were inferred from the cells",
            "figures": "floors were measured by one training on one split of these rows",
        },
    )
    budget = max(200_000, 4 * trained.onnx_bytes)
    return replace(
        plan,
        datasheet=sheet,
        model_bytes=(budget // 10_000 + 1) * 10_000,
        important=trained.important,
    )


def data_part(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The used columns of as many rows as fit into the folder, and those that chose the rows."""
    used = [h for h in table.columns if h not in plan.left_out or h in plan.where]
    part = table[used]
    while len(parquet(part)) > MAX_DATA_BYTES:
        part = part.sample(len(part) // 2, random_state=42).sort_index()
    return part.reset_index(drop=True)


def parquet(table: pd.DataFrame) -> bytes:
    """The table as a compressed Parquet file."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def user() -> str:
    """Who runs this, as the first owner."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without an entry for its user
        return "nobody yet"
