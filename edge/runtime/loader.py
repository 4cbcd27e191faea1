"""The loader rung: the image's program, run by the image's own dynamic loader on the host.

The bytes that run are the image's, libraries included; nothing is isolated. Paths of the image in
the environment and on the command line are replaced by their places on the host.
"""

import signal
import tempfile
from pathlib import Path

from edge.oci.scoped import inside, parts_of
from edge.runtime.child import Child
from edge.runtime.elf import interpreter
from edge.runtime.mounts import on_host
from edge.runtime.spawn import dying_with_parent, spawn
from edge.runtime.spec import ProcessSpec
from protos.errors import ConfigurationError

_LIBRARIES = ("/usr/local/lib", "/usr/lib64", "/lib64", "/usr/lib", "/lib")


class Loader:
    """Runs processes by the image's dynamic loader."""

    rung = "loader"
    name = "loader"
    isolation = "none: a process of the host that runs the image's files"
    image_bytes_verified = True
    shares_network = True

    def start(self, spec: ProcessSpec) -> Child:
        """Starts the process. Raises ConfigurationError when its program has no loader."""
        rootfs, mounts = spec.image.rootfs, spec.mounts()
        env = {key: on_host(value, rootfs, mounts) for key, value in spec.environment().items()}
        words = spec.argv()
        program = find_program(rootfs, words[0], spec.environment()["PATH"])
        arguments = [on_host(word, rootfs, mounts) for word in words[1:]]
        argv = [*loader_command(rootfs, program), *arguments]
        argv = dying_with_parent(argv, signal.SIGKILL, privileges=False)
        return Child(spawn(argv, env=env, log=spec.log, cwd=Path(tempfile.gettempdir())))


def find_program(rootfs: Path, word: str, path: str) -> Path:
    """Where a program of the image lies on the host. Raises ConfigurationError."""
    names = [word] if "/" in word else [f"{folder}/{word}" for folder in path.split(":")]
    for name in names:
        place = inside(rootfs, parts_of(name))
        if place is not None and place.is_file():
            return place
    raise ConfigurationError(f"program {word!r} is not in the image", why=f"looked in {path}")


def loader_command(rootfs: Path, program: Path) -> list[str]:
    """The command line that runs `program` with the loader and the libraries of the image."""
    wanted = interpreter(program)
    loader = inside(rootfs, parts_of(wanted)) if wanted else None
    if loader is None or not loader.is_file():
        raise ConfigurationError(
            f"{program.name} has no dynamic loader in the image",
            why="it is static, a script, or for another libc",
            remedy="install bubblewrap, podman or docker",
        )
    folders = [loader.parent]
    for name in _LIBRARIES:
        place = inside(rootfs, parts_of(name))
        if place is not None and place.is_dir() and place not in folders:
            folders.append(place)
    # the file itself, not a link to it: an absolute link would be the host's loader
    paths = ":".join(str(folder) for folder in folders)
    return [str(loader), "--inhibit-cache", "--library-path", paths, str(program)]
