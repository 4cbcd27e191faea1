"""The approval gate through the real asset, on pretended images."""

import dagster as dg
import pytest

from edge_assets.lineage import gate
from edge_assets.operate import materialize
from protos.errors import ApprovalMissing, GateClosed, NotFound
from tests.edge_assets.bench import Bench, digest_of, image_of, model_of

CLOSED = {"parity": gate(False, "3 rows differ")}


def test_a_good_approval_makes_a_release_that_tells_everything(bench: Bench) -> None:
    image = bench.pretend_image()
    assert bench.approve() is None
    made = bench.document("release")
    assert made["inputs"] == {"container_image": image}
    assert (made["number"], made["previous"]) == (1, None)
    assert (made["image"], made["model_digest"]) == (image_of("one"), model_of("one"))
    assert (made["approver"], made["reason"]) == ("Ada", "good")
    assert set(made["gates"]) == {
        *(f"{kind}/open" for kind in ("container_image", "onnx_model", "trained_model")),
        *(f"{kind}/open" for kind in ("dataset", "raw_batch")),
        "onnx_model/parity",
    }


def test_releases_are_counted_and_know_the_one_before(bench: Bench) -> None:
    first = bench.release("one")
    bench.pretend_image("two")
    assert bench.approve("two") is None
    made = bench.document("release")
    assert (made["number"], made["previous"]) == (2, first)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_digest": digest_of("other")}, "for another image than the newest"),
        ({"approver": "  "}, "names no approver or no reason"),
        ({"reason": ""}, "names no approver or no reason"),
        ({"decision": "reject", "reason": "too risky"}, "Ada rejected the image"),
    ],
)
def test_a_bad_approval_is_refused(bench: Bench, changes: dict[str, str], reason: str) -> None:
    bench.pretend_image()
    refused = bench.approve(**changes)
    assert isinstance(refused, ApprovalMissing)
    assert refused.exit_code == 3
    assert reason in str(refused)
    assert bench.newest("release") is None


def test_an_approval_of_the_image_before_is_refused(bench: Bench) -> None:
    bench.pretend_image("one")
    bench.pretend_image("two")
    assert isinstance(bench.approve("one"), ApprovalMissing)
    assert bench.approve("two") is None


@pytest.mark.parametrize("bad", ["dataset", "container_image"])
def test_a_closed_gate_anywhere_behind_the_image_refuses_the_release(
    bench: Bench, bad: str
) -> None:
    bench.pretend_image(gates=CLOSED, bad=bad)
    refused = bench.approve()
    assert isinstance(refused, GateClosed)
    assert f"gate 'parity' of {bad} is closed" in str(refused)
    assert "3 rows differ" in str(refused)
    assert bench.newest("release") is None


def test_the_released_image_cannot_be_released_again(bench: Bench) -> None:
    first = bench.release("one")
    refused = bench.approve("one")
    assert isinstance(refused, ApprovalMissing)
    assert refused.exit_code == 3
    assert "already release 1: nothing newer than" in str(refused)
    assert bench.newest("release") == first


def test_a_newer_candidate_that_was_stopped_is_named_with_its_gate(bench: Bench) -> None:
    first = bench.release("one")
    dataset = bench.pretend("dataset", {"inputs": {"raw_batch": []}, "batches": ["two.csv"]})
    bench.pretend("trained_model", {"inputs": {"dataset": dataset}, "gates": CLOSED})
    refused = bench.approve("one")
    assert "already release 1" in str(refused)
    assert "gate 'parity' of trained_model is closed: 3 rows differ" in str(refused)
    assert bench.newest("release") == first


def test_the_image_of_an_earlier_release_can_be_released_again(bench: Bench) -> None:
    bench.release("one")
    bench.release("two")
    bench.pretend_image("one")
    assert bench.approve("one") is None
    assert bench.document("release")["number"] == 3


def test_without_an_image_there_is_nothing_to_approve(bench: Bench) -> None:
    refused = bench.approve()
    assert refused is not None
    assert NotFound.__name__ not in str(refused)
    assert "container_image has never been materialized" in str(refused)


def test_automation_which_has_no_configuration_cannot_release(bench: Bench) -> None:
    bench.pretend_image()
    with pytest.raises(dg.DagsterInvalidConfigError, match="approver"):
        materialize(bench.defs, bench.instance, [bench.chain.key("release")])
    assert bench.newest("release") is None


@pytest.mark.parametrize("missing", ["approver", "decision", "reason", "image_digest"])
def test_every_field_of_the_approval_is_required(bench: Bench, missing: str) -> None:
    decision = {
        "approver": "Ada",
        "decision": "approve",
        "reason": "good",
        "image_digest": image_of("one"),
    }
    del decision[missing]
    with pytest.raises(dg.DagsterInvalidConfigError, match=missing):
        bench.run("release", config=decision)
