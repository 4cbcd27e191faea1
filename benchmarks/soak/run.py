"""One soak: the service as a process, good and bad clients, swaps, samples."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.soak import bad, good
from benchmarks.soak.models import FACTORS, make_version, put_in_place
from benchmarks.soak.samples import Sample, count_descriptors, read_sample
from benchmarks.soak.verdict import Soak
from protos.errors import DeadlineExceeded, Unavailable

ROOT = Path(__file__).resolve().parents[2]
_LISTENING = re.compile(r"listening on .*:(\d+)")
_START_SECONDS = 30.0
_STOP_SECONDS = 60.0
_QUIET_SECONDS = 40.0
_GOOD = ("unary", "unary", "unary", "stream", "stream", "large")
_LIFE_SECONDS = {
    "vanish": (1.0, 4.0),
    "half": (3.0, 9.0),
    "slow": (8.0, 20.0),
    "malformed": (5.0, 15.0),
}
_SETTINGS = {
    "INFERENCE_ADDRESS": "127.0.0.1:0",
    "INFERENCE_WATCH_SECONDS": "1",
    "INFERENCE_STALL_SECONDS": "5",
    "CAPTURE_MAX_BYTES": str(8 << 20),
    "CAPTURE_SEGMENT_SECONDS": "2",
}


@dataclass(frozen=True)
class Effort:
    """How long, all in seconds: `warm_up` of `seconds` does not count for memory."""

    seconds: float
    warm_up: float
    swap: float = 10.0
    sample: float = 1.0


@dataclass
class _Seen:
    samples: list[Sample] = field(default_factory=list)
    swaps: int = 0
    abused: int = 0
    crashes: int = 0


class _Abuser:
    """Keeps one bad client of a kind alive: killed at a random moment, then the next."""

    def __init__(self, kind: str, target: str) -> None:
        self._kind, self._target = kind, target
        self._process: subprocess.Popen[bytes] | None = None
        self._ends = 0.0
        self.count = 0

    def tick(self, now: float) -> None:
        """Kills and starts as it is time."""
        if self._process is not None and now < self._ends and self._process.poll() is None:
            return
        self.kill()
        self._process = _started("bad", self._target, self._kind, quiet=True)
        self._ends = now + random.uniform(*_LIFE_SECONDS[self._kind])
        self.count += 1

    def kill(self) -> None:
        """As a machine that loses its power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


def soak(
    folder: Path, effort: Effort, settings: dict[str, str], tell: Callable[[str], None]
) -> tuple[Soak, dict[str, Any]]:
    """Runs one soak in `folder`; what happened, and details for the file of results.

    Raises Unavailable, DeadlineExceeded when the service does not even start.
    """
    versions = {name: make_version(folder / name, name) for name in FACTORS}
    served = folder / "served"
    put_in_place(versions["a"], served)
    log = folder / "service.log"
    with _service(served, folder, log, settings) as (process, target):
        _burst(target)
        idle_before = _quiet_descriptors(process.pid)
        memory_before = read_sample(process.pid, 0.0)
        clients = [_started("good", target, kind) for kind in _GOOD]
        abusers = [_Abuser(kind, target) for kind in bad.KINDS]
        try:
            seen = _under_load(process, versions, served, abusers, effort, tell)
        finally:
            for abuser in abusers:
                abuser.kill()
            tallies = [_tally(client) for client in clients]
        alive = process.poll() is None
        idle_after = _quiet_descriptors(process.pid, idle_before) if alive else 0
        memory_after = read_sample(process.pid, effort.seconds) if alive else None
    said = log.read_text(errors="replace")
    counted: dict[str, int] = {}
    for tally in tallies:
        for version, count in tally["versions"].items():
            counted[version] = counted.get(version, 0) + count
    result = Soak(
        samples=[one for one in seen.samples if one.seconds >= effort.warm_up],
        good=sum(tally["good"] for tally in tallies),
        failed=sum(tally["failed"] for tally in tallies),
        clients=len(tallies),
        clients_silent=sum(tally["good"] == 0 for tally in tallies),
        abused=sum(abuser.count for abuser in abusers),
        swaps_made=seen.swaps,
        swaps_seen=said.count("swapped "),
        versions_seen=len(counted),
        idle_before=idle_before,
        idle_after=idle_after,
        crashes=seen.crashes + (not alive),
    )
    details = {
        "answers_by_version": counted,
        "without_clients": {
            "before": asdict(memory_before),
            "after": asdict(memory_after) if memory_after else None,
        },
        "reasons": [reason for tally in tallies for reason in tally["reasons"]],
        "abusers": {kind: one.count for kind, one in zip(bad.KINDS, abusers, strict=True)},
        "log_errors": _error_lines(said),
    }
    return result, details


def _under_load(
    process: subprocess.Popen[bytes],
    versions: dict[str, Path],
    served: Path,
    abusers: list[_Abuser],
    effort: Effort,
    tell: Callable[[str], None],
) -> _Seen:
    seen, began = _Seen(), time.monotonic()
    next_swap, next_sample, next_word = effort.swap, 0.0, 0.0
    while (passed := time.monotonic() - began) < effort.seconds:
        if process.poll() is not None:
            seen.crashes = 1
            break
        for abuser in abusers:
            abuser.tick(passed)
        if passed >= next_swap:
            seen.swaps += 1
            put_in_place(versions["ab"[seen.swaps % 2]], served)
            next_swap += effort.swap
        if passed >= next_sample:
            with contextlib.suppress(OSError):
                seen.samples.append(read_sample(process.pid, passed))
            next_sample += effort.sample
        if passed >= next_word and seen.samples:
            last = seen.samples[-1]
            tell(
                f"{passed:6.0f} s: RSS {last.rss / 2**20:.1f} MiB, "
                f"own {last.anonymous / 2**20:.1f} MiB, "
                f"{last.descriptors} descriptors, "
                f"{seen.swaps} swaps"
            )
            next_word += 30.0
        time.sleep(0.1)
    return seen


@contextlib.contextmanager
def _service(
    served: Path, folder: Path, log: Path, settings: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    environment = os.environ | _SETTINGS | {"CAPTURE_DIR": str(folder / "capture")} | settings
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "inference_service", "--model", str(served)],
            env=environment,
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, _target(process, log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        finally:
            process.kill()


def _target(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if found := _LISTENING.search(log.read_text(errors="replace")):
            return f"127.0.0.1:{found[1]}"
        if process.poll() is not None:
            raise Unavailable("the service ended at its start", why=log.read_text()[-500:])
        time.sleep(0.05)
    raise DeadlineExceeded(f"the service is not listening after {_START_SECONDS:g} s")


def _started(
    module: str, target: str, kind: str, *, quiet: bool = False
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.soak.{module}", target, kind],
        cwd=ROOT,
        stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
    )


def _burst(target: str) -> None:
    """Every kind of good client for a moment, so that what is made once is there."""
    clients = [_started("good", target, kind) for kind in good.KINDS * 2]
    time.sleep(3.0)
    for client in clients:
        _tally(client)


def _tally(client: subprocess.Popen[bytes]) -> dict[str, Any]:
    client.send_signal(signal.SIGTERM)
    try:
        out, _ = client.communicate(timeout=_STOP_SECONDS)
        tally: dict[str, Any] = json.loads(out)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        client.kill()
        client.wait(10)
        return {"good": 0, "failed": 1, "versions": {}, "reasons": ["a client did not end"]}
    return tally


def _quiet_descriptors(pid: int, goal: int = -1) -> int:
    """Descriptors once their number no longer changes, or is `goal`."""
    end = time.monotonic() + _QUIET_SECONDS
    count, since = count_descriptors(pid), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < 8.0:
        time.sleep(0.2)
        now = count_descriptors(pid)
        if now == goal:
            return now
        if now != count:
            count, since = now, time.monotonic()
    return count


def _error_lines(said: str) -> dict[str, int]:
    """How often the service logged which kind of trouble."""
    found: dict[str, int] = {}
    for line in said.splitlines():
        if " ERROR " in line or " CRITICAL " in line:
            text = re.sub(r"[0-9a-f]{8,}|\d+", "#", line.partition(" ERROR ")[2] or line)[:160]
            found[text] = found.get(text, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1])[:10])
