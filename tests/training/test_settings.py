"""Chosen settings go through a file unchanged, and what is not known in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import SettingsError
from training.learn import LearningSettings
from training.settings import Choice, RecordChoice, RiskChoice, read_settings, write_settings

CHOICE = Choice(
    RiskChoice(rounds=77, leaves=5, learning_rate=0.0123456789, leaf_rows=9, ridge=3.5),
    RecordChoice(half_life_days=33.25, strength=2.5),
)


def test_what_is_written_is_read_to_the_last_digit(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    write_settings(CHOICE, path, why="From a test.")
    read = read_settings(path)
    assert read == CHOICE.applied(LearningSettings())
    assert read.risk.learning_rate == 0.0123456789
    assert path.read_text(encoding="utf-8").startswith("# From a test.\n")


def test_what_a_file_does_not_choose_stays_as_given(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("record.strength = 3.0\n", encoding="utf-8")
    given = LearningSettings(test_share=0.3, earlier_looks=False, seed=4)
    read = read_settings(path, given)
    assert (read.test_share, read.earlier_looks, read.seed) == (0.3, False, 4)
    assert read.record.strength == 3.0
    assert read.risk == given.risk


def test_an_empty_choice_is_the_defaults() -> None:
    assert Choice().applied(LearningSettings()) == LearningSettings()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("risk.leaves = 1", r">= 2 - at `\$.risk.leaves`"),
        ("record.half_life_days = 3", r">= 7.* - at `\$.record.half_life_days`"),
        ("tests = 1", "unknown field `tests`"),
        ("risk = [", "secondlook tune"),
    ],
)
def test_a_setting_that_is_not_known_or_out_of_range_is_refused(
    tmp_path: Path, text: str, match: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=match) as refused:
        read_settings(path)
    assert "mine.toml" in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml.*cannot be read"):
        read_settings(tmp_path / "none.toml")
