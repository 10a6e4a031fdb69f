"""A file of rows that grows is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.files import read_table
from features.row_file import growing_csv


def rows(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({name: [value] for name, value in columns.items()})


def test_nothing_stands_in_its_place_before_the_end(tmp_path: Path) -> None:
    place = tmp_path / "rows.csv"
    with growing_csv(place) as append:
        append(rows(a="1"))
        assert not place.exists()
    assert read_table(place)["a"].tolist() == ["1"]
    assert list(tmp_path.iterdir()) == [place]


def test_without_rows_there_is_no_file(tmp_path: Path) -> None:
    with growing_csv(tmp_path / "rows.csv") as append:
        append(rows(a="1").iloc[:0])
    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_leaves_the_earlier_file(tmp_path: Path) -> None:
    place = tmp_path / "rows.csv"
    place.write_text("a\nearlier\n")
    with pytest.raises(TypeError), growing_csv(place) as append:
        append(None)  # type: ignore[arg-type]
    assert place.read_text() == "a\nearlier\n"
    assert list(tmp_path.iterdir()) == [place]


def test_rows_of_other_columns_lose_nothing(tmp_path: Path) -> None:
    place = tmp_path / "rows.csv"
    with growing_csv(place) as append:
        append(rows(a="007", b=None))
        append(rows(a="2", c="x"))
    table = read_table(place).astype(object)
    assert table.where(table.notna(), None).to_numpy().tolist() == [
        ["007", None, None],
        ["2", None, "x"],
    ]
