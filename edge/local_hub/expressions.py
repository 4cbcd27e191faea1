"""Boolean expressions of IoT Hub's query language: tokens, tree and evaluation.

Used by queries and by target conditions. Grammar, weakest first:

    or := and (OR and)*          and := not (AND not)*        not := NOT not | comparison
    comparison := operand [(= | != | <> | < | <= | > | >=) operand | [NOT] IN [literals]]
    operand := literal | path | FUNCTION ( operand, ... ) | ( or )

Values may be undefined (a path that leads nowhere). As in the real service a comparison with
undefined is undefined, and AND, OR, NOT are three-valued: an undefined condition selects nothing.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.local_hub.values import Json, same


class ExpressionError(ValueError):
    """The text is not an expression; the message tells where."""


class _Undefined:
    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()


@dataclass(frozen=True)
class Literal:
    """A constant."""

    value: Json


@dataclass(frozen=True)
class Path:
    """A dotted path, `properties.reported.x` or `configurations.[[id]].status`."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Compare:
    """`left operator right`."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Member:
    """`operand IN [values]`."""

    operand: "Node"
    values: tuple[Json, ...]


@dataclass(frozen=True)
class All:
    """`a AND b AND ...`; flat, so that a long condition is no deep tree."""

    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Some:
    """`a OR b OR ...`."""

    operands: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """`NOT operand`."""

    operand: "Node"


@dataclass(frozen=True)
class Call:
    """`function(arguments)`; the name is in upper case."""

    function: str
    arguments: tuple["Node", ...]


Node = Literal | Path | Compare | Member | All | Some | Not | Call

_SIGNS: dict[str, Callable[[Json, Json], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TESTS: dict[str, Callable[[Json], bool]] = {
    "IS_DEFINED": lambda value: value is not UNDEFINED,
    "IS_NULL": lambda value: value is None,
    "IS_BOOL": lambda value: isinstance(value, bool),
    "IS_NUMBER": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "IS_STRING": lambda value: isinstance(value, str),
    "IS_OBJECT": lambda value: isinstance(value, Mapping),
    "IS_ARRAY": lambda value: isinstance(value, list),
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "STARTS_WITH": str.startswith,
    "STARTSWITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": str.__contains__,
}
ARGUMENTS: dict[str, int] = {**dict.fromkeys(_TESTS, 1), **dict.fromkeys(_TEXT_TESTS, 2)}
"""How many arguments each function takes."""


def evaluate(node: Node, row: Mapping[str, Json]) -> Json:
    """The value of `node` for one row; UNDEFINED if it has none."""
    match node:
        case Literal(value):
            return value
        case Path(parts):
            return look_up(row, parts)
        case Compare(sign, left, right):
            return _compare(sign, evaluate(left, row), evaluate(right, row))
        case Member(operand, values):
            value = evaluate(operand, row)
            return UNDEFINED if value is UNDEFINED else any(same(value, item) for item in values)
        case Not(operand):
            value = evaluate(operand, row)
            return not value if isinstance(value, bool) else UNDEFINED
        case All(operands):
            return _combine((evaluate(operand, row) for operand in operands), decides=False)
        case Some(operands):
            return _combine((evaluate(operand, row) for operand in operands), decides=True)
        case Call(function, arguments):
            return _call(function, [evaluate(argument, row) for argument in arguments])


def selects(node: Node, row: Mapping[str, Json]) -> bool:
    """Whether the condition `node` holds for `row`; undefined does not."""
    return evaluate(node, row) is True


def paths(node: Node) -> set[tuple[str, ...]]:
    """Every path that the expression reads."""
    match node:
        case Literal():
            return set()
        case Path(parts):
            return {parts}
        case Compare(_, left, right):
            return paths(left) | paths(right)
        case All(operands) | Some(operands):
            return set().union(*map(paths, operands))
        case Member(operand, _) | Not(operand):
            return paths(operand)
        case Call(_, arguments):
            return set().union(*map(paths, arguments))


def look_up(row: Mapping[str, Json], parts: tuple[str, ...]) -> Json:
    """The value at a path; UNDEFINED if there is none."""
    value: Json = row
    for part in parts:
        if not isinstance(value, Mapping) or part not in value:
            return UNDEFINED
        value = value[part]
    return value


def _compare(sign: str, left: Json, right: Json) -> Json:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if sign == "=":
        return same(left, right)
    if sign == "!=":
        return not same(left, right)
    if _kind(left) != _kind(right) or _kind(left) == "other":
        return UNDEFINED
    return _SIGNS[sign](left, right)


def _kind(value: Json) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if _TESTS["IS_NUMBER"](value) else "other"


def _combine(values: Iterable[Json], *, decides: bool) -> Json:
    """Three-valued AND (False decides) or OR (True decides)."""
    known = True
    for value in values:
        if value is decides:
            return decides
        known = known and isinstance(value, bool)
    return (not decides) if known else UNDEFINED


def _call(function: str, values: list[Json]) -> Json:
    if function in _TESTS:
        return _TESTS[function](values[0])
    first, second = values
    if not isinstance(first, str) or not isinstance(second, str):
        return UNDEFINED
    return _TEXT_TESTS[function](first, second)


TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<escaped>\[\[(?:(?!\]\]).)+\]\])
    |(?P<name>[A-Za-z_$\#][\w$\#]*)
    |(?P<sign><=|>=|<>|!=|[=<>()\[\],.*])
    )""",
    re.VERBOSE,
)
