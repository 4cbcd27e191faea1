from dataclasses import replace
from typing import Any

import pytest

from edge_assets.core.approval import Approval, judge_approval, judge_rollout_request
from protos.errors import ApprovalMissing, GateClosed

GOOD = Approval("Ada", True, "better on long trips", "sha256:image")
OPEN = {"passed": True, "reason": "fine"}
CLOSED = {"passed": False, "reason": "2 rows differ"}
RELEASE: dict[str, Any] = {"number": 3, "image": "sha256:image"}


def chain(**gates: dict[str, Any]) -> list[dict[str, Any]]:
    """An image, its model with the given gates, and a batch without any."""
    return [
        {"kind": "container_image", "image": "sha256:image", "gates": {"answers": OPEN}},
        {"kind": "onnx_model", "gates": gates or {"parity": OPEN}},
        {"kind": "raw_batch"},
    ]


def test_a_good_approval_of_open_gates_is_accepted() -> None:
    judge_approval(GOOD, chain())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"approver": ""}, "no approver or no reason"),
        ({"approver": " \t"}, "no approver or no reason"),
        ({"reason": " "}, "no approver or no reason"),
        ({"approved": False}, "Ada rejected the image"),
        ({"image_digest": "sha256:other"}, "for another image than the newest"),
        ({"image_digest": ""}, "for another image than the newest"),
    ],
)
def test_a_bad_approval_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ApprovalMissing, match=reason):
        judge_approval(replace(GOOD, **changes), chain())


def test_one_closed_gate_is_enough_to_refuse() -> None:
    with pytest.raises(GateClosed, match="'parity' of onnx_model is closed: 2 rows differ"):
        judge_approval(GOOD, chain(size=OPEN, parity=CLOSED))


def test_an_image_that_is_released_already_is_no_new_release() -> None:
    with pytest.raises(ApprovalMissing, match="is already release 3: nothing newer than") as alone:
        judge_approval(GOOD, chain(), RELEASE)
    assert alone.value.exit_code == 3
    newer: list[dict[str, Any]] = [
        {"kind": "dataset", "gates": {"leakage": OPEN}},
        {"kind": "trained_model"},
    ]
    with pytest.raises(ApprovalMissing, match="nothing newer"):
        judge_approval(GOOD, chain(), RELEASE, newer)
    judge_approval(GOOD, chain(), {**RELEASE, "image": "sha256:before"}, newer)


def test_the_gate_that_stopped_a_newer_candidate_is_named() -> None:
    newer = [{"kind": "trained_model", "gates": {"metric_floors": OPEN, "champion": CLOSED}}]
    with pytest.raises(
        ApprovalMissing,
        match=r"already release 3: .* gate 'champion' of trained_model is closed: 2 rows differ",
    ):
        judge_approval(GOOD, chain(), RELEASE, newer)


def test_nothing_approved_is_not_rolled_out() -> None:
    with pytest.raises(ApprovalMissing, match="nothing is approved"):
        judge_rollout_request(None, "sha256:image", chosen=False)
    with pytest.raises(ApprovalMissing, match="nothing is approved"):
        judge_rollout_request(None, "sha256:image", chosen=True)


def test_the_release_of_the_newest_image_is_rolled_out() -> None:
    assert judge_rollout_request(RELEASE, "sha256:image", chosen=False) == RELEASE


@pytest.mark.parametrize("newest", ["sha256:newer", None])
def test_a_release_of_another_image_goes_out_only_when_chosen(newest: str | None) -> None:
    with pytest.raises(ApprovalMissing, match="release 3 carries sha256:image"):
        judge_rollout_request(RELEASE, newest, chosen=False)
    assert judge_rollout_request(RELEASE, newest, chosen=True) == RELEASE
