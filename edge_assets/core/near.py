"""What somebody may have meant who wrote a name that is not there."""

import difflib
from collections.abc import Iterable

_LIKENESS = 0.5
_SHOWN = 3


def meant(name: str, known: Iterable[str]) -> str:
    """`, did you mean owner?`, or an empty text where nothing is like it."""
    found = difflib.get_close_matches(name, list(known), n=_SHOWN, cutoff=_LIKENESS)
    return f", did you mean {' or '.join(found)}?" if found else ""
