"""The shared libraries that programs need, as the host's own dynamic loader finds them."""

import functools
import re
import subprocess
from pathlib import Path

from protos.errors import ConfigurationError

_FOUND = re.compile(r"^\s+(?:(?P<name>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_LDD_SECONDS = 60.0
_BATCH = 200

# What wheels for Linux expect of every system (PEP 600, "manylinux" policies; the graphical ones
# left out), and what glibc before 2.34 loads to resolve names.
EXPECTED = (
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libz.so.1",
    "libnss_files.so.2",
    "libnss_dns.so.2",
)


@functools.cache  # the libraries of a running system stay where they are
def closure(programs: tuple[Path, ...]) -> dict[str, Path]:
    """Every library that `programs` load, and the loader: name to place on the host.

    Asks `ldd`, so programs must be the host's own, never downloaded ones. Raises
    ConfigurationError when there is no ldd.
    """
    todo = sorted(str(program) for program in programs)
    found: dict[str, Path] = {}
    for start in range(0, len(todo), _BATCH):
        try:
            # a static program makes ldd fail; the others are answered all the same
            answer = subprocess.run(
                ["ldd", *todo[start : start + _BATCH]],
                capture_output=True,
                text=True,
                timeout=_LDD_SECONDS,
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigurationError(
                "the libraries of this Python cannot be found",
                why=f"ldd does not run: {error}",
                remedy="build on a Linux with glibc, or use a base image from a registry",
            ) from error
        found.update(parse_ldd(answer.stdout))
    return dict(sorted(found.items()))


def parse_ldd(text: str) -> dict[str, Path]:
    """The libraries in the output of ldd: name to path; those not found are left out."""
    return {
        match["name"] or Path(match["path"]).name: Path(match["path"])
        for match in _FOUND.finditer(text)
        if "/" not in (match["name"] or "")
    }


def with_expected(found: dict[str, Path]) -> dict[str, Path]:
    """`found`, and the libraries that wheels expect, from the folders where libraries are."""
    folders = sorted({path.parent for path in found.values()})
    more = {
        name: folder / name
        for name in EXPECTED
        for folder in folders
        if name not in found and (folder / name).exists()
    }
    return dict(sorted({**more, **found}.items()))
