"""A file is replayed as its tables would be in memory, part by part, and bad rows are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from features.errors import ContractError, SettingsError
from features.files import write_table
from features.history import LOOK_COLUMNS
from features.known import known_before
from features.pseudonym import pseudonymise
from features.replay_file import FileReading, ReplayedFile, replay_file
from features.track_record import RecordSettings
from tests.made_programme import MadeProgramme, make_programme

SETTINGS = RecordSettings(half_life_days=20, strength=4)
MADE = make_programme(3, rows=300)


def standing(made: MadeProgramme) -> pd.DataFrame:
    superseded = made.outcomes["supersedes"].dropna()
    return made.outcomes[~made.outcomes["audit_id"].isin(superseded)]


def expected(decisions: pd.DataFrame) -> pd.DataFrame:
    known = known_before(decisions, decisions, standing(MADE), SETTINGS)
    return pd.concat([decisions[["decision_id"]], known], axis=1).reset_index(drop=True)


def placed(folder: Path, *, parts: tuple[int, ...] = ()) -> tuple[Path, Path]:
    """Write decisions and outcomes; decisions as a folder of parts that begin at these rows."""
    outcomes = folder / "outcomes.parquet"
    write_table(MADE.outcomes, outcomes)
    if not parts:
        write_table(MADE.decisions, folder / "decisions.parquet")
        return folder / "decisions.parquet", outcomes
    ends = [*parts[1:], len(MADE.decisions)]
    for number, (start, end) in enumerate(zip(parts, ends, strict=True)):
        write_table(MADE.decisions.iloc[start:end], folder / "made" / f"part.{number}.parquet")
    return folder / "made", outcomes


def run(files: tuple[Path, Path], to: Path, *, reading: FileReading | None = None) -> ReplayedFile:
    return replay_file(*files, to, settings=SETTINGS, reading=reading or FileReading())


def test_a_file_is_replayed_as_its_tables_are(tmp_path: Path) -> None:
    found = run(placed(tmp_path), tmp_path / "known.parquet")
    assert (found.rows, found.files, found.refused) == (300, (tmp_path / "known.parquet",), ())
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "known.parquet"), expected(MADE.decisions)
    )


def test_parts_of_a_folder_are_written_under_their_names_and_know_of_each_other(
    tmp_path: Path,
) -> None:
    found = run(placed(tmp_path, parts=(0, 90, 91)), tmp_path / "known")
    assert [file.name for file in found.files] == [f"part.{number}.parquet" for number in range(3)]
    parts = [pd.read_parquet(file) for file in found.files]
    assert [len(part) for part in parts] == [90, 1, 209]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), expected(MADE.decisions))


def test_people_are_read_under_their_pseudonyms_and_known_alike(tmp_path: Path) -> None:
    key = b"0" * 32
    run(placed(tmp_path), tmp_path / "known.parquet", reading=FileReading(pseudonym_key=key))
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "known.parquet"), expected(pseudonymise(MADE.decisions, key))
    )


def with_a_bad_row(folder: Path) -> tuple[Path, Path]:
    files = placed(folder, parts=(0, 90, 91))
    third = files[0] / "part.2.parquet"
    part = pd.read_parquet(third)
    part.loc[4, "policy"] = None
    write_table(part, third)
    return files


def test_a_bad_row_is_told_by_its_place_in_the_whole_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    with pytest.raises(ContractError, match="row 95, column 'policy'"):
        run(with_a_bad_row(tmp_path), tmp_path / "known")
    assert not (tmp_path / "known").exists()
    assert not (tmp_path / "made.rejected.csv").exists()


def test_bad_rows_that_are_skipped_are_kept_beside_and_the_others_written(tmp_path: Path) -> None:
    reading = FileReading(skip_bad=True)
    found = run(with_a_bad_row(tmp_path), tmp_path / "known", reading=reading)
    assert (found.rows, found.refused_count, found.refused[0].row) == (299, 1, 95)
    assert found.rejected_files == (tmp_path / "made.rejected.csv",)
    assert len(pd.read_csv(found.rejected_files[0])) == 1
    parts = pd.concat([pd.read_parquet(file) for file in found.files], ignore_index=True)
    good = MADE.decisions.drop(index=95)
    pd.testing.assert_frame_equal(parts, expected(good))


def test_a_part_without_a_good_row_is_written_empty(tmp_path: Path) -> None:
    files = placed(tmp_path, parts=(0, 90, 91))
    bad = pd.read_parquet(files[0] / "part.1.parquet").assign(policy=pd.Series([None], dtype="str"))
    write_table(bad, files[0] / "part.1.parquet")
    found = run(files, tmp_path / "known", reading=FileReading(skip_bad=True))
    assert [len(pd.read_parquet(file)) for file in found.files] == [90, 0, 209]


def test_outcomes_of_other_decisions_are_counted_and_teach_nothing(tmp_path: Path) -> None:
    files = placed(tmp_path)
    some = MADE.decisions.head(200)
    write_table(some, files[0])
    found = run(files, tmp_path / "known.parquet")
    assert found.strangers == (~standing(MADE)["decision_id"].isin(some["decision_id"])).sum() > 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "known.parquet"), expected(some))


def test_looks_that_may_not_be_read_are_null(tmp_path: Path) -> None:
    settings = replace(SETTINGS, earlier_looks=False)
    replay_file(*placed(tmp_path), tmp_path / "known.parquet", settings=settings)
    known = pd.read_parquet(tmp_path / "known.parquet")
    assert known[list(LOOK_COLUMNS)].isna().all(axis=None)


@pytest.mark.parametrize(("parts", "to"), [((), "known"), ((0, 90), "known.parquet")])
def test_a_file_goes_to_a_file_and_a_folder_to_a_folder(
    tmp_path: Path, parts: tuple[int, ...], to: str
) -> None:
    with pytest.raises(SettingsError, match="expected"):
        run(placed(tmp_path, parts=parts), tmp_path / to)


def test_the_folder_that_is_read_is_not_written_to(tmp_path: Path) -> None:
    files = placed(tmp_path, parts=(0, 90))
    with pytest.raises(SettingsError, match="expected another to write to"):
        run(files, files[0])
