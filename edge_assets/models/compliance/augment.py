"""Descriptions that training adds to those delivered, for phrasings that deliveries do not have.

They are **synthetic**: the whole grammar writes them, and the regulation gives their labels. Most
deliveries say things plainly; who asks may not, and a label must hold for that too.
"""

import random

from edge_assets.models.compliance.sample_facts import draw
from edge_assets.models.compliance.sample_text import FULL, described


def augmented(count: int, seed: int) -> list[tuple[str, int]]:
    """`count` descriptions with their labels, 1 = not compliant.

    `sample` with the same seed draws others: so what is held out of a sample is not learned here,
    but for a text so short that chance writes it twice.
    """
    rng = random.Random(f"augment {seed}")
    facts = [draw(rng) for _ in range(count)]
    return [(described(one, rng, FULL), int(one.non_compliant)) for one in facts]
