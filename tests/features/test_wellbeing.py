"""The limits of an auditor's day: all default, none is guessed, none is silently left aside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from features.errors import SettingsError
from features.home import Home, make_home
from features.wellbeing import (
    WELLBEING_TEMPLATE,
    ReviewShares,
    Wellbeing,
    parse_wellbeing,
    read_wellbeing,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def uncommented(template: str) -> str:
    return "\n".join(line.removeprefix("# ") for line in template.splitlines()[2:])


def test_the_template_names_every_limit_with_its_default() -> None:
    shown = uncommented(WELLBEING_TEMPLATE)
    assert parse_wellbeing(shown) == Wellbeing()
    names = (*Wellbeing.__struct_fields__, *ReviewShares.__struct_fields__)
    assert [name for name in names if name not in shown] == []


def test_an_empty_file_and_none_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "wellbeing.toml").write_text("", encoding="utf-8")
    assert read_wellbeing(tmp_path / "wellbeing.toml") == Wellbeing()
    assert read_wellbeing(tmp_path / "none.toml") == Wellbeing()


def test_a_home_is_made_with_the_file_and_keeps_what_is_there(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    assert home.wellbeing() == Wellbeing()
    home.wellbeing_file.write_text("graphic_items_a_day = 5", encoding="utf-8")
    make_home(home.path)
    assert Home(home.path).wellbeing().graphic_items_a_day == 5


@pytest.mark.parametrize(
    "text",
    [
        "graphic_minutes = 90",
        "graphic_from = 0",
        "graphic_minutes_a_day = -1",
        "graphic_minutes_an_hour = 61",
        "most_in_a_row = 0",
        "due_hours = 3",
        "[due_hours]\nhate = 0",
        "golden_share = 0.9",
        "apart_from_team = 'yes'",
        "graphic_from =",
        "reviews = 0.5",
        "[reviews]\nof_overturn = 0.5",
        "[reviews]\nof_overturns = 0",
        "[reviews]\nof_rest = 1.01",
        "[reviews]\nof_rest = nan",
        "[reviews]\nleast = 0.01",
        "[reviews]\nsince = 'soon'",
    ],
)
def test_what_is_not_known_or_out_of_range_is_refused_by_the_files_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^wellbeing\.toml: "):
        parse_wellbeing(text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "wellbeing.toml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_wellbeing(tmp_path / "wellbeing.toml")


def test_a_policy_has_its_own_due_time_and_the_others_the_default() -> None:
    limits = parse_wellbeing("[due_hours]\ndefault = 48\nhate = 6")
    assert limits.due_at("hate", NOON).isoformat() == "2026-03-01T18:00:00+00:00"
    assert limits.due_at("spam", NOON).isoformat() == "2026-03-03T12:00:00+00:00"


def test_shares_of_reviews_are_read_and_the_others_stay_as_they_are() -> None:
    told = parse_wellbeing("[reviews]\nof_overturns = 1\nsince = 2026-12-01").reviews
    assert told == ReviewShares(of_overturns=1.0, of_rest=0.06, since=date(2026, 12, 1))
