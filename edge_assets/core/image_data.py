"""Deliveries of images: a folder that holds one folder for each class.

Taken or refused as a whole, as tables are in `raw_data`. Whether a single file is a good image is
judged later, file by file: a broken one is set aside and does not stop the others.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from edge_assets.core.raw_data import Delivery, DeliveryRefused, Part, Reason
from protos.digests import digest_file, digest_json

MAX_BYTES = 2 << 30
"""Of a delivery: it is read into memory as a whole."""
MAX_FILES = 100_000
MAX_FILE_BYTES = 64 << 20
"""Of one file: more than this is not read, and the file is set aside."""

PATH, LABEL, CONTENT = "path", "label", "content"
COLUMNS = (PATH, LABEL, CONTENT)

_SIGNATURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
)
"""How files of PNG, JPEG, BMP, GIF, WebP and TIFF (both byte orders) begin."""


def inspect_images(
    path: Path, known: Mapping[str, str], *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> Delivery:
    """Reads the delivery at `path` once, and takes or refuses it.

    `known` maps digests of earlier deliveries to the names of their batches. The digest depends on
    the images and their classes, not on names of files: corrected classes are a new delivery. A
    part counts as one row.

    Raises:
        DeliveryRefused: with the reason; the message names the file where it is one.
    """
    parts: list[Part] = []
    total = 0
    pictures = 0
    for file, name in _files(path):
        size = file.stat().st_size
        total += size
        if total > max_bytes or len(parts) == max_files:
            raise DeliveryRefused(
                f"{path.name} is too large",
                reason=Reason.TOO_LARGE,
                why=f"it has more than {max_bytes} bytes or {max_files} files",
                remedy="deliver it in smaller batches",
            )
        parts.append(Part(name, digest_file(file), 1, size))
        pictures += bool(label_of(name)) and _looks_like_image(file)
    digest = digest_json(sorted([label_of(part.path), part.digest] for part in parts))
    if not pictures:
        raise DeliveryRefused(
            f"{path.name} holds no images",
            reason=Reason.UNSUPPORTED,
            why=f"none of its {len(parts)} files is an image in a folder of its class",
            remedy="deliver one folder for each class, with PNG, JPEG, BMP, GIF, TIFF or WebP "
            "files in it",
            digest=digest,
        )
    if digest in known:
        raise DeliveryRefused(
            f"{path.name} was delivered before",
            reason=Reason.DELIVERED_TWICE,
            why=f"the same images in the same classes are in {known[digest]}",
            remedy="nothing is to be done if it was sent by mistake; rows must not count twice",
            digest=digest,
        )
    return Delivery(digest, tuple(parts), len(parts), total)


def read_images(path: Path) -> pd.DataFrame:
    """The files of the delivery as raw rows, ordered by path, index from 0.

    Columns: `path` below the delivery, `label` (the folder of the class, "" outside of any) and
    `content` as bytes, of which at most one more than `MAX_FILE_BYTES` is read.

    Raises:
        DeliveryRefused: the delivery is not there, or holds no files.
    """
    rows = []
    for file, name in _files(path):
        with file.open("rb") as opened:
            rows.append((name, label_of(name), opened.read(MAX_FILE_BYTES + 1)))
    return _frame(rows)


def rows_of(files: Mapping[str, bytes]) -> pd.DataFrame:
    """Raw rows as `read_images` gives them, of contents by their path below the delivery."""
    return _frame([(name, label_of(name), files[name]) for name in sorted(files)])


def label_of(name: str) -> str:
    """The class of a file by its path below the delivery: the first folder, "" without one."""
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else ""


def _frame(rows: list[tuple[str, str, bytes]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Files and their paths below the delivery, in order; hidden ones are not data."""
    if not path.exists():
        raise DeliveryRefused(
            f"{path} is not there",
            reason=Reason.MISSING,
            remedy="deliver again; write under another name and rename when complete",
        )
    if path.is_file():
        raise DeliveryRefused(
            f"{path.name} is one file",
            reason=Reason.UNSUPPORTED,
            why="images come as a folder that holds one folder for each class",
            remedy="unpack it, if it is an archive, and deliver the folder",
        )
    found = {file.relative_to(path).as_posix(): file for file in path.rglob("*")}
    data = {
        name: file
        for name, file in found.items()
        if not any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)
    }
    links = sorted(name for name, file in data.items() if file.is_symlink())
    if links:
        raise DeliveryRefused(
            f"{path.name} holds links",
            reason=Reason.UNSUPPORTED,
            why=f"{links[0]} is a link: what it points to may change, or be none of the delivery",
            remedy="deliver the files themselves",
        )
    names = sorted(name for name, file in data.items() if file.is_file())
    if not names:
        raise DeliveryRefused(
            f"{path.name} is empty",
            reason=Reason.EMPTY,
            why="the folder holds no files",
            remedy="deliver one folder for each class, with images in it",
        )
    for name in names:
        yield found[name], name


def _looks_like_image(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(16).startswith(_SIGNATURES)
