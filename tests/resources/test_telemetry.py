from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resources.telemetry import Telemetry

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEXT = NOON + timedelta(minutes=1)
NO_LAG = timedelta(0)


def minutes(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(minutes=number) for number in numbers]


def put(root: Path, time: datetime, name: str = "0.json", partition: str = "00") -> None:
    folder = root / "hub" / partition / time.strftime("%Y/%m/%d/%H/%M")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text('{"a": 1}\n\n{"b": 2}\n')


def found(root: Path, start: datetime, end: datetime, lag: timedelta = NO_LAG) -> list[str]:
    """The minutes of the files, as HHMM."""
    files = Telemetry(str(root)).files(start, end, lag)
    return ["".join(Path(file).parts[-3:-1]) for file in files]


def test_only_minutes_that_may_hold_the_window_are_read(tmp_path: Path) -> None:
    for time in minutes(-1, 0, 1, 2, 3, 4):
        put(tmp_path, time)
    start, end = minutes(1, 3)
    assert found(tmp_path, start, end) == ["1201", "1202", "1203"]
    assert found(tmp_path, start, end, timedelta(minutes=1)) == ["1201", "1202", "1203", "1204"]


def test_a_window_that_begins_within_a_minute_reads_that_minute(tmp_path: Path) -> None:
    put(tmp_path, NOON)
    start = NOON + timedelta(seconds=59)
    assert found(tmp_path, start, start + timedelta(seconds=1)) == ["1200"]


def test_minutes_are_ordered_across_days_and_partitions(tmp_path: Path) -> None:
    midnight = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    put(tmp_path, midnight + timedelta(minutes=1), partition="01")
    put(tmp_path, midnight, partition="02")
    put(tmp_path, midnight + timedelta(minutes=2), partition="00")
    end = midnight + timedelta(minutes=5)
    assert found(tmp_path, midnight, end) == ["2359", "0000", "0001"]


@pytest.mark.parametrize("name", ["0.json.part", "0.txt", ".hidden"])
def test_files_without_their_final_name_are_left(tmp_path: Path, name: str) -> None:
    put(tmp_path, NOON, name)
    assert found(tmp_path, NOON, NEXT) == []


def test_a_root_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert found(tmp_path / "missing", NOON, NEXT) == []


def test_lines_come_with_their_file_and_without_empty_ones(tmp_path: Path) -> None:
    put(tmp_path, NOON)
    telemetry = Telemetry(str(tmp_path))
    paths = telemetry.files(NOON, NEXT, NO_LAG)
    assert [line for _, line in telemetry.lines(paths)] == [b'{"a": 1}', b'{"b": 2}']
    assert {path for path, _ in telemetry.lines(paths)} == set(paths)
