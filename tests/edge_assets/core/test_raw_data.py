import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from edge_assets.core.preparing import plain
from edge_assets.core.raw_data import (
    DeliveryRefused,
    Reason,
    inspect_delivery,
    judge_rows,
    read_delivery,
)
from protos.digests import digest_file

REQUIRED = [["tripDistance"], ["lpepPickupDatetime", "tpepPickupDatetime"]]
GOOD = "tripDistance,lpepPickupDatetime\n1.5,2016-01-01 10:00:00\n2.5,2016-01-01 11:00:00\n"


def _refusal(path: Path, known: dict[str, str] | None = None) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as caught:
        inspect_delivery(path, known or {}, REQUIRED)
    assert caught.value.remedy, "a refusal says what to do"
    return caught.value


def _csv(folder: Path, content: str | bytes, name: str = "trips.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def _parquet(folder: Path, name: str = "trips.parquet", miles: float = 1.5) -> Path:
    file = folder / name
    pd.DataFrame({"trip_distance": [miles], "tpep_pickup_datetime": ["x"]}).to_parquet(file)
    return file


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,  # byte order mark
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD.replace("tripDistance", "TRIP_distance"),
        GOOD.replace("1.5", '"1,5"'),  # bad row, not a bad file
        GOOD.replace("1.5", '"a\nb"'),
    ],
)
def test_takes_a_csv_file(tmp_path: Path, content: str) -> None:
    file = _csv(tmp_path, content)
    delivery = inspect_delivery(file, {}, REQUIRED)
    assert delivery.rows == 2
    assert delivery.digest == digest_file(file)
    assert delivery.bytes == file.stat().st_size
    assert len(read_delivery(file)) == 2


def test_takes_a_folder_of_both_types_and_adds_up(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    _csv(tmp_path / "sub", GOOD)
    _parquet(tmp_path)
    _csv(tmp_path, "", "_SUCCESS")
    _csv(tmp_path, b"\0\0", ".DS_Store")
    delivery = inspect_delivery(tmp_path, {}, REQUIRED)
    assert delivery.rows == 3
    assert sorted(part.path for part in delivery.files) == ["sub/trips.csv", "trips.parquet"]
    rows = read_delivery(tmp_path)
    assert len(rows) == 3
    assert list(rows.index) == [0, 1, 2]
    assert rows["tripDistance"].notna().sum() == 2


def test_the_digest_does_not_depend_on_names_times_or_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    _csv(one, GOOD, "a.csv")
    _parquet(one, "b.parquet")
    shutil.copy(one / "a.csv", two / "z.csv")
    shutil.copy(one / "b.parquet", two / "a.parquet")
    os.utime(two / "z.csv", (0, 0))
    digests = {inspect_delivery(folder, {}, REQUIRED).digest for folder in (one, two)}
    assert len(digests) == 1
    (two / "a.parquet").unlink()
    alone = inspect_delivery(two, {}, REQUIRED).digest
    assert alone not in digests
    assert alone == inspect_delivery(one / "a.csv", {}, REQUIRED).digest


@pytest.mark.parametrize(
    ("name", "content", "reason", "told"),
    [
        ("t.csv", b"", Reason.EMPTY, "0 bytes"),
        ("t.csv", b"tripDistance,lpepPickupDatetime\n", Reason.HEADER_ONLY, "header"),
        ("t.csv", b"tripDistance,lpepPickupDatetime", Reason.HEADER_ONLY, "header"),
        ("t.csv", b"tripDistance\n1\n", Reason.MISSING_COLUMNS, "lpepPickupDatetime or tpep"),
        ("t.csv", GOOD.replace(",", "|").encode(), Reason.MISSING_COLUMNS, "commas"),
        ("t.csv", GOOD.replace(",", ";").encode() + b"3;4;5\n", Reason.UNREADABLE, "semicolons"),
        ("t.csv", GOOD.encode("utf-16"), Reason.UNREADABLE, "UTF-8"),
        ("t.csv", GOOD.encode("utf-16-le"), Reason.UNREADABLE, "UTF-8"),
        ("t.csv", GOOD.encode("utf-32"), Reason.UNREADABLE, "UTF-32"),
        ("t.csv", GOOD.encode() + b"3,M\xfcnchen\n", Reason.UNREADABLE, "UTF-8"),
        ("t.csv", GOOD.encode() + b"3\n", Reason.UNREADABLE, "Expected 2 columns, got 1"),
        ("t.csv", GOOD.encode() + b"3,4,5\n", Reason.UNREADABLE, "Expected 2 columns, got 3"),
        ("t.csv", b"\n\n1,2\n", Reason.UNREADABLE, "first line is empty"),
        ("t.csv", b"a,a\n1,2\n", Reason.UNREADABLE, "twice"),
        ("t.parquet", GOOD.encode(), Reason.UNREADABLE, "damaged"),
        ("t.parquet", b"PAR1", Reason.UNREADABLE, "damaged"),
        ("t.csv.gz", b"\x1f\x8b", Reason.UNSUPPORTED, "uncompressed"),
        ("t.xlsx", b"PK", Reason.UNSUPPORTED, ".xlsx"),
        ("trips", GOOD.encode(), Reason.UNSUPPORTED, "(none)"),
        ("t.csv.part", GOOD.encode(), Reason.UNSUPPORTED, ".part"),
    ],
)
def test_refuses(tmp_path: Path, name: str, content: bytes, reason: Reason, told: str) -> None:
    refusal = _refusal(_csv(tmp_path, content, name))
    assert refusal.reason == reason
    assert told in str(refusal)


def test_refuses_what_is_not_there_and_a_folder_without_files(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "nothing.csv").reason == Reason.MISSING
    assert _refusal(tmp_path).reason == Reason.EMPTY


def test_refuses_a_parquet_file_that_was_cut_off_or_damaged_inside(tmp_path: Path) -> None:
    file = _parquet(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert _refusal(file).reason == Reason.UNREADABLE
    file.write_bytes(whole[:4] + bytes(b ^ 0xFF for b in whole[4:60]) + whole[60:])
    assert _refusal(file).reason == Reason.UNREADABLE


def test_one_bad_file_refuses_the_folder(tmp_path: Path) -> None:
    _csv(tmp_path, GOOD, "good.csv")
    _csv(tmp_path, "tripDistance\n1\n", "other.csv")
    refusal = _refusal(tmp_path)
    assert refusal.reason == Reason.MISSING_COLUMNS
    assert "other.csv" in str(refusal)


def test_refuses_what_was_delivered_before_under_any_name(tmp_path: Path) -> None:
    digest = inspect_delivery(_csv(tmp_path, GOOD), {}, REQUIRED).digest
    again = _csv(tmp_path, GOOD, "renamed.csv")
    refusal = _refusal(again, {digest: "january"})
    assert refusal.reason == Reason.DELIVERED_TWICE
    assert refusal.digest == digest
    assert "january" in str(refusal)


def test_refuses_a_folder_with_a_file_that_was_delivered_before(tmp_path: Path) -> None:
    digest = inspect_delivery(_csv(tmp_path, GOOD), {}, REQUIRED).digest
    _parquet(tmp_path)
    refusal = _refusal(tmp_path, {digest: "january"})
    assert refusal.reason == Reason.DELIVERED_TWICE
    assert "trips.csv" in str(refusal)


def test_refuses_a_folder_that_holds_the_same_file_twice(tmp_path: Path) -> None:
    _csv(tmp_path, GOOD, "a.csv")
    _csv(tmp_path, GOOD, "b.csv")
    assert _refusal(tmp_path).reason == Reason.DELIVERED_TWICE


def test_takes_other_content_beside_a_known_one(tmp_path: Path) -> None:
    digest = inspect_delivery(_csv(tmp_path, GOOD), {}, REQUIRED).digest
    other = _csv(tmp_path, GOOD.replace("1.5", "1.6"))
    assert inspect_delivery(other, {digest: "january"}, REQUIRED).rows == 2


def test_refuses_more_bytes_than_allowed(tmp_path: Path) -> None:
    file = _csv(tmp_path, GOOD)
    size = file.stat().st_size
    assert inspect_delivery(file, {}, REQUIRED, max_bytes=size).rows == 2
    with pytest.raises(DeliveryRefused) as caught:
        inspect_delivery(file, {}, REQUIRED, max_bytes=size - 1)
    assert caught.value.reason == Reason.TOO_LARGE


def test_names_of_folders_do_not_become_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=2016"
    folder.mkdir()
    assert list(read_delivery(_parquet(folder)).columns) == [
        "trip_distance",
        "tpep_pickup_datetime",
    ]


def test_reading_a_file_that_broke_meanwhile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeliveryRefused) as caught:
        read_delivery(_csv(tmp_path, GOOD + "3\n"))
    assert caught.value.reason == Reason.UNREADABLE


@pytest.mark.parametrize(
    ("total", "kept", "passes"),
    [(100, 80, True), (100, 79, False), (100, 100, True), (9, 9, False), (0, 0, False)],
)
def test_too_many_bad_rows_refuse_the_delivery(total: int, kept: int, passes: bool) -> None:
    def judge() -> None:
        judge_rows(total, kept, {"a": 1, "b": total - kept}, max_set_aside_share=0.2, min_rows=10)

    if passes:
        judge()
        return
    with pytest.raises(DeliveryRefused, match=f"only {kept} of {total}") as caught:
        judge()
    assert caught.value.reason == Reason.UNUSABLE_ROWS


def test_the_reason_is_told_most_frequent_first() -> None:
    with pytest.raises(DeliveryRefused, match=r"b \(7 rows\), a \(3 rows\)"):
        judge_rows(10, 0, {"a": 3, "b": 7}, max_set_aside_share=0.2, min_rows=1)


@pytest.mark.parametrize(
    "header", ["trip distance", " Trip_Distance", "TRIPDISTANCE", "Trip  distance "]
)
def test_a_header_is_found_as_preparing_finds_it(tmp_path: Path, header: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"{header},fare\n1.5,2\n")
    assert inspect_delivery(file, {}, [["trip_distance"], ["fare"]]).rows == 1
    assert plain(header) == plain("trip_distance")


def test_plain_may_be_given(tmp_path: Path) -> None:
    exact: Callable[[str], str] = str
    with pytest.raises(DeliveryRefused):
        inspect_delivery(_csv(tmp_path, GOOD), {}, [["TripDistance"]], plain=exact)
