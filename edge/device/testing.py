"""A device's world in memory, behind the seams of production: hub, registry, runtime, clock."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from edge.device.images import Credentials
from edge.oci import BlobStore, ImageConfig, UnpackedImage
from edge.runtime import ProcessSpec
from protos.errors import Unavailable


class FakeProcess:
    """A process that runs until `end` or `stop`."""

    def __init__(self, spec: ProcessSpec, pid: int) -> None:
        self.spec, self.pid = spec, pid
        self.code: int | None = None
        self.stopped = False

    def end(self, code: int) -> None:
        """Lets the process exit by itself."""
        self.code = code

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.code

    def stop(self, grace_seconds: float) -> int:
        """Ends the process as SIGTERM does."""
        self.stopped = True
        if self.code is None:
            self.code = 143
        return self.code


class FakeRuntime:
    """Remembers what was started, in `started`; with `refuse` set, nothing can be."""

    rung = "fake"
    name = "fake"
    isolation = "none"
    image_bytes_verified = True
    shares_network = True

    def __init__(self) -> None:
        self.started: list[FakeProcess] = []
        self.refuse = ""

    def start(self, spec: ProcessSpec) -> FakeProcess:
        """Starts nothing and says so."""
        if self.refuse:
            raise Unavailable(self.refuse)
        # No such process can exist: ids end at 2**22 on Linux.
        process = FakeProcess(spec, 2**22 + 1 + len(self.started))
        self.started.append(process)
        return process

    def running(self) -> dict[str, FakeProcess]:
        """The living processes by name."""
        return {p.spec.name: p for p in self.started if p.poll() is None}


class FakeImages:
    """Every image is there, except those whose reference is in `missing`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.missing: set[str] = set()
        self.prepared: list[str] = []

    def prepare(
        self, image: str, model: Path, *, pull: bool, credentials: Credentials
    ) -> UnpackedImage:
        """Unpacks an empty image."""
        self.prepared.append(image)
        if image in self.missing:
            raise Unavailable("the registry does not answer")
        model.mkdir(parents=True, exist_ok=True)
        digest = image.partition("@")[2]
        store = BlobStore(self._root / "blobs")
        return UnpackedImage(digest, self._root, model, ImageConfig(), "/model", store)


class FakeIdentities:
    """Gives out keys; with `down` set, the hub does not answer."""

    def __init__(self) -> None:
        self.down = False

    def module_key(self, module_id: str) -> str:
        """A key that names its module."""
        if self.down:
            raise Unavailable("the hub does not answer")
        return f"key-of-{module_id}"


class Inline(Executor):
    """Does the work at once, in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls `fn` and keeps what came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class MemoryHub:
    """The hub as one `$edgeAgent` sees it; `connect` makes a client, as a device's link wants it.

    `down` refuses connections and calls, `reports` counts the patches that arrived.
    """

    def __init__(self) -> None:
        self.desired: dict[str, Any] = {"$version": 1}
        self.reported: dict[str, Any] = {"$version": 1}
        self.down = False
        self.reports = 0
        self.clients: list[MemoryClient] = []
        self.lock = threading.Lock()

    def connect(self) -> "MemoryClient":
        """A fresh client, not yet connected."""
        client = MemoryClient(self)
        self.clients.append(client)
        return client

    def deploy(self, properties: Mapping[str, Any]) -> None:
        """Sets the desired properties and tells whoever is connected."""
        with self.lock:
            self.desired = {**properties, "$version": self.desired["$version"] + 1}
        for client in self._connected():
            client.changed()

    def lose(self) -> None:
        """Drops every connection."""
        for client in self._connected():
            client.up = False
            client.changed()

    def _connected(self) -> Iterator["MemoryClient"]:
        return (client for client in list(self.clients) if client.up)


class MemoryClient:
    """A TwinClient of a MemoryHub."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self.up = False
        self.changed: Callable[[], None] = lambda: None

    def connect(self, changed: Callable[[], None]) -> None:
        """Connects."""
        self._ask()
        self.changed, self.up = changed, True

    def connected(self) -> bool:
        """Whether the connection stands."""
        return self.up

    def twin(self) -> Mapping[str, Any]:
        """The whole twin."""
        self._ask()
        with self._hub.lock:
            return {"desired": dict(self._hub.desired), "reported": dict(self._hub.reported)}

    def report(self, patch: Mapping[str, Any]) -> None:
        """Merges as IoT Hub does: null removes."""
        self._ask()
        with self._hub.lock:
            self._hub.reported = _merge(self._hub.reported, patch)
            self._hub.reports += 1

    def close(self) -> None:
        """Disconnects."""
        self.up = False

    def _ask(self) -> None:
        if self._hub.down:
            raise Unavailable("the hub does not answer")


def _merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = _merge(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
