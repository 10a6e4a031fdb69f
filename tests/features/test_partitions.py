from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS
from features.errors import SettingsError
from features.partitions import (
    Reading,
    partitions_of,
    read_partition,
    write_part,
    write_rejected,
)
from tests.made_programme import make_programme

KEY = b"0" * 32


def decisions(rows: int = 40) -> pd.DataFrame:
    return make_programme(3, rows=rows).decisions


def in_files(folder: Path, frame: pd.DataFrame, parts: int) -> Path:
    folder.mkdir()
    size = len(frame) // parts
    for place in range(parts):
        own = frame.iloc[place * size : (place + 1) * size]
        own.to_parquet(folder / f"part-{place:05d}.parquet", index=False)
    return folder


def test_a_folder_has_a_part_for_each_file_in_the_order_of_names(tmp_path: Path) -> None:
    parts = partitions_of(in_files(tmp_path / "all", decisions(), 4))
    assert [part.name for part in parts] == [f"part-{n:05d}.parquet" for n in range(4)]
    assert [part.rows for part in parts] == [10, 10, 10, 10]


def test_numbers_in_the_names_of_files_count_as_numbers(tmp_path: Path) -> None:
    folder = in_files(tmp_path / "all", decisions(), 2)
    (folder / "part-00000.parquet").rename(folder / "part.10.parquet")
    (folder / "part-00001.parquet").rename(folder / "part.2.parquet")
    assert [part.name for part in partitions_of(folder)] == ["part.2.parquet", "part.10.parquet"]


def test_a_file_has_a_part_for_each_row_group(tmp_path: Path) -> None:
    frame = decisions()
    frame.to_parquet(tmp_path / "all.parquet", index=False, row_group_size=15)
    parts = partitions_of(tmp_path / "all.parquet")
    assert [(part.name, part.first_row, part.rows) for part in parts] == [
        ("all-00000.parquet", 0, 15),
        ("all-00001.parquet", 15, 15),
        ("all-00002.parquet", 30, 10),
    ]
    read = [read_partition(part, Reading(DECISIONS)).good for part in parts]
    whole = pd.concat(read, ignore_index=True)
    pd.testing.assert_frame_equal(whole, frame.reset_index(drop=True))


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "week.csv").write_text("decision_id\n")
    with pytest.raises(SettingsError, match=r"no file \*\.parquet"):
        partitions_of(tmp_path)


def test_a_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "week.csv").write_text("decision_id\n")
    with pytest.raises(SettingsError, match="expected a folder of Parquet files"):
        partitions_of(tmp_path / "week.csv")


def test_a_bad_row_is_told_by_the_name_of_its_file_and_its_row_there(tmp_path: Path) -> None:
    frame = decisions()
    frame.loc[17, "policy"] = None
    frame.to_parquet(tmp_path / "all.parquet", index=False, row_group_size=15)
    part = partitions_of(tmp_path / "all.parquet")[1]
    checked = read_partition(part, Reading(DECISIONS))
    assert len(checked.good) == 14
    told = "all.parquet, row 17, column 'policy': saw null; expected a text that is not empty"
    assert [str(bad) for bad in checked.bad_values] == [told]


def test_rejected_rows_go_to_a_file_beside_the_part(tmp_path: Path) -> None:
    frame = decisions()
    frame.loc[3, "policy"] = None
    folder = in_files(tmp_path / "all", frame, 2)
    part = partitions_of(folder)[0]
    place = write_rejected(part, read_partition(part, Reading(DECISIONS)))
    assert place == folder / "part-00000.rejected.csv"
    assert pd.read_csv(place)["decision_id"].tolist() == [frame.at[3, "decision_id"]]


def test_a_part_that_lacks_a_column_is_told_as_a_whole(tmp_path: Path) -> None:
    folder = in_files(tmp_path / "all", decisions().drop(columns="policy"), 1)
    checked = read_partition(partitions_of(folder)[0], Reading(DECISIONS))
    assert checked.good.empty
    assert [(bad.row, bad.column) for bad in checked.bad_values] == [(-1, "policy")]


def test_people_come_under_pseudonyms_and_the_key_is_not_shown(tmp_path: Path) -> None:
    reading = Reading(DECISIONS, pseudonym_key=KEY)
    part = partitions_of(in_files(tmp_path / "all", decisions(), 1))[0]
    people = read_partition(part, reading).good["moderator_id"].dropna()
    assert people.str.startswith("psn:").all()
    assert "000" not in repr(reading)


def test_a_part_is_written_under_its_name_whole(tmp_path: Path) -> None:
    part = partitions_of(in_files(tmp_path / "all", decisions(), 2))[1]
    place = write_part(pd.DataFrame({"a": [1]}), part, tmp_path / "out")
    assert place == tmp_path / "out" / "part-00001.parquet"
    assert [each.name for each in (tmp_path / "out").iterdir()] == [part.name]
