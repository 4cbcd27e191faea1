"""Why a device answers as it does: device -> image -> ONNX -> model -> dataset -> batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_assets.core.fleet import DeviceObservation
from edge_assets.lineage import follow
from protos.errors import NotFound
from resources.artifact_store import ArtifactStore

ORDER = (
    *("release", "container_image", "onnx_model", "trained_model"),
    *("dataset", "features", "raw_batch"),
)


@dataclass(frozen=True)
class Link:
    """One link of the chain: what it is, its digest, and what there is to say about it."""

    kind: str
    digest: str
    detail: str


def explain(device: DeviceObservation, model: str, store: ArtifactStore) -> list[Link]:
    """The chain behind what the device serves now, the device first, the raw batches last.

    Starts at the release that the device's own smoke test names, and tells whether the digest
    that it serves is the one of that release. Raises NotFound when the device never proved
    anything for the model.
    """
    smoke = device.smoke or {}
    release = smoke.get("release")
    if not release:
        raise NotFound(
            f"device {device.device_id} has not reported any release of {model}",
            remedy="see what it runs with: edgectl fleet show " + device.device_id,
        )
    documents = follow(store, str(release))
    served = str(smoke.get("served_digest") or "")
    expected = documents[0][1]["model_digest"]
    running = device.modules.get(model)
    links = [
        Link(
            "device",
            served or "nothing is served",
            f"{device.device_id}, ring {device.ring}: "
            + ("serves the released model" if served == expected else "NOT the released model")
            + f"; runs {running.reported_image if running else 'nothing'}",
        )
    ]
    by_kind = sorted(
        (item for item in documents if item[1]["kind"] in ORDER),
        key=lambda item: ORDER.index(item[1]["kind"]),
    )
    return links + [_link(digest, document, digest != release) for digest, document in by_kind]


def _link(digest: str, document: Mapping[str, Any], elsewhere: bool) -> Link:
    """The link of a document; a release `elsewhere` is one that was handed on."""
    kind = document["kind"]
    if kind == "release":
        where = "before it was handed on: " if elsewhere else ""
        detail = f"{where}number {document['number']}, approved by {document['approver']}: "
        return Link(kind, digest, detail + document["reason"])
    if kind == "container_image":
        return Link(kind, document["image"], f"for {document['architecture']}")
    if kind == "onnx_model":
        return Link(kind, document["onnx"], document["gates"]["parity"]["reason"])
    if kind == "trained_model":
        metrics = document["metrics"]
        detail = ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items()))
        commit = document.get("commit")
        return Link(kind, document["estimator"], detail + (f"; commit {commit}" if commit else ""))
    if kind == "dataset":
        rows = document["rows"]
        detail = f"{rows['train']} rows to train, {rows['holdout']} held out"
        return Link(kind, digest, f"{detail}, {len(document['batches'])} batches")
    if kind == "features":
        return Link(kind, document["code"], f"{document['module']} version {document['version']}")
    detail = f"{document['batch']}: {document['rows_kept']} of {document['rows_in']} rows kept"
    return Link(kind, document["content"], detail)


def batches(links: Sequence[Link]) -> list[str]:
    """The digests of the raw batches at the end of a chain."""
    return [link.digest for link in links if link.kind == "raw_batch"]
