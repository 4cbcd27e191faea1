"""`edgectl compare` on pretended documents and a hub in memory."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.local_hub.target_condition import parse_target_condition
from edge_assets.core.fleet import DeviceObservation
from edge_assets.lineage import gate
from tests.edge_assets.bench import Bench, image_of, model_of, opened_bench
from tests.edge_assets.fake_hub import FakeHub

from .conftest import Runner

WINDOW = "20260101T120000Z_20260101T120500Z"
WHO = ("--by", "Ada", "--reason", "better for a week")
RINGS = {**{f"line-{n}": "canary" for n in range(4)}, "line-9": "broad"}


class TaggedHub(FakeHub):
    """Its devices say which models are meant for them; `line-3` is for another."""

    def observe(self, model: str) -> list[DeviceObservation]:
        return [
            replace(
                d, tags={**d.tags, "models": {model: "off" if d.device_id == "line-3" else "on"}}
            )
            for d in super().observe(model)
        ]


@pytest.fixture
def hub() -> TaggedHub:
    return TaggedHub(RINGS)


@pytest.fixture
def bench(
    tmp_path: Path, blank: Path, clean: None, monkeypatch: pytest.MonkeyPatch, hub: TaggedHub
) -> Iterator[Bench]:
    level = logging.getLogger("dagster").level
    with opened_bench(tmp_path, blank, monkeypatch) as opened:
        for module in ("edgectl.chain", "resources.platform"):
            monkeypatch.setattr(f"{module}.Platform", lambda: opened.platform)
        opened.replace("hub", hub)
        opened.release("one")
        opened.pretend_image("two")
        yield opened
    logging.getLogger("dagster").setLevel(level)


def judged(bench: Bench, verdict: str, name: str = "two") -> None:
    passed = verdict == "better"
    bench.pretend(
        "comparison",
        {
            "window": WINDOW,
            "candidate_digest": model_of(name),
            "verdict": verdict,
            "reason": "by the labels",
            "gain": {"estimate": 0.2, "lower": 0.1, "upper": None},
            "gates": {"promotion": gate(passed, f"{verdict}: by the labels")},
        },
        WINDOW,
    )


def test_a_shadow_stands_beside_the_champion_in_the_first_ring(
    bench: Bench, hub: TaggedHub, edgectl: Runner
) -> None:
    done = edgectl("compare", "start", "nyc_taxi", "--json")
    assert done.code == 0, done.err
    assert done.json["devices"] == ["line-0", "line-1", "line-2"]
    (made,) = hub.known.values()
    agent = made.content["modulesContent"]["$edgeAgent"]
    assert {name.rsplit(".", 1)[-1] for name in agent} == {"nyc_taxi_candidate", "nyc_taxi_shadow"}
    assert made.labels["comparison"] == "nyc_taxi"
    assert "edge-model" not in made.labels, "a rollout would take it for its own"
    again = edgectl("compare", "start", "nyc_taxi", "--json")
    assert again.json == done.json
    assert len(hub.known) == 1


def test_a_split_takes_a_share_of_the_devices(
    bench: Bench, hub: TaggedHub, edgectl: Runner
) -> None:
    arguments = ("compare", "start", "nyc_taxi", "--mode", "split", "--share", "0.34")
    refused = edgectl(*arguments)
    assert refused.code == 2
    assert "somebody who answers for it" in refused.err
    done = edgectl(*arguments, *WHO, "--json")
    assert done.code == 0, done.err
    (chosen,) = done.json["devices"]
    assert chosen in ("line-0", "line-1", "line-2")
    (made,) = hub.known.values()
    assert made.labels["by"] == "Ada"
    condition = parse_target_condition(made.target_condition)
    tags = {"ring": "canary", "models": {"nyc_taxi": "on"}}
    twins: dict[str, dict[str, Any]] = {
        name: {"deviceId": name, "tags": tags, "capabilities": {"iotEdge": True}} for name in RINGS
    }
    assert [name for name, twin in twins.items() if condition.matches(twin)] == [chosen]


def test_one_comparison_at_a_time_and_none_after_stop(
    bench: Bench, hub: TaggedHub, edgectl: Runner
) -> None:
    hub.put_configuration("nyc_taxi-r0001", {}, "*", 4, {"edge-model": "nyc_taxi"})
    edgectl("compare", "start", "nyc_taxi")
    done = edgectl("compare", "start", "nyc_taxi", "--mode", "split", *WHO, "--ring", "canary")
    assert "ended: nyc_taxi-shadow-" in done.err
    assert sorted(c.labels.get("mode", "") for c in hub.known.values()) == ["", "split"]
    assert max(c.priority for c in hub.known.values()) > 4, "above the release"
    (ended,) = edgectl("compare", "stop", "nyc_taxi", "--json").json["ended"]
    assert ended.startswith("nyc_taxi-split-")
    assert list(hub.known) == ["nyc_taxi-r0001"]
    assert "is not compared" in edgectl("compare", "stop", "nyc_taxi").out


def test_an_image_behind_a_closed_gate_is_not_compared(
    bench: Bench, hub: TaggedHub, edgectl: Runner
) -> None:
    bench.pretend_image("bad", gates={"parity": gate(False, "3 rows differ")}, bad="onnx_model")
    done = edgectl("compare", "start", "nyc_taxi")
    assert done.code == 3
    assert "3 rows differ" in done.err
    assert not hub.known


def test_the_champion_is_not_compared_with_itself(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image("one")
    done = edgectl("compare", "start", "nyc_taxi")
    assert done.code == 1
    assert "no candidate" in done.err


@pytest.mark.parametrize("rings", [("moon",), ("early",)])
def test_a_ring_without_devices_is_refused(
    bench: Bench, edgectl: Runner, rings: tuple[str, ...]
) -> None:
    done = edgectl("compare", "start", "nyc_taxi", "--ring", *rings)
    assert done.code == 2
    assert rings[0] in done.err


def test_a_better_candidate_is_promoted(bench: Bench, edgectl: Runner) -> None:
    judged(bench, "better")
    done = edgectl("compare", "promote", "nyc_taxi", *WHO, "--json")
    assert done.code == 0, done.err
    assert done.json["image"] == image_of("two")
    assert str(bench.newest("comparison")) in done.json["reason"]


@pytest.mark.parametrize("verdict", ["worse", "not shown to be better", "too little data"])
def test_any_other_candidate_is_not_promoted(bench: Bench, edgectl: Runner, verdict: str) -> None:
    before = bench.newest("release")
    judged(bench, verdict)
    done = edgectl("compare", "promote", "nyc_taxi", *WHO)
    assert done.code == 3
    assert verdict in done.err
    assert bench.newest("release") == before


def test_a_comparison_of_another_candidate_promotes_nothing(bench: Bench, edgectl: Runner) -> None:
    none = edgectl("compare", "promote", "nyc_taxi", *WHO)
    judged(bench, "better", "three")
    other = edgectl("compare", "promote", "nyc_taxi", *WHO)
    assert (none.code, other.code) == (3, 3)
    assert "there is no comparison" in none.err
    assert "of another" in other.err


def test_what_runs_and_what_was_found_is_shown(bench: Bench, edgectl: Runner) -> None:
    assert "no comparison of nyc_taxi was judged yet" in edgectl("compare", "show", "nyc_taxi").out
    edgectl("compare", "start", "nyc_taxi")
    judged(bench, "better")
    shown = edgectl("compare", "show", "nyc_taxi").out
    assert "nyc_taxi-shadow-" in shown
    assert "better: by the labels" in shown
    assert "gain: 0.2 (0.1 to unbounded)" in shown
    assert edgectl("compare", "show", "nyc_taxi", "--json").json["newest"]["verdict"] == "better"
