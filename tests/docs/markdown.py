"""Reads the documentation: fenced blocks, the marks before them, and links.

The convention of the docs, all of it:

- A block ```console holds commands, `$ ` before each, and below a command what it prints. There,
  `...` stands for anything, alone on a line for any lines. Commands are run in order.
- A block ```python is run; one whose first line is `# name.py` is saved under that name instead.
- `<!-- not run: why -->` before a block: it is not run.
- `<!-- exit code N -->` before a block: its last command ends with N instead of 0.
- `<!-- wait for: asset -->`: here a reader waits until the automation has made that asset.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"

_MARK = re.compile(r"<!-- (not run|exit code|wait for):? ?(.*) -->")
_FENCE = re.compile(r"```(\w*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Part:
    """A fenced block (`language` console, python, ...), or a wait (language `wait`)."""

    file: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    exit_code: int = 0

    @property
    def where(self) -> str:
        return f"{self.file.relative_to(CHECKOUT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a console block, and what the docs say that it prints."""

    line: str
    printed: str


def parts(file: Path) -> Iterator[Part]:
    """The blocks and waits of a page, in order."""
    language, begin, held = "", 0, list[str]()
    marks: dict[str, str] = {}
    inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.fullmatch(line)
        if fence and not inside:
            inside, language, begin, held = True, fence[1], number, []
        elif fence:
            inside = False
            code = int(marks.get("exit code", "0"))
            text = "\n".join(held)
            yield Part(file, begin, language, text, marks.get("not run", ""), code)
            marks = {}
        elif inside:
            held.append(line)
        elif mark := _MARK.fullmatch(line.strip()):
            if mark[1] == "wait for":
                yield Part(file, number, "wait", mark[2])
            else:
                marks[mark[1]] = mark[2]


def commands(text: str) -> list[Command]:
    """The commands of a console block; a `\\` at the end of a line goes on with the next."""
    found: list[tuple[str, list[str]]] = []
    continued = False
    for line in text.splitlines():
        if continued:
            command, printed = found[-1]
            found[-1] = (f"{command}\n{line}", printed)
        elif line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
        continued = line.endswith("\\") and (continued or line.startswith("$ "))
    return [Command(command, "\n".join(printed)) for command, printed in found]


def matches(shown: str, printed: str) -> bool:
    """Whether `shown` in the docs can stand for `printed`; spaces count as one."""
    if not shown.strip():
        return True
    pattern = ""
    for line in shown.splitlines():
        words = [re.escape(word).replace(re.escape("..."), r"[^\n]*") for word in line.split()]
        told = r"[ \t]+".join(words)
        pattern += r"(?:[^\n]*\n)*" if words == [r"[^\n]*"] else rf"[ \t]*{told}[^\n]*\n"
    return re.search(f"^{pattern}", f"{printed}\n", re.MULTILINE) is not None


def pages() -> list[Path]:
    """Every page of the checkout that people read."""
    roots = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    folders = ("docs", "edge", "inference_service", "edge_assets", "edgectl", "resources")
    return roots + sorted(p for folder in folders for p in (CHECKOUT / folder).rglob("*.md"))


def links(file: Path) -> Iterator[tuple[int, str]]:
    """(line, target) of every link of a page, outside of blocks."""
    inside = False
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            inside = not inside
        if not inside:
            yield from ((number, target) for target in _LINK.findall(line))
