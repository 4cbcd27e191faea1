"""Every relative link of every page leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.markdown import CHECKOUT, DOCS, links, pages


def broken(file: Path) -> list[str]:
    """The links of a page that lead nowhere, with their lines."""
    found = []
    for line, target in links(file):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (file.parent / path).resolve() if path else file
        if not aim.exists() or (anchor and anchor not in anchors(aim)):
            found.append(f"{file.name}:{line}: {target}")
    return found


def anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_links_lead_somewhere(file: Path) -> None:
    assert broken(file) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A b\n[x](no.md) [y](page.md#a-b) [z](#c) [w](https://example.org)\n")
    assert broken(page) == ["page.md:2: no.md", "page.md:2: #c"]


def test_the_index_names_every_page() -> None:
    index = DOCS / "README.md"
    named = {(DOCS / target.partition("#")[0]).resolve() for _, target in links(index)}
    missing = [page for page in DOCS.rglob("*.md") if page not in named and page != index]
    assert missing == []
