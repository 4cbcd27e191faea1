"""`edgectl model new --each`: one edge model for each value of a column of a table."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgectl.output import emit, following, progress
from protos.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from edge_assets.onboarding.from_table import Made
    from edge_assets.onboarding.siblings import Siblings
    from edge_assets.onboarding.target import Kind

_SHOWN = 12


def make_each(
    name: str,
    source: Path,
    table: "pd.DataFrame",
    target: str,
    kind: "Kind | None",
    column: str,
    parent: Path | None,
    leave_out_few: bool,
) -> "tuple[Siblings, dict[Path, Made]]":
    """Writes the folders of all models, or none of them; by folder what was made.

    Raises ConfigurationError when one of them cannot be made; it names the value.
    """
    from edge_assets.onboarding.folder import choose_ports, staged, target_folder
    from edge_assets.onboarding.from_table import make_from_table
    from edge_assets.onboarding.reading import with_decimal_points
    from edge_assets.onboarding.siblings import find_siblings
    from edge_assets.onboarding.target import describe_target

    siblings = find_siblings(name, table, column, target, leave_out=leave_out_few)
    places = {value: target_folder(model, parent) for model, value in siblings.values.items()}
    ports = choose_ports(len(places))
    kind = kind or describe_target(with_decimal_points(table)[0], target, None).kind
    _tell_found(siblings, column, target, kind)
    found = {}
    with ExitStack() as stack:
        for (value, place), port in zip(places.items(), ports, strict=True):
            rows = table[table[column] == value].reset_index(drop=True)
            stage = stack.enter_context(staged(place))
            try:
                described = describe_target(with_decimal_points(rows)[0], target, kind)
                made = make_from_table(
                    stage,
                    place,
                    rows,
                    described,
                    source.name,
                    port,
                    landing=name,
                    where={column: value},
                )
            except ConfigurationError as error:
                raise ConfigurationError(
                    f"of {column} {value!r} no model can be made: {error.what}",
                    why=error.why,
                    remedy=f"{error.remedy}; or take its rows out of the file",
                ) from None
            _tell_made(place, made)
            found[place] = made
    return siblings, found


def answer_each(
    name: str,
    column: str,
    siblings: "Siblings",
    found: "dict[Path, Made]",
    records: list[dict[str, Any]],
    as_json: bool,
) -> None:
    """Prints what was made (`records`), and tells what comes next."""
    from edge_assets.onboarding.folder import registration

    values = list(siblings.values.values())
    document = {
        "landing": name,
        "each": column,
        "models": [{**r, "value": v} for r, v in zip(records, values, strict=True)],
        "too_few_rows": dict(siblings.few),
        "rows_without_value": siblings.empty,
    }
    emit(document, as_json, lambda: "\n".join(map(str, found)))
    first = next(iter(found))
    following(
        *[f"{line}    so that the chain finds them" for line in registration(first)],
        f"edgectl model check {first.name}    and the others",
        f"deliver rows of all of them into the landing folder {name}: each takes its own",
        f"read {first / 'model.yaml'}",
    )


def _tell_found(siblings: "Siblings", column: str, target: str, kind: str) -> None:
    count = len(siblings.values)
    progress(f"{kind} of {target!r}: {count} {'model' if count == 1 else 'models'}, by {column!r}")
    for value, rows in list(siblings.few.items())[:_SHOWN]:
        progress(f"  left out: {value!r}: {rows} rows are too few")
    if len(siblings.few) > _SHOWN:
        progress(f"  and {len(siblings.few) - _SHOWN} more with too few rows")
    if siblings.empty:
        progress(f"  {siblings.empty} rows have no {column}: they are in no model")


def _tell_made(place: Path, made: "Made") -> None:
    floor = f"floor: {made.floors[0]}"
    progress(f"{place.name}: {made.kept} of {made.rows} rows kept, {floor}")
    if not made.better:
        progress(f"  NOT better than a dummy: {made.verdict}: its gate stays closed")
