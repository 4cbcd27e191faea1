"""What is asked of a runtime, and what every rung of the ladder answers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.oci import UnpackedImage

# What engines set for an image that names no PATH.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Bind:
    """A folder or file of the host that the process sees at `target`, an absolute path."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class ProcessSpec:
    """One process to run from an image.

    `env` is added to the image's own. `command`, when given, replaces the image's `Cmd`; the
    entrypoint stays. `ports` maps a port in the container to an address and port of the host; it
    has no effect on a rung with `shares_network`. `log` gets what the process writes to its
    standard output and error, appended.
    """

    image: UnpackedImage
    name: str
    env: dict[str, str]
    log: Path
    command: list[str] | None = None
    ports: dict[int, tuple[str, int]] = field(default_factory=dict)
    binds: list[Bind] = field(default_factory=list)

    def mounts(self) -> list[Bind]:
        """Every bind, the model's folder first."""
        image = self.image
        if image.model is None or image.mount is None:
            return list(self.binds)
        return [Bind(image.model, image.mount, read_only=True), *self.binds]

    def environment(self) -> dict[str, str]:
        """The environment of the process: the image's, then the caller's."""
        return {"PATH": DEFAULT_PATH, "HOME": "/tmp", **self.image.config.env, **self.env}  # noqa: S108

    def argv(self) -> list[str]:
        """The command line in the image."""
        return self.image.config.argv(self.command)


class Process(Protocol):
    """A running process."""

    @property
    def pid(self) -> int:
        """The host's pid of the process itself, not of what wraps it."""

    def poll(self) -> int | None:
        """The exit code, or None while it runs. A process that a signal ended has 128 + signal."""

    def stop(self, grace_seconds: float) -> int:
        """SIGTERM to the process itself, SIGKILL after `grace_seconds`; returns the exit code."""


class Runtime(Protocol):
    """One rung of the ladder: a way to run a process from an image.

    `image_bytes_verified`: the code that runs is the image's, verified by digest. `shares_network`:
    the process uses the host's network, so the caller chooses the address it listens at.
    """

    @property
    def rung(self) -> str:
        """`engine`, `sandbox`, `loader` or `host python`."""

    @property
    def name(self) -> str:
        """The tool: `docker`, `podman`, `bwrap`, `unshare`, `loader`, `host-python`."""

    @property
    def isolation(self) -> str:
        """What separates the process from the host, in words."""

    @property
    def image_bytes_verified(self) -> bool:
        """Whether the code that runs is the image's, verified by digest."""

    @property
    def shares_network(self) -> bool:
        """Whether the process uses the host's network."""

    def start(self, spec: ProcessSpec) -> Process:
        """Starts the process. Raises Unavailable when it cannot be started."""
