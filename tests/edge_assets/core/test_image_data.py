"""Deliveries of images: taken or refused as a whole, read in one order."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_assets.core.image_data import (
    COLUMNS,
    MAX_FILE_BYTES,
    inspect_images,
    label_of,
    read_images,
    rows_of,
)
from edge_assets.core.quarantine import quarantine
from edge_assets.core.raw_data import Delivery, DeliveryRefused, Reason


def png(colour: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), (colour, 0, 0)).save(buffer, format="PNG")
    return buffer.getvalue()


def deliver(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


GOOD = {"cat/1.png": png(1), "dog/1.png": png(2), "cat/2.png": png(3)}


def refusal(path: Path, known: dict[str, str] | None = None, **bounds: int) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as refused:
        inspect_images(path, known or {}, **bounds)
    return refused.value


def taken(path: Path) -> Delivery:
    return inspect_images(path, {})


def test_a_good_delivery_is_taken_with_all_its_files(tmp_path: Path) -> None:
    delivery = taken(deliver(tmp_path / "a", GOOD))
    assert [part.path for part in delivery.files] == ["cat/1.png", "cat/2.png", "dog/1.png"]
    assert delivery.rows == 3
    assert delivery.bytes == sum(map(len, GOOD.values()))


def test_the_digest_is_of_images_and_classes_not_of_names(tmp_path: Path) -> None:
    first = taken(deliver(tmp_path / "a", GOOD)).digest
    renamed = {"cat/x.png": png(3), "cat/y.png": png(1), "dog/deep/z.png": png(2)}
    assert taken(deliver(tmp_path / "b", renamed)).digest == first
    corrected = {**GOOD, "dog/2.png": png(3)}
    del corrected["cat/2.png"]
    assert taken(deliver(tmp_path / "c", corrected)).digest != first


def test_what_came_before_is_refused_by_its_content(tmp_path: Path) -> None:
    digest = taken(deliver(tmp_path / "a", GOOD)).digest
    refused = refusal(deliver(tmp_path / "b", GOOD), {digest: "monday"})
    assert refused.reason is Reason.DELIVERED_TWICE
    assert "monday" in refused.why
    assert refused.digest == digest


def test_nothing_and_nothing_in_it(tmp_path: Path) -> None:
    assert refusal(tmp_path / "away").reason is Reason.MISSING
    (tmp_path / "a" / "cat").mkdir(parents=True)
    assert refusal(tmp_path / "a").reason is Reason.EMPTY
    deliver(tmp_path / "a", {"cat/.hidden.png": png(), "_work/1.png": png()})
    assert refusal(tmp_path / "a").reason is Reason.EMPTY


@pytest.mark.parametrize(
    "files",
    [
        {"trips.csv": b"a,b\n1,2\n"},
        {"cat/readme.txt": b"hello"},
        {"1.png": png()},  # in no folder of a class
        {"cat/1.png": b""},
    ],
)
def test_a_delivery_without_any_image_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    refused = refusal(deliver(tmp_path / "a", files))
    assert refused.reason is Reason.UNSUPPORTED
    assert "one folder for each class" in refused.remedy


def test_a_single_bad_file_does_not_stop_the_delivery(tmp_path: Path) -> None:
    mixed = {**GOOD, "cat/readme.txt": b"hello", "cat/3.png": b"", "top.png": png(9)}
    assert taken(deliver(tmp_path / "a", mixed)).rows == 6
    assert len(read_images(tmp_path / "a")) == 6


def test_one_file_and_links_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    archive.write_bytes(b"PK")
    assert refusal(archive).reason is Reason.UNSUPPORTED
    folder = deliver(tmp_path / "a", GOOD)
    (folder / "cat" / "out.png").symlink_to("/etc/passwd")
    refused = refusal(folder)
    assert refused.reason is Reason.UNSUPPORTED
    assert "cat/out.png is a link" in refused.why
    with pytest.raises(DeliveryRefused):
        read_images(folder)


def test_too_many_bytes_or_files(tmp_path: Path) -> None:
    folder = deliver(tmp_path / "a", GOOD)
    size = sum(map(len, GOOD.values()))
    assert inspect_images(folder, {}, max_bytes=size, max_files=3).rows == 3
    assert refusal(folder, max_bytes=size - 1).reason is Reason.TOO_LARGE
    assert refusal(folder, max_files=2).reason is Reason.TOO_LARGE


def test_rows_are_the_same_from_a_folder_and_from_memory(tmp_path: Path) -> None:
    files = {**GOOD, "top.png": png(9), "cat/a/b/deep.png": png(7)}
    made = rows_of(files)
    assert list(made) == list(COLUMNS)
    assert made["path"].tolist() == sorted(files)
    assert made["label"].tolist() == ["cat", "cat", "cat", "dog", ""]
    assert made.equals(rows_of(dict(reversed(files.items()))))
    assert made.equals(read_images(deliver(tmp_path / "a", files)))


def test_of_a_huge_file_no_more_is_read_than_tells_so(tmp_path: Path) -> None:
    folder = deliver(tmp_path / "a", GOOD)
    with (folder / "cat" / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1000)  # sparse: no disk is used
    rows = read_images(folder).set_index("path")["content"]
    assert len(rows["cat/huge.png"]) == MAX_FILE_BYTES + 1


def test_no_rows_are_a_table_too() -> None:
    assert list(rows_of({})) == list(COLUMNS)


def test_a_refused_folder_is_quarantined_whole(tmp_path: Path) -> None:
    folder = deliver(tmp_path / "landing" / "a", {"cat/readme.txt": b"hello", "x/y/z.txt": b"1"})
    where = quarantine(folder, tmp_path / "quarantine", refusal(folder))
    assert not folder.exists()
    assert (where / "delivery" / "a" / "x" / "y" / "z.txt").read_bytes() == b"1"
    assert json.loads((where / "reason.json").read_text())["reason"] == "unsupported_type"


_NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.lists(_NAMES, min_size=1, max_size=4))
def test_the_label_is_the_first_folder(parts: list[str]) -> None:
    label = label_of("/".join(parts))
    assert label == (parts[0] if len(parts) > 1 else "")
