"""Puts a batch that the platform itself made into the landing folder, all of it or nothing."""

import os
from contextlib import suppress
from pathlib import Path

from protos.errors import ConfigurationError, Unavailable


def local_landing(url: str) -> Path:
    """The landing folder as a path. Raises ConfigurationError when it is no local one."""
    if "://" in url:
        raise ConfigurationError(
            "corrections are not landed",
            why=f"the landing folder of this environment is {url}, and only local ones are written",
            remedy="name a mounted folder in EDGE_LANDING, or deliver files: export-corrections",
        )
    return Path(url)


def land(content: bytes, target: Path) -> None:
    """Writes under a hidden name, then gives it its own: nobody ever sees half of it.

    `target` is named by its content: one that is there already is left as it is. Raises
    Unavailable when the folder cannot be written to.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, target)  # unlike a rename it never replaces
    except OSError as error:
        raise Unavailable(
            f"{target} was not written",
            why=error.strerror or type(error).__name__,
            remedy="free the folder; the next tick tries again",
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
