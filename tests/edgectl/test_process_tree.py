"""With real processes, so that nothing is said about signals that the kernel would not confirm."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgectl.child import ChildSpec, wait_before_restart
from edgectl.leftovers import Lock, end_leftovers, note, started_at
from edgectl.process_tree import ProcessTree, Readiness
from protos.errors import ConfigurationError, DeadlineExceeded, Unavailable

SLEEP = "import time\nopen('{name}.ready', 'a').write('x')\ntime.sleep(60)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP
PARENT = (
    "import subprocess, sys\n"
    "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "open('grandchild', 'w').write(str(grandchild.pid))\n" + SLEEP
)


def until(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)


class Harness:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.notes = folder / "children.json"
        self.tree = ProcessTree(self.notes, self.said.append)

    def spec(self, name: str, code: str = SLEEP, stop_seconds: float = 2.0) -> ChildSpec:
        return ChildSpec(
            name=name,
            command=(sys.executable, "-c", code.replace("{name}", name)),
            environment={"PATH": os.environ["PATH"]},
            folder=self.folder,
            log=self.folder / "logs" / f"{name}.log",
            stop_seconds=stop_seconds,
        )

    def ready(self, name: str, seconds: float = 8.0) -> Readiness:
        return Readiness(f"{name}.ready", (self.folder / f"{name}.ready").exists, seconds)

    def run(self, name: str, code: str = SLEEP, stop_seconds: float = 2.0) -> int:
        self.tree.start(self.spec(name, code, stop_seconds))
        self.tree.wait_ready(name, self.ready(name))
        pid = self.pid(name)
        assert pid is not None
        return pid

    def pid(self, name: str) -> int | None:
        return next(status.pid for status in self.tree.status() if status.name == name)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path)
    yield harness
    harness.tree.stop([])


def test_readiness_is_waited_for_and_said(harness: Harness) -> None:
    harness.run("a")
    assert harness.said[0] == "a: waiting for a.ready (at most 8 s)"
    assert harness.said[1].startswith("a: ready after ")
    assert [(status.name, status.state) for status in harness.tree.status()] == [("a", "running")]


def test_what_is_never_ready_meets_its_deadline(harness: Harness) -> None:
    harness.tree.start(harness.spec("a", "import time; time.sleep(60)"))
    with pytest.raises(DeadlineExceeded, match=r"a is not ready after 0 s.*a\.ready did not come"):
        harness.tree.wait_ready("a", harness.ready("a", 0.3))


def test_a_death_while_starting_shows_the_last_words(harness: Harness) -> None:
    harness.tree.start(harness.spec("a", "import sys; sys.exit('port 8883 is taken')"))
    with pytest.raises(Unavailable, match="port 8883 is taken"):
        harness.tree.wait_ready("a", harness.ready("a"))


def test_a_program_that_is_not_there_is_told(harness: Harness) -> None:
    spec = harness.spec("a")
    missing = ChildSpec("a", ("/none/program",), {}, spec.folder, spec.log)
    with pytest.raises(Unavailable, match="cannot be started"):
        harness.tree.start(missing)


def test_a_dead_child_is_started_again_and_this_is_said(harness: Harness) -> None:
    first = harness.run("a")
    os.kill(first, signal.SIGKILL)
    until(lambda: harness.pid("a") not in (first, None))
    assert any("a ended (signal SIGKILL), next start in 1 s" in line for line in harness.said)
    assert "a was started again" in harness.said
    assert harness.tree.status()[0].deaths == 1


def test_the_back_off_doubles_up_to_its_limit() -> None:
    assert [wait_before_restart(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]


def test_children_end_in_the_order_given(harness: Harness) -> None:
    pids = [harness.run(name) for name in ("hub", "fleet", "ui")]
    harness.said.clear()
    harness.tree.stop([["ui"], ["fleet"]])
    assert harness.said == ["ui: stopped", "fleet: stopped", "hub: stopped"]
    assert all(started_at(pid) is None for pid in pids)
    assert not harness.notes.exists()


def test_a_child_that_ignores_the_request_is_killed(harness: Harness) -> None:
    pid = harness.run("a", STUBBORN, stop_seconds=0.2)
    began = time.monotonic()
    harness.tree.stop([])
    assert time.monotonic() - began < 5
    assert started_at(pid) is None


def test_grandchildren_do_not_outlive_a_stop(harness: Harness) -> None:
    harness.run("a", PARENT)
    grandchild = int((harness.folder / "grandchild").read_text())
    assert started_at(grandchild) is not None
    harness.tree.stop([])
    until(lambda: started_at(grandchild) is None)


def test_grandchildren_do_not_outlive_the_death_of_their_parent(harness: Harness) -> None:
    parent = harness.run("a", PARENT)
    grandchild = int((harness.folder / "grandchild").read_text())
    os.kill(parent, signal.SIGKILL)
    until(lambda: started_at(grandchild) is None)


def test_nothing_is_started_again_after_a_stop(harness: Harness) -> None:
    pid = harness.run("a")
    os.kill(pid, signal.SIGKILL)
    until(lambda: any("next start" in line for line in harness.said))
    harness.tree.stop([])
    time.sleep(1.2)
    assert "a was started again" not in harness.said


def test_a_log_that_grew_large_is_set_aside(harness: Harness) -> None:
    spec = harness.spec("a")
    spec.log.parent.mkdir()
    spec.log.write_bytes(b"x" * (6 << 20))
    harness.run("a")
    assert spec.log.stat().st_size == 0
    assert spec.log.with_suffix(".log.1").stat().st_size == 6 << 20


def test_the_environment_is_complete_and_hidden(harness: Harness) -> None:
    spec = ChildSpec("a", ("x",), {"EDGE_HUB_KEY": "hunter2"}, harness.folder, harness.folder)
    assert "hunter2" not in repr(spec)


def test_what_a_killed_supervisor_left_is_ended(harness: Harness) -> None:
    pid = harness.run("a", PARENT)
    grandchild = int((harness.folder / "grandchild").read_text())
    harness.tree._stopping.set()  # as if the supervisor were gone: nobody restarts it
    assert end_leftovers(harness.notes) == ["a"]
    until(lambda: started_at(pid) is None and started_at(grandchild) is None)
    assert end_leftovers(harness.notes) == []


def test_a_pid_that_belongs_to_somebody_else_now_is_left_alone(harness: Harness) -> None:
    pid = harness.run("a")
    harness.notes.write_text(f'{{"a": {{"pid": {pid}, "started": "1"}}}}')
    assert end_leftovers(harness.notes) == []
    assert started_at(pid) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"pid": "x"}}'])
def test_damaged_notes_end_nothing(tmp_path: Path, text: str) -> None:
    notes = tmp_path / "children.json"
    notes.write_text(text)
    assert end_leftovers(notes) == []


def test_notes_survive_being_written(tmp_path: Path) -> None:
    note(tmp_path / "run" / "children.json", {"me": os.getpid()})
    assert str(os.getpid()) in (tmp_path / "run" / "children.json").read_text()


def test_a_home_has_one_supervisor(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()}") as caught:
        second.take()
    assert caught.value.exit_code == 2
    first.free()
    second.take()
    second.free()
