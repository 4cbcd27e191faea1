"""The commit of the source code that trained a model: for people, beside the digest of the code."""

import os
import subprocess
from pathlib import Path

VARIABLE = "EDGE_COMMIT"
"""Names the commit where the code runs without its repository, as in an image."""
_SECONDS = 10


def commit_of(folder: Path) -> str | None:
    """The commit that `folder` is at, with "+ changes" if its files differ from it.

    That of the variable, else what git says; None outside of a repository, or without git.
    """
    if told := os.environ.get(VARIABLE, "").strip():
        return told
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    changed = _git(folder, "status", "--porcelain", "--", ".")
    return commit if changed == "" else f"{commit} + changes"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
