import errno
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_assets.core.quarantine import quarantine
from edge_assets.core.raw_data import DeliveryRefused, Reason
from protos.errors import NotFound

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REFUSAL = DeliveryRefused(
    "t.csv is empty", reason=Reason.EMPTY, why="0 bytes", remedy="again", digest="sha256:0"
)


def _deliver(tmp_path: Path, content: str = "x") -> Path:
    file = tmp_path / "landing" / "t.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    return file


def test_moves_the_delivery_and_says_why(tmp_path: Path) -> None:
    delivery = _deliver(tmp_path)
    place = quarantine(delivery, tmp_path / "quarantine", REFUSAL, now=NOW)
    assert not delivery.exists()
    assert (place / "delivery" / "t.csv").read_text() == "x"
    assert json.loads((place / "reason.json").read_text()) == {
        "reason": "empty",
        "what": "t.csv is empty",
        "why": "0 bytes",
        "remedy": "again",
        "name": "t.csv",
        "digest": "sha256:0",
        "time": "2026-01-02T03:04:05Z",
    }
    assert place.name == "20260102T030405Z-t.csv"
    assert list(place.parent.iterdir()) == [place], "nothing half done is left"


def test_a_second_one_of_the_same_name_and_second_does_not_overwrite(tmp_path: Path) -> None:
    places = [
        quarantine(_deliver(tmp_path, content), tmp_path / "q", REFUSAL, now=NOW)
        for content in ("first", "second", "third")
    ]
    assert len(set(places)) == 3
    assert [(p / "delivery" / "t.csv").read_text() for p in places] == ["first", "second", "third"]


def test_moves_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "batch 1"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    place = quarantine(folder, tmp_path / "q", REFUSAL, now=NOW)
    assert not folder.exists()
    assert place.name == "20260102T030405Z-batch_1"
    assert (place / "delivery" / "batch 1" / "a.csv").read_text() == "a"


@pytest.mark.parametrize("is_folder", [False, True])
def test_copies_to_another_file_system_before_it_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    delivery = _deliver(tmp_path)
    delivery = delivery.parent if is_folder else delivery
    rename = Path.rename

    def other_file_system(self: Path, target: Path) -> Path:
        if self == delivery:
            raise OSError(errno.EXDEV, "cross-device")
        if target.parent == tmp_path / "q":
            assert delivery.exists(), "still there until the copy is published"
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", other_file_system)
    place = quarantine(delivery, tmp_path / "q", REFUSAL, now=NOW)
    assert not delivery.exists()
    assert [f.name for f in (place / "delivery").rglob("*.csv")] == ["t.csv"]


def test_nothing_to_set_aside(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        quarantine(tmp_path / "gone.csv", tmp_path / "q", REFUSAL, now=NOW)
    assert not (tmp_path / "q").exists()
