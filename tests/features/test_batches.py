"""A file in parts gives what the whole file gives."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.batches import Batch, checked_batches
from features.contract import DECISIONS, Checked
from features.errors import ContractError, SettingsError
from features.files import load_checked, write_table
from features.mapping import parse_mapping

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def decisions(count: int, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "decision_id": [f"d{number}" for number in range(count)],
            "decided_at": "2026-03-01",
            "policy": "spam",
            "action": "keep",
        }
    )
    return frame.assign(**columns)


def spoiled() -> pd.DataFrame:
    frame = decisions(11, views=[str(number) for number in range(11)])
    frame.loc[3, "views"] = "many"
    frame.loc[5, "decision_id"] = "d1"
    frame.loc[6, "policy"] = " "
    frame.loc[7, "decided_at"] = "2062-03-01"
    frame.loc[9, ["decision_id", "views"]] = ["d3", "-1"]
    frame.loc[10, "decision_id"] = "d9"
    return frame


def parts(path: Path, rows: int = 2, **options: Any) -> list[Batch]:
    return list(checked_batches(path, DECISIONS, rows=rows, **options))


def joined(batches: list[Batch]) -> Checked:
    checked = [batch.checked for batch in batches]
    good = pd.concat([each.good for each in checked])
    rejected = pd.concat([each.rejected for each in checked])
    bad = tuple(bad for each in checked for bad in each.bad_values)
    return Checked("decisions", good, rejected, bad)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_parts_together_are_what_the_whole_file_gives(
    tmp_path: Path, ending: str, rows: int
) -> None:
    file = tmp_path / f"week.{ending}"
    write_table(spoiled(), file)
    whole, together = load_checked(file, DECISIONS, now=NOW), joined(parts(file, rows, now=NOW))
    assert together.bad_values == whole.bad_values
    pd.testing.assert_frame_equal(together.good, whole.good)
    pd.testing.assert_frame_equal(together.rejected, whole.rejected, check_dtype=False)


def test_each_part_says_where_it_begins(tmp_path: Path) -> None:
    write_table(decisions(5), tmp_path / "week.parquet")
    found = parts(tmp_path / "week.parquet")
    assert [batch.first_row for batch in found] == [0, 2, 4]
    assert [batch.checked.good.index.tolist() for batch in found] == [[0, 1], [2, 3], [4]]


def test_a_folder_is_read_file_by_file_and_its_numbers_count_as_numbers(tmp_path: Path) -> None:
    frame = decisions(6)
    for number in (2, 10):
        part = frame.iloc[:2] if number == 2 else frame.iloc[2:]
        write_table(part, tmp_path / "week" / f"part.{number}.parquet")
    together = joined(parts(tmp_path / "week", rows=3))
    assert together.require()["decision_id"].tolist() == frame["decision_id"].tolist()
    assert together.good.index.tolist() == list(range(6))


def test_an_id_that_comes_again_in_another_file_of_the_folder_is_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(decisions(2), tmp_path / "week" / f"{name}.parquet")
    bad = joined(parts(tmp_path / "week")).bad_values
    assert [(value.row, value.seen) for value in bad] == [(2, "'d0' again"), (3, "'d1' again")]


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"expected at least one"):
        parts(tmp_path)


def test_what_an_extra_column_of_a_csv_holds_is_decided_over_all_parts(tmp_path: Path) -> None:
    columns = {"x_risk": ["1", "2", "2.5"], "x_kind": ["1", "2", "b"], "x_code": ["12", "1", "07"]}
    file = tmp_path / "week.csv"
    write_table(decisions(3, **columns), file)
    good = joined(parts(file, rows=1)).require()
    pd.testing.assert_frame_equal(good, load_checked(file, DECISIONS).require())
    assert good["x_kind"].tolist() == ["1", "2", "b"]


def test_a_flag_with_a_null_is_of_one_kind_in_all_parts(tmp_path: Path) -> None:
    file = tmp_path / "week.parquet"
    write_table(decisions(4, x_flag=[True, False, None, True], x_all=[True, False] * 2), file)
    good = joined(parts(file)).require()
    pd.testing.assert_frame_equal(good, load_checked(file, DECISIONS).require())
    assert good["x_flag"].tolist() == ["True", "False", np.nan, "True"]


def test_a_vector_must_be_as_long_as_those_of_earlier_parts(tmp_path: Path) -> None:
    file = tmp_path / "week.parquet"
    vectors = [None, None, [1.0, 2.0], [1.0, 2.0], [1.0], [1.0]]
    write_table(decisions(6, embedding=vectors), file)
    assert [bad.row for bad in joined(parts(file)).bad_values] == [4, 5]


def test_each_part_is_mapped(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    write_table(decisions(3, x_size=["1", "2", "3"]).rename(columns={"x_size": "size"}), file)
    mapping = parse_mapping('decisions.columns.x_size = "size"', "example")
    assert joined(parts(file, mapping=mapping)).require()["x_size"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_without_rows_is_refused(tmp_path: Path, ending: str) -> None:
    write_table(decisions(1).iloc[:0], tmp_path / f"week.{ending}")
    with pytest.raises(ContractError, match="no rows"):
        parts(tmp_path / f"week.{ending}")


def test_damage_further_on_is_found_there(tmp_path: Path) -> None:
    file = tmp_path / "week.csv"
    row = ",2026-03-01,spam,keep\n"
    file.write_text(f"decision_id,decided_at,policy,action\na{row}b{row}c{row}d,1,2,3,4\n")
    batches = checked_batches(file, DECISIONS, rows=2)
    assert next(batches).checked.good["decision_id"].tolist() == ["a", "b"]
    with pytest.raises(SettingsError, match="cannot be read as csv"):
        next(batches)
