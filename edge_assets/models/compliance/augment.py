"""Descriptions that training adds to those delivered, for phrasings that deliveries do not have.

They are **synthetic**: the whole grammar writes them, and the regulation gives their labels. Most
deliveries say things plainly; who asks may not, and a label must hold for that too.
"""

import random
from typing import NamedTuple

from edge_assets.models.compliance.sample_facts import draw
from edge_assets.models.compliance.sample_text import FULL, told


class Added(NamedTuple):
    """A description with its label, 1 = not compliant, and with what is known of each reason of
    `sample_facts.REASONS`: 1 it is one, 0 it is none, None the text does not tell."""

    description: str
    label: int
    reasons: tuple[int | None, ...]


def augmented(count: int, seed: int) -> list[Added]:
    """`count` descriptions.

    `sample` with the same seed draws others: so what is held out of a sample is not learned here,
    but for a text so short that chance writes it twice.
    """
    rng = random.Random(f"augment {seed}")
    facts = [draw(rng) for _ in range(count)]
    return [
        Added(
            text,
            int(one.non_compliant),
            tuple(int(bad) if name in said else None for name, bad in one.reasons.items()),
        )
        for one in facts
        for text, said in [told(one, rng, FULL)]
    ]
