"""The state of the hub: JSON documents in one SQLite file (WAL), with every document in memory.

Documents are found by (kind, owner, name): a device's identity is ("identity", device, ""), a
module's ("identity", device, module). They are replaced, never changed in place, so that the
memory copy and a rollback stay simple. Used from one thread only.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.local_hub.values import Doc
from protos.errors import ConfigurationError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, owner, name)
) WITHOUT ROWID
"""


class Documents:
    """Documents of the file at `path`, made if missing.

    The file is held exclusively: a second hub on the same state is refused with
    ConfigurationError.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.5)
        self._in_transaction = False
        try:
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_SCHEMA)
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise ConfigurationError(
                f"the state in {path.parent} cannot be opened",
                why=f"{error}; another hub is probably running on it",
                remedy="stop that hub, or give this one another --state",
            ) from error
        self._cache: dict[str, dict[str, dict[str, Doc]]] = {}
        self._load()

    def get(self, kind: str, owner: str, name: str = "") -> Doc | None:
        """One document, or None."""
        return self._cache.get(kind, {}).get(owner, {}).get(name)

    def owners(self, kind: str) -> list[str]:
        """The owners that have documents of this kind, sorted."""
        return sorted(owner for owner, named in self._cache.get(kind, {}).items() if named)

    def names(self, kind: str, owner: str) -> list[str]:
        """The names below an owner, sorted."""
        return sorted(self._cache.get(kind, {}).get(owner, {}))

    def put(self, kind: str, owner: str, name: str, body: Doc) -> None:
        """Writes one document; outside a transaction it is committed at once."""
        self._connection.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
            (kind, owner, name, json.dumps(body, separators=(",", ":"))),
        )
        self.remember(kind, owner, name, body)

    def remember(self, kind: str, owner: str, name: str, body: Doc) -> None:
        """Puts one document into memory only: for what may be lost at a restart."""
        self._cache.setdefault(kind, {}).setdefault(owner, {})[name] = body

    def delete(self, kind: str, owner: str, name: str = "") -> None:
        """Removes one document; no error if there is none."""
        self._connection.execute(
            "DELETE FROM documents WHERE kind = ? AND owner = ? AND name = ?", (kind, owner, name)
        )
        self._cache.get(kind, {}).get(owner, {}).pop(name, None)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or none of them if an exception leaves the block. Nests."""
        if self._in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        self._in_transaction = True
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._load()
            raise
        finally:
            self._in_transaction = False

    def close(self) -> None:
        """Closes the file; the documents are of no use afterwards."""
        self._connection.close()

    def _load(self) -> None:
        self._cache = {}
        for kind, owner, name, body in self._connection.execute("SELECT * FROM documents"):
            self._cache.setdefault(kind, {}).setdefault(owner, {})[name] = json.loads(body)
