"""The real thing: the local hub and simulated devices as processes, started, killed and stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgectl.leftovers import started_at
from edgectl.seeding import make_landing_folders, planned_fleet
from edgectl.supervisor import Supervisor
from protos.errors import ConfigurationError, Unavailable
from resources.hub import Hub
from resources.settings import load_settings

DEVICES = planned_fleet({"canary": 1, "early": 1}, ["nyc_taxi"])


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)


def connected(up: Supervisor) -> list[str]:
    try:
        return [device.device_id for device in up.observe("nyc_taxi") if device.connected]
    except Unavailable:
        return []


def test_each_model_that_can_be_loaded_has_a_folder_for_its_deliveries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.yaml").write_text("name: broken\n")
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path / "broken"))
    make_landing_folders(tmp_path / "landing")
    made = {folder.name for folder in (tmp_path / "landing").iterdir()}
    assert made == {"compliance", "london_taxi", "nyc_taxi", "parts", "tooling"}


def test_a_life_of_two_starts(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor(tmp_path, dagster=False, devices=DEVICES, say=said.append) as up:
        assert [child.name for child in up.status()] == ["hub", "fleet"]
        assert connected(up) == ["line-1", "line-2"]
        settings = load_settings(up.environment)
        assert len(Hub.from_settings(settings).devices()) == 2
        assert load_settings({"EDGE_HOME": str(tmp_path)}).required_hub() == settings.required_hub()
        with pytest.raises(ConfigurationError, match="in use already"):
            Supervisor(tmp_path, dagster=False).__enter__()
        first = [child.pid for child in up.status()]
    assert all(pid is not None and started_at(pid) is None for pid in first)
    assert any(line.startswith("fleet: waiting for 2 devices to connect") for line in said)
    secret = settings.required_fleet_key()
    assert not any(secret in line for line in said)
    assert not any(secret in log.read_text() for log in (tmp_path / "logs").iterdir())

    said.clear()
    with Supervisor(tmp_path, dagster=False, devices=DEVICES, say=said.append) as up:
        assert connected(up) == ["line-1", "line-2"]
        assert load_settings(up.environment).required_hub() == settings.required_hub()
        assert not any("created" in line for line in said)


def test_a_hub_that_dies_comes_back_and_the_fleet_with_it(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor(tmp_path, dagster=False, devices=DEVICES[:1], say=said.append) as up:
        hub = next(child.pid for child in up.status() if child.name == "hub")
        assert hub is not None
        os.kill(hub, signal.SIGKILL)
        until(lambda: "hub was started again" in said)
        until(lambda: connected(up) == ["line-1"])
    assert said[-1].startswith("everything stopped")


def test_what_fails_in_the_block_stops_everything_too(tmp_path: Path) -> None:
    pids: list[int | None] = []

    def fail() -> None:
        with Supervisor(tmp_path, dagster=False, devices=[]) as up:
            pids.extend(child.pid for child in up.status())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(pids) == 1
    assert all(pid is not None and started_at(pid) is None for pid in pids)


def test_a_terminal_that_is_gone_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    def say(line: str) -> None:
        raise BrokenPipeError

    with Supervisor(tmp_path, dagster=False, devices=[], say=say) as up:
        pids = [child.pid for child in up.status()]
    assert len(pids) == 1
    assert all(pid is not None and started_at(pid) is None for pid in pids)


def test_it_can_run_in_a_thread(tmp_path: Path) -> None:
    seen: list[int] = []

    def work() -> None:
        with Supervisor(tmp_path, dagster=False, devices=[]) as up:
            seen.append(len(up.status()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert seen == [1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_on_a_signal_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_")}
    command = [sys.executable, "-c", "from edgectl.main import main; main()", "up", "--no-dagster"]
    process = subprocess.Popen(
        command,
        env={**environment, "EDGE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    notes = tmp_path / "children.json"
    until(lambda: notes.exists() and '"fleet"' in notes.read_text())
    assert process.stdout is not None
    for line in process.stdout:  # the page is printed once everything is ready
        if line.startswith("Next, in another terminal"):
            break
    running = [int(part.split(",")[0]) for part in notes.read_text().split('"pid": ')[1:]]
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 15
    assert "everything stopped after" in err
    assert "Traceback" not in err
    assert len(running) == 2
    assert all(started_at(pid) is None for pid in running)
    assert not notes.exists()


def test_only_the_local_environment_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgectl.main import run

    monkeypatch.setenv("EDGE_ENVIRONMENT", "prod")
    monkeypatch.setenv("EDGE_HOME", str(tmp_path))
    assert run(["up"]) == 2
    assert list(tmp_path.iterdir()) == []
