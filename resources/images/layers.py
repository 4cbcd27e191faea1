"""Makes layers, and remembers them, so that the same layer is made once.

    <cache>/plans/<hex>.json   what the sources looked like -> diff id
    <cache>/diffs/<hex>.json   diff id -> digest of the compressed layer
    <cache>/blobs/sha256/      the layers

A plan's key holds size, time and inode of each source, so unchanged sources are not even read.
The layer itself depends on content only: when just times changed, nothing is compressed again.
"""

import json
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.oci.descriptors import LAYER_GZIP, LAYER_TAR
from edge.oci.layer import GZIP_LEVEL, MEMBER_BYTES, Entry, GzipMembers, Hashing, write_tar
from edge.oci.store import BlobStore
from protos.digests import digest_bytes, digest_json
from protos.errors import IntegrityError
from resources.images.bytecode import bytecode
from resources.images.recipe import Layer

# Raise it when what this module makes of the same sources changes.
_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """A layer to be made: its sources, whether to compile Python and whether to compress."""

    role: str
    entries: list[Entry]
    compile: bool = False
    compress: bool = False


class LayerCache:
    """Layers that were made before, below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = BlobStore(root)
        for name in ("plans", "diffs"):
            (root / name).mkdir(exist_ok=True)

    def layer(self, plan: Plan, store: BlobStore) -> Layer:
        """Makes the layer, or finds it, and puts it into `store`."""
        start = time.perf_counter()
        key = plan_key(plan)
        known = self._read("plans", key)
        diff_id = known["diff_id"] if known else self._make(plan)
        blob = self._read("diffs", _name(diff_id, plan.compress))
        if blob is None or not self._store.intact(blob["digest"]):
            diff_id = self._make(plan)
            blob = self._read("diffs", _name(diff_id, plan.compress))
            if blob is None:  # cannot be: it was written just now
                raise IntegrityError(f"the layer cache in {self._root} does not keep layers")
        self._write("plans", key, {"diff_id": diff_id})
        store.add_file(self._store.path(blob["digest"]), blob["digest"])
        media_type = LAYER_GZIP if plan.compress else LAYER_TAR
        seconds = time.perf_counter() - start
        return Layer(plan.role, blob["digest"], diff_id, blob["size"], media_type, seconds)

    def _make(self, plan: Plan) -> str:
        """Makes the tar and, unless one with this diff id is here, stores it. Returns diff id."""
        entries = [*plan.entries, *(bytecode(plan.entries) if plan.compile else [])]
        raw = Hashing()
        write_tar(entries, raw)
        known = self._read("diffs", _name(raw.digest, plan.compress))
        if known is None or not self._store.intact(known["digest"]):
            again = Hashing()
            with tempfile.TemporaryFile(dir=self._root) as file:
                stored = Hashing(file)
                sink = GzipMembers(stored) if plan.compress else None
                again = Hashing(sink or stored)
                write_tar(entries, again)
                if sink is not None:
                    sink.close()
                file.seek(0)
                if again.digest != raw.digest:
                    raise IntegrityError(
                        f"the files of the {plan.role} layer changed while it was made",
                        remedy="build again",
                    )
                self._store.add(file, stored.digest)
            self._write(
                "diffs",
                _name(raw.digest, plan.compress),
                {"digest": stored.digest, "size": stored.size},
            )
        return raw.digest

    def _read(self, kind: str, name: str) -> Any:
        try:
            return json.loads((self._root / kind / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def _write(self, kind: str, name: str, value: dict[str, Any]) -> None:
        path = self._root / kind / f"{name}.json"
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
            file.write(json.dumps(value).encode())
        Path(file.name).replace(path)


def plan_key(plan: Plan) -> str:
    """A key for what the sources look like: their paths, sizes, times and inodes, not content."""
    tools = [_FORMAT, sys.version, zlib.ZLIB_RUNTIME_VERSION, GZIP_LEVEL, MEMBER_BYTES]
    entries = sorted((_look(entry) for entry in plan.entries), key=lambda look: str(look[0]))
    return digest_json([tools, plan.compile, plan.compress, entries]).removeprefix("sha256:")


def _look(entry: Entry) -> list[Any]:
    head = [entry.path, entry.mode, entry.link]
    if isinstance(entry.content, Path):
        stat = entry.content.stat()
        return [*head, str(entry.content), stat.st_size, stat.st_mtime_ns, stat.st_ino]
    return [*head, digest_bytes(entry.content) if entry.content is not None else None]


def _name(diff_id: str, compress: bool) -> str:
    return diff_id.removeprefix("sha256:") + (".gz" if compress else ".tar")
