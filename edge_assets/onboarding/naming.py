"""Names and ports of new edge models: headers become identifiers, and nothing is named twice."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.core.preparing import plain
from protos.errors import ConfigurationError

LONGEST_NAME = 41
"""Characters of the name of a model."""
_MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_LONGEST = 48
TAKEN = ("batch", "reason", PROBABILITIES)
"""Columns that the chain adds to the rows of a model, and the output that every classifier has."""
FIRST_PORT, LAST_PORT = 50056, 59999
"""Ports below are those of the models that come with the project, and of what they work with."""
_NO_MODELS = ("models", "shared", "core", "assets", "tests", "new", "none")


def check_model_name(name: str) -> None:
    """Raises ConfigurationError unless `name` can be that of a folder, an asset and a device."""
    if not _MODEL_NAME.fullmatch(name) or name in _NO_MODELS:
        raise ConfigurationError(
            f"{name!r} cannot be the name of an edge model",
            why="a name is lower-case letters, digits and _, begins with a letter, has at most 41 "
            f"characters and is none of {', '.join(_NO_MODELS)}",
            remedy=f"take for example: {suggest_name(name)}",
        )


def suggest_name(name: str) -> str:
    """A name that is allowed, as near to `name` as possible."""
    found = to_identifier(name, "my_model")[:41].rstrip("_")
    return f"my_{found}" if found in _NO_MODELS else found


def to_identifier(text: str, otherwise: str) -> str:
    """`text` as lower-case letters, digits and single `_`, beginning with a letter.

    Accents are dropped; where nothing is left, `otherwise`.
    """
    letters = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", letters.encode("ascii", "ignore").decode())
    found = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:_LONGEST].rstrip("_")
    if not found:
        return otherwise
    return found if found[0].isalpha() else f"c_{found}"


def identifiers(headers: Sequence[str]) -> dict[str, str]:
    """A name for each header, in order; all different, also to those who ignore case and `_`.

    Raises ConfigurationError when two headers are one name to the reader of deliveries, which does
    not look at case, underscores and spaces.
    """
    seen: dict[str, str] = {}
    for header in headers:
        other = seen.setdefault(plain(header), header)
        if other is not header:
            raise ConfigurationError(
                f"the columns {other!r} and {header!r} are one name",
                why="case, underscores and spaces of a header do not count",
                remedy="rename one of them in the file, or leave it out",
            )
    names: dict[str, str] = {}
    used: set[str] = set()
    for place, header in enumerate(headers, start=1):
        base = to_identifier(header, f"column_{place}")
        if base in TAKEN:
            base = f"{base}_value"
        name, number = base, 1
        # another column's header must not be an equal name either: cells are found by both
        while plain(name) in used or (plain(name) in seen and seen[plain(name)] != header):
            number += 1
            name = f"{base}_{number}"
        used.add(plain(name))
        names[header] = name
    return names


def aliases_of(name: str, header: str) -> tuple[str, ...]:
    """The other names of a column: its header, where reading would not find it by its name."""
    return () if plain(name) == plain(header) else (header,)


def free_port(used: Iterable[int]) -> int:
    """The lowest port that no other model has. Raises ConfigurationError when there is none."""
    taken: Collection[int] = set(used)
    for port in range(FIRST_PORT, LAST_PORT + 1):
        if port not in taken:
            return port
    raise ConfigurationError(
        "there is no free port", why=f"{FIRST_PORT} to {LAST_PORT} are taken", remedy="use --port"
    )
