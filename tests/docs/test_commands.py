"""Every `edgectl` command and option that a page names exists, and every one is named."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from edgectl.main import cli
from tests.docs.markdown import CHECKOUT, DOCS, pages

_NAMED = re.compile(r"edgectl((?: +(?:\"[^\"]*\"|'[^']*'|[^\s`|\"'$)]+))*)")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """(`fleet list`, command) for every command of the tree that does something."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from walk(found, (*path, name))


TREE = dict(walk(cli))


def options(command: click.Command) -> set[str]:
    """The options of a command, `--help` among them."""
    declared = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    return {o for o in declared if o.startswith("-")} | {"--help", "-h"}


def mistakes(text: str) -> list[str]:
    """What a page says about `edgectl` that is not so."""
    found = []
    for match in _NAMED.finditer(text.replace("\\\n", " ")):
        words = shlex.split(match[1].replace("`", " "), posix=False)
        names = [word for word in words if not word.startswith("-")]
        known = next((" ".join(names[:n]) for n in (2, 1) if " ".join(names[:n]) in TREE), None)
        given = {word.split("=")[0].rstrip(".,;:") for word in words if word.startswith("--")}
        if known is None:
            groups = {name.split()[0] for name in TREE}
            if names and re.fullmatch(r"[a-z]+", names[0]) and names[0] not in groups:
                found.append(f"edgectl {names[0]}")
            continue
        found += [f"edgectl {known} {o}" for o in sorted(given - options(TREE[known]))]
    return found


def commands_in_code(text: str) -> str:
    """The blocks and the code spans of a page: elsewhere `edgectl` is a word in a sentence."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*blocks, *spans])


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_named_commands_exist(file: Path) -> None:
    assert mistakes(commands_in_code(file.read_text(encoding="utf-8"))) == []


def test_a_command_or_option_that_is_not_there_is_found() -> None:
    text = "edgectl destroy\nedgectl fleet list --rings\nedgectl fleet show line-1 --json"
    assert mistakes(text) == ["edgectl destroy", "edgectl fleet list --rings"]


@pytest.mark.parametrize("name", sorted(TREE))
def test_the_reference_names_every_command_and_option(name: str) -> None:
    reference = (DOCS / "reference" / "edgectl.md").read_text(encoding="utf-8")
    (row,) = [line for line in reference.splitlines() if line.startswith(f"| `edgectl {name}")]
    missing = [o for o in options(TREE[name]) - {"--help", "-h"} if o not in row]
    assert missing == []
