"""The client in C: compiled on first use, for latencies, streams, mTLS and the first answer."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inference.processes import pinned
from protos.digests import digest_file
from protos.errors import ConfigurationError, Unavailable, VerificationFailed

SOURCES = Path(__file__).parent / "native"
_COMPILE_SECONDS = 120.0
_SPARE_SECONDS = 30.0
_LIBRARIES = ("-lnghttp2", "-lssl", "-lcrypto")
_APT = "apt-get install gcc libc6-dev libnghttp2-dev libssl-dev"


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: whom to trust, and who to be."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Told:
    """What the client saw. `first_ns` is the monotonic clock at the first good answer."""

    answers: int
    bad: int
    seconds: float
    p50_us: float
    p99_us: float
    first_ns: int

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answers / self.seconds


def parse_told(text: str, *, retried: bool = False) -> Told:
    """The client's one line of JSON. Raises VerificationFailed for bad answers, or none.

    `retried`: bad answers before the first good one are no failure.
    """
    told = Told(**json.loads(text))
    if (told.bad and not retried) or told.answers == 0:
        raise VerificationFailed(
            f"{told.bad} of {told.answers + told.bad} answers under load were not as expected"
        )
    return told


def compiled(cache: Path, name: str = "client") -> Path:
    """The program `native/<name>.c`, compiled into `cache`.

    Raises ConfigurationError when that cannot be done.
    """
    source = SOURCES / f"{name}.c"
    program = cache / f"{name}-{digest_file(source).removeprefix('sha256:')[:12]}"
    if program.is_file():
        return program
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise ConfigurationError("there is no C compiler", remedy=_APT)
    cache.mkdir(parents=True, exist_ok=True)
    new = program.with_suffix(".new")
    command = [compiler, "-O2", "-std=c11", "-o", str(new), str(source), *_LIBRARIES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS)
    if done.returncode != 0:
        raise ConfigurationError(
            f"{source.name} cannot be compiled", why=done.stderr[:500].strip(), remedy=_APT
        )
    new.replace(program)
    return program


@dataclass(frozen=True)
class Client:
    """The compiled client, pinned to `core`."""

    program: Path
    core: int

    def command(
        self, port: int, path: str, body: Path, seconds: float, *more: str, connections: int = 1
    ) -> list[str]:
        """The command line of one run."""
        words = {
            "--port": str(port),
            "--path": path,
            "--body": str(body),
            "--seconds": f"{seconds:g}",
            "--connections": str(connections),
        }
        return [str(self.program), *(word for pair in words.items() for word in pair), *more]

    def run(
        self,
        port: int,
        path: str,
        body: Path,
        seconds: float,
        *,
        connections: int = 1,
        streams: int = 1,
        holds: Path | None = None,
        bidi: bool = False,
        tls: Certificates | None = None,
    ) -> Told:
        """Asks in a closed loop for `seconds`; each answer must have the bytes in the file `holds`.

        Raises Unavailable, or as `parse_told`.
        """
        more = ["--streams", str(streams)]
        more += ["--holds", str(holds)] if holds else []
        more += ["--bidi"] if bidi else []
        more += ["--tls", str(tls.ca), str(tls.certificate), str(tls.key)] if tls else []
        command = self.command(port, path, body, seconds, *more, connections=connections)
        try:
            with pinned(self.core):
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=seconds + _SPARE_SECONDS
                )
        except subprocess.TimeoutExpired as error:
            raise Unavailable("the client does not come to an end") from error
        if done.returncode != 0:
            raise Unavailable("the client gave up", why=done.stderr[-500:].strip())
        return parse_told(done.stdout)


def round_trips(cache: Path, port: int, seconds: float, server_core: int, load_core: int) -> float:
    """Bare TCP round trips a second between the two cores: the floor under one connection.

    Raises ConfigurationError when it cannot be compiled, Unavailable when it does not run.
    """
    program = str(compiled(cache, "pingpong"))
    with pinned(server_core):
        server = subprocess.Popen([program, "serve", str(port)], stderr=subprocess.DEVNULL)
    try:
        with pinned(load_core):
            asked = [program, "ask", str(port), f"{seconds:g}"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=_SPARE_SECONDS)
        return float(done.stdout)
    except (ValueError, subprocess.TimeoutExpired) as error:
        raise Unavailable("bare TCP round trips cannot be measured", why=str(error)) from error
    finally:
        server.kill()
        server.wait()
