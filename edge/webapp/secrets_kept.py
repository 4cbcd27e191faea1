"""Secrets that are made once and kept in the data folder, for this user's eyes only."""

import os
import secrets
from pathlib import Path

from protos.errors import ConfigurationError

SECRET_KEY_FILE = "secret-key"  # noqa: S105 - the name of a file
FIRST_PASSWORD_FILE = "first-password"  # noqa: S105 - the name of a file
_LONGEST = 4096


def secret_key(data: Path) -> str:
    """The key that signs sessions: read from `data`, or made there (mode 600).

    Raises ConfigurationError where it can be neither read nor written, and where others can read
    it: a key that somebody else knows lets them sign in as anybody.
    """
    path = data / SECRET_KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    keep(path, secrets.token_urlsafe(64))
    return _read(path)


def keep(path: Path, secret: str) -> bool:
    """Writes `secret` whole or not at all, mode 600; False when the file was there already.

    Raises ConfigurationError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secret + "\n")
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(temporary)  # unlike a rename, it never replaces another one
        finally:
            temporary.unlink()
    except FileExistsError:
        return False
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from None
    return True


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            text = file.read(_LONGEST).strip()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise _unusable(path, type(error).__name__) from None
    if mode & 0o077:
        raise _unusable(path, f"its mode is {mode:o}, so that others can read it")
    if len(text) < 32:
        raise _unusable(path, "it holds no key")
    return text


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} cannot be used",
        why=why,
        remedy="give the folder WEBAPP_DATA to the user that runs the register; delete the file "
        "to have another one made (everybody signs in again then)",
    )
