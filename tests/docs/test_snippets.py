"""Every snippet of the tutorial and the how-tos is run, in order, in one world."""

import re

import pytest

from tests.docs.markdown import DOCS, Part, commands, matches, parts
from tests.docs.world import World

FILES = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]
PARTS = [part for file in FILES for part in parts(file)]
MOST_NOT_RUN = 12
LANGUAGES = {"console", "python", "wait", "yaml", "json", "text"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.where)
def test_snippet(part: Part, world: World) -> None:
    if part.not_run:
        return
    if part.language == "wait":
        world.wait_for(part.text)
    elif part.language == "python":
        name = re.match(r"# (\w+\.py)\n", part.text)
        if name:
            (world.folder / name[1]).write_text(part.text + "\n")
        else:
            done = world.python(part.text)
            assert done.code == part.exit_code, done.printed
    elif part.language == "console":
        told = commands(part.text)
        for command in told:
            done = world.run(command.line)
            expected = part.exit_code if command is told[-1] else 0
            assert done.code == expected, f"$ {command.line}\n{done.printed}"
            assert matches(command.printed, done.printed), (
                f"$ {command.line}\nthe docs show:\n{command.printed}\nit printed:\n{done.printed}"
            )


def test_few_snippets_are_not_run() -> None:
    left_out = [part for part in PARTS if part.not_run]
    assert len(left_out) <= MOST_NOT_RUN, [part.where for part in left_out]
    assert all(len(part.not_run) > 5 for part in left_out), "each says why"


def test_every_block_says_what_it_is() -> None:
    assert {part.language for part in PARTS} <= LANGUAGES
    assert [file.name for file in FILES if not list(parts(file))] == []


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("", "anything", True),
        ("a  b", "a    b c", True),
        ("a ... d", "a b c d", True),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("...\na", "a", True),
        ("a\n...", "a", True),
        ("a\nd", "a\nb\nd", False),
        ("b", "a b", False),
        ("line-1  running", "line-1  failing", False),
    ],
)
def test_shown_output_is_compared(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same
