"""What a step of a model raised, as an outcome: where in its folder, what, and what to do."""

import re
import traceback
from pathlib import Path

from edge_assets.core.extras import EXTRAS, lacking, missing_package
from edge_assets.core.functions import place_in
from edge_assets.onboarding.checking.outcome import Outcome
from protos.errors import EdgeAssetsError

_LONGEST = 300
_REMEDY = "run it in a debugger, or with EDGE_DEBUG=1 for the traceback"


def failed(name: str, error: BaseException, folder: Path, before: str = "") -> Outcome:
    """The check `name` failed by an error of a step, after the words `before`."""
    trace = "".join(traceback.format_exception(error))
    return Outcome(name, "FAILED", f"{before}{told_of(error, folder)}", trace=trace)


def told_of(error: BaseException, folder: Path) -> str:
    """`train.py:23 in train: KeyError: 'x'`, with a remedy; errors that bring one are told as they
    are.
    """
    package = missing_package(error)
    if package:
        extra = EXTRAS[package]
        return str(lacking(f"{folder.name} cannot be run here", [package], extra))
    if isinstance(error, EdgeAssetsError):
        return str(error)
    place = place_in(folder, error)
    return f"{place}{': ' * bool(place)}{first_line(error)}. To mend it: {_REMEDY}"


def first_line(error: BaseException) -> str:
    """The type and the first line of what an error says."""
    text = re.split(r"\n", str(error).strip() or "no message", maxsplit=1)[0]
    return f"{type(error).__name__}: {text[:_LONGEST]}"
