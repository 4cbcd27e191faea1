"""`edgectl release`, `rollout` and `why` on pretended documents and a hub in memory."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_assets.lineage import gate
from protos.errors import Unavailable
from tests.edge_assets.bench import Bench, digest_of, image_of, model_of, opened_bench
from tests.edge_assets.fake_hub import FakeHub

from .conftest import Runner

WHO = ("--by", "Ada", "--reason", "better on long trips")


@pytest.fixture
def bench(
    tmp_path: Path, blank: Path, clean: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    level = logging.getLogger("dagster").level
    with opened_bench(tmp_path, blank, monkeypatch) as opened:
        for module in ("edgectl.chain", "resources.platform"):
            monkeypatch.setattr(f"{module}.Platform", lambda: opened.platform)
        opened.replace("hub", FakeHub({"line-1": "canary", "line-2": "broad"}))
        yield opened
    logging.getLogger("dagster").setLevel(level)


def test_the_newest_image_is_approved(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image()
    done = edgectl("release", "approve", "nyc_taxi", *WHO, "--json")
    assert done.code == 0, done.err
    assert (done.json["number"], done.json["image"]) == (1, image_of("one"))
    assert (done.json["approver"], done.json["reason"]) == ("Ada", "better on long trips")
    assert "edgectl rollout start nyc_taxi" in done.err
    assert bench.document("release") == done.json


def test_an_approval_by_digest_must_be_of_the_newest_image(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image("one")
    bench.pretend_image("two")
    old = edgectl("release", "approve", "nyc_taxi", *WHO, "--image", image_of("one"))
    assert old.code == 3
    assert "for another image than the newest" in old.err
    new = edgectl("release", "approve", "nyc_taxi", *WHO, "--image", image_of("two"))
    assert new.code == 0


def test_a_closed_gate_refuses_with_exit_code_3(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image(gates={"parity": gate(False, "3 rows differ")}, bad="onnx_model")
    done = edgectl("release", "approve", "nyc_taxi", *WHO)
    assert done.code == 3
    assert "refused:" in done.err
    assert "3 rows differ" in done.err
    assert done.out == ""


def test_the_released_image_is_not_approved_again(bench: Bench, edgectl: Runner) -> None:
    bench.release("one")
    bench.pretend("trained_model", {"gates": {"champion": gate(False, "it is no better")}})
    done = edgectl("release", "approve", "nyc_taxi", *WHO)
    assert done.code == 3
    assert "already release 1" in done.err
    assert "gate 'champion' of trained_model is closed: it is no better" in done.err
    assert len(edgectl("release", "list", "nyc_taxi", "--json").json) == 1


def test_a_rollout_that_nobody_is_meant_for_is_said_when_it_is_approved(
    bench: Bench, edgectl: Runner
) -> None:
    bench.pretend_image()
    hub = FakeHub({"line-1": "canary"}, tagged=False)
    bench.replace("hub", hub)
    done = edgectl("release", "approve", "nyc_taxi", *WHO)
    assert done.code == 0
    assert "warning: its rollout will be refused: none of 1 devices has the tag" in done.err
    for command in ("plan", "start"):
        refused = edgectl("rollout", command, "nyc_taxi")
        assert refused.code == 3
        assert "none of 1 devices has the tag models.nyc_taxi: on" in refused.err
        assert "edgectl fleet create --model nyc_taxi" in refused.err
    assert hub.known == {}


def test_an_approval_does_not_need_the_hub(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image()
    bench.replace("hub", FakeHub({}, down=Unavailable("the hub cannot be reached")))
    done = edgectl("release", "approve", "nyc_taxi", *WHO)
    assert done.code == 0, done.err
    assert "warning" not in done.err


@pytest.fixture
def broken(tmp_path: Path, clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of one's own of which model.yaml is wrong."""
    folder = tmp_path / "models" / "wine"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text("name: wine\n")
    monkeypatch.setenv("EDGE_MODELS", str(folder))


@pytest.mark.usefixtures("broken")
def test_a_broken_model_stops_commands_about_itself_only(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image()
    assert edgectl("release", "approve", "nyc_taxi", *WHO).code == 0
    done = edgectl("release", "approve", "wine", *WHO)
    assert done.code == 2
    assert "wine/model.yaml does not fit its schema" in done.err


def test_a_rejection_is_recorded_and_exits_with_3(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image()
    done = edgectl("release", "reject", "nyc_taxi", "--by", "Ada", "--reason", "too risky")
    assert done.code == 3
    assert "too risky" in done.err
    assert bench.newest("release") is None
    (run,) = bench.instance.get_runs()
    assert run.tags["trigger"] == "edgectl"
    assert not run.is_success


@pytest.mark.parametrize("arguments", [(), ("--by", "Ada"), ("--reason", "good")])
def test_an_approval_needs_a_name_and_a_reason(
    bench: Bench, edgectl: Runner, arguments: tuple[str, ...]
) -> None:
    assert edgectl("release", "approve", "nyc_taxi", *arguments).code == 2


def test_without_an_image_there_is_nothing_to_approve(bench: Bench, edgectl: Runner) -> None:
    done = edgectl("release", "approve", "nyc_taxi", *WHO)
    assert done.code == 1
    assert "no image that could be approved" in done.err


def test_an_unknown_model_is_told(bench: Bench, edgectl: Runner) -> None:
    done = edgectl("release", "list", "tokyo_taxi")
    assert done.code == 2
    assert "nyc_taxi" in done.err


def test_releases_are_listed_newest_first(bench: Bench, edgectl: Runner) -> None:
    assert "no release yet" in edgectl("release", "list", "nyc_taxi").out
    first, second = bench.release("one"), bench.release("two")
    listed = edgectl("release", "list", "nyc_taxi", "--json").json
    assert [made["digest"] for made in listed] == [second, first]
    assert [made["number"] for made in listed] == [2, 1]


def test_a_plan_says_what_is_next_and_changes_nothing(bench: Bench, edgectl: Runner) -> None:
    refused = edgectl("rollout", "plan", "nyc_taxi")
    assert refused.code == 3
    assert "nyc_taxi has no release" in refused.err
    bench.release()
    planned = edgectl("rollout", "plan", "nyc_taxi", "--json")
    assert (planned.code, planned.json["action"]) == (0, "open")
    assert planned.json["ring"] == "canary"
    assert bench.platform.hub.configurations() == []
    assert bench.run("rollout") is None
    after = edgectl("rollout", "plan", "nyc_taxi")
    assert "finish (every ring is proven)" in after.out
    assert "line-2" in after.out


def test_a_rollout_proves_its_devices(bench: Bench, edgectl: Runner) -> None:
    bench.release()
    done = edgectl("rollout", "start", "nyc_taxi", "--json")
    assert done.code == 0, done.err
    assert done.json["proven"] == {"canary": ["line-1"], "early": [], "broad": ["line-2"]}


def test_a_rollout_without_an_approval_is_refused(bench: Bench, edgectl: Runner) -> None:
    bench.pretend_image()
    done = edgectl("rollout", "start", "nyc_taxi")
    assert done.code == 3
    assert "nothing is approved" in done.err


def test_a_rollout_that_closes_a_ring_gate_exits_with_3(bench: Bench, edgectl: Runner) -> None:
    bench.release()
    hub = FakeHub({"line-1": "canary"}, serves={"line-1": digest_of("another model")})
    bench.replace("hub", hub)
    done = edgectl("rollout", "start", "nyc_taxi")
    assert done.code == 3
    assert "rolled back" in done.err
    assert "it serves" in done.err


def test_an_earlier_release_can_be_named(bench: Bench, edgectl: Runner) -> None:
    first = bench.release("one")
    bench.release("two")
    done = edgectl("rollout", "start", "nyc_taxi", "--release", first, "--json")
    assert done.code == 0, done.err
    assert done.json["inputs"] == {"release": first}


def test_why_follows_a_device_to_its_batches(bench: Bench, edgectl: Runner) -> None:
    bench.release()
    assert bench.run("rollout") is None
    links = edgectl("why", "line-1", "--json").json
    assert [link["kind"] for link in links][:2] == ["device", "release"]
    assert links[0]["digest"] == model_of("one")
    assert links[-1]["digest"] == digest_of("one")
    text = edgectl("why", "line-1").out
    assert "-> raw_batch" in text
    assert "serves the released model" in text


def test_why_of_a_device_that_is_not_there_or_proved_nothing(bench: Bench, edgectl: Runner) -> None:
    unknown = edgectl("why", "line-9")
    assert unknown.code == 1
    assert "the hub knows no device line-9" in unknown.err
    silent = edgectl("why", "line-1")
    assert silent.code == 1
    assert "has not reported any release" in silent.err
