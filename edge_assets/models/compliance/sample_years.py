"""How people write a year: 1987, '87, nineteen eighty-seven, the late eighties, before 1990."""

import random

_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES, _TENS = _SMALL.split(), dict(enumerate(_ROUND.split(), start=2))
_DECADES = {30: "thirties", 40: "forties", 50: "fifties", 60: "sixties", 70: "seventies"} | {
    80: "eighties",
    90: "nineties",
}
_NINETIES = ("nineties", "1990s", "90s")
_QUOTES = ("'", "'", "\u2019")
_LIMIT = 1995


def year_phrase(year: int, rng: random.Random) -> str:
    """A phrase that stands where a year can stand, and lies on the same side of 1995."""
    kind = rng.random()
    if kind < 0.62:
        return str(year)
    if kind < 0.72:
        return f"{rng.choice(_QUOTES)}{year % 100:02d}"
    if kind < 0.92:
        return year_in_words(year, rng)
    return _roughly(year, rng)


def year_in_words(year: int, rng: random.Random) -> str:
    """`nineteen eighty-seven`, `two thousand and four`, `twenty fourteen`; 1900 to 2099."""
    century, rest = divmod(year, 100)
    if century == 20 and (rest < 10 or rng.random() < 0.4):
        joint = rng.choice((" ", " and "))
        return "two thousand" + (joint + _below_hundred(rest, rng) if rest else "")
    if rest == 0:
        return "nineteen hundred"
    if rest < 10:
        return "nineteen " + rng.choice(("oh ", "hundred and ")) + _ONES[rest]
    return f"{'nineteen' if century == 19 else 'twenty'} {_below_hundred(rest, rng)}"


def _below_hundred(number: int, rng: random.Random) -> str:
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    if not ones:
        return _TENS[tens]
    return _TENS[tens] + rng.choice(("-", "-", " ")) + _ONES[ones]


def _roughly(year: int, rng: random.Random) -> str:
    """A span of years with the same verdict as the year itself, or the year again."""
    decade = year % 100 - year % 10
    if year < _LIMIT:
        bound = rng.randint(year + 1, _LIMIT)
        spans = [f"or before {bound}", f"a year before {bound}", f"some time before {bound}"]
        if year >= 1930 and decade < 90:
            name = rng.choice((_DECADES[decade], f"{year - year % 10}s", f"{decade}s"))
            spans += [f"the {name}"] * 2 + [f"the {part} {name}" for part in ("early", "late")]
        elif year < 1994:
            spans += [f"the early {name}" for name in _NINETIES]
        return rng.choice(spans)
    bound = rng.randint(_LIMIT, year)
    spans = [f"or after {bound}", f"a year after {bound}", f"some time after {bound}"]
    if 1996 <= year <= 1999:
        spans += [f"the late {name}" for name in _NINETIES]
    return rng.choice(spans)
