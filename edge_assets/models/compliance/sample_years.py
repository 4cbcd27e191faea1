"""How people write a year: 1987, '87, nineteen eighty-seven, 03/1987, the late eighties."""

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
_NINETIES = ("nineties", "1990s", "90s", "nineteen-nineties", "'90s")
_OUGHTS = ("2000s", "noughties", "two-thousands", "2000s")
_QUOTES = ("'", "'", "\u2019")
_YEAR = "January|February|March|April|May|June|July|August|September|October|November|December"
_MONTHS = _YEAR.split("|")
_SPANS = """
spring|summer|autumn|fall|winter|beginning|end|start|middle|first half|second half|first quarter|
second quarter|third quarter|fourth quarter|last weeks|first days|last quarter|course
""".replace("\n", "").split("|")
_LIMIT, _NOW = 1995, 2026


def year_phrase(year: int, rng: random.Random) -> str:
    """A phrase that stands where a year can stand, and lies on the same side of 1995."""
    kind = rng.random()
    if kind < 0.46:
        return str(year)
    if kind < 0.53:
        return f"{rng.choice(_QUOTES)}{year % 100:02d}"
    if kind < 0.7:
        return year_in_words(year, rng)
    if kind < 0.76 and (1950 <= year < 2000 or 2000 < year < 2010):
        return _short_words(year, rng)
    if kind < 0.775 and 1950 <= year < 2010:
        return f"{year % 100:02d}"
    if kind < (0.79 if 1990 <= year < 2000 else 0.88):
        return _dated(year, rng)
    return _roughly(year, rng)


def any_year_phrase(rng: random.Random) -> str:
    """Of a year that is not the one looked for; mostly in digits."""
    year = rng.randint(1950, 2026)
    return str(year) if rng.random() < 0.7 else year_phrase(year, rng)


def age_phrase(year: int, rng: random.Random) -> str:
    """How old it is, or the year again where a year more or less would change the verdict."""
    age = _NOW - rng.choice((0, 1, 2)) - year
    if age < 1 or _LIMIT - 4 < year < _LIMIT + 3:
        return f"from {year}"
    number = str(age) if age > 99 or rng.random() < 0.5 else _below_hundred(age, rng)
    if rng.random() < 0.3 and age > 10:
        number = f"{rng.choice(('over', 'more than', 'nearly', 'about', 'some', 'almost'))} " + (
            _TENS[age // 10] if 2 <= age // 10 <= 9 else "ten"
        )
    if number in ("1", "one"):
        return rng.choice(("one year old", "made last year", "not even two years old"))
    return f"{rng.choice(('', '', '', 'only ', 'already '))}{number} years " + rng.choice(
        ("old", "old", "of age")
    )


def year_in_words(year: int, rng: random.Random) -> str:
    """`nineteen eighty-seven`, `two thousand and four`, `twenty fourteen`; 1900 to 2099."""
    century, rest = divmod(year, 100)
    if century == 20 and 0 < rest < 10 and rng.random() < 0.2:
        return f"twenty {rng.choice(('oh', 'zero'))}-{_ONES[rest]}"
    if century == 20 and (rest < 10 or rng.random() < 0.4):
        joint = rng.choice((" ", " and "))
        return "two thousand" + (joint + _below_hundred(rest, rng) if rest else "")
    if rest == 0:
        return "nineteen hundred"
    if rest < 10:
        return "nineteen " + rng.choice(("oh ", "hundred and ")) + _ONES[rest]
    return f"{'nineteen' if century == 19 else 'twenty'} {_below_hundred(rest, rng)}"


def _short_words(year: int, rng: random.Random) -> str:
    """`eighty-seven`, `oh-four`."""
    if year >= 2000:
        return f"{rng.choice(('oh', 'oh', 'zero'))}-{_ONES[year % 100]}"
    return _below_hundred(year % 100, rng)


def _below_hundred(number: int, rng: random.Random) -> str:
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    if not ones:
        return _TENS[tens]
    return _TENS[tens] + rng.choice(("-", "-", " ")) + _ONES[ones]


def _dated(year: int, rng: random.Random) -> str:
    """With the month, the week or the season."""
    month, day = rng.randint(1, 12), rng.randint(1, 28)
    name = _MONTHS[month - 1]
    return rng.choice(
        (
            f"{month:02d}/{year}",
            f"{month}/{year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{year}-{month:02d}-{day:02d}",
            f"{day}/{month}/{year}",
            f"{month:02d}-{year}",
            f"{name} {year}",
            f"{name} {year}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{name[:3]} {year}",
            f"{day} {name[:3]} {year}",
            f"the {day}th of {name} {year}",
            f"week {day} of {year}",
            f"Q{(month + 2) // 3} {year}",
            f"{name} {rng.choice(_QUOTES)}{year % 100:02d}",
            f"{name} of {year}",
            *(f"the {rng.choice(_SPANS)} of {_plain(year, rng)}" for _ in range(3)),
            f"{rng.choice(('early', 'late', 'mid', 'spring', 'summer', 'autumn'))} {year}",
            f"{rng.choice(('early', 'late', 'mid', 'spring', 'summer', 'autumn'))} {year}",
            f"the year {_plain(year, rng)}",
        )
    )


def _plain(year: int, rng: random.Random) -> str:
    return str(year) if rng.random() < 0.6 else year_in_words(year, rng)


def _roughly(year: int, rng: random.Random) -> str:
    """A span of years with the same verdict as the year itself, or the year again."""
    return rng.choice(_older(year, rng) if year < _LIMIT else _younger(year, rng))


def _older(year: int, rng: random.Random) -> list[str]:
    decade, bound = year % 100 - year % 10, rng.randint(year + 1, _LIMIT)
    spans = [f"or before {bound}", f"a year before {bound}", f"some time before {bound}"]
    if year >= 1930 and decade < 90:
        name = rng.choice(
            (
                *(_DECADES[decade], _DECADES[decade], f"{year - year % 10}s", f"{decade}s"),
                *(f"nineteen-{_DECADES[decade]}", f"nineteen {_DECADES[decade]}"),
            )
        )
        parts = ("early", "late", "mid", "middle", "very early")
        spans += [f"the {name}"] * 4 + [f"the {rng.choice(parts)} {name}"] * 4
        spans += [f"{rng.choice(parts)} {name}", f"the {_start(rng)} of the {name}"]
        spans += [f"the {name}, {_plain(year, rng)} to be exact", f"the mid-{name}"]
    elif decade == 90 and year < 1994:
        name = rng.choice(_NINETIES)
        spans += [f"the {rng.choice(('early', 'very early'))} {name}", f"early {name}"] * 3
        spans += [f"the {_start(rng)} of the {name}"] * 4 + [f"the {name}, {year} to be exact"]
        spans += [f"the nineties, {_below_hundred(year % 100, rng)} to be exact"]
    return spans


def _younger(year: int, rng: random.Random) -> list[str]:
    bound = rng.randint(_LIMIT, year)
    spans = [f"or after {bound}", f"a year after {bound}", f"some time after {bound}"]
    if year < 2000:
        name = rng.choice(_NINETIES)
        spans += [f"the {name}, {year} to be exact"]
        spans += [f"the nineties, {_below_hundred(year % 100, rng)} to be exact"]
        if year > 1996:
            spans += [f"the late {name}", f"late {name}", f"the very end of the {name}"] * 3
            spans += ["shortly before the millennium", "just before the millennium"]
    if 1999 <= year <= 2001:
        turn = ("the turn of the millennium", "the turn of the century", "the millennium")
        spans += [rng.choice(turn), f"around {turn[0]}", f"about {turn[1]}", rng.choice(turn)]
    if 2001 <= year <= 2009:
        number = _ONES[year - 2000]
        spans += [f"{number} years after the millennium", f"{number} years after 2000"]
        spans += ["this century", "after the millennium", "shortly after the millennium"]
    if year >= 2000:
        name = rng.choice(
            _OUGHTS
            if year < 2010
            else ("2010s", "twenty-tens")
            if year < 2020
            else ("2020s", "twenty-twenties")
        )
        spans += [f"the {name}"] * 3 + [f"the {part} {name}" for part in ("early", "mid", "late")]
        spans += [f"the mid-{name}", f"mid-{name}", f"the {_start(rng)} of the {name}"]
    return spans


def _start(rng: random.Random) -> str:
    return rng.choice(("start", "beginning", "very start", "first years", "early days"))
