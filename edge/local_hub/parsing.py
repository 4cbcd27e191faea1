"""The parser of the query language's expressions (recursive descent, bounded depth)."""

from edge.local_hub.expressions import (
    ARGUMENTS,
    TOKEN,
    All,
    Call,
    Compare,
    ExpressionError,
    Literal,
    Member,
    Node,
    Not,
    Path,
    Some,
)
from edge.local_hub.values import Json

_COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CONSTANTS: dict[str, Json] = {"TRUE": True, "FALSE": False, "NULL": None}
_RESERVED = {"AND", "OR", "NOT", "IN", "WHERE", "FROM", "AS", "GROUP", "BY", *_CONSTANTS}
_END = ("end", "")

Token = tuple[str, str]


def tokenize(text: str) -> list[Token]:
    """`text` as (kind, text) pairs; raises ExpressionError at the first foreign character."""
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise ExpressionError(f"unexpected text at character {position + 1}")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        position = found.end()
    return tokens


class Parser:
    """Reads tokens from left to right. Each `parse_*` method consumes what it returns."""

    def __init__(self, text: str, max_depth: int = 64) -> None:
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = max_depth

    def peek(self) -> Token:
        """The next token, or ("end", "")."""
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def take(self) -> Token:
        """The next token, consumed."""
        token = self.peek()
        self._next += 1
        return token

    def accept(self, *words: str) -> bool:
        """Consumes the next token if it is one of the keywords or signs."""
        kind, text = self.peek()
        found = kind in ("name", "sign") and text.upper() in words
        self._next += found
        return found

    def expect(self, word: str) -> None:
        """Consumes `word` or raises ExpressionError."""
        if not self.accept(word):
            raise self.error(f"expected {word}")

    def expect_end(self) -> None:
        """Raises ExpressionError if something is left."""
        if self.peek() != _END:
            raise self.error("expected the end")

    def error(self, problem: str) -> ExpressionError:
        """An error at the next token."""
        found = self.peek()[1] or "the end"
        return ExpressionError(f"{problem}, found {found[:40]!r} (token {self._next + 1})")

    def parse_condition(self) -> Node:
        """`or` of the grammar."""
        self._descend()
        nodes = [self._parse_and()]
        while self.accept("OR"):
            nodes.append(self._parse_and())
        self._depth += 1
        return nodes[0] if len(nodes) == 1 else Some(tuple(nodes))

    def parse_path(self) -> Path:
        """A dotted path."""
        parts = [self._parse_part()]
        while self.accept("."):
            parts.append(self._parse_part())
        return Path(tuple(parts))

    def is_name(self) -> bool:
        """Whether the next token is a name that is no keyword."""
        kind, text = self.peek()
        return kind == "name" and text.upper() not in _RESERVED

    def _descend(self) -> None:
        self._depth -= 1
        if self._depth < 0:
            raise ExpressionError("nested too deeply")

    def _parse_and(self) -> Node:
        nodes = [self._parse_not()]
        while self.accept("AND"):
            nodes.append(self._parse_not())
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes))

    def _parse_not(self) -> Node:
        negations = 0
        while self.accept("NOT"):
            negations += 1
        node = self._parse_comparison()
        # Two NOTs still turn what is no boolean into undefined, so an even number is not none.
        for _ in range(negations % 2 or min(negations, 2)):
            node = Not(node)
        return node

    def _parse_comparison(self) -> Node:
        left = self._parse_operand()
        kind, text = self.peek()
        if kind == "sign" and text in _COMPARISONS:
            self.take()
            return Compare(_COMPARISONS[text], left, self._parse_operand())
        if self.accept("IN"):
            return Member(left, self._parse_values())
        if self.accept("NOT"):
            self.expect("IN")
            return Not(Member(left, self._parse_values()))
        return left

    def _parse_operand(self) -> Node:
        kind, text = self.peek()
        if kind in ("text", "number") or (kind == "name" and text.upper() in _CONSTANTS):
            return Literal(self._parse_literal())
        if self.accept("("):
            node = self.parse_condition()
            self.expect(")")
            return node
        if kind == "name" and text.upper() in ARGUMENTS:
            self.take()
            return self._parse_call(text.upper())
        return self.parse_path()

    def _parse_call(self, function: str) -> Call:
        self._descend()
        self.expect("(")
        arguments = [self._parse_operand()]
        while self.accept(","):
            arguments.append(self._parse_operand())
        self.expect(")")
        self._depth += 1
        if len(arguments) != ARGUMENTS[function]:
            raise ExpressionError(f"{function} takes {ARGUMENTS[function]} argument(s)")
        return Call(function, tuple(arguments))

    def _parse_values(self) -> tuple[Json, ...]:
        self.expect("[")
        values = [self._parse_literal()]
        while self.accept(","):
            values.append(self._parse_literal())
        self.expect("]")
        return tuple(values)

    def _parse_literal(self) -> Json:
        kind, text = self.peek()
        if kind == "text":
            self.take()
            return text[1:-1].replace(text[0] * 2, text[0])
        if kind == "number":
            self.take()
            return int(text) if text.lstrip("-").isdigit() else float(text)
        if kind == "name" and text.upper() in _CONSTANTS:
            self.take()
            return _CONSTANTS[text.upper()]
        raise self.error("expected a value")

    def _parse_part(self) -> str:
        kind, text = self.peek()
        if kind == "escaped":
            self.take()
            return text[2:-2]
        if kind == "name" and text.upper() not in _RESERVED:
            self.take()
            return text
        raise self.error("expected a name")
