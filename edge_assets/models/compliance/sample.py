"""Made-up descriptions of components, for trying the product without anybody's data.

Every text is **synthetic**: a grammar writes it from a year, a material and a condition, and the
regulation gives the label. Never report figures from it as if they were about real descriptions;
`challenge.csv` holds sentences that the grammar did not write.
"""

import random
import re
from collections.abc import Mapping
from typing import Literal

import pandas as pd

from edge_assets.models.compliance.sample_facts import Facts, draw
from edge_assets.models.compliance.sample_text import FULL, PLAIN, USUAL, described

Shift = Literal["none", "supplier", "shorthand"]

SUPPLIER: Mapping[str, str] = {
    "stainless steel": "QX118",
    "steel": "QX355",
    "carbon fiber": "QX700",
    "carbon fibre": "QX700",
    "plastic": "QX430",
    "iron": "QX250",
    "new": "SV1",
    "good": "SV2",
    "fair": "SV3",
    "poor": "SV4",
}
"""How a supplier with codes of its own says it: longer phrases before their parts."""
SHORTHAND: Mapping[str, str] = {
    "carbon fiber": "c/f",
    "carbon fibre": "c/f",
    "plastic": "plstc",
    "steel": "stl",
    "iron": "irn",
    "condition": "cnd",
    "good": "gd",
    "poor": "pr",
    "fair": "fr",
    "new": "nw",
    "manufactured": "mnfd",
    "produced": "prd",
    "made": "md",
    "built": "blt",
}
"""How somebody in a hurry types it."""

KINDS = (0.6, 0.3, 0.1)
"""Shares of descriptions that say it in plain words, in usual ones, and with all that the grammar
has."""


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
        text, label = describe(facts, rng, shift), str(int(facts.non_compliant))
        if rng.random() < bad_share:
            text, label = rng.choice((("", label), (text, ""), (text, "maybe")))
        made.append((text, label))
    return pd.DataFrame(made, columns=["description", "label"], dtype=object)


def describe(facts: Facts, rng: random.Random, shift: Shift = "none") -> str:
    """A description of the component, at most 400 characters."""
    if shift == "none":
        return described(facts, rng, rng.choices((PLAIN, USUAL, FULL), KINDS)[0])
    words = SUPPLIER if shift == "supplier" else SHORTHAND
    return translate(described(facts, rng, PLAIN), words)


def translate(text: str, words: Mapping[str, str]) -> str:
    """The text with other words for the same things; case does not count."""
    pattern = "|".join(rf"\b{re.escape(word)}\b" for word in words)
    return re.sub(pattern, lambda found: words[found[0].lower()], text, flags=re.IGNORECASE)
