"""What belongs to a release that is handed on, as pure functions on its documents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_assets.core.approval import first_closed
from protos.errors import ApprovalMissing, ConfigurationError, GateClosed, IntegrityError

Document = Mapping[str, Any]

BLOBS: Mapping[str, tuple[str, ...]] = {
    "dataset": ("train", "holdout"),
    "trained_model": ("estimator",),
    "onnx_model": ("onnx", "files"),
    "features": ("files",),
}
"""Kind of document -> its fields that name blobs: a digest, or digests by name. Drift is judged
against the rows of the dataset, and the next candidate against the ONNX artifact."""
DELIVERIES: Mapping[str, tuple[str, ...]] = {"raw_batch": ("files", "kept", "set_aside_rows")}
"""The same of what was delivered: nothing in another environment reads it."""


@dataclass(frozen=True)
class Parts:
    """What a release consists of, by digest."""

    documents: frozenset[str]
    blobs: frozenset[str]

    @property
    def artifacts(self) -> frozenset[str]:
        """Everything that is in the artifact store."""
        return self.documents | self.blobs


def parts_of(chain: Sequence[tuple[str, Document]], *, deliveries: bool) -> Parts:
    """The parts of the release whose documents, with their digests, are `chain`.

    `deliveries` says whether the bytes of the raw batches belong to it; their documents always do.
    """
    wanted = {**BLOBS, **(DELIVERIES if deliveries else {})}
    blobs: set[str] = set()
    for _, document in chain:
        for field in wanted.get(document["kind"], ()):
            named = document.get(field, {})
            blobs.update(named.values() if isinstance(named, Mapping) else [named])
    return Parts(frozenset(digest for digest, _ in chain), frozenset(blobs))


def judge_whole(needed: Collection[str], present: Collection[str]) -> None:
    """Accepts exactly what belongs to a release; raises IntegrityError for less and for more."""
    missing, foreign = sorted(set(needed) - set(present)), sorted(set(present) - set(needed))
    if missing:
        raise IntegrityError(
            "the release is not whole",
            why=f"{len(missing)} of its parts are missing, the first is {missing[0]}",
            remedy="export it again, and carry the file over again",
        )
    if foreign:
        raise IntegrityError(
            "the file holds more than its release",
            why=f"{len(foreign)} parts do not belong to it, the first is {foreign[0]}",
            remedy="export it again; do not use this file",
        )


def judge_release(chain: Sequence[tuple[str, Document]], model: str) -> None:
    """Accepts an approved release of `model` behind which every gate is open, or raises.

    `chain` are its documents, itself first. Raises IntegrityError when they are no release of that
    model or do not fit together, ApprovalMissing when nobody approved it, GateClosed.
    """
    documents = [document for _, document in chain]
    release = documents[0]
    if release.get("kind") != "release" or release.get("model") != model:
        raise IntegrityError(
            f"{chain[0][0]} is no release of {model}",
            why=f"it is a {release.get('kind')} of {release.get('model')}",
            remedy=f"edgectl release list {model} names its releases",
        )
    made = {document["kind"]: document for document in reversed(documents)}
    lacking = [kind for kind in ("container_image", "onnx_model") if kind not in made]
    if lacking:
        raise IntegrityError(f"there is no {lacking[0]} behind the release {chain[0][0]}")
    carried = (made["container_image"]["image"], made["onnx_model"]["onnx"])
    if carried != (release["image"], release["model_digest"]):
        raise IntegrityError(
            f"the release {chain[0][0]} names another image or model than was made for it",
            remedy="do not use it",
        )
    if not str(release.get("approver", "")).strip():
        raise ApprovalMissing(
            f"nobody approved release {release['number']} of {model}",
            remedy=f"approve it: edgectl release approve {model} --by NAME --reason TEXT",
        )
    closed = first_closed(documents)
    if closed:
        kind, name, reason = closed
        raise GateClosed(
            f"release {release['number']} of {model} is not handed on: "
            f"gate '{name}' of {kind} is closed",
            why=reason,
            remedy="mend the cause, make a new candidate and approve that",
        )


def judge_described(described: Document, declared: Document, commit: str | None) -> None:
    """Accepts a model whose tensors are those that `model.yaml` declares.

    Both are descriptions as in `model.json`; `commit` is that of the model's code. Raises
    ConfigurationError naming the first difference: drift and the champion gate could not read it.
    """
    for side in ("inputs", "outputs"):
        theirs, ours = (
            {tensor["name"]: tensor["datatype"] for tensor in which[side]}
            for which in (described, declared)
        )
        for name in sorted(theirs.keys() | ours):
            if theirs.get(name) != ours.get(name):
                raise ConfigurationError(
                    f"the model.yaml here declares other {side} than the release has",
                    why=f"{name}: the release has {theirs.get(name, 'none')}, model.yaml "
                    f"{ours.get(name, 'none')}",
                    remedy=f"use the code that it was made with: commit {commit or 'unknown'}",
                )
