"""How commands speak: data on stdout (text, or JSON with `--json`), progress on stderr."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def emit(data: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Prints the answer of a command on stdout."""
    click.echo(json.dumps(data, indent=2, default=str) if as_json else text())


def progress(line: str) -> None:
    """Tells what is being done, on stderr."""
    click.echo(line, err=True)


def following(*commands: str) -> None:
    """Tells the next useful commands, on stderr."""
    for number, command in enumerate(commands):
        progress(("Next:  " if number == 0 else "       ") + command)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns; no colour, no frame, so that `grep` and `awk` can read it."""
    lines = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """`time` as people say it: `3 s ago`, `2 h ago`, `never`."""
    if time is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - time).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
