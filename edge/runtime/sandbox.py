"""The sandbox rung: the image's root file system in namespaces of Linux, without an engine.

`bwrap` (bubblewrap) where it is installed, else `unshare` of util-linux. The process has its own
user, mount, pid, ipc and uts namespaces, no capabilities, a read-only root; it shares the network.
"""

import shlex
import shutil
import signal
from pathlib import Path

from edge.runtime.child import Child
from edge.runtime.mounts import make_mount_points
from edge.runtime.spawn import dying_with_parent, spawn
from edge.runtime.spec import Bind, ProcessSpec

# The user that images of this project run as: the number that distroless images call `nonroot`.
USER = 65532
# So that names resolve in the process as they do on the host, whose network it shares.
_NAME_FILES = ("/etc/hosts", "/etc/resolv.conf")
_DEVICES = ("null", "zero", "full", "random", "urandom")


class Sandbox:
    """Runs processes by `bwrap` or `unshare`; `tool` is which."""

    rung = "sandbox"
    image_bytes_verified = True
    shares_network = True

    def __init__(self, tool: str) -> None:
        self.name = tool
        self.isolation = "user, mount, pid, ipc and uts namespaces; host network"

    def start(self, spec: ProcessSpec) -> Child:
        """Starts the process. Raises Unavailable, or ConfigurationError for a bad mount."""
        mounts = [*name_files(), *spec.mounts()]
        make_mount_points(spec.image.rootfs, mounts)
        command = bwrap_command if self.name == "bwrap" else unshare_command
        argv = command(spec.image.rootfs, mounts, spec.argv())
        popen = spawn(argv, env=spec.environment(), log=spec.log)
        return Child(popen, depth=2)


def name_files() -> list[Bind]:
    """The host's own files for resolving names, those that exist."""
    return [
        Bind(path.resolve(), str(path), read_only=True)
        for path in map(Path, _NAME_FILES)
        if path.exists()
    ]


def bwrap_command(rootfs: Path, mounts: list[Bind], argv: list[str]) -> list[str]:
    """The command line of bwrap; the mount points exist already."""
    flags = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    flags += ["--uid", str(USER), "--gid", str(USER), "--cap-drop", "ALL", "--die-with-parent"]
    flags += ["--ro-bind", str(rootfs.absolute()), "/"]
    flags += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/"]  # noqa: S108
    for mount in mounts:
        kind = "--ro-bind" if mount.read_only else "--bind"
        flags += [kind, str(mount.source.absolute()), mount.target]
    return [_tool("bwrap"), *flags, "--", *argv]


def unshare_command(rootfs: Path, mounts: list[Bind], argv: list[str]) -> list[str]:
    """The command line of unshare: namespaces, mounts by a short script, then chroot.

    The second unshare enters a user namespace below the first, as a user without capabilities in
    either, and waits as pid 1 for the process.
    """
    root = str(rootfs.absolute())
    unshare = _tool("unshare")
    inner = [unshare, "--user", f"--map-user={USER}", f"--map-group={USER}", "--fork"]
    inner += ["--kill-child=SIGKILL", f"--root={root}", "--wd=/", "--", *argv]
    outer = [unshare, "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts", "--fork"]
    outer += ["--kill-child=SIGKILL", "--", "/bin/sh", "-euc", _script(root, mounts, inner)]
    return dying_with_parent(outer, signal.SIGKILL, privileges=False)


def _script(root: str, mounts: list[Bind], command: list[str]) -> str:
    mount = shlex.quote(_tool("mount"))
    at = shlex.quote(root)
    lines = [
        f"{mount} --rbind {at} {at}",
        f"{mount} -o remount,bind,ro {at}",
        f"{mount} -t proc proc {at}/proc",
        f"{mount} -t tmpfs -o mode=1777 tmpfs {at}/tmp",  # noqa: S108
        f"{mount} -t tmpfs -o mode=755 tmpfs {at}/dev",
    ]
    for device in _DEVICES:
        lines.append(f": > {at}/dev/{device}")
        lines.append(f"{mount} --bind /dev/{device} {at}/dev/{device}")
    for bind in mounts:
        source = shlex.quote(str(bind.source.absolute()))
        target = shlex.quote(root + bind.target)
        lines.append(f"{mount} --bind {source} {target}")
        if bind.read_only:
            # in a user namespace the flags that the host's mount has must be kept
            lines.append(
                f"{mount} -o remount,bind,ro,nosuid,nodev {target} 2>/dev/null ||"
                f" {mount} -o remount,bind,ro {target}"
            )
    return "\n".join([*lines, "exec " + shlex.join(command)])


def _tool(name: str) -> str:
    return shutil.which(name) or name
