"""What an agent works with besides its decisions, in one place; tests bring their own."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from edge.device.identity import Identities
from edge.device.images import ImageSource
from edge.device.launch import HubAddress
from edge.device.ports import PortBook
from edge.device.reported import DeviceFacts
from edge.runtime import Runtime


@dataclass(frozen=True)
class Surroundings:
    """The world of one agent. `clock` is in seconds since 1970."""

    runtime: Runtime
    images: ImageSource
    identities: Identities
    ports: PortBook
    executor: Executor
    hub: HubAddress
    facts: DeviceFacts
    clock: Callable[[], float] = time.time
