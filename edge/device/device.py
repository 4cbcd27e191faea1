"""One device at work: its agent's steps and its link to the hub, until it is told to stop."""

import logging
import threading
from collections.abc import Callable

from edge.device.agent import Agent
from edge.device.config import AgentConfig
from edge.device.folder import DeviceFolder
from edge.device.link import HubLink
from edge.device.reported import shut_down
from edge.device.sdk_client import TwinClient
from edge.device.surroundings import Surroundings

_GOODBYE_SECONDS = 3.0
_log = logging.getLogger(__name__)


class Device:
    """A simulated device in `folder`. `client` makes a connection to the hub for its agent."""

    def __init__(
        self,
        device_id: str,
        folder: DeviceFolder,
        around: Surroundings,
        client: Callable[[], TwinClient],
        config: AgentConfig,
    ) -> None:
        self._config = config
        self._stop = threading.Event()
        self._agent = Agent(device_id, folder, around, config)
        self._link = HubLink(device_id, client, self._agent.desire, config)
        self._thread = threading.Thread(target=self._run, name=f"agent-{device_id}", daemon=True)

    def start(self) -> None:
        """Begins, and returns at once."""
        self._thread.start()
        self._link.start()

    def connected(self) -> bool:
        """Whether the device is connected to the hub now."""
        return self._link.connected()

    def stop(self) -> None:
        """Stops the modules, reports that nothing runs here any more, disconnects."""
        self._stop.set()
        # A step may be starting a module; after it, nobody else touches the processes.
        self._thread.join(self._config.stop_grace_seconds)
        self._link.publish(shut_down(self._agent.document()))
        self._agent.stop()
        self._link.close(_GOODBYE_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(self._config.tick_seconds):
            try:
                self._agent.step()
                self._link.publish(self._agent.document())
            except Exception:
                # A supervisor that dies leaves modules without one: it says so and goes on.
                _log.exception("%s: a step of the agent failed", self._agent.device_id)
                self._stop.wait(self._config.retry_seconds)
