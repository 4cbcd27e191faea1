"""A small language for writing texts by chance: named rules, read from YAML files.

A rule is a list of alternatives, divided by line ends or by ` | `. In an alternative `{name}`
stands for another rule, `[one|other|]` for a choice on the spot (`|]`: or nothing), and `3*`
before it makes it three times as likely. Everything else is text.
"""

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import yaml

Writer: TypeAlias = Callable[[random.Random], str]
"""Gives text for a rule whose words are not in the grammar, such as a year."""
_Part: TypeAlias = "str | _Name | list[list[_Part]]"
_Rules: TypeAlias = dict[str, "list[list[_Part]]"]
_TIMES = re.compile(r"(\d+)\*\s*")
_MARKS = re.compile(r"([\[\]|{}])")


class _Name(str):
    """The name of a rule, as opposed to text."""


class Grammar:
    """Rules by name. `writes` puts one of their texts together."""

    def __init__(self, rules: _Rules) -> None:
        self._rules = rules

    @classmethod
    def read(cls, *paths: Path) -> "Grammar":
        """The rules of all files; where two have a rule of one name, the later file's counts."""
        rules: _Rules = {}
        for path in paths:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            rules |= {name: _alternatives(text) for name, text in found.items()}
        return cls(rules)

    def names(self) -> set[str]:
        """Of all rules."""
        return set(self._rules)

    def asked_for(self) -> set[str]:
        """The names of all rules that some alternative stands on."""
        return {name for rule in self._rules.values() for name in _names_in(rule)}

    def writes(self, name: str, rng: random.Random, given: Mapping[str, str | Writer]) -> str:
        """A text of the rule `name`. What `given` has counts before the rules: a writer gives
        text, and a string is the name of the rule that is meant.
        """
        meant = given.get(name, name)
        while isinstance(meant, str) and given.get(meant, meant) != meant:
            meant = given[meant]
        if not isinstance(meant, str):
            return meant(rng)
        return self._chosen(self._rules[meant], rng, given)

    def _chosen(
        self, rule: "list[list[_Part]]", rng: random.Random, given: Mapping[str, str | Writer]
    ) -> str:
        text = ""
        for part in rng.choice(rule):
            if isinstance(part, _Name):
                text += self.writes(part, rng, given)
            elif isinstance(part, str):
                text += part
            else:
                text += self._chosen(part, rng, given)
        return text


def _alternatives(text: str) -> "list[list[_Part]]":
    rule: list[list[_Part]] = []
    for line in text.splitlines():
        tokens = [token for token in _MARKS.split(line.strip()) if token]
        if not tokens:
            continue
        for alternative in _parsed(tokens, ""):
            first, times = alternative[0], 1
            if isinstance(first, str) and not isinstance(first, _Name):
                found = _TIMES.match(first.lstrip())
                times = int(found[1]) if found else 1
                alternative[0] = first.lstrip()[found.end() if found else 0 :]
            last = alternative[-1]
            if isinstance(last, str) and not isinstance(last, _Name):
                alternative[-1] = last.rstrip()
            rule += [alternative] * times
    return rule


def _parsed(tokens: list[str], end: str) -> "list[list[_Part]]":
    """Takes the tokens up to `end` off the front."""
    rule: list[list[_Part]] = [[]]
    while tokens:
        mark = tokens.pop(0)
        if mark == end:
            return rule
        if mark == "|":
            rule.append([])
        elif mark == "[":
            rule[-1].append(_parsed(tokens, "]"))
        elif mark == "{":
            rule[-1].append(_Name(tokens.pop(0)))
            tokens.pop(0)
        else:
            rule[-1].append(mark)
    if end:
        raise ValueError(f"a rule lacks its {end}")
    return rule


def _names_in(rule: "list[list[_Part]]") -> set[str]:
    found: set[str] = set()
    for alternative in rule:
        for part in alternative:
            if isinstance(part, _Name):
                found.add(str(part))
            elif isinstance(part, list):
                found |= _names_in(part)
    return found
