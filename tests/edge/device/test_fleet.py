"""A fleet against the real local hub: the device SDK over MQTT, a registry, real processes."""

import contextlib
import json
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from edge.device.processes import birth, marked
from edge.local_hub.testing import running_hub
from protos.errors import ConfigurationError
from tests.edge.device.world import World, again, managers, module, scorer, wait_for


def test_the_life_of_a_device(world: World) -> None:
    world.register("line-1")
    first, second = world.image("first"), world.image("second")
    asker = module(second, env={"INFERENCE_TARGET": {"value": "scorer:8081"}})
    world.deploy("line-1", {"scorer": scorer(first), "asker": asker})
    with world.fleet("line-1"):
        report = world.settled("line-1", 200)
        assert report["modules"]["scorer"]["runtimeStatus"] == "running"
        assert report["modules"]["scorer"]["settings"]["image"] == first
        wait_for(lambda: world.says("line-1", "scorer", "model") == "first")
        endpoint = world.state("line-1")["scorer"]["endpoint"]["8081"]
        wait_for(lambda: world.says("line-1", "asker", "target") == endpoint)
        captured = world.folder / "fleet/line-1/root/var/lib/edge-assets/m/captures/capture"
        assert captured.read_text() == "first"
        pids = {name: shown["pid"] for name, shown in world.state("line-1").items()}

        # another model: the one module is replaced, the other one is not touched
        world.deploy("line-1", {"scorer": scorer(second), "asker": asker})
        world.settled("line-1", 200)
        wait_for(lambda: world.says("line-1", "scorer", "model") == "second")
        shown = world.state("line-1")
        assert shown["asker"]["pid"] == pids["asker"]
        assert shown["scorer"]["pid"] != pids["scorer"]
        assert shown["scorer"]["endpoint"]["8081"] == endpoint
        assert (Path(shown["scorer"]["model"]) / "model.txt").read_text() == "second"
        assert birth(pids["scorer"]) == ""

        # an image that is not there: 500, and what runs goes on
        missing = second.partition("@")[0] + "@sha256:" + "0" * 64
        world.deploy("line-1", {"scorer": scorer(missing), "asker": asker})
        report = world.settled("line-1", 500)
        assert "scorer" in report["lastDesiredStatus"]["description"]
        assert world.state("line-1")["scorer"]["pid"] == shown["scorer"]["pid"]

        # a process that dies comes back
        world.deploy("line-1", {"scorer": scorer(second), "asker": asker})
        world.settled("line-1", 200)
        os.kill(shown["scorer"]["pid"], signal.SIGKILL)
        wait_for(lambda: world.state("line-1")["scorer"]["restart_count"] == 1)
        wait_for(lambda: world.report("line-1")[0]["modules"]["scorer"]["restartCount"] == 1)
        assert world.report("line-1")[0]["modules"]["scorer"]["exitCode"] == 137

        # what left is stopped
        world.deploy("line-1", {"asker": asker})
        report = world.settled("line-1", 200)
        assert list(report["modules"]) == ["asker"]
    assert world.report("line-1")[0]["lastDesiredStatus"]["code"] == 406
    assert not marked(world.folder / "fleet")


def test_a_fleet_goes_on_where_it_was_with_its_ports_and_without_a_pull(world: World) -> None:
    world.register("line-1", "line-2")
    image = world.image("first")
    for device in ("line-1", "line-2"):
        world.deploy(device, {"scorer": scorer(image)})
    with world.fleet("line-1", "line-2"):
        for device in ("line-1", "line-2"):
            world.settled(device, 200)
        before = [world.state(device)["scorer"]["endpoint"] for device in ("line-1", "line-2")]
        assert before[0] != before[1]
        with pytest.raises(ConfigurationError, match="another fleet"), world.fleet("line-2"):
            pass
    blobs = world.folder / "fleet/.store/blobs"
    stamps = {path: path.stat().st_mtime_ns for path in blobs.rglob("*") if path.is_file()}
    with world.fleet("line-1", "line-2"):
        for device in ("line-1", "line-2"):
            world.settled(device, 200)
        after = [world.state(device)["scorer"]["endpoint"] for device in ("line-1", "line-2")]
    assert after == before
    assert {p: p.stat().st_mtime_ns for p in blobs.rglob("*") if p.is_file()} == stamps


def test_six_devices_connect_in_a_few_seconds(world: World) -> None:
    names = [f"line-{n}" for n in range(1, 7)]
    world.register(*names)
    began = time.monotonic()
    with world.fleet(*names) as fleet:

        def all_connected() -> bool:
            fleet.show()
            shown = json.loads((world.folder / "fleet/fleet.json").read_text())
            assert list(shown["devices"]) == names
            return all(device["connected"] for device in shown["devices"].values())

        wait_for(all_connected)
        assert time.monotonic() - began < 5
        for name in names:
            wait_for(partial(_reported, world, name))
    assert not (world.folder / "fleet/fleet.json").exists()


def test_devices_come_back_after_the_hub_was_restarted(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        world = World(hub, tmp_path, *managers(hub))
        world.register("line-1")
        image = world.image("first")
        world.deploy("line-1", {"scorer": scorer(image)})
        fleet = contextlib.ExitStack()
        fleet.enter_context(world.fleet("line-1"))
        wait_for(lambda: world.says("line-1", "scorer", "model") == "first")
        pid = world.state("line-1")["scorer"]["pid"]
    with fleet, again(tmp_path, hub) as hub:
        world = World(hub, tmp_path, *managers(hub))
        world.deploy("line-1", {"scorer": scorer(image), "asker": module(image)})
        report = world.settled("line-1", 200)
        assert report["modules"]["asker"]["runtimeStatus"] == "running"
        assert world.state("line-1")["scorer"]["pid"] == pid


def _reported(world: World, device: str) -> bool:
    return "lastDesiredStatus" in world.report(device)[0]


def test_a_fleet_without_devices_or_with_a_bad_name_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="no devices"), world.fleet():
        pass
    with pytest.raises(ConfigurationError, match="no name for a device"), world.fleet("../x"):
        pass
