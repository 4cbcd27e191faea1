"""The file that carries a release: equal for equal content, and never half believed."""

import io
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.oci import BlobStore, Descriptor
from edge.oci.descriptors import INDEX, REF_NAME_ANNOTATION
from edge_assets.release_file import ReleaseIndex, read_release, write_release
from protos.digests import digest_bytes
from protos.errors import IntegrityError

CONTENTS = [b"one", b"two" * 400, b""]
BLOBS = {digest_bytes(content): content for content in CONTENTS}
NAMED = min(BLOBS)
IMAGE = Descriptor(INDEX, NAMED, len(BLOBS[NAMED]), {REF_NAME_ANNOTATION: "wine"})
MADE = ReleaseIndex("wine", NAMED, "staging", {"wine": IMAGE})


def written(blobs: dict[str, bytes], index: ReleaseIndex = MADE) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "release.tar"
        size = write_release(target, index, list(blobs), lambda digest: io.BytesIO(blobs[digest]))
        content = target.read_bytes()
        assert (len(content), len(list(Path(folder).iterdir()))) == (size, 1)
    return content


def read(content: bytes) -> tuple[ReleaseIndex, dict[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "release.tar").write_bytes(content)
        store = BlobStore(Path(folder) / "store")
        index = read_release(Path(folder) / "release.tar", store)
        return index, {digest: store.path(digest).read_bytes() for digest in store.digests()}


WHOLE = written(BLOBS)


@given(st.lists(st.binary(max_size=2000), max_size=5), st.booleans())
def test_what_was_written_is_read_whatever_the_order(
    contents: list[bytes], deliveries: bool
) -> None:
    blobs = {digest_bytes(content): content for content in contents}
    index = ReleaseIndex("wine", NAMED, "prod-2", {"wine": IMAGE}, deliveries)
    content = written(blobs, index)
    assert content == written(dict(reversed(blobs.items())), index)
    assert read(content) == (index, blobs)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_blobs_as_they_are(place: int, change: int) -> None:
    content = bytearray(WHOLE)
    content[place] ^= change
    try:
        _, blobs = read(bytes(content))
    except IntegrityError:
        return
    # An index that names something else finds no blobs for it: test_spoiled_release.py.
    assert blobs.items() <= BLOBS.items()


@given(st.integers(0, len(WHOLE)))
def test_a_file_that_was_cut_off_is_refused_or_lacks_whole_blobs(length: int) -> None:
    try:
        _, blobs = read(WHOLE[:length])
    except IntegrityError:
        return
    assert blobs.items() <= BLOBS.items()


@given(st.binary(max_size=3000))
def test_any_other_file_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="is no release that was exported"):
        read(content)


def entry(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x") -> bytes:
    """A tar of a whole release and one entry more."""
    target = io.BytesIO(WHOLE)
    with tarfile.open(fileobj=target, mode="a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        entry("../escape"),
        entry("/etc/passwd"),
        entry("index.json"),
        entry("oci-layout"),
        entry("blobs/sha256/" + NAMED.removeprefix("sha256:"), content=BLOBS[NAMED]),
        entry("blobs/sha256/" + "a" * 64, tarfile.SYMTYPE, b""),
        entry("blobs/sha256/" + "a" * 64, tarfile.LNKTYPE, b""),
        entry("blobs/sha256", tarfile.DIRTYPE, b""),
        entry("blobs/sha256/" + "A" * 64),
    ],
)
def test_an_entry_that_no_release_has_or_has_twice_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match="which no release has, or has once"):
        read(content)


def test_a_blob_under_another_digest_is_refused() -> None:
    with pytest.raises(IntegrityError, match="a blob is not"):
        read(entry("blobs/sha256/" + "a" * 64))
