"""The engine rung: a container of docker or podman.

The container uses the host's network, as the local hub listens on loopback only; root file system
read only, no capabilities, no new privileges, user 65532.
"""

import itertools
import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from edge.oci import BlobStore
from edge.oci.image import ImageDocuments, read_image
from edge.runtime.archive import write_archive
from edge.runtime.engine_child import Container, container_name, ensure_reaper
from edge.runtime.sandbox import USER
from edge.runtime.spawn import dying_with_parent, spawn
from edge.runtime.spec import Bind, ProcessSpec
from protos.digests import short
from protos.errors import IntegrityError, NotFound, Unavailable

_LOAD_SECONDS = 300.0
_ASK_SECONDS = 30.0
_NUMBERS = itertools.count(1)
# These the engine's own command needs; for the container they are written out.
_RESERVED = re.compile(r"PATH|HOME|TMPDIR|(LD|XDG|DOCKER|CONTAINERS?|BUILDAH|REGISTRY|GO)_?.*")


@dataclass(frozen=True)
class Variant:
    """Flags that an engine may need on a machine: before `run` and after it."""

    flags: tuple[str, ...] = ()
    run_flags: tuple[str, ...] = ()


# Without limits on the host, podman asks for more than a small VM's kernel allows; and crun needs
# cgroups v2. The probe takes the first that runs.
VARIANTS = {
    "docker": (Variant(),),
    "podman": (
        Variant(),
        Variant(("--runtime", "runc")),
        Variant(
            ("--runtime", "runc"),
            ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
        ),
    ),
}


class Engine:
    """Runs processes as containers of `docker` or `podman`."""

    rung = "engine"
    isolation = "container; host network"
    image_bytes_verified = True
    shares_network = True

    def __init__(self, tool: str, variant: Variant) -> None:
        self.name = tool
        self._variant = variant
        self._loading = threading.Lock()

    def start(self, spec: ProcessSpec) -> Container:
        """Starts a container. Raises Unavailable, or IntegrityError if the image was not taken."""
        store = spec.image.store
        if store is None:
            raise NotFound(f"image {short(spec.image.digest)} came without its blobs")
        image = read_image(store, spec.image.digest)
        name = image_name(image)
        with self._loading:
            self._load(store, image, name)  # each time: people prune their engines
        ensure_reaper(self.tool())
        mounts = spec.mounts()
        for mount in mounts:
            if not mount.read_only:
                give_to_user(mount.source)
        container = container_name(next(_NUMBERS), spec.name)
        argv, env = self.command(spec, mounts, name, container)
        argv = dying_with_parent(argv, signal.SIGTERM, privileges=True)
        return Container(spawn(argv, env=env, log=spec.log), self.tool(), container)

    def tool(self) -> list[str]:
        """The engine's command with its global flags."""
        return [shutil.which(self.name) or self.name, *self._variant.flags]

    def command(
        self, spec: ProcessSpec, mounts: list[Bind], image: str, container: str
    ) -> tuple[list[str], dict[str, str]]:
        """The command line that runs a container, and the environment to run it in.

        Values of the environment pass by name, so that no secret is on a command line.
        """
        argv = [*self.tool(), "run", "--rm", "--name", container, "--pull", "never"]
        argv += ["--network", "host", "--read-only", "--tmpfs", "/tmp", "--log-driver", "none"]  # noqa: S108
        argv += ["--cap-drop", "all", "--security-opt", "no-new-privileges"]
        argv += ["--user", f"{USER}:{USER}", *self._variant.run_flags]
        env = dict(os.environ)
        for key, value in {"HOME": "/tmp", **spec.env}.items():  # noqa: S108
            if _RESERVED.fullmatch(key):
                argv += ["--env", f"{key}={value}"]
            else:
                argv += ["--env", key]
                env[key] = value
        for mount in mounts:
            flag = ":ro" if mount.read_only else ""
            argv += ["--volume", f"{mount.source.absolute()}:{mount.target}{flag}"]
        words = spec.argv()
        # the entrypoint is one word for the engines: the rest of it goes before the command
        argv += ["--entrypoint", words[0], image, *words[1:]]
        return argv, env

    def _load(self, store: BlobStore, image: ImageDocuments, name: str) -> None:
        if self._has(name, image):
            return
        with subprocess.Popen(
            [*self.tool(), "load", "--quiet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as load:
            if load.stdin is None or load.stderr is None:  # cannot be: both are pipes
                raise Unavailable(f"{self.name} load has no pipes")
            try:
                with load.stdin as stdin:
                    write_archive(store, image, name, stdin)
                code = load.wait(_LOAD_SECONDS)
            except (OSError, subprocess.TimeoutExpired) as error:
                load.kill()
                raise Unavailable(f"{self.name} did not take the image", why=str(error)) from error
            if code:
                why = load.stderr.read(2000).decode(errors="replace").strip()
                raise Unavailable(f"{self.name} did not take the image", why=why)
        if not self._has(name, image):
            raise IntegrityError(f"{self.name} made another image of {short(image.digest)}")

    def _has(self, name: str, image: ImageDocuments) -> bool:
        argv = [*self.tool(), "image", "inspect", "--format", "{{.Id}}", name]
        try:
            found = subprocess.run(argv, capture_output=True, text=True, timeout=_ASK_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{self.name} does not answer", why=str(error)) from error
        # an image's id is the digest of its config; with docker's containerd store, its manifest
        known = {image.config_digest, image.manifest.digest}
        identity = found.stdout.strip()
        return f"sha256:{identity.removeprefix('sha256:')}" in known


def image_name(image: ImageDocuments) -> str:
    """The local name of an image in an engine: never pushed, never pulled."""
    return f"localhost/edge-assets:{image.manifest.digest.removeprefix('sha256:')}"


def give_to_user(folder: Path) -> None:
    """Lets the container's user write to a bound folder: owned by it, or else open to all."""
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
    elif folder.is_dir():
        folder.chmod(0o777)
