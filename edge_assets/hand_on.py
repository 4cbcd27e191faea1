"""Hands a release on: out of one environment as a file, and into another one.

What is handed on is the image that was approved, with everything that says where it came from. The
approval is not: in the other environment the image is a candidate, for a person to approve again.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import dagster as dg

from edge.oci import BlobStore
from edge.oci.image import parts_of_image
from edge_assets.chain import Chain
from edge_assets.core.hand_on import (
    Parts,
    judge_described,
    judge_release,
    judge_whole,
    parts_of,
)
from edge_assets.core.model_folder import model_json
from edge_assets.lineage import DOCUMENT, HANDED_ON, follow, newest
from edge_assets.release_file import ReleaseIndex, described, read_release, write_release
from edge_assets.release_manifest import images_of
from protos.errors import ApprovalMissing, ConfigurationError, IntegrityError, NotFound
from resources.platform import Platform

DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Received:
    """A release that came as a file: verified whole, and not taken over yet.

    `chain` holds its documents with their digests, the release first; all blobs are in `store`.
    """

    index: ReleaseIndex
    chain: list[tuple[str, dict[str, Any]]]
    parts: Parts
    store: BlobStore

    def document(self, kind: str) -> tuple[str, dict[str, Any]]:
        """The document of a kind that is nearest to the release, with its digest."""
        return next(found for found in self.chain if found[1]["kind"] == kind)


def export_release(
    chain: Chain,
    instance: dg.DagsterInstance,
    platform: Platform,
    target: Path,
    *,
    release: str = "",
    deliveries: bool = False,
) -> dict[str, Any]:
    """Writes an approved release, by default the newest, to `target`; says what is in the file.

    Images come from the registry by digest where they were not built here. Raises ApprovalMissing
    when there is no such release, GateClosed when a gate behind it is closed, IntegrityError when
    something of it is damaged, NotFound when it is gone, ConfigurationError when `target` is a file
    of another kind.
    """
    if target.exists() and not tarfile.is_tarfile(target):
        raise ConfigurationError(
            f"{target} is there, and is no release", remedy="choose another name, or delete it"
        )
    store = platform.artifacts
    digest = _released(chain, instance, platform, release)
    documents = follow(store, digest)
    judge_release(documents, chain.name)
    made = documents[0][1]
    parts = parts_of(documents, deliveries=deliveries)
    image = next(document for _, document in documents if document["kind"] == "container_image")
    images, blobs = {}, set(parts.artifacts)
    for name, reference in images_of(made).items():
        platform.registry.pull(name, reference, platform.images, architecture=image["architecture"])
        blobs |= parts_of_image(platform.images, reference)
        images[name] = described(platform.images, name, reference)
    index = ReleaseIndex(chain.name, digest, platform.settings.environment, images, deliveries)

    def opened(blob: str) -> IO[bytes]:
        if blob in parts.artifacts:
            return io.BytesIO(store.get_bytes(blob))
        if not platform.images.intact(blob):
            raise NotFound(f"blob {blob} of the image is gone", remedy="export it once more")
        return platform.images.open(blob)

    size = write_release(target, index, blobs, opened)
    return {
        "file": str(target),
        "bytes": size,
        "model": chain.name,
        "release": digest,
        "number": made["number"],
        "approver": made["approver"],
        "image": made["image"],
        "images": images_of(made),
        "documents": len(parts.documents),
        "blobs": len(blobs),
        "deliveries": deliveries,
    }


def _released(chain: Chain, instance: dg.DagsterInstance, platform: Platform, wanted: str) -> str:
    """The digest of a release that really was made here: the newest one, or `wanted`."""
    digest = newest(instance, chain.key("release"))
    if digest is None:
        raise ApprovalMissing(
            f"{chain.name} has no release, so there is nothing to hand on",
            remedy=f"approve one: edgectl release approve {chain.name} --by NAME --reason TEXT",
        )
    if not wanted:
        return digest
    known = digest
    while known and known != wanted:
        known = platform.artifacts.get_document(known)["previous"]
    if not known:
        raise ApprovalMissing(
            f"{wanted} is no release of {chain.name}",
            remedy=f"edgectl release list {chain.name} names its releases",
        )
    return str(known)


@contextmanager
def received(file: Path, work: Path, *, release: str = "") -> Iterator[Received]:
    """Reads the file into a folder below `work`, for as long as it is needed, and verifies it all.

    `release` is the digest of the release that is expected in it, where it is known. Raises
    IntegrityError when the file is damaged, not whole, holds more than its release or another one;
    ApprovalMissing and GateClosed when it should never have been exported.
    """
    with TemporaryDirectory(dir=work, prefix="received-") as folder:
        store = BlobStore(Path(folder))
        index = read_release(file, store)
        if release and index.release != release:
            raise IntegrityError(
                "the file holds another release than was asked for",
                why=f"it holds {index.release}",
                remedy="compare the digest with what edgectl release export printed",
            )
        try:
            documents = follow(_Documents(store), index.release)
            judge_release(documents, index.model)
            parts = parts_of(documents, deliveries=index.deliveries)
            images = images_of(documents[0][1])
            if index.images != {n: described(store, n, digest) for n, digest in images.items()}:
                raise IntegrityError(
                    "index.json names other images than the release", remedy="do not use the file"
                )
            layers = (parts_of_image(store, digest) for digest in images.values())
            judge_whole(parts.artifacts.union(*layers), store.digests())
        except NotFound as missing:
            raise IntegrityError(
                "the release is not whole",
                why=missing.what,
                remedy="export it again, and carry the file over again",
            ) from None
        except (KeyError, TypeError, AttributeError, ValueError) as odd:
            raise IntegrityError(
                "the documents in the file cannot be read", why=f"{type(odd).__name__}: {odd}"
            ) from None
        yield Received(index, documents, parts, store)


@dataclass(frozen=True)
class _Documents:
    """The documents in a store of blobs."""

    store: BlobStore

    def get_document(self, digest: str) -> dict[str, Any]:
        """As `ArtifactStore.get_document`; its bytes were verified when they were taken in."""
        document = json.loads(self.store.path(digest).read_bytes()) if self._has(digest) else None
        if not isinstance(document, dict):
            raise IntegrityError(f"{digest} is no document")
        return document

    def _has(self, digest: str) -> bool:
        if not self.store.has(digest):
            raise NotFound(f"the document {digest} is missing")
        return True


def take_over(
    given: Received, chain: Chain, instance: dg.DagsterInstance, platform: Platform
) -> dict[str, Any]:
    """Makes a received release the newest candidate here, and says what that took.

    Artifacts and images first, the event that makes them count last: cut off anywhere, nothing is
    changed, and the next time goes on. Done twice, it changes nothing. Raises ConfigurationError
    when `model.yaml` declares other tensors, IntegrityError when an artifact here is damaged, and
    what the registry raises.
    """
    _judge_description(given, chain)
    store = platform.artifacts
    copied = 0
    for digest in sorted(given.parts.artifacts):
        if store.has(digest):
            store.get_bytes(digest)  # a damaged one is told now, and not when it is needed
        else:
            store.put_file(given.store.path(digest))
            copied += 1
    images = images_of(given.chain[0][1])
    reports = [
        platform.registry.push(given.store, digest, name, mount_from=chain.name)
        for name, digest in images.items()
    ]
    image_digest, image = given.document("container_image")
    key = chain.key("container_image")
    candidate = newest(instance, key) != image_digest
    if candidate:
        _report(given, image_digest, image, key, instance)
    return {
        "model": chain.name,
        "release": given.index.release,
        "from": given.index.environment,
        "image": image["image"],
        "images": images,
        "document": image_digest,
        "artifacts_copied": copied,
        "artifacts_present": len(given.parts.artifacts) - copied,
        "image_blobs_sent": sum(report.blobs_sent for report in reports),
        "image_blobs_present": sum(
            report.blobs_present + report.blobs_mounted for report in reports
        ),
        "new_candidate": candidate,
    }


def _judge_description(given: Received, chain: Chain) -> None:
    _, onnx = given.document("onnx_model")
    described = json.loads(given.store.path(onnx["files"][DESCRIPTION]).read_bytes())
    _, trained = given.document("trained_model")
    declared = model_json(chain.config, onnx["onnx"])
    judge_described(described, declared, trained.get("commit"))


def _report(
    given: Received,
    digest: str,
    image: Mapping[str, Any],
    key: dg.AssetKey,
    instance: dg.DagsterInstance,
) -> None:
    """Tells Dagster of the image and of the gates that it passed elsewhere."""
    release = given.chain[0][1]
    where = given.index.environment
    for name, verdict in image["gates"].items():
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=verdict["passed"],
                blocking=True,
                metadata={"reason": verdict["reason"], "judged in": where},
            )
        )
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            key,
            description=f"handed on from {where}, where it is release {release['number']}",
            metadata={
                "image": image["image"],
                "smoke test image": image["smoke_test_image"],
                "handed on from": where,
                "approved there by": release["approver"],
                "approved there because": release["reason"],
                HANDED_ON: given.index.release,
                DOCUMENT: digest,
            },
            tags={"dagster/data_version": digest},
        )
    )
