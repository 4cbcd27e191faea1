"""Writes `model.yaml` as a person would: in order, and saying where each figure comes from."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping

from edge_assets.core.config_data import Column, Output
from edge_assets.onboarding.plan import Plan

SCHEMA_LINE = "# yaml-language-server: $schema={schema}"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ ./()-]*[A-Za-z0-9_)]|[A-Za-z]")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "nan", "inf"}
_WIDTH = 100
MAX_WATCHED = 20
"""Columns compared for drift: the more there are, the more each has to change to be seen."""

RINGS = """\
  rings:
    - {name: canary, proven_share: 1.0, max_failed: 0.0, min_sample: 1, soak_seconds: 30, deadline_seconds: 600}
    - {name: early, proven_share: 1.0, max_failed: 0.0, min_sample: 1, soak_seconds: 30, deadline_seconds: 900}
    - {name: broad, proven_share: 0.9, max_failed: 0.05, min_sample: 1, soak_seconds: 0, deadline_seconds: 3600}
"""  # noqa: E501


def scalar(value: object) -> str:
    """A value as YAML 1.1 and 1.2 both read it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in quotes, so that no reader takes it for a number, a date or a truth."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def flow(values: Iterable[object]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(scalar, values))}]"


def comment(text: str, indent: str = "") -> str:
    """`text` as lines of a comment."""
    safe = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.fill(
        safe, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
    )


def model_yaml(plan: Plan, schema: str) -> str:
    """The text of `model.yaml`; `schema` is where an editor finds its JSON schema."""
    parts = [
        SCHEMA_LINE.format(schema=schema),
        *_head(plan),
        *_prediction(plan),
        *_data(plan),
        *_judging(plan),
        *_drift(plan),
        "rollout:",
        RINGS,
        f"device: {{port: {plan.port}, memory_bytes: 268_435_456}}",
        "",
        "# Seconds between two proofs of each device.",
        "smoke_test: {interval_seconds: 30}",
        "",
        *_sample(plan),
        *_datasheet(plan),
    ]
    return "\n".join(parts) + "\n"


def _head(plan: Plan) -> list[str]:
    notes = [line for note in plan.notes for line in ("#", comment(note))]
    return [
        comment(
            f"Made by `edgectl model new` from {plan.source} on {plan.made}, not reviewed. Every "
            "figure below was measured on that data, or is a default that is yours to decide."
        ),
        *notes,
        f"name: {plan.name}",
        f"description: {scalar(_description(plan))}",
        f"owner: {scalar(plan.owner)}",
        f"flavour: {plan.flavour}",
        "",
    ]


def _description(plan: Plan) -> str:
    of = "".join(f" of {column} {value}" for column, value in plan.where.items())
    return f"Predicts {plan.target}{of} from {len(plan.columns)} inputs ({plan.source})."


def _prediction(plan: Plan) -> list[str]:
    asked = "not reviewed: when every column of data is known, and the target is not yet"
    lines = [
        "# Decide when a prediction is asked for: only what is known by then may be a column.",
        "prediction:",
        f"  asked_for: {scalar(asked)}",
        f"  target: {plan.target}",
        f"  kind: {plan.kind}",
    ]
    if plan.classes:
        lines.append(f"  classes: {flow(plan.classes)}")
    if plan.extra:
        lines.append("  extra:")
        lines += [f"    - {_output(output)}" for output in plan.extra]
    return [*lines, ""]


def _data(plan: Plan) -> list[str]:
    lines = [
        "data:",
        f"  source: {scalar(f'{plan.source}, as it was on {plan.made}')}",
        f"  kind: {plan.data_kind}",
        f"  landing: {plan.landing or plan.name}"
        "          # folder of new deliveries, below EDGE_LANDING",
        *_where(plan),
        "  # A bad row is set aside with its reason; too many of them refuse the delivery.",
        "  max_set_aside_share: 0.25",
        f"  min_rows: {plan.min_rows}",
    ]
    if plan.data_kind == "table":
        lines += [
            comment(
                "The inputs of the model, in order. Ranges are what was seen and a quarter of its "
                "spread on either side; other values are set aside in training and refused on the "
                "device.",
                "  ",
            )
        ]
    lines.append("  columns:")
    for column in plan.columns:
        lines.append(f"    - {_column(column, _seen(plan, column))}")
    if plan.target_aliases:
        lines.append(f"  target_aliases: {flow(plan.target_aliases)}")
    if plan.left_out:
        lines.append("  # Columns of the file that the model does not get, and why:")
        lines += [comment(f"- {scalar(h)}: {why}", "  ") for h, why in plan.left_out.items()]
    if plan.leaking:
        lines.append("  # Known only after the answer: never an input.")
        lines.append(f"  leaking: {flow(plan.leaking)}")
    return [*lines, ""]


def _where(plan: Plan) -> list[str]:
    if not plan.where:
        return []
    said = "Only these rows of a delivery are this model's; the others are those of its siblings."
    chosen = [f"    {scalar(column)}: {quoted(value)}" for column, value in plan.where.items()]
    return [comment(said, "  "), "  where:", *chosen]


def _seen(plan: Plan, column: Column) -> str:
    draft = plan.drafts.get(column.name)
    if draft is None:
        return column.about
    if draft.low == draft.low and not column.categories:
        bad = f"; {draft.bad} cells are no numbers" if draft.bad else ""
        return f"seen from {draft.low:.6g} to {draft.high:.6g}{bad}"
    return column.about


def _column(column: Column, about: str) -> str:
    pairs = [f"name: {column.name}", f"datatype: {column.datatype}"]
    if column.aliases:
        pairs.append(f"aliases: {flow(column.aliases)}")
    if column.shape != (1,):
        pairs.append(f"shape: {flow(column.shape)}")
    if column.nullable:
        pairs.append("nullable: true")
    whole = column.datatype not in ("FP32", "FP64")
    for word in ("minimum", "maximum"):
        bound = getattr(column, word)
        if bound is not None:
            pairs.append(f"{word}: {scalar(int(bound) if whole else float(bound))}")
    if column.categories:
        pairs.append(f"categories: {flow(column.categories)}")
    if column.max_length is not None:
        pairs.append(f"max_length: {column.max_length}")
    if about:
        pairs.append(f"about: {scalar(about)}")
    return "{" + ", ".join(pairs) + "}"


def _output(output: Output) -> str:
    shape = f", shape: {flow(output.shape)}" if output.shape != (1,) else ""
    return f"{{name: {output.name}, datatype: {output.datatype}{shape}}}"


def _judging(plan: Plan) -> list[str]:
    lines = [
        "# A row belongs to the holdout by the hash of its inputs: it never changes sides.",
        f"holdout: {{share: {plan.holdout_share}, seed: {plan.holdout_seed}}}",
        "",
    ]
    if plan.training:
        lines += ["# Handed to `train` in train.py as keyword arguments.", "training:"]
        lines += [f"  {key}: {scalar(value)}" for key, value in plan.training.items()]
        lines.append("")
    lines += ["# On the holdout. A candidate beyond one of these is no candidate.", "floors:"]
    for floor in plan.floors:
        lines.append(comment(floor.comment, "  "))
        lines.append(f"  {floor.metric}: {{{floor.word}: {scalar(floor.bound)}}}")
    error = "brier" if plan.kind == "classification" else "absolute"
    lines += [
        "",
        "# Against the champion, on the same held-out rows, old and new.",
        f"champion: {{error: {error}, confidence: 0.95, min_gain: 0.0, max_loss_on_frozen: 0.05, "
        "min_rows: 50}",
        "",
        "# |difference| <= absolute + relative * |prediction|, between ONNX artifact and model.",
        f"parity: {{absolute: {scalar(plan.parity[0])}, relative: {scalar(plan.parity[1])}}}",
        "",
        "# Of the device, for one row a request.",
        f"budget: {{latency_p95_ms: 50.0, model_bytes: {plan.model_bytes}, "
        "image_bytes: 900000000}",
        "",
    ]
    return lines


def _drift(plan: Plan) -> list[str]:
    lines = ["# What devices see is compared with what the model learned from.", "drift:"]
    if plan.data_kind == "images":
        lines.append(f"  images: {flow(column.name for column in plan.columns)}")
    else:
        watched = sorted(plan.columns, key=lambda column: column.name not in plan.important)
        watched = watched[:MAX_WATCHED]
        if len(plan.columns) > MAX_WATCHED:
            said = f"{MAX_WATCHED} of {len(plan.columns)} columns: those that the model needs most"
            lines.append(comment(said, "  "))
        lines.append(f"  columns: {flow(c.name for c in watched)}")
        codes = [c.name for c in watched if c.categories or c.datatype in ("BYTES", "BOOL")]
        if codes:
            lines.append(f"  categorical: {flow(codes)}")
    return [
        *lines,
        "  window_seconds: 300          # captures are judged in windows of this length",
        "  min_rows: 200                # below this the verdict is too little data",
        "  false_alarm_rate: 0.01       # over all columns together",
        "  min_effect: 0.1              # smaller shifts than this do not matter",
        "  cooldown_seconds: 3600       # between two trainings that drift started",
        "",
    ]


def _sample(plan: Plan) -> list[str]:
    lines = [] if not plan.shift_note else [comment(plan.shift_note)]
    shifts = flow(plan.shifts)
    return [*lines, f"sample: {{rows: {plan.sample_rows}, shifts: {shifts}}}", ""]


def _datasheet(plan: Plan) -> list[str]:
    if not plan.datasheet:
        return []
    lines = [f"  {scalar(key)}: {scalar(text)}" for key, text in plan.datasheet.items()]
    return ["datasheet:", *lines]


def datasheet(source: str, made: object, rows: str, more: Mapping[str, str]) -> dict[str, str]:
    """What is known of the data, and that nobody has looked at it yet."""
    by = f"made by edgectl model new from {source} on {made}, not reviewed"
    return {"status": by, "rows": rows, **more}
