"""`Supervisor`: the local hub, a fleet and Dagster as one thing that is entered and left.

    with Supervisor(Path(".edge"), dagster=False) as up:
        hub = Hub.from_settings(load_settings(up.environment))

Entering starts everything and waits until it is ready; leaving, for whatever reason, stops it in
order within 15 seconds and leaves no process behind. All state is below `home`, so entering again
goes on where it was.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from edge_assets.core.fleet import DeviceObservation
from edgectl import programs
from edgectl.leftovers import Lock, end_leftovers
from edgectl.local_environment import (
    HubAddress,
    local_variables,
    make_secrets,
    read_hub_address,
    write_env_file,
)
from edgectl.models import deployed_models
from edgectl.process_tree import ChildStatus, ProcessTree, Readiness
from edgectl.seeding import (
    DEFAULT_RINGS,
    DeviceSeed,
    known_models,
    make_landing_folders,
    planned_fleet,
    seed_fleet,
)
from protos.errors import Unavailable
from resources.hub import Hub
from resources.settings import load_settings

HUB_SECONDS, FLEET_SECONDS, DAGSTER_SECONDS = 30.0, 60.0, 180.0

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs everything of one home. `say` is told what happens, a line at a time.

    `devices` are seeded on every start; devices that the hub knows from before run as well.
    Entering raises ConfigurationError when the home is in use, Unavailable or DeadlineExceeded when
    something does not start; what was started until then is stopped.
    """

    def __init__(
        self,
        home: Path,
        dagster: bool = True,
        devices: Sequence[DeviceSeed] | None = None,
        *,
        say: Callable[[str], None] = _log.info,
    ) -> None:
        self.home = home.expanduser().absolute()
        self.ui_url: str | None = None
        self.hub_host = ""
        self.environment: dict[str, str] = {}
        self.landing = ""
        self.devices: list[str] = []
        self._dagster = dagster
        self._seeds = (
            planned_fleet(DEFAULT_RINGS, known_models()) if devices is None else list(devices)
        )
        self._tell = say
        self._lock = Lock(self.home)
        self._tree = ProcessTree(self.home / "children.json", self._say)
        self._stop_asked = threading.Event()
        self._old_handlers: dict[int, Any] = {}
        # Whether a signal breaks into what is being done. Never while processes are started or
        # stopped: one that was just started could be lost.
        self._interrupts = False
        self._hub: Hub | None = None

    def __enter__(self) -> "Supervisor":
        self._lock.take()
        self._take_signals()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        self._interrupts = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def hub(self) -> Hub:
        """The local hub, with the rights of its owner."""
        if self._hub is None:
            raise Unavailable("the local hub is not started", remedy="enter the supervisor first")
        return self._hub

    def status(self) -> list[ChildStatus]:
        """The processes, in the order of their start."""
        return self._tree.status()

    def observe(self, model: str) -> list[DeviceObservation]:
        """The fleet as the hub shows it."""
        return self.hub.observe(model)

    def deployed(self) -> list[str]:
        """The edge models of which a release is at the hub."""
        return deployed_models(self.hub)

    def wait(self, seconds: float) -> bool:
        """Waits that long; True as soon as a stop was asked for (Ctrl-C, SIGTERM)."""
        return self._stop_asked.wait(seconds)

    def _say(self, line: str) -> None:
        """Telling must never keep us from stopping, even if the terminal is gone."""
        with suppress(OSError, ValueError):
            self._tell(line)

    def _start(self) -> None:
        for name in end_leftovers(self.home / "children.json"):
            self._say(f"{name}: ended what an earlier, killed supervisor left running")
        made = make_secrets(self.home)
        address = self._start_hub(made)
        places = programs.chosen_places() if self._dagster else {}
        self.environment = {**local_variables(self.home, made, address), **places}
        self.hub_host = address.host
        write_env_file(self.home / "local.env", {**made, **self.environment})
        settings = load_settings({**self.environment, **_runtime()})
        self.landing = settings.landing
        for folder in (settings.landing, settings.quarantine):
            if "://" not in folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
        if self._dagster and "://" not in self.landing:
            make_landing_folders(Path(self.landing))
        self._hub = Hub.from_settings(settings)
        new = seed_fleet(self._hub, made["EDGE_FLEET_KEY"], self._seeds)
        if new:
            self._say(f"fleet: created {', '.join(new)}")
        self.devices = sorted(twin.device_id for twin in self._hub.devices())
        self._start_others(made, address)

    def _start_hub(self, made: dict[str, str]) -> HubAddress:
        self._tree.start(programs.hub_program(self.home, made))

        def pid() -> int | None:
            return next(c.pid for c in self._tree.status() if c.name == programs.HUB)

        ready = Readiness(
            "its address and a connection", programs.hub_ready(self.home, pid), HUB_SECONDS
        )
        self._tree.wait_ready(programs.HUB, self._unless_stopped(ready))
        address = read_hub_address(self.home / "hub")
        if address is None:
            raise Unavailable("the local hub went away again", remedy="read its log in logs/")
        return address

    def _start_others(self, made: dict[str, str], address: HubAddress) -> None:
        """Dagster's web page takes longest: it is started first and waited for after the fleet.

        The daemon comes after it: both make Dagster's database when there is none yet, and two
        at once fail.
        """
        port = programs.free_port()
        web, daemon = programs.dagster_programs(self.home, self.environment, port)
        if self._dagster:
            self._tree.start(web)
        if self.devices:
            self._tree.start(programs.fleet_program(self.home, made, address, self.devices))
            what = f"{len(self.devices)} devices to connect"
            self._wait(programs.FLEET, what, self._all_connected, FLEET_SECONDS)
        if self._dagster:
            ready = programs.webserver_ready(port)
            self._wait(programs.WEBSERVER, "its web page", ready, DAGSTER_SECONDS)
            self._tree.start(daemon)
            alive = programs.daemon_ready(port)
            self._wait(programs.DAEMON, "a sign of life", alive, DAGSTER_SECONDS)
            self.ui_url = f"http://127.0.0.1:{port}"
            (self.home / "ui.port").write_text(str(port))

    def _wait(self, name: str, what: str, probe: Callable[[], bool], seconds: float) -> None:
        self._tree.wait_ready(name, self._unless_stopped(Readiness(what, probe, seconds)))

    def _all_connected(self) -> bool:
        agents = self.hub.edge_agents()
        connected = {twin.device_id for twin in agents if twin.connected}
        return connected.issuperset(self.devices)

    def _unless_stopped(self, readiness: Readiness) -> Readiness:
        """Lets Ctrl-C end a start: a signal handler only notes it, so the wait has to look."""

        def probe() -> bool:
            if self._stop_asked.is_set():
                raise KeyboardInterrupt
            return readiness.probe()

        return Readiness(readiness.what, probe, readiness.deadline_seconds)

    def _take_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # whoever runs this in a thread leaves it by leaving the block
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self._old_handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks for a stop; inside of the block it ends that work as well."""
        if not self._stop_asked.is_set():
            self._stop_asked.set()
            if self._interrupts:
                raise KeyboardInterrupt

    def serve(self, show: Callable[[], None], every_seconds: float = 1.0) -> None:
        """Calls `show` again and again until a stop is asked for."""
        self._interrupts = False
        while not self.wait(every_seconds):
            show()

    def _stop(self) -> None:
        began = time.monotonic()
        self._interrupts = False
        self._stop_asked.set()
        self._say("stopping everything, which takes a few seconds")
        self._tree.stop(programs.STOP_ORDER)
        self._lock.free()
        for number, handler in self._old_handlers.items():
            with suppress(TypeError):
                signal.signal(number, handler)
        self._old_handlers.clear()
        self._say(f"everything stopped after {time.monotonic() - began:.1f} s")


def _runtime() -> dict[str, str]:
    environment = programs.plain_environment()
    return {"EDGE_RUNTIME": environment["EDGE_RUNTIME"]} if "EDGE_RUNTIME" in environment else {}
