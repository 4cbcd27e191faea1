"""The command line, as a process of its own."""

import json
import time
from typing import Any

from edge.device.processes import birth, marked
from tests.edge.device.world import World, command, scorer, wait_for


def test_the_command_line_ends_its_modules_when_it_is_told_to(world: World) -> None:
    world.register("line-1")
    world.deploy("line-1", {"scorer": scorer(world.image("first"))})
    with command(world) as fleet:
        world.settled("line-1", 200)
        shown = json.loads((world.folder / "fleet/fleet.json").read_text())
        assert shown["pid"] == fleet.pid
        pid = world.state("line-1")["scorer"]["pid"]
        assert birth(pid)
        began = time.monotonic()
        fleet.terminate()
        assert fleet.wait(10) == 0
        assert time.monotonic() - began < 10
    assert not birth(pid)
    assert world.report("line-1")[0]["lastDesiredStatus"]["code"] == 406


def test_a_killed_fleet_leaves_nothing_that_the_next_one_does_not_end(world: World) -> None:
    world.register("line-1")
    world.deploy("line-1", {"scorer": scorer(world.image("first"))})
    with command(world) as fleet:
        world.settled("line-1", 200)
        before = world.state("line-1")["scorer"]
        fleet.kill()
        fleet.wait(5)
    with world.fleet("line-1"):

        def restarted() -> Any:
            now = world.state("line-1").get("scorer", {})
            return now if now.get("pid") not in (None, before["pid"]) else None

        after = wait_for(restarted)
        assert not birth(before["pid"])
        assert after["endpoint"] == before["endpoint"]
        assert marked(world.folder / "fleet") == {after["pid"]}


def test_the_command_line_says_what_is_wrong_without_a_traceback(world: World) -> None:
    with command(world, key="no base64!") as fleet:
        assert fleet.wait(10) == 2
        assert fleet.stderr is not None
        said = fleet.stderr.read().decode()
    assert "group key" in said
    assert "Traceback" not in said
    assert "no base64!" not in said
