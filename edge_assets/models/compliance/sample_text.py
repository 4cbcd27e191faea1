"""Puts the description of a component together: which facts are told, how, and among what else."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

from edge_assets.models.compliance.grammar import Grammar, Writer
from edge_assets.models.compliance.lexicon import lexicon_words
from edge_assets.models.compliance.sample_facts import (
    BAD_MATERIALS,
    GOOD_MATERIALS,
    REASONS,
    Facts,
)
from edge_assets.models.compliance.sample_years import age_phrase, any_year_phrase, year_phrase

MAX_LENGTH = 400
VOICED = 0.7
"""Share of the texts of FULL that tell everything in one frame, as somebody would say it."""
_VOICES = {"voice_a": 4, "voice_b": 3, "voice_d": 5, "voice_e": 5, "voice_of_state": 2}
_VOICES |= {"more_of_state": 5, "voice_of_stuff": 2, "voice_of_year": 2, "year_alone": 4}
_VOICES |= {"state_alone": 5, "voice_i": 4, "rate_of_state": 2, "short_of_state": 4}
"""Rules of such frames, and how often they are taken: by the number of their frames."""
_FOLDER = Path(__file__).parent
_FILES = [
    _FOLDER / f"grammar_{name}.yaml"
    for name in (
        *("materials", "conditions", "states", "years", "noise", "frames"),
        *(f"voices_{author}" for author in "abcdefghi"),
    )
]
FULL = Grammar.read(*_FILES)
_FILES.append(_FOLDER / "grammar_usual.yaml")
USUAL = Grammar.read(*_FILES)
"""The same words, without detours."""
PLAIN = Grammar.read(*_FILES, _FOLDER / "grammar_plain.yaml")
"""As usual, with one word for each material and condition."""
_JOINTS = (", ", ", ", "; ", ". ", ". ", " / ", " - ", " and ", " ", "\n", " | ", ": ")
_TELLS = dict(zip(REASONS, "ymc", strict=True))


def described(facts: Facts, rng: random.Random, grammar: Grammar = FULL) -> str:
    """A description of the component, at most `MAX_LENGTH` characters."""
    return told(facts, rng, grammar)[0]


def told(facts: Facts, rng: random.Random, grammar: Grammar = FULL) -> tuple[str, frozenset[str]]:
    """A description as `described`, and which of the facts of `REASONS` it tells."""
    while True:
        describer = _Describer(facts, rng, grammar)
        text = describer.text()
        if len(text) <= MAX_LENGTH:
            return text, frozenset(describer.told)


class _Describer:
    """Writes about one component."""

    def __init__(self, facts: Facts, rng: random.Random, grammar: Grammar) -> None:
        self._facts, self._rng, self._grammar = facts, rng, grammar
        self._slips, self._digits = (0.08, 0.0) if grammar is FULL else (0.005, 0.5)
        self._bad = facts.reasons
        self.told = self._told()
        state = "bad" if self._bad["condition"] else "good"
        stuff = "bad" if self._bad["material"] else "good"
        old = self._bad["year"]
        self._given: dict[str, str | Writer] = {
            "stuff": facts.material,
            "other": self._other,
            "adj": f"{facts.condition}_adj",
            "wrong": "any_good" if state == "bad" else "any_bad",
            "when": self._when,
            "age_of": lambda rng: age_phrase(facts.year, rng),
            "any_when": lambda rng: any_year_phrase(rng),
            "any_year": lambda rng: str(rng.randint(1950, 2026)),
            "later": lambda rng: str(rng.randint(facts.year, max(facts.year, 2026))),
            "old_or_not": "old" if old else "young",
            "mixed": f"mixed_{stuff}",
            **{
                f"c_{kind}": f"{state}_{kind}"
                for kind in ("pre", "post", "vp", "frag", "sent", "np")
            },
            "c_kv": f"{state}_kv",
            "voice_of_stuff": f"voice_m_{stuff}",
            **{
                f"{kind}_of_state": f"{kind}_{state}" for kind in ("more", "rate", "short", "voice")
            },
            "state_alone": f"state_{state}",
            "voice_of_year": f"voice_y_{'bad' if old else 'good'}",
            "year_alone": f"year_{'bad' if old else 'good'}",
        }

    def text(self) -> str:
        told, kind = self.told, self._rng.random()
        if len(told) == 3 and self._grammar is FULL and self._rng.random() < VOICED:
            (voice,) = self._rng.choices([*_VOICES], [*_VOICES.values()])
            if voice == "voice_i":  # tells the condition by what it is not: "not new" tells nothing
                self._given["wrong"] = "good_adj" if self._bad["condition"] else "poor_adj"
            return self._typed(self._with_chat(self._write(voice)))
        if len(told) == 3 and kind < 0.22:
            pieces = [self._write("frame")]
        elif kind < 0.34:
            pieces = self._table(told)
        elif kind < 0.5:
            pieces = [self._write(f"{_TELLS[name]}_frag") for name in told]
            if self._rng.random() < 0.7:
                pieces.append(self._write("a_part"))
            self._rng.shuffle(pieces)
        elif kind < 0.78:
            pieces = self._around_the_part(told)
        else:
            pieces = self._sentences(told)
        if self._rng.random() < 0.6:
            return self._typed(self._joined(pieces, 0.03))
        return self._typed(self._joined(self._among_noise(pieces), 0.2))

    def _told(self) -> list[str]:
        """What the text says. Of a component with a good reason against it, not always the rest."""
        told, rng = list(_TELLS), self._rng
        if any(self._bad.values()) and rng.random() < 0.2:
            spare = [name for name in told if not self._bad[name]]
            leave = set(rng.sample(spare, rng.randint(1, len(spare)))) if spare else set()
            told = [name for name in told if name not in leave]
        rng.shuffle(told)
        return told

    def _table(self, told: Sequence[str]) -> list[str]:
        """Keys and values."""
        rng = self._rng
        sign = rng.choice((": ", ": ", ": ", "=", " = ", " ", " - ", " .... "))
        values = {"year": "when", "material": "stuff", "condition": "c_kv"}
        pairs = [
            self._write(f"{_TELLS[name]}_kv_key") + sign + self._write(values[name])
            for name in told
        ]
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            pairs.insert(rng.randint(0, len(pairs)), self._write("kv_pair").replace(": ", sign))
        return [rng.choice((" | ", "; ", ", ", " / ", "\n", ". ", " ")).join(pairs)]

    def _around_the_part(self, told: Sequence[str]) -> list[str]:
        """A part with attributes before and behind it; the rest as sentences or fragments."""
        rng = self._rng
        before, behind, pieces = "", "", []
        for name in told:
            place, sign = rng.random(), _TELLS[name]
            if place < 0.36:
                before += self._write(f"{sign}_pre") + " "
            elif place < 0.72:
                behind += " " + self._write(f"{sign}_post")
            else:
                pieces.append(self._fact(name, rng.choice(("frag", "sent", "sent"))))
        part = f"{before}{self._write('Part')}{behind}"
        article = rng.choice(("", "", "", "a ", "the ", "this ", "one ", "our ", "another "))
        pieces.insert(rng.choice((0, 0, len(pieces))), article + part)
        return pieces

    def _sentences(self, told: Sequence[str]) -> list[str]:
        """A sentence for each fact, or one that says two of them."""
        rng, pieces = self._rng, []
        rest = list(told)
        if len(rest) > 1 and rng.random() < 0.35:
            one, two = (self._write(f"{_TELLS[rest.pop()]}_vp") for _ in range(2))
            pieces.append(f"{self._write('it')} {one} {rng.choice(('and', ', and', 'but'))} {two}")
        pieces += [self._fact(name, "frag" if rng.random() < 0.2 else "sent") for name in rest]
        rng.shuffle(pieces)
        return pieces

    def _fact(self, name: str, kind: str) -> str:
        text, chance = self._write(f"{_TELLS[name]}_{kind}"), self._rng.random()
        if chance < 0.06:
            return f"{self._write('bad_ahead' if self._bad[name] else 'good_ahead')} {text}"
        return f"{self._write('ahead')} {text}" if chance < 0.1 else text

    def _with_chat(self, text: str) -> str:
        """One in five with a remark before or behind it that says nothing of the part."""
        chance = self._rng.random()
        if chance < 0.07:
            return f"{self._write('chat')}. {text}"
        sign = self._rng.choice((". ", ", ", "; ", " - "))
        return f"{text}{sign}{self._write('chat')}" if chance < 0.2 else text

    def _among_noise(self, pieces: list[str]) -> list[str]:
        rng = self._rng
        if rng.random() < 0.3:
            pieces.insert(0, self._write("opening"))
        for _ in range(rng.choice((0, 1, 1, 2))):
            noise = self._write(rng.choice(("noise", "noise_sent", "chat")))
            pieces.insert(rng.randint(0, len(pieces)), noise)
        if rng.random() < 0.07:
            pieces.append(self._write("tail_bad" if any(self._bad.values()) else "tail_good"))
        return pieces

    def _joined(self, pieces: Sequence[str], filled: float) -> str:
        """A share `filled` of texts gets words in between that say nothing."""
        rng = self._rng
        joint, text = rng.choice(_JOINTS), pieces[0]
        for told in pieces[1:]:
            piece = told
            chance = rng.random()
            if rng.random() < filled:
                piece = f"{self._write('filler')} {piece}"
            if chance < 0.12:
                text += f" {self._write('join')} {piece}"
            else:
                text += (joint if chance < 0.75 else rng.choice(_JOINTS)) + piece
        return text

    def _typed(self, text: str) -> str:
        """As people type: capitals, full stops, or neither, and slips of the finger."""
        rng = self._rng
        text = re.sub(r" +([,;.])[,;. ]*(?= |$)", r"\1", re.sub("  +", " ", text)).strip(" ,;")
        if rng.random() < self._slips:
            words = text.split(" ")
            telling = [place for place, word in enumerate(words) if word in lexicon_words()]
            for _ in range(rng.choice((1, 1, 2))):
                place = rng.choice(telling or range(len(words)))
                words[place] = mistyped(words[place], rng)
            text = " ".join(words)
        style = rng.random()
        if style < 0.05:
            return text.upper()
        if style < 0.6:
            text = re.sub(r"(^|[.?] )([a-z])", lambda found: found[1] + found[2].upper(), text)
        return text + "." if rng.random() < 0.5 and not text.endswith((".", "?", '"')) else text

    def _when(self, rng: random.Random) -> str:
        year = self._facts.year
        return str(year) if rng.random() < self._digits else year_phrase(year, rng)

    def _other(self, rng: random.Random) -> str:
        names = [name for name in (*GOOD_MATERIALS, *BAD_MATERIALS) if name != self._facts.material]
        return self._grammar.writes(rng.choice(names), rng, self._given)

    def _write(self, name: str) -> str:
        return self._grammar.writes(name, self._rng, self._given)


def mistyped(word: str, rng: random.Random) -> str:
    """The word with one letter too few, too many or in the wrong place; short ones stay."""
    if len(word) < 4 or not word.isalpha():
        return word
    place = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )
