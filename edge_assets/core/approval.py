"""The approval gate, as pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protos.errors import ApprovalMissing, GateClosed


@dataclass(frozen=True)
class Approval:
    """A person's decision about one image, known by its digest."""

    approver: str
    approved: bool
    reason: str
    image_digest: str


def judge_approval(
    approval: Approval,
    chain: Sequence[Mapping[str, Any]],
    released: Mapping[str, Any] | None = None,
    newer: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Accepts the approval of the newest image, or raises.

    `chain` holds the documents behind that image, the image first; `released` is the newest
    release, and `newer` what was made after the image and did not become one.

    Raises ApprovalMissing when the approver or the reason is empty, when it was rejected, when it
    speaks of another image than the newest, or when that image is the one that is released already:
    whoever approves then means a newer candidate, so the gate that stopped it is named. GateClosed
    when any gate on the way from the raw data to the image is closed.
    """
    image = chain[0]
    if not approval.approver.strip() or not approval.reason.strip():
        raise ApprovalMissing(
            "the approval names no approver or no reason", remedy="give both: they are kept"
        )
    if not approval.approved:
        raise ApprovalMissing(
            f"{approval.approver} rejected the image {approval.image_digest}", why=approval.reason
        )
    if approval.image_digest != image["image"]:
        raise ApprovalMissing(
            "the approval is for another image than the newest",
            why=f"approved was {approval.image_digest}, the newest is {image['image']}",
            remedy="look at the newest image and approve its digest",
        )
    if released is not None and released["image"] == image["image"]:
        stopped = first_closed(newer)
        raise ApprovalMissing(
            f"the newest image is already release {released['number']}",
            why=f"the newer candidate has no image: gate '{stopped[1]}' of {stopped[0]} is closed: "
            f"{stopped[2]}"
            if stopped
            else f"nothing newer than {image['image']} was built",
            remedy="mend the cause and make a new candidate"
            if stopped
            else "deliver data or change the training, and approve the image that comes of it; "
            "edgectl rollout start rolls a release out again",
        )
    closed = first_closed(chain)
    if closed:
        kind, name, reason = closed
        raise GateClosed(
            f"the image cannot be released: gate '{name}' of {kind} is closed",
            why=reason,
            remedy="mend the cause and make a new candidate",
        )


def first_closed(documents: Sequence[Mapping[str, Any]]) -> tuple[str, str, str] | None:
    """Asset, name and reason of the first gate that is closed."""
    for document in documents:
        for name, verdict in document.get("gates", {}).items():
            if not verdict["passed"]:
                return document["kind"], name, verdict["reason"]
    return None


def judge_rollout_request(
    release: Mapping[str, Any] | None, newest_image: str | None, *, chosen: bool
) -> dict[str, Any]:
    """The release that may be rolled out; raises ApprovalMissing when there is none.

    `release` is the release to roll out (None: there is none), `newest_image` the digest of the
    newest image, `chosen` whether a person named this release, as for going back to an earlier one.
    """
    if release is None:
        raise ApprovalMissing(
            "nothing is approved, so nothing is rolled out",
            remedy="look at the newest image, then approve it: edgectl release approve --help",
        )
    if not chosen and newest_image != release["image"]:
        raise ApprovalMissing(
            "the newest image is not approved",
            why=f"release {release['number']} carries {release['image']}, the newest image is "
            f"{newest_image}",
            remedy="approve it, or name the release that you want to roll out",
        )
    return dict(release)
