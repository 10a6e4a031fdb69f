from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import HomeError
from monitoring.drift.counted import count_days, read_days, write_days
from monitoring.drift.reference import reference_of
from tests.monitoring.drift.days import name_of, profile, sample


def test_days_are_read_as_they_were_written(tmp_path: Path) -> None:
    reference = reference_of(profile())
    days = count_days(reference, sample(3))
    write_days(tmp_path / "drift", days)
    assert read_days(tmp_path / "drift", reference) == days


def test_the_same_day_again_replaces_its_file(tmp_path: Path) -> None:
    reference = reference_of(profile())
    for seed in (0, 1):
        write_days(tmp_path, count_days(reference, sample(2, seed=seed)))
    assert read_days(tmp_path, reference) == count_days(reference, sample(2, seed=1))


def test_days_of_another_profile_are_not_read(tmp_path: Path) -> None:
    write_days(tmp_path, count_days(reference_of(profile(seed=1)), sample(2)))
    assert read_days(tmp_path, reference_of(profile(seed=2))) == ()


def test_a_folder_that_is_not_there_holds_no_day(tmp_path: Path) -> None:
    assert read_days(tmp_path / "nothing", reference_of(profile())) == ()


def test_a_file_holds_counts_and_no_row(tmp_path: Path) -> None:
    made = sample(1).assign(moderator_id="m-secret", decision_id="d-secret")
    (path,) = write_days(tmp_path, count_days(reference_of(profile()), made))
    assert "secret" not in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 20_000


def test_an_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / f"{name_of(0)}.json").write_text("{", encoding="utf-8")
    with pytest.raises(HomeError, match="delete it, and it is counted again"):
        read_days(tmp_path, reference_of(profile()))


def test_counts_add_up_to_the_decisions_of_the_day() -> None:
    (day,) = count_days(reference_of(profile()), sample(1, 700))
    assert day.rows == {"all": 700, "hate": day.rows["hate"], "spam": 700 - day.rows["hate"]}
    assert all(sum(counts) == 700 for counts in day.counts["all"].values())
