"""Whom a transport tells of each call once it is over."""

from typing import Protocol


class Observer(Protocol):
    """Whoever wants to know of calls; must return at once and never raise.

    Where `each` is false, calls that went well together may be told together, by `observed`.
    """

    each: bool

    def observed(self, path: str, seconds: float, count: int) -> None:
        """`count` calls of the method at `path` went well, each after about `seconds`."""

    def observe(
        self,
        path: str,
        code: int,
        seconds: float,
        traceparent: str | None = None,
        answer: bytes | None = None,
    ) -> None:
        """One call of the method at `path` ended with `code` after `seconds`.

        `traceparent` is the header as it came, `answer` the message of a unary call that went well.
        """
