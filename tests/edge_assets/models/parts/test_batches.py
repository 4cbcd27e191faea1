"""Deliveries of folders, from the landing folder to an accepted batch and back."""

import shutil
import time
from pathlib import Path

from edge_assets.core.images import pixels
from edge_assets.frames import get_frame
from edge_assets.models.parts.sample import sample
from tests.edge_assets.models.parts.conftest import PartsBench


def test_a_folder_becomes_a_batch_and_single_bad_files_are_set_aside(
    parts_bench: PartsBench,
) -> None:
    bench = parts_bench
    files = sample(150, 1, bad_share=0.0)
    good = len(files)
    files |= {"part_3/notes.txt": b"all good", "part_x/1.png": next(iter(files.values()))[:-1]}
    bench.deliver("monday", files)
    assert bench.look().partitions == ("monday",)
    assert bench.run("raw_batch", partition="monday") is None

    document = bench.document("raw_batch", "monday")
    assert (document["rows_in"], document["rows_kept"]) == (good + 2, good)
    assert set(document["set_aside"]) == {"no image that can be read", "no known class: part_x"}
    assert set(document["files"]) == set(files)
    kept = get_frame(bench.platform.artifacts, document["kept"])
    assert kept["part"].value_counts().sum() == good
    assert pixels(kept["image"][0]).shape == (kept["height"][0], kept["width"][0], 3)
    aside = get_frame(bench.platform.artifacts, document["set_aside_rows"])
    assert dict(zip(aside["path"], aside["content"], strict=True))["part_3/notes.txt"] == (
        b"all good"
    )


def test_a_folder_that_is_still_being_written_waits(parts_bench: PartsBench) -> None:
    folder = parts_bench.deliver("monday", sample(120, 1, bad_share=0), settled=True)
    late = folder / "part_1" / "late.png"
    late.write_bytes(sample(1, 9, bad_share=0).popitem()[1])  # into a folder that was settled
    ticked = parts_bench.look()
    assert ticked.partitions == ()
    assert "1 still being written" in ticked.skipped
    time.sleep(1.1)
    assert parts_bench.look().partitions == ("monday",)


def test_what_came_before_is_quarantined_whatever_its_names(parts_bench: PartsBench) -> None:
    bench = parts_bench
    files = sample(120, 1)
    bench.deliver("monday", files)
    bench.look()
    assert bench.run("raw_batch", partition="monday") is None
    renamed = {path.replace(".png", "-copy.png"): content for path, content in files.items()}
    again = bench.deliver("tuesday", renamed)
    assert "delivered before" in bench.look().skipped
    assert not again.exists()
    (where,) = (bench.home / "quarantine" / "parts").iterdir()
    assert len([*(where / "delivery" / "tuesday").rglob("*.png")]) == len(files)


def test_a_folder_without_images_is_quarantined(parts_bench: PartsBench) -> None:
    parts_bench.deliver("monday", {"trips.csv": b"a,b\n1,2\n", "readme.txt": b"hello"})
    assert "holds no images" in parts_bench.look().skipped


def test_too_many_bad_images_refuse_the_delivery(parts_bench: PartsBench) -> None:
    bench = parts_bench
    bench.deliver("monday", sample(200, 1, bad_share=0.6))
    assert bench.look().partitions == ("monday",)
    refused = bench.run("raw_batch", partition="monday")
    assert refused is not None
    assert "can be used" in str(refused)
    assert (bench.home / "quarantine" / "parts").is_dir()
    assert "parts_batches" not in str(bench.look().partitions)


def test_a_batch_that_was_cleared_away_comes_back_from_the_store(
    parts_bench: PartsBench,
) -> None:
    bench = parts_bench
    folder = bench.deliver("monday", sample(120, 1))
    bench.look()
    assert bench.run("raw_batch", partition="monday") is None
    first = bench.document("raw_batch", "monday")
    before = {path.relative_to(folder): path.read_bytes() for path in _files(folder)}
    shutil.rmtree(folder)
    assert bench.run("raw_batch", partition="monday") is None
    assert {path.relative_to(folder): path.read_bytes() for path in _files(folder)} == before
    assert bench.document("raw_batch", "monday") == first


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
