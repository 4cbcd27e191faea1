"""h2load: the load generator for unary calls, and what it says."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inference.processes import pinned
from benchmarks.inference.questions import UNARY
from protos.errors import ConfigurationError, Unavailable, VerificationFailed

_HEADERS = ("content-type: application/grpc", "te: trailers", "grpc-timeout: 10S")
_SPARE_SECONDS = 30.0
_FINISHED = re.compile(r"finished in (?P<number>[\d.]+)(?P<unit>us|ms|s)\b")
_REQUESTS = re.compile(
    r"requests: (?P<total>\d+) total, \d+ started, (?P<done>\d+) done, (?P<good>\d+) succeeded, "
    r"(?P<failed>\d+) failed, (?P<errored>\d+) errored, (?P<late>\d+) timeout"
)
_STATUS = re.compile(r"status codes: (?P<good>\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")
_DATA = re.compile(r"\((?P<bytes>\d+)\) data")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Load:
    """What h2load saw: good answers, in which time, and the bytes of their bodies."""

    answers: int
    seconds: float
    data_bytes: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def parse_h2load(text: str) -> Load:
    """The summary that h2load prints.

    Raises VerificationFailed if a request failed or none was answered, and Unavailable if the
    text is no summary.
    """
    finished, requests = _FINISHED.search(text), _REQUESTS.search(text)
    status, data = _STATUS.search(text), _DATA.search(text)
    if not (finished and requests and status and data):
        raise Unavailable("h2load said nothing that can be read", why=text[-500:].strip())
    answers = int(requests["good"])
    bad = sum(int(requests[word]) for word in ("failed", "errored", "late"))
    if bad or answers == 0 or int(status["good"]) != answers:
        raise VerificationFailed(
            f"{bad} requests of {requests['total']} failed under load",
            why=f"{requests[0]}; {status[0]}",
        )
    seconds = float(finished["number"]) * _SECONDS[finished["unit"]]
    return Load(answers, seconds, int(data["bytes"]))


def h2load(
    port: int, body: Path, *, connections: int, streams: int, seconds: float, core: int
) -> Load:
    """Asks ModelInfer with the framed `body`, `connections` x `streams` at a time, for `seconds`.

    Raises as `parse_h2load`, and ConfigurationError when h2load is not installed.
    """
    program = shutil.which("h2load")
    if program is None:
        raise ConfigurationError(
            "h2load is not installed",
            why="a load generator in Python would measure itself",
            remedy="apt-get install nghttp2-client",
        )
    headers = [word for header in _HEADERS for word in ("-H", header)]
    shape = ["-t", "1", "-c", str(connections), "-m", str(streams), "-D", f"{seconds * 1000:.0f}ms"]
    command = [program, *shape, "-d", str(body), *headers, f"http://127.0.0.1:{port}{UNARY}"]
    try:
        with pinned(core):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + _SPARE_SECONDS
            )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("h2load does not come to an end", why="the server hangs") from error
    return parse_h2load(done.stdout + done.stderr)


def check_bytes(load: Load, least: int, most: int, in_flight: int) -> None:
    """Raises VerificationFailed unless as many bytes came as so many answers have.

    A gRPC error is a 200 without a body, so h2load counts it as good; its bytes tell. An answer
    has from `least` to `most` bytes; `in_flight` may have been on their way at the end.
    """
    if not load.answers * least <= load.data_bytes <= (load.answers + in_flight) * most:
        raise VerificationFailed(
            "a server answered errors under load",
            why=f"{load.answers} answers of {least} to {most} bytes have {load.data_bytes} bytes",
        )
