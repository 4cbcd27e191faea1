"""What is true of a made-up component, and what the regulation says of it."""

import random
from dataclasses import dataclass

FIRST_YEAR = 1995
"""Made earlier, a component does not comply."""
GOOD_MATERIALS, BAD_MATERIALS = ("steel", "carbon"), ("plastic", "iron")
GOOD_CONDITIONS, BAD_CONDITIONS = ("new", "good"), ("fair", "poor")

REASONS = ("year", "material", "condition")
"""Why a component may not comply."""
_CHANCES = ("year", "year", "material", "material", "condition", "condition", "condition")
"""More words say that a condition is bad than that a year or a material is."""


@dataclass(frozen=True)
class Facts:
    """What is true of a component."""

    year: int
    material: str
    condition: str

    @property
    def reasons(self) -> dict[str, bool]:
        """Of each of `REASONS`, whether it is one against this component."""
        return {
            "year": self.year < FIRST_YEAR,
            "material": self.material in BAD_MATERIALS,
            "condition": self.condition in BAD_CONDITIONS,
        }

    @property
    def non_compliant(self) -> bool:
        """The regulation: too old, of the wrong material, or in a condition that is not good."""
        return any(self.reasons.values())


def draw(rng: random.Random) -> Facts:
    """A component: compliant or not with equal chances, mostly for one reason if not."""
    reasons: set[str] = set()
    if rng.random() < 0.5:
        reasons = set(rng.choices(_CHANCES, k=rng.choice((1, 1, 1, 1, 2, 3))))
    if "year" in reasons:
        year = rng.choice((rng.randint(1950, 1994), rng.randint(1980, 1994)))
    else:
        year = rng.choice((rng.randint(1995, 2026), rng.randint(1995, 2005)))
    material = rng.choice(BAD_MATERIALS if "material" in reasons else GOOD_MATERIALS)
    condition = rng.choice(BAD_CONDITIONS if "condition" in reasons else GOOD_CONDITIONS)
    return Facts(year, material, condition)
