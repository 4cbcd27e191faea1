"""`edgectl model new`: an edge model from a table, a folder of images or an ONNX graph."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgectl.output import emit, following, json_option, progress
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.onboarding.from_table import Made
    from edge_assets.onboarding.target import Kind

_SHOWN = 12


@click.command(
    epilog="\b\nExamples:\n"
    "  edgectl model new wine --from wine.csv --target quality\n"
    "  edgectl model new prices --from sales.csv --target price --folder ~/my-models\n"
    "  edgectl model new demand --from sales.csv --target sold --each product\n"
    "  edgectl model new faults --from images/\n"
    "  edgectl model new bought --from model.onnx --data labelled.csv --target label"
)
@click.argument("name")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="A .csv or .parquet table, a folder with one folder of images for each class, or .onnx.",
)
@click.option("--target", help="The column to predict; asked for on a terminal.")
@click.option(
    "--kind",
    type=click.Choice(["regression", "classification"]),
    help="Default: texts and few whole numbers are classes.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For an ONNX graph: a labelled table, without which its quality is not proven.",
)
@click.option("--classes", help="For an ONNX graph: its classes in order, separated by commas.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Parent of the new folder; default: edge_assets/models of this checkout.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="On the device; default: a free one.")
@click.option(
    "--each", metavar="COLUMN", help="Of a table: a model NAME_VALUE for each value of it."
)
@click.option(
    "--leave-out-few", is_flag=True, help="With --each: no model of values with few rows."
)
@json_option
def new(
    name: str,
    source: Path,
    target: str | None,
    kind: str | None,
    data: Path | None,
    classes: str | None,
    folder: Path | None,
    port: int | None,
    each: str | None,
    leave_out_few: bool,
    as_json: bool,
) -> None:
    """Make the edge model NAME from what there is: it works at once, and is yours to change."""
    from edge_assets.onboarding.folder import choose_port, staged, target_folder

    _check_options(source, data, classes)
    if each is not None or leave_out_few:
        _check_each(source, each, port)
        _make_each(name, source, target, kind, each or "", folder, leave_out_few, as_json)
        return
    place = target_folder(name, folder)
    port = choose_port(port)
    if source.is_dir():
        from edge_assets.onboarding.from_images import make_from_images

        with staged(place) as stage:
            made = make_from_images(stage, place, source, port)
    elif source.suffix.lower() == ".onnx":
        from edge_assets.onboarding.from_onnx import make_from_onnx

        table = None if data is None else _table(data)
        wanted = tuple(part.strip() for part in classes.split(",")) if classes else ()
        with staged(place) as stage:
            made = make_from_onnx(
                stage, place, source, port, table, "" if data is None else data.name, target, wanted
            )
    else:
        made = _from_table(place, source, target, kind, port)
    emit(_record(place, made), as_json, lambda: str(place))
    _tell(made)
    _close(place, made)


def _record(place: Path, made: "Made") -> dict[str, Any]:
    """What was made, for programs."""
    return {
        "folder": str(place),
        "name": place.name,
        "target": made.plan.target,
        "kind": made.plan.kind,
        "columns": [column.name for column in made.plan.columns],
        "left_out": dict(made.plan.left_out),
        "rows": made.rows,
        "kept": made.kept,
        "set_aside": made.reasons,
        "classes_left_out": list(made.plan.rare),
        "better_than_dummy": made.better,
        "verdict": made.verdict,
        "floors": {floor.metric: {floor.word: floor.bound} for floor in made.plan.floors},
        "shifts": list(made.shifts),
        "port": made.plan.port,
        "not_proven": list(made.not_proven),
    }


def _make_each(
    name: str,
    source: Path,
    target: str | None,
    kind: str | None,
    each: str,
    folder: Path | None,
    leave_out_few: bool,
    as_json: bool,
) -> None:
    from edge_assets.onboarding.reading import with_decimal_points
    from edgectl.onboarding.new_each import answer_each, make_each

    table = _table(source)
    chosen = target or _ask_target(with_decimal_points(table)[0])
    siblings, found = make_each(
        name, source, table, chosen, _kind(kind), each, folder, leave_out_few
    )
    records = [_record(place, made) for place, made in found.items()]
    answer_each(name, each, siblings, found, records, as_json)


def _check_each(source: Path, each: str | None, port: int | None) -> None:
    if each is None:
        raise ConfigurationError(
            "--leave-out-few says nothing without --each", remedy="add --each COLUMN"
        )
    if source.is_dir() or source.suffix.lower() == ".onnx":
        raise ConfigurationError(
            "--each is for a table",
            why=f"--from is {source}",
            remedy="leave it away; of images, give a folder for each model",
        )
    if port is not None:
        raise ConfigurationError(
            "--port is for one model",
            why="with --each every model gets a free port of its own",
            remedy="leave it away, and change device.port in their model.yaml",
        )


def _check_options(source: Path, data: Path | None, classes: str | None) -> None:
    if not source.exists():
        raise ConfigurationError(f"there is no {source}", remedy="correct --from")
    if source.suffix.lower() != ".onnx" and (data is not None or classes):
        word = "--data" if data is not None else "--classes"
        raise ConfigurationError(
            f"{word} is for an ONNX graph", why=f"--from is {source}", remedy="leave it away"
        )


def _table(path: Path) -> "pd.DataFrame":
    from edge_assets.onboarding.reading import read_source

    return read_source(path)


def _from_table(
    place: Path, source: Path, target: str | None, kind: str | None, port: int
) -> "Made":
    from edge_assets.onboarding.folder import staged
    from edge_assets.onboarding.from_table import make_from_table
    from edge_assets.onboarding.reading import with_decimal_points
    from edge_assets.onboarding.target import describe_target

    table = _table(source)
    pointed, commas = with_decimal_points(table)
    chosen = target or _ask_target(pointed)
    described = describe_target(pointed, chosen, _kind(kind))
    progress(
        f"{described.kind} of {chosen!r}: {len(table)} rows, {_count(table.shape[1], 'column')}"
    )
    if commas:
        progress(f"numbers with a decimal comma: {', '.join(commas[:_SHOWN])}")
    with staged(place) as stage:
        return make_from_table(stage, place, table, described, source.name, port)


def _kind(text: str | None) -> "Kind | None":
    return "regression" if text == "regression" else "classification" if text else None


def _ask_target(table: "pd.DataFrame") -> str:
    """The target, asked for where somebody can answer. Raises ConfigurationError elsewhere."""
    from edge_assets.onboarding.target import candidates

    found = candidates(table)
    if not found:
        raise ConfigurationError(
            "no column can be predicted",
            why="each is empty, has one value only, or more than 50 different texts",
            remedy="add the column that is to be predicted",
        )
    shown = ", ".join(repr(header) for header in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "which column is to be predicted?",
            why=f"candidates: {shown}{more}",
            remedy=f"name one, for example: --target {found[0]!r}",
        )
    progress(f"Columns that can be predicted: {shown}{more}")
    answer: str = click.prompt("Target", default=found[0], err=True)
    return answer


def _tell(made: "Made") -> None:
    plan = made.plan
    if made.rows:
        progress(f"{made.kept} of {made.rows} rows kept")
        for reason, count in list(made.reasons.items())[:5]:
            files = ", ".join(made.examples.get(reason, ()))
            text = f"  set aside: {_count(count, 'row')}: {reason}{' (' * bool(files)}{files}"
            progress(f"{text}{')' * bool(files)}")
    if plan.rare:
        progress(f"classes with too few rows were left out: {', '.join(plan.rare[:_SHOWN])}")
    verb = "is an input" if len(plan.columns) == 1 else "are inputs"
    progress(f"{_count(len(plan.columns), 'column')} {verb} of the model")
    left = list(plan.left_out.items())
    for header, why in left[:_SHOWN]:
        progress(f"  left out: {header}: {why}")
    if len(left) > _SHOWN:
        progress(f"  and {len(left) - _SHOWN} more: model.yaml names them all")
    for floor in made.floors:
        progress(f"floor: {floor}")
    if made.rows and not made.better:
        progress(f"NOT better than a dummy: {made.verdict}")
        better = (
            "a better graph" if plan.flavour == "onnx" else "better columns, or another train.py"
        )
        progress(f"  its floors keep the gate closed: give it {better}")
    for text in made.not_proven:
        progress(f"NOT PROVEN: {text}")
    if made.rows_in_folder:
        progress(f"{made.rows_in_folder} rows of your data lie in the folder, in data.parquet")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _close(place: Path, made: "Made") -> None:
    from edge_assets.onboarding.folder import registration

    name = place.name
    first = [f"{line}    so that the chain finds it" for line in registration(place)]
    sample = [f"edgectl data sample {name}"] if made.rows else []
    following(*first, f"edgectl model check {name}", *sample, f"read {place / 'model.yaml'}")
