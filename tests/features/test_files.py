"""Tables in files: text stays text, damage is told, nothing is half written."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS
from features.errors import ContractError, SettingsError
from features.files import load_checked, read_table, rejected_path, write_table

HEADER = "decision_id,decided_at,policy,action"
ROW = "007,2026-03-01,spam,keep"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_ids_in_a_csv_keep_their_leading_zeros_and_words_like_na(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEADER, ROW, "NA,2026-03-01,None,null")
    assert read_table(file)["decision_id"].tolist() == ["007", "NA"]
    assert read_table(file)["policy"].tolist() == ["spam", "None"]


def test_an_empty_field_of_a_csv_is_null(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", HEADER + ",language", ROW + ",")
    assert load_checked(file, DECISIONS).require()["language"].isna().all()


def test_a_csv_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8-sig")
    assert read_table(file).columns[0] == "decision_id"


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_written_table_is_read_as_it_was(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame({"a": ["1", None, 'with "quotes",\nand lines'], "b": ["x", "y", "z"]})
    write_table(frame, tmp_path / "folder" / f"t{ending}")
    pd.testing.assert_frame_equal(read_table(tmp_path / "folder" / f"t{ending}"), frame)


def test_a_table_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "t.parquet"
    write_table(pd.DataFrame({"a": ["old"]}), place)
    with pytest.raises(Exception, match="a"):
        write_table(pd.DataFrame({"a": [object(), 1]}), place)
    assert read_table(place)["a"].tolist() == ["old"]


def test_a_csv_and_a_parquet_of_the_same_rows_give_the_same_table(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "decision_id": ["1", "2"],
            "decided_at": pd.to_datetime(
                ["2026-03-01T00:00:00.0", "2026-03-02T01:02:03.456789"], utc=True
            ),
            "policy": "spam",
            "action": "keep",
            "views": [3.0, None],
            "x_risk": [0.5, None],
            "x_kind": ["red", None],
            "group_age": ["20", None],
        }
    )
    for ending in ("csv", "parquet"):
        write_table(frame, tmp_path / f"t.{ending}")
    csv, parquet = (load_checked(tmp_path / f"t.{e}", DECISIONS) for e in ("csv", "parquet"))
    pd.testing.assert_frame_equal(csv.require(), parquet.require())


def test_extras_of_a_csv_are_numbers_where_all_are_and_codes_stay_categories(
    tmp_path: Path,
) -> None:
    header = f"{HEADER},x_risk,x_code,x_kind,x_none,group_age"
    file = write(tmp_path / "a.csv", header, f"{ROW},1.5,007,1,,20", f"8{ROW},-2e3,12,b,,30")
    good = load_checked(file, DECISIONS).require()
    assert good["x_risk"].tolist() == [1.5, -2000.0]
    assert good["x_code"].tolist() == ["007", "12"]
    assert good["x_kind"].tolist() == ["1", "b"]
    assert good["group_age"].tolist() == ["20", "30"]
    assert good["x_none"].isna().all()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "it is empty"),
        ("a.csv", b"a,b\n1,2\n1,2,3,4\n", "cannot be read as csv"),
        ("a.csv", b"a\n\xff\xfe\n", "cannot be read as csv"),
        ("a.csv.gz", b"not gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"a\n" * 9_000)[:-12], "cannot be read"),
        ("a.parquet", b"not parquet", "cannot be read as parquet"),
        ("a.xlsx", b"anything", r"expected \.csv, \.csv\.gz or \.parquet"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=told):
        read_table(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is none"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(SettingsError, match="there is none"):
        read_table(tmp_path)


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no rows"):
        load_checked(write(tmp_path / "a.csv", HEADER), DECISIONS)


def test_another_ending_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected .csv"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("week.csv", "week.rejected.csv"),
        ("week.csv.gz", "week.rejected.csv"),
        ("week.parquet", "week.rejected.csv"),
        ("week.2026-09.csv", "week.2026-09.rejected.csv"),
    ],
)
def test_rejected_rows_go_beside_their_file(name: str, place: str) -> None:
    assert rejected_path(Path("in") / name) == Path("in") / place
