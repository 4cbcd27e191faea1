"""A file that is not exactly what was exported is refused, and nothing is changed by it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_assets.hand_on import received
from edge_assets.release_file import write_release
from protos.errors import IntegrityError
from tests.edge_assets.handing_on import (
    Site,
    export,
    index_of,
    opened_site,
    pretend_candidate,
    spoiled,
    state,
    take_in,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, blank: Path) -> Path:
    folder = tmp_path_factory.mktemp("staging")
    with pytest.MonkeyPatch.context() as patch, opened_site(folder, blank, patch) as site:
        assert site.bench.approve(image_digest=pretend_candidate(site)["image"]) is None
        export(site, folder / "nyc_taxi.tar")
    return folder / "nyc_taxi.tar"


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory, bundle: Path, blank: Path) -> Iterator[Site]:
    """One for all tests: each leaves it as it was."""
    home = tmp_path_factory.mktemp("prod")
    with pytest.MonkeyPatch.context() as patch, opened_site(home, blank, patch) as site:
        yield site


def test_another_release_than_the_expected_one_is_refused(prod: Site, bundle: Path) -> None:
    before = state(prod)
    with pytest.raises(IntegrityError, match="another release than was asked for"):
        take_in(prod, bundle, release="sha256:" + "a" * 64)
    assert state(prod) == before


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off_changes_nothing(
    prod: Site, bundle: Path, tmp_path: Path, share: float
) -> None:
    before = state(prod)
    whole = bundle.read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: int(share * len(whole.rstrip(b"\0")))])
    with pytest.raises(IntegrityError):
        take_in(prod, tmp_path / "cut.tar")
    assert state(prod) == before


def _blob(members: dict[str, bytes]) -> str:
    return max(
        (name for name in members if name.startswith("blobs/")), key=lambda n: len(members[n])
    )


SPOILED: dict[str, Any] = {
    "one bit of a blob": lambda m: {**m, _blob(m): bytes([m[_blob(m)][0] ^ 1]) + m[_blob(m)][1:]},
    "a blob is missing": lambda m: {k: v for k, v in m.items() if k != _blob(m)},
    "a blob too many": lambda m: {
        **m,
        "blobs/sha256/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824": b"hello",
    },
    "a file of another kind": lambda m: {**m, "../escape": b"x"},
    "no index": lambda m: {k: v for k, v in m.items() if k != "index.json"},
    "an index that is no JSON": lambda m: {**m, "index.json": b"{"},
    "an index of something else": lambda m: {**m, "index.json": b'{"manifests":[]}'},
    "another model": lambda m: {**m, "index.json": index_of(m, model="london_taxi")},
    "another release": lambda m: {**m, "index.json": index_of(m, release="sha256:" + "0" * 64)},
    "a release that is none": lambda m: {**m, "index.json": index_of(m, release="latest")},
    "a later format": lambda m: {**m, "index.json": index_of(m, format="2")},
    "an odd environment": lambda m: {**m, "index.json": index_of(m, environment="\x1b[2J")},
    "another image": lambda m: {
        **m,
        "index.json": m["index.json"].replace(b"nyc_taxi-smoke-test", b"nyc_taxi-other"),
    },
    "nothing": lambda m: {},
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_file_changes_nothing(prod: Site, bundle: Path, tmp_path: Path, how: str) -> None:
    before = state(prod)
    file = spoiled(bundle, tmp_path / "spoiled.tar", SPOILED[how])
    with pytest.raises(IntegrityError):
        take_in(prod, file)
    assert state(prod) == before


def test_a_forged_release_is_another_one(prod: Site, bundle: Path, tmp_path: Path) -> None:
    """Whoever changes a document changes its digest, up to that of the release."""
    with received(bundle, tmp_path) as given:
        digest, release = given.chain[0]
        forged = given.store.add_json({**release, "approver": "Mallory"}, "").digest
        present = set(given.store.digests()) - {digest}
        index = replace(given.index, release=forged)
        write_release(tmp_path / "forged.tar", index, present, given.store.open)
    before = state(prod)
    with pytest.raises(IntegrityError, match="another release than was asked for"):
        take_in(prod, tmp_path / "forged.tar", release=digest)
    assert state(prod) == before


def test_at_the_end_a_file_without_change_is_taken(
    prod: Site, bundle: Path, tmp_path: Path
) -> None:
    file = spoiled(bundle, tmp_path / "same.tar", lambda members: members)
    assert take_in(prod, file)["new_candidate"]
    stored, pushed, *_ = state(prod)
    assert stored
    assert pushed
