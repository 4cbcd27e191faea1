import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.device.processes import MARKER, birth, end_leftovers


@pytest.fixture
def leftover(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process as a module of the fleet in `tmp_path` would be; it does not heed SIGTERM."""
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}; time.sleep(60)"],
        env={**os.environ, MARKER: str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait(5)
    process.stdout.close()


def test_a_process_that_carries_the_folder_is_ended(
    tmp_path: Path, leftover: "subprocess.Popen[bytes]"
) -> None:
    assert end_leftovers(tmp_path, [], grace_seconds=0.1) == [leftover.pid]
    assert leftover.wait(5) == -9


def test_a_process_of_another_fleet_is_left_alone(
    tmp_path: Path, leftover: "subprocess.Popen[bytes]"
) -> None:
    assert end_leftovers(tmp_path / "other", [(leftover.pid, "another birth")]) == []
    assert leftover.poll() is None


def test_a_recorded_process_is_ended_only_if_it_is_the_same_one(
    tmp_path: Path, leftover: "subprocess.Popen[bytes]"
) -> None:
    born = birth(leftover.pid)
    other = tmp_path / "other"
    assert end_leftovers(other, [(leftover.pid, "")]) == []
    assert end_leftovers(other, [(leftover.pid, born)], grace_seconds=0.1) == [leftover.pid]


def test_a_process_that_is_gone_has_no_birth() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 5
    while birth(process.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert birth(process.pid) == ""
    process.wait(5)
    assert birth(process.pid) == ""
