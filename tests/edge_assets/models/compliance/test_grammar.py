import random
from pathlib import Path

import pytest

from edge_assets.models.compliance.grammar import Grammar


def read(folder: Path, *texts: str) -> Grammar:
    paths = [folder / f"{place}.yaml" for place in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return Grammar.read(*paths)


def written(grammar: Grammar, name: str, **given: str) -> set[str]:
    return {grammar.writes(name, random.Random(seed), given) for seed in range(200)}


def test_alternatives_choices_and_names(tmp_path: Path) -> None:
    grammar = read(tmp_path, "a: |\n  x {b} | [very |]good\n  last\nb: |\n  1 | 2\n")
    assert written(grammar, "a") == {"x 1", "x 2", "very good", "good", "last"}
    assert grammar.names() == {"a", "b"}
    assert grammar.asked_for() == {"b"}


def test_a_number_makes_an_alternative_more_likely(tmp_path: Path) -> None:
    grammar = read(tmp_path, "a: |\n  9* often\n  seldom\n")
    found = [grammar.writes("a", random.Random(seed), {}) for seed in range(500)]
    assert 400 < found.count("often") < 490


def test_a_later_file_and_what_is_given_come_first(tmp_path: Path) -> None:
    grammar = read(tmp_path, "a: |\n  {b}\nb: |\n  old\n", "b: |\n  new\nc: |\n  other\n")
    assert written(grammar, "a") == {"new"}
    assert written(grammar, "a", b="c") == {"other"}
    assert grammar.writes("a", random.Random(0), {"b": lambda _: "made"}) == "made"


def test_a_rule_that_does_not_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lacks its"):
        read(tmp_path, "a: |\n  one [two|three\n")
