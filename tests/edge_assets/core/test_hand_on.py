"""What belongs to a release, whether it is all there, and whether it may be handed on."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.core.hand_on import (
    judge_described,
    judge_release,
    judge_whole,
    parts_of,
)
from protos.errors import ApprovalMissing, ConfigurationError, GateClosed, IntegrityError

OPEN = {"passed": True, "reason": "fine"}
CLOSED = {"passed": False, "reason": "3 rows differ"}
Chain = list[tuple[str, dict[str, Any]]]


def chain(**changes: Mapping[str, Any]) -> Chain:
    """The documents behind a release; `changes` by kind."""
    made: dict[str, dict[str, Any]] = {
        "release": {
            "model": "wine",
            "number": 3,
            "approver": "Ada",
            "image": "image",
            "model_digest": "onnx",
            "previous": "release 2",
        },
        "container_image": {"image": "image", "smoke_test_image": "smoke", "gates": {"a": OPEN}},
        "onnx_model": {"onnx": "onnx", "files": {"model.onnx": "onnx", "golden.json": "golden"}},
        "trained_model": {"estimator": "estimator", "champion": "an earlier onnx"},
        "dataset": {"train": "train rows", "holdout": "held out"},
        "features": {"code": "digest of code", "files": {"trees.py": "code"}},
        "raw_batch": {
            "content": "bytes",
            "files": {"a.csv": "bytes"},
            "kept": "kept",
            "set_aside_rows": "set aside",
        },
    }
    return [
        (f"document {kind}", {"kind": kind, **document, **changes.get(kind, {})})
        for kind, document in made.items()
    ]


def test_the_parts_are_documents_and_what_they_name() -> None:
    parts = parts_of(chain(), deliveries=False)
    assert parts.documents == {digest for digest, _ in chain()}
    named = {"onnx", "golden", "estimator", "train rows", "held out", "code"}
    assert parts.blobs == named
    assert parts.artifacts == parts.documents | named


def test_deliveries_belong_to_it_when_they_are_asked_for() -> None:
    more = parts_of(chain(), deliveries=True).blobs - parts_of(chain(), deliveries=False).blobs
    assert more == {"bytes", "kept", "set aside"}


names = st.sets(st.text("abc", min_size=1, max_size=4), max_size=6)


@given(names, names)
def test_exactly_what_belongs_to_it_is_whole(needed: set[str], present: set[str]) -> None:
    if needed == present:
        judge_whole(needed, present)
        return
    with pytest.raises(IntegrityError) as told:
        judge_whole(needed, present)
    odd = min(needed - present) if needed - present else min(present - needed)
    assert told.value.why.endswith(f"the first is {odd}")
    assert told.value.remedy


@given(st.permutations(chain()), st.booleans())
def test_the_order_of_documents_does_not_matter(shuffled: Chain, deliveries: bool) -> None:
    assert parts_of(shuffled, deliveries=deliveries) == parts_of(chain(), deliveries=deliveries)


@given(st.permutations(chain()), st.permutations(chain()))
def test_more_documents_never_take_a_part_away(one: Chain, other: Chain) -> None:
    few = parts_of(one[:3], deliveries=True)
    many = parts_of([*one[:3], *other[:2]], deliveries=True)
    assert few.artifacts <= many.artifacts


def test_an_approved_release_with_open_gates_is_accepted() -> None:
    judge_release(chain(), "wine")


@pytest.mark.parametrize("approver", ["", "  "])
def test_what_nobody_approved_is_refused(approver: str) -> None:
    with pytest.raises(ApprovalMissing, match="nobody approved release 3 of wine") as told:
        judge_release(chain(release={"approver": approver}), "wine")
    assert told.value.exit_code == 3


@pytest.mark.parametrize("kind", ["release", "container_image", "onnx_model", "raw_batch"])
def test_a_closed_gate_anywhere_refuses_it(kind: str) -> None:
    closed = chain(**{kind: {"gates": {"a": OPEN, "parity": CLOSED}}})
    with pytest.raises(GateClosed, match=f"gate 'parity' of {kind} is closed: 3 rows differ"):
        judge_release(closed, "wine")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"container_image": {"image": "other"}}, "names another image or model"),
        ({"onnx_model": {"onnx": "other"}}, "names another image or model"),
        ({"release": {"kind": "container_image"}}, "is no release of wine"),
        ({"release": {"model": "taxi"}}, "is no release of wine: it is a release of taxi"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(IntegrityError, match=reason):
        judge_release(chain(**changes), "wine")


@pytest.mark.parametrize("kind", ["container_image", "onnx_model"])
def test_a_release_of_nothing_is_refused(kind: str) -> None:
    few = [item for item in chain() if item[1]["kind"] != kind]
    with pytest.raises(IntegrityError, match=f"there is no {kind} behind"):
        judge_release(few, "wine")


def described(**inputs: str) -> dict[str, Any]:
    told = [
        {"name": name, "datatype": datatype, "shape": [-1, 1]} for name, datatype in inputs.items()
    ]
    return {"inputs": told, "outputs": [{"name": "y", "datatype": "FP32"}]}


def test_the_same_tensors_are_accepted_in_any_order() -> None:
    judge_described(described(a="FP32", b="BYTES"), described(b="BYTES", a="FP32"), None)


@pytest.mark.parametrize("declared", [{"a": "INT64"}, {}, {"a": "FP32", "b": "FP32"}])
def test_other_tensors_than_declared_are_refused_with_the_commit(declared: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="declares other inputs") as told:
        judge_described(described(a="FP32"), described(**declared), "abc123")
    assert "commit abc123" in told.value.remedy
    assert told.value.exit_code == 2
