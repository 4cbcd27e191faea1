"""One agent in a world in memory."""

import socket
from pathlib import Path
from typing import Any

from edge.device.agent import Agent
from edge.device.config import AgentConfig
from edge.device.folder import DeviceFolder
from edge.device.launch import HubAddress
from edge.device.ports import PortBook
from edge.device.reported import DeviceFacts
from edge.device.surroundings import Surroundings
from edge.device.testing import FakeIdentities, FakeImages, FakeRuntime, Inline


def image_reference(letter: str) -> str:
    return f"localhost:18443/scorer@sha256:{letter * 64}"


class Bench:
    """One agent in a world in memory; `now` is its clock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 1000.0
        self.runtime = FakeRuntime()
        self.images = FakeImages(root)
        self.identities = FakeIdentities()
        self.version = 0
        self.agent = self.boot()

    def boot(self) -> Agent:
        around = Surroundings(
            runtime=self.runtime,
            images=self.images,
            identities=self.identities,
            ports=PortBook(unused=lambda port: True, reserve=lambda port: socket.socket()),
            executor=Inline(),
            hub=HubAddress("localhost:18443", "127.0.0.2", None),
            facts=DeviceFacts("0.1.0", "x86_64", "linux", "fake", 0.0),
            clock=lambda: self.now,
        )
        self.agent = Agent("line-1", DeviceFolder(self.root / "line-1"), around, AgentConfig())
        return self.agent

    def deploy(self, modules: dict[str, Any], more: dict[str, Any] | None = None) -> None:
        self.version += 1
        properties = {"schemaVersion": "1.1", "$version": self.version, "modules": modules}
        self.agent.desire({**properties, **(more or {})})
        self.settle()

    def settle(self, steps: int = 3) -> None:
        for _ in range(steps):
            self.agent.step()

    @property
    def status(self) -> tuple[int, int]:
        """Version and code of the report."""
        report = self.agent.document()
        return report["lastDesiredVersion"], report["lastDesiredStatus"]["code"]

    def module(self, name: str) -> Any:
        return self.agent.document()["modules"][name]


def module(letter: str = "a", **fields: Any) -> dict[str, Any]:
    return {"settings": {"image": image_reference(letter)}, **fields}
