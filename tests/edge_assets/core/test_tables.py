"""Columns of CSV are separated by commas, semicolons or tabs; what is half read is refused."""

from pathlib import Path

import pytest

from edge_assets.core.tables import TableError, read_table, survey_table


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_separator_is_that_of_the_header(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'a{mark}"b {mark} c"{mark}d\n1{mark}"2{mark}5"{mark}x\n')
    assert survey_table(path) == (("a", f"b {mark} c", "d"), 1)
    assert read_table(path).to_numpy().tolist() == [["1", f"2{mark}5", "x"]]


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
