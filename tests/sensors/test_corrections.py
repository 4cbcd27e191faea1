"""The corrections sensor: when it lands a batch, what is in it, and what it lets lie."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from edge_assets.core.folders import SHIPPED
from edge_assets.deliveries import inspect, read
from edge_assets.edge_model import EdgeModel
from edge_assets.factory import build_definitions
from edge_assets.operate import Tick, instance_at, materialize, tick
from protos.errors import Unavailable
from resources.platform import Platform
from sensors.corrections import TAKEN_AT_MOST, why_wait
from tests.edge_assets.core.test_corrections import CONFIG, told
from tests.edge_assets.telemetry import HUB

FEWEST = CONFIG.data.min_rows


@dataclass
class Register:
    """The chain of `compliance` on an empty home, and devices that send corrections."""

    home: Path
    defs: dg.Definitions
    instance: dg.DagsterInstance
    cursor: str | None = None

    def send(self, *records: Any, ago: float, model: str = "compliance") -> Path:
        """The hub took a message so many seconds ago."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        folder = self.home / "hub" / "telemetry" / HUB / at.strftime("%Y/%m/%d/%H/%M")
        folder.mkdir(parents=True, exist_ok=True)
        message = {
            "EnqueuedTimeUtc": at.isoformat(),
            "Properties": {"kind": "corrections", "model": model},
            "SystemProperties": {"connectionDeviceId": "line-1"},
            "Body": list(records),
        }
        file = folder / f"{len(list(folder.iterdir())):06d}.json"
        file.write_text(json.dumps(message) + "\n")
        return file

    def tick(self) -> str:
        """One tick of the sensor, and what it said."""
        ticked = self.tick_of("corrections", self.cursor)
        self.cursor = ticked.cursor
        assert ticked.run_requests == []
        return ticked.skipped

    def tick_of(self, sensor: str, cursor: str | None = None) -> Tick:
        return tick(self.defs, self.instance, f"compliance_{sensor}", cursor)

    def looked(self, hours: float) -> None:
        """The last look was so long ago."""
        at = (datetime.now(UTC) - timedelta(hours=hours)).replace(microsecond=0).isoformat()
        self.cursor = json.dumps({"start": at, "end": at, "files": [], "taken": []})

    def a_minute_later(self) -> "Register":
        """As if the last look had been a minute earlier."""
        state = json.loads(self.cursor or "")
        end = datetime.fromisoformat(state["end"]) - timedelta(seconds=60)
        start = min(datetime.fromisoformat(state["start"]), end)
        self.cursor = json.dumps({**state, "start": start.isoformat(), "end": end.isoformat()})
        return self

    @property
    def landed(self) -> list[Path]:
        return sorted((self.home / "landing" / "compliance").glob("*"))


def some(count: int, first: int = 0, label: int = 0) -> list[dict[str, Any]]:
    return [told(f"c{at}", f"part {at:04d}", label) for at in range(first, first + count)]


@pytest.fixture
def register(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    shutil.copytree(blank, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    platform = Platform({"EDGE_HOME": str(tmp_path), "EDGE_REGISTRY": "localhost:5000"})
    instance = instance_at(tmp_path)
    try:
        yield Register(tmp_path, build_definitions([SHIPPED / "compliance"], platform), instance)
    finally:
        instance.dispose()


def test_enough_corrections_become_a_batch_that_the_chain_takes(register: Register) -> None:
    register.send(*some(FEWEST), ago=60)
    said, [path] = register.tick(), register.landed
    assert f"{FEWEST} corrections of 1 devices landed as {path}" in said
    assert inspect(CONFIG, path, {}).rows == FEWEST
    assert list(read(CONFIG, path)) == ["description", "non_compliant"]

    os.utime(path, (1.7e9, 1.7e9))
    assert register.tick_of("new_data").partitions == (path.name,)
    key = dg.AssetKey(["compliance", "raw_batch"])
    assert materialize(register.defs, register.instance, [key], partition=path.name).success


@pytest.fixture
def of_ulm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model takes the rows of one plant only, and has no such input."""
    load = EdgeModel.load(SHIPPED / "compliance")
    data = load.config.data.model_copy(update={"where": {"plant": "Ulm"}})
    own = EdgeModel(load.config.model_copy(update={"data": data}), load.folder)
    monkeypatch.setattr(EdgeModel, "load", lambda path: own)


def test_corrections_say_whose_rows_they_are(of_ulm: None, register: Register) -> None:
    register.send(*some(FEWEST), ago=60)
    register.tick()
    [path] = register.landed
    assert set(read(CONFIG, path)["plant"]) == {"Ulm"}
    os.utime(path, (1.7e9, 1.7e9))
    assert register.tick_of("new_data").partitions == (path.name,)


def test_fewer_corrections_wait_over_many_looks(register: Register) -> None:
    assert register.tick() == "no corrections wait"
    register.a_minute_later().send(*some(FEWEST - 1), ago=30)
    assert f"{FEWEST - 1} corrections wait" in register.tick()
    register.a_minute_later().send(*some(1, first=FEWEST), ago=20)
    assert "landed" in register.tick()
    [path] = register.landed
    assert len(path.read_text().splitlines()) == FEWEST + 1


def test_what_is_no_correction_of_the_model_is_let_lie(register: Register) -> None:
    good = some(FEWEST - 1)
    register.send(*good, told("bad", label=7), told("other", model="parts"), ago=60)
    register.send(*good, ago=50)
    register.send(*some(40, first=100), ago=40, model="parts")
    assert f"{FEWEST - 1} corrections wait" in register.tick()
    assert register.landed == []


def test_what_was_landed_is_not_landed_again(register: Register) -> None:
    register.send(*some(TAKEN_AT_MOST + 30), ago=120)
    register.tick()
    assert len(json.loads(register.cursor or "")["taken"]) == TAKEN_AT_MOST  # bounded
    register.a_minute_later().send(*some(30, first=TAKEN_AT_MOST), ago=20)
    assert register.tick() == "no corrections wait"
    assert len(register.landed) == 1


def test_a_later_word_replaces_one_that_waits(register: Register) -> None:
    register.send(*some(5), ago=60)
    register.tick()
    later = [{**record, "correction_id": f"later{at}"} for at, record in enumerate(some(5, 0, 1))]
    register.a_minute_later().send(*later, *some(FEWEST, first=10), ago=30)
    assert "replaced by a later word: 5" in register.tick()
    assert '"part 0000",1\n' in register.landed[0].read_text()


def test_what_came_while_the_platform_was_off_is_caught_up_day_by_day(register: Register) -> None:
    register.looked(hours=60)
    register.send(*some(FEWEST), ago=60)
    assert [("landed" in register.tick()) for _ in range(3)] == [False, False, True]


def test_a_lost_file_stops_nothing(register: Register) -> None:
    gone = register.send(*some(3), ago=60)
    register.tick()
    gone.unlink()
    register.a_minute_later().send(*some(FEWEST, first=10), ago=30)
    assert f"{FEWEST} corrections of" in register.tick()


def test_a_landing_folder_that_cannot_be_written_loses_nothing(register: Register) -> None:
    register.send(*some(FEWEST), ago=60)
    (register.home / "landing").write_text("")
    with pytest.raises(Unavailable, match="was not written"):
        register.tick()
    (register.home / "landing").unlink()
    assert "landed" in register.tick()


def test_a_crash_after_landing_does_not_land_twice(register: Register) -> None:
    register.send(*some(FEWEST), ago=60)
    register.looked(hours=1)
    before = register.cursor
    register.tick()
    register.cursor = before
    register.tick()
    assert len(register.landed) == 1


def test_only_local_landing_is_written(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = (register.defs.resources or {})["platform"]
    away = platform.settings.model_copy(update={"landing": "abfs://landing@here"})
    monkeypatch.setitem(platform.__dict__, "settings", away)
    assert "only local ones are written" in register.tick()
    assert not register.cursor


@pytest.mark.parametrize(
    ("rows", "hours", "fewest", "said"),
    [
        (19, 23, 1, "waiting for 20, or a day"),
        (20, 0, 1, None),
        (1, 24, 1, None),
        (49, 48, 50, "no batch below 50 rows"),
    ],
)
def test_when_it_is_time(rows: int, hours: float, fewest: int, said: str | None) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    wait = why_wait(rows, now - timedelta(hours=hours), now, fewest=fewest, model="any")
    assert (said or "none") in (wait or "none")
