"""Columns of CSV are separated by commas, semicolons or tabs; what is half read is refused."""

from pathlib import Path

import pandas as pd
import pytest

from edge_assets.core.tables import TableError, read_blocks, read_table, survey_table


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_separator_is_that_of_the_header(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'a{mark}"b {mark} c"{mark}d\n1{mark}"2{mark}5"{mark}x\n')
    assert survey_table(path) == (("a", f"b {mark} c", "d"), 1)
    assert read_table(path).to_numpy().tolist() == [["1", f"2{mark}5", "x"]]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_some_columns_are_read_block_by_block(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    table = pd.DataFrame({"a": ["1", "2"], "b": ["x", "y"]})
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    (block,) = read_blocks(path, lambda name: name == "b")
    assert block.to_dict("list") == {"b": ["x", "y"]}
    path.write_bytes(b"a,b\n1\n")
    with pytest.raises(TableError):
        list(read_blocks(path, lambda name: True))


def test_a_comma_within_a_name_is_no_separator_where_semicolons_make_more_columns(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("price, net;size;weight\n1,5;2;3\n")
    assert survey_table(path).columns == ("price, net", "size", "weight")
    path.write_text("a;b,c\n1;2,3\n")
    assert survey_table(path).columns == ("a;b", "c"), "commas where both make as many"


def test_a_line_of_another_separator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b;c\n1;2;3\n1,2,3\n")
    with pytest.raises(TableError, match="Expected 3 columns") as told:
        read_table(path)
    assert "separated by semicolons" in told.value.remedy
