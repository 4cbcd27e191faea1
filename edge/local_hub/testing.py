"""A local hub for tests: `with running_hub(tmp_path) as hub: ...`. In a thread of this process."""

import asyncio
import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from edge.local_hub.access import OWNER
from edge.local_hub.limits import Limits
from edge.local_hub.server import HubInfo, serve
from edge.local_hub.settings import REGISTRY_USERNAME, HubSettings

_START_SECONDS, _STOP_SECONDS = 30.0, 15.0
_TEST_PORT = 0


@dataclass(frozen=True)
class RunningHub:
    """Where the hub is, and the secrets to use it with."""

    connection_string: str
    host: str
    gateway: str
    ca: Path
    registry: str
    registry_username: str
    registry_password: str
    telemetry: Path
    owner_key: str


@contextmanager
def running_hub(
    state: Path,
    *,
    limits: Limits | None = None,
    owner_key: str | None = None,
    registry_password: str | None = None,
    port: int | None = None,
) -> Iterator[RunningHub]:
    """A hub on the state folder `state`, until the block ends. Starts in about half a second.

    Secrets are random unless given; give them to start again on the same state. The port is any
    free one (that of the last start on this state, if it is free). Raises what the start raised.
    """
    settings = HubSettings(
        state=state / "hub",
        owner_key=owner_key or base64.b64encode(secrets.token_bytes(32)).decode(),
        registry_password=registry_password or secrets.token_urlsafe(16),
        port=_last_or_any(state, port),
        limits=limits or Limits(),
    )
    runner = _Runner(settings)
    info = runner.start()
    try:
        yield RunningHub(
            connection_string=(
                f"HostName={info.host};SharedAccessKeyName={OWNER};"
                f"SharedAccessKey={settings.owner_key}"
            ),
            host=info.host,
            gateway=info.gateway,
            ca=Path(info.ca),
            registry=info.registry,
            registry_username=REGISTRY_USERNAME,
            registry_password=settings.registry_password,
            telemetry=Path(info.telemetry),
            owner_key=settings.owner_key,
        )
    finally:
        runner.stop()


def _last_or_any(state: Path, port: int | None) -> int | None:
    """A test never takes the default port, which may be a person's; None means the last one."""
    known = (state / "hub" / "addresses.json").exists()
    return port if port is not None or known else _TEST_PORT


class _Runner:
    def __init__(self, settings: HubSettings) -> None:
        self._settings = settings
        self._outcome: Queue[HubInfo | BaseException] = Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="local-hub", daemon=True)

    def start(self) -> HubInfo:
        self._thread.start()
        outcome = self._outcome.get(timeout=_START_SECONDS)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOP_SECONDS)
        if not self._outcome.empty():
            raise RuntimeError("the hub did not stop cleanly") from _error(self._outcome.get())

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # handed to the thread that started us
            self._outcome.put(error)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await serve(self._settings, self._stop, self._outcome.put)


def _error(outcome: HubInfo | BaseException) -> BaseException | None:
    return outcome if isinstance(outcome, BaseException) else None
