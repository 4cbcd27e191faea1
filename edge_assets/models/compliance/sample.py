"""Made-up descriptions of components, for trying the product without anybody's data.

Every text is **synthetic**: a grammar writes it from a year, a material and a condition, and the
regulation gives the label. Never report figures from it as if they were about real descriptions;
`challenge.csv` holds sentences that the grammar did not write.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from edge_assets.models.compliance import sample_words as say
from edge_assets.models.compliance.sample_years import year_phrase

Shift = Literal["none", "supplier", "shorthand"]
FIRST_YEAR = 1995
"""Made earlier, a component does not comply."""
GOOD_MATERIALS, BAD_MATERIALS = ("steel", "carbon"), ("plastic", "iron")
GOOD_CONDITIONS, BAD_CONDITIONS = ("new", "good"), ("fair", "poor")
_NAME = re.compile("<([A-Za-z_]+)>")
_MAX_LENGTH = 400


@dataclass(frozen=True)
class Facts:
    """What is true of a component."""

    year: int
    material: str
    condition: str

    @property
    def non_compliant(self) -> bool:
        """The regulation: too old, of the wrong material, or in a condition that is not good."""
        return (
            self.year < FIRST_YEAR
            or self.material in BAD_MATERIALS
            or self.condition in BAD_CONDITIONS
        )


def sample(rows: int, seed: int, shift: Shift = "none", *, bad_share: float = 0.01) -> pd.DataFrame:
    """`rows` made-up descriptions: columns `description` and `label`, 1 = not compliant.

    Half of them are compliant. With `shift`, descriptions come from elsewhere: `supplier` has codes
    of its own for materials and conditions, `shorthand` leaves out vowels. About `bad_share` of the
    rows lack the description or the label. The same arguments give the same rows.

    Raises:
        ValueError: `rows` or `bad_share` is out of range, or the shift is unknown.
    """
    if rows < 0 or not 0 <= bad_share <= 1:
        raise ValueError("rows must be >= 0 and bad_share between 0 and 1")
    if shift not in ("none", "supplier", "shorthand"):
        raise ValueError(f"shift {shift!r} is none of: none, supplier, shorthand")
    rng = random.Random(seed)
    made: list[tuple[str, str]] = []
    for _ in range(rows):
        facts = draw(rng)
        text, label = describe(facts, rng), str(int(facts.non_compliant))
        if shift != "none":
            text = translate(text, say.SUPPLIER if shift == "supplier" else say.SHORTHAND)
        if rng.random() < bad_share:
            text, label = rng.choice((("", label), (text, ""), (text, "maybe")))
        made.append((text, label))
    return pd.DataFrame(made, columns=["description", "label"], dtype=object)


def draw(rng: random.Random) -> Facts:
    """A component: compliant or not with equal chances, mostly for one reason if not."""
    reasons: set[int] = set()
    if rng.random() < 0.5:
        reasons = set(rng.sample(range(3), rng.choice((1, 1, 1, 2, 3))))
    if 0 in reasons:
        year = rng.choice((rng.randint(1950, 1994), rng.randint(1980, 1994)))
    else:
        year = rng.choice((rng.randint(1995, 2026), rng.randint(1995, 2005)))
    material = rng.choice(BAD_MATERIALS if 1 in reasons else GOOD_MATERIALS)
    condition = rng.choice(BAD_CONDITIONS if 2 in reasons else GOOD_CONDITIONS)
    return Facts(year, material, condition)


def describe(facts: Facts, rng: random.Random) -> str:
    """A description of the component, at most 400 characters."""
    while True:
        text = _styled(_assembled(facts, rng), rng)
        if len(text) <= _MAX_LENGTH:
            return text


def translate(text: str, words: Mapping[str, str]) -> str:
    """The text with other words for the same things; case does not count."""
    pattern = "|".join(rf"\b{re.escape(word)}\b" for word in words)
    return re.sub(pattern, lambda found: words[found[0].lower()], text, flags=re.IGNORECASE)


def _assembled(facts: Facts, rng: random.Random) -> str:
    rules = _rules(facts, rng)
    kind = rng.random()
    if kind < 0.4:
        pieces = [rng.choice(say.FRAMES)]
    else:
        ending = "" if kind < 0.7 else "_sentence"
        pieces = [f"<{name}{ending}>" for name in _told(facts, rng)]
        if not ending or rng.random() < 0.5:
            pieces.append("<a_part>")
        rng.shuffle(pieces)
        if ending and rng.random() < 0.4:
            pieces.insert(0, rng.choice(("<a_part>", "this is a <part>", "we got a <part>")))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        pieces.insert(rng.randint(0, len(pieces)), "<noise>")
    joint = rng.choice(say.JOINTS)
    text = pieces[0]
    for piece in pieces[1:]:
        text += (joint if rng.random() < 0.8 else rng.choice(say.JOINTS)) + piece
    return _expand(_filled(text, rng), rules, rng)


def _filled(text: str, rng: random.Random) -> str:
    """Now and then with words in between that say nothing."""
    words = text.split(" ")
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
        words.insert(
            rng.randint(0, len(words)), rng.choice(("<filler>", "<filler>,", "(<filler>)"))
        )
    return " ".join(words)


def _told(facts: Facts, rng: random.Random) -> list[str]:
    """What the text says. Of a component with one good reason against it, not always the rest."""
    told = ["year", "material", "condition"]
    wrong = [
        facts.year < FIRST_YEAR,
        facts.material in BAD_MATERIALS,
        facts.condition in BAD_CONDITIONS,
    ]
    if any(wrong) and rng.random() < 0.2:
        spare = [name for name, bad in zip(told, wrong, strict=True) if not bad]
        told = [name for name in told if not spare or name != spare[0]]
    return told


def _rules(facts: Facts, rng: random.Random) -> dict[str, Sequence[str]]:
    others = [name for name in (*GOOD_MATERIALS, *BAD_MATERIALS) if name != facts.material]
    return {
        **say.COMMON,
        **say.YEARS,
        **say.MATERIALS,
        **say.CONDITIONS,
        **say.DENIED[facts.condition],
        "quality": say.QUALITY,
        "when": [year_phrase(facts.year, rng)],
        "stuff": [f"<{facts.material}>"],
        "other": [f"<{name}>" for name in others],
        "is": [f"<{facts.condition}>"],
    }


def _expand(text: str, rules: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    while "<" in text:
        text = _NAME.sub(lambda found: rng.choice(rules[found[1]]), text)
    return text


def _styled(text: str, rng: random.Random) -> str:
    """As people type: capitals, full stops, or neither."""
    style = rng.random()
    if style < 0.06:
        return text.upper()
    if style < 0.6:
        text = re.sub(r"(^|[.] )([a-z])", lambda found: found[1] + found[2].upper(), text)
    return text + "." if rng.random() < 0.5 else text
