"""DATABASE_URL: which database, as pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from protos.errors import ConfigurationError

_REMEDY = "set it to sqlite:////path/to/file or postgresql://user:password@host:5432/name"
# What an edge device can stand: no lost entry at a power cut, and writers that wait for each other
# instead of failing half way (a transaction that begins to write late cannot wait).
_SQLITE_OPTIONS: Mapping[str, Any] = {
    "timeout": 5,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


@dataclass(frozen=True)
class Database:
    """A database in Django's words; `password` is in no representation of it."""

    engine: str
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for a server."""
        return Path(self.name) if self.engine.endswith("sqlite3") else None

    def settings(self) -> dict[str, Any]:
        """An entry of Django's DATABASES."""
        return {
            "ENGINE": self.engine,
            "NAME": self.name,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": self.port,
            "OPTIONS": dict(self.options),
            "CONN_MAX_AGE": 60 if self.file is None else None,
            "CONN_HEALTH_CHECKS": self.file is None,
        }


def read_database_url(url: str, default: Path) -> Database:
    """The database that `url` names; SQLite in the file `default` when it is empty.

    Raises ConfigurationError; its text holds neither user nor password.
    """
    if not url:
        return _sqlite(default)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("DATABASE_URL cannot be read", remedy=_REMEDY) from None
    path = unquote(parts.path)
    if parts.scheme == "sqlite" and not parts.netloc and len(path) > 1:
        # sqlite:///file is relative, sqlite:////file absolute, as SQLAlchemy writes it.
        return _sqlite(Path(path[1:]).absolute())
    query = dict(parse_qsl(parts.query))
    host = parts.hostname or query.pop("host", "")  # a folder is that of the server's socket
    if parts.scheme in ("postgres", "postgresql") and host and len(path) > 1:
        return Database(
            engine="django.db.backends.postgresql",
            name=path[1:],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=host,
            port=str(port or 5432),
            options={"connect_timeout": 5, **query},
        )
    raise ConfigurationError(
        "DATABASE_URL is no database that the register can use",
        why=f"its scheme is {parts.scheme or 'missing'!r}, or a host or name is missing",
        remedy=_REMEDY,
    )


def _sqlite(file: Path) -> Database:
    return Database("django.db.backends.sqlite3", str(file), options=_SQLITE_OPTIONS)
