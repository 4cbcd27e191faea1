"""IoT Hub's query language: `SELECT ... FROM devices | devices.modules [WHERE ...] [GROUP BY ...]`.

Pure: `parse_query` makes a Query, `run` applies it to rows (twin views). Projected columns are
named by their alias or by the last part of their path; an aggregate without an alias is `$1`, `$2`,
... as in the real service.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from edge.local_hub.expressions import UNDEFINED, ExpressionError, Node, Path, look_up, selects
from edge.local_hub.parsing import Parser
from edge.local_hub.values import Doc, Json
from protos.digests import canonical_json

_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")


@dataclass(frozen=True)
class Column:
    """One selected column: a path, or an aggregate over one (COUNT has none)."""

    name: str
    path: Path | None
    aggregate: str = ""


@dataclass(frozen=True)
class Query:
    """A parsed query; `columns` is None for `*`, `top` None for all rows."""

    columns: tuple[Column, ...] | None
    source: str
    condition: Node | None
    groups: tuple[Path, ...]
    top: int | None

    @property
    def is_aggregate(self) -> bool:
        """Whether rows are counted or summed instead of listed."""
        return any(column.aggregate for column in self.columns or ()) or bool(self.groups)


@lru_cache(maxsize=256)
def parse_query(text: str, max_depth: int = 64) -> Query:
    """Parses a query; raises ExpressionError."""
    parser = Parser(text, max_depth)
    parser.expect("SELECT")
    top = _parse_top(parser)
    columns = None if parser.accept("*") else _parse_columns(parser)
    parser.expect("FROM")
    source = ".".join(parser.parse_path().parts)
    if source not in ("devices", "devices.modules"):
        raise ExpressionError(f"the source must be devices or devices.modules, not {source}")
    alias = _parse_alias(parser)
    condition = parser.parse_condition() if parser.accept("WHERE") else None
    groups = _parse_groups(parser)
    parser.expect_end()
    if alias:
        raise ExpressionError("aliases of the source are not supported")
    return Query(columns, source, condition, groups, top)


def run(query: Query, rows: Iterable[Mapping[str, Json]]) -> list[Doc]:
    """The result of `query` over `rows`, in their order."""
    chosen = [dict(row) for row in rows if query.condition is None or selects(query.condition, row)]
    if query.is_aggregate:
        result = _aggregate(query, chosen)
    elif query.columns is None:
        result = chosen
    else:
        result = [_project(query.columns, row) for row in chosen]
    return result[: query.top]


def _parse_top(parser: Parser) -> int | None:
    if not parser.accept("TOP"):
        return None
    kind, text = parser.take()
    if kind != "number" or not text.isdigit():
        raise ExpressionError("TOP needs a number of rows")
    return int(text)


def _parse_columns(parser: Parser) -> tuple[Column, ...]:
    columns: list[Column] = []
    unnamed = 0
    while True:
        path, aggregate = _parse_selected(parser)
        alias = _parse_alias(parser)
        if aggregate and not alias:
            unnamed += 1
            alias = f"${unnamed}"
        name = alias or (path.parts[-1] if path else "")
        columns.append(Column(name, path, aggregate))
        if not parser.accept(","):
            return tuple(columns)


def _parse_selected(parser: Parser) -> tuple[Path | None, str]:
    path = parser.parse_path()
    word = path.parts[0].upper()
    if len(path.parts) == 1 and word in _AGGREGATES and parser.accept("("):
        inner = None if parser.accept(")") else parser.parse_path()
        if inner is not None:
            parser.expect(")")
        if (word == "COUNT") != (inner is None):
            raise ExpressionError("COUNT() takes no argument, other aggregates take a path")
        return inner, word
    return path, ""


def _parse_alias(parser: Parser) -> str:
    if parser.accept("AS"):
        kind, text = parser.take()
        if kind != "name":
            raise ExpressionError("AS needs a name")
        return text
    return ""


def _parse_groups(parser: Parser) -> tuple[Path, ...]:
    if not parser.accept("GROUP"):
        return ()
    parser.expect("BY")
    groups = [parser.parse_path()]
    while parser.accept(","):
        groups.append(parser.parse_path())
    return tuple(groups)


def _project(columns: tuple[Column, ...], row: Mapping[str, Json]) -> Doc:
    """The selected columns; what is undefined is left out."""
    values = {c.name: look_up(row, c.path.parts) for c in columns if c.path is not None}
    return {name: value for name, value in values.items() if value is not UNDEFINED}


def _aggregate(query: Query, rows: list[Doc]) -> list[Doc]:
    groups: dict[bytes, list[Doc]] = {}
    for row in rows:
        found = [look_up(row, path.parts) for path in query.groups]
        key = canonical_json([[] if value is UNDEFINED else [value] for value in found])
        groups.setdefault(key, []).append(row)
    if not query.groups and not groups:
        groups[b""] = []
    return [_summary(query, members) for members in groups.values()]


def _summary(query: Query, rows: list[Doc]) -> Doc:
    result: Doc = {}
    for column in query.columns or ():
        if column.aggregate == "COUNT":
            result[column.name] = len(rows)
        elif column.path is not None:
            values = [look_up(row, column.path.parts) for row in rows]
            value = _fold(column.aggregate, values) if column.aggregate else values[0]
            if value is not UNDEFINED:
                result[column.name] = value
    return result


def _fold(aggregate: str, values: list[Json]) -> Json:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if not numbers:
        return UNDEFINED
    if aggregate == "SUM":
        return sum(numbers)
    if aggregate == "AVG":
        return sum(numbers) / len(numbers)
    return min(numbers) if aggregate == "MIN" else max(numbers)
