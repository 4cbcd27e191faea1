"""Each file is told once, whenever and wherever it appears."""

import json
import random
from pathlib import Path
from typing import Any

import fsspec
import pytest

from edge_assets.core.capture_files import new_files
from protos.errors import ConfigurationError

FS = fsspec.filesystem("file")


def put(root: Path, minute: str, name: str, partition: str = "hub/0") -> str:
    path = root / partition / minute / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}\n")
    return str(path)


def test_files_come_once_and_in_the_order_of_time(tmp_path: Path) -> None:
    late = put(tmp_path, "2026/01/01/12/01", "1.json")
    early = put(tmp_path, "2025/12/31/23/59", "9.json", partition="hub/1")
    second = put(tmp_path, "2026/01/01/12/01", "2.json")

    files, cursor = new_files(FS, str(tmp_path))
    again, same = new_files(FS, str(tmp_path), cursor)

    assert files == [early, late, second]
    assert again == []
    assert same == cursor


def test_late_files_of_an_older_minute_and_an_earlier_name_are_not_missed(tmp_path: Path) -> None:
    put(tmp_path, "2026/01/01/12/05", "5.json")
    _, cursor = new_files(FS, str(tmp_path))

    older = put(tmp_path, "2026/01/01/12/04", "1.json")
    same_minute = put(tmp_path, "2026/01/01/12/05", "4.json")
    other = put(tmp_path, "2026/01/01/12/03", "1.json", partition="hub/1")

    assert new_files(FS, str(tmp_path), cursor)[0] == [other, older, same_minute]


def test_a_tick_takes_so_many_and_the_next_the_rest(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"2026/01/01/12/{i:02d}", "1.json") for i in range(7)]
    told, cursor = [], None

    for _ in range(4):
        files, cursor = new_files(FS, str(tmp_path), cursor, limit=3)
        assert len(files) <= 3
        told += files

    assert told == paths


def test_random_arrivals_are_each_told_once(tmp_path: Path) -> None:
    chance = random.Random(3)
    put_in: list[str] = []
    told: list[str] = []
    cursor = None
    for step in range(60):
        for _ in range(chance.randrange(4)):
            minute = max(0, step - chance.choice([0, 0, 0, 1, 2, 5]))
            partition = f"hub/{chance.randrange(2)}"
            name = f"{chance.randrange(10**6):06d}.json"
            put_in.append(put(tmp_path, f"2026/01/01/13/{minute:02d}", name, partition))
        files, cursor = new_files(FS, str(tmp_path), cursor, limit=5, keep=20)
        told += files
    files, cursor = new_files(FS, str(tmp_path), cursor)

    assert sorted(told + files) == sorted(put_in)


def test_the_cursor_stays_small_and_closed_minutes_stay_closed(tmp_path: Path) -> None:
    for i in range(50):
        put(tmp_path, f"2026/01/01/12/{i:02d}", "1.json")

    _, cursor = new_files(FS, str(tmp_path), keep=10)
    put(tmp_path, "2026/01/01/12/39", "2.json")
    reopened = put(tmp_path, "2026/01/01/12/40", "2.json")
    files, _ = new_files(FS, str(tmp_path), cursor, keep=10)

    opened, seen = json.loads(cursor)["hub/0"]
    assert opened == "2026/01/01/12/40"
    assert sum(len(names) for names in seen.values()) == 10
    assert files == [reopened]


def test_a_clock_that_jumped_ahead_does_not_hide_what_follows(tmp_path: Path) -> None:
    put(tmp_path, "2099/01/01/00/00", "1.json")
    _, cursor = new_files(FS, str(tmp_path), keep=3)

    now = put(tmp_path, "2026/01/01/12/00", "1.json")

    assert new_files(FS, str(tmp_path), cursor, keep=3)[0] == [now]


def test_files_named_by_their_minute_are_found_too(tmp_path: Path) -> None:
    first = put(tmp_path, "2026/01/01/12", "44.JSON")
    batch = put(tmp_path, "2026/01/01/12", "44_1.json")
    inside = put(tmp_path, "2026/01/01/12/44", "44.json")

    files, cursor = new_files(FS, str(tmp_path))

    assert sorted(files) == sorted([first, batch, inside])
    assert new_files(FS, str(tmp_path), cursor)[0] == []


@pytest.mark.parametrize(
    ("minute", "name"),
    [
        ("2026/01/01/12/00", "1.json.open"),
        ("2026/01/01/12/00", "notes.txt"),
        ("2026/13/01/12/00", "1.json"),
        ("2026/01/01/24/00", "1.json"),
        ("2026/01/01/12/60", "1.json"),
        ("latest", "1.json"),
        ("2026/01/01/12/00/deeper", "1.json"),
    ],
)
def test_what_is_no_finished_file_of_a_minute_is_not_told(
    tmp_path: Path, minute: str, name: str
) -> None:
    put(tmp_path, minute, name)
    (tmp_path / "hub.json").write_text("{}")

    assert new_files(FS, str(tmp_path))[0] == []


def test_a_root_that_is_not_there_yet_has_no_files(tmp_path: Path) -> None:
    assert new_files(FS, str(tmp_path / "later"))[0] == []


def test_another_filesystem_works_alike() -> None:
    memory: Any = fsspec.filesystem("memory")
    memory.pipe("/telemetry/hub/0/2026/01/01/12/00/1.json", b"{}")

    files, cursor = new_files(memory, "/telemetry")

    assert files == ["/telemetry/hub/0/2026/01/01/12/00/1.json"]
    assert new_files(memory, "/telemetry", cursor)[0] == []


@pytest.mark.parametrize("cursor", ["{", "[]", '{"hub/0": 3}', '{"hub/0": ["", ["x"]]}'])
def test_a_foreign_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(ConfigurationError, match="cursor"):
        new_files(FS, str(tmp_path), cursor)
