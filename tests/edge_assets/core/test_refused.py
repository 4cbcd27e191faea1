"""Notes on deliveries that stay where they are."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from edge_assets.core.raw_data import DeliveryRefused, Reason
from edge_assets.core.refused import last_change, note, noted

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFUSAL = DeliveryRefused("t.csv is empty", reason=Reason.EMPTY, why="0 bytes", remedy="again")


def _deliver(tmp_path: Path, name: str = "t.csv", time: float = 1.7e9) -> Path:
    file = tmp_path / "landing" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("x")
    os.utime(file, (time, time))
    return file


def test_the_delivery_stays_and_is_known_again(tmp_path: Path) -> None:
    delivery, folder = _deliver(tmp_path), tmp_path / "quarantine" / "shop_a"
    assert not noted(delivery, folder)
    place = note(delivery, folder, REFUSAL, now=NOW)
    assert delivery.read_text() == "x"
    reason = json.loads((place / "reason.json").read_text())
    assert reason["reason"] == "empty"
    assert reason["left_in"] == str(delivery.parent)
    assert place.name.startswith("20260102T030405Z-")
    assert list(folder.iterdir()) == [place], "nothing half done is left"
    assert noted(delivery, folder)
    assert not noted(delivery, tmp_path / "quarantine" / "shop_b")
    assert not noted(_deliver(tmp_path, "other-t.csv"), folder)


def test_a_mended_one_of_that_name_is_another_one(tmp_path: Path) -> None:
    folder = tmp_path / "q"
    note(_deliver(tmp_path), folder, REFUSAL)
    mended = _deliver(tmp_path, time=1.8e9)
    assert not noted(mended, folder)
    note(mended, folder, REFUSAL)
    assert noted(mended, folder)


def test_a_note_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    delivery, folder = _deliver(tmp_path), tmp_path / "q"
    (note(delivery, folder, REFUSAL) / "reason.json").write_text("{")
    assert not noted(delivery, folder)


def test_a_folder_changed_when_its_newest_file_did(tmp_path: Path) -> None:
    file = _deliver(tmp_path, time=4e9)
    assert last_change(file.parent) == 4e9
