from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from features.errors import SettingsError
from features.home_templates import ALARMS_TEMPLATE
from monitoring.alarms.alarm import ALARM_STANDS, Severity, exit_status, in_order
from monitoring.alarms.limits import AlarmLimits, parse_limits, read_limits
from tests.monitoring.alarms.made import alarm

PAGE = Path(__file__).resolve().parents[3] / "docs" / "alarms.md"


def test_without_a_file_every_limit_is_the_default(tmp_path: Path) -> None:
    assert read_limits(tmp_path / "alarms.toml") == AlarmLimits()


def test_the_template_shows_the_defaults() -> None:
    shown = re.sub(r"^# (?=[\[a-z])", "", ALARMS_TEMPLATE, flags=re.M)
    shown = re.sub(r"^When alarms.*$|^url = .*$", "", shown, flags=re.M)
    assert parse_limits(shown, "alarms.toml") == AlarmLimits()


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "alarms.toml").write_text("[overdue]\ndays = 3\n")
    limits = read_limits(tmp_path / "alarms.toml")
    assert limits.overdue.days == 3
    assert limits.volume == AlarmLimits().volume


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[overdue]\nhours = 3", "unknown field `hours`"),
        ("[unknown]\ndays = 3", "unknown field `unknown`"),
        ("[overdue]\nshare = 2", "<= 1.0"),
        ("[residual]\nfalse_alarm_days = 0", ">= 1.0"),
        ("[webhook]\nattempts = 'many'", "Expected `int`"),
        ("overdue = ", "Invalid value"),
    ],
)
def test_a_limit_that_is_not_known_or_out_of_range_is_refused(text: str, seen: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(seen)):
        parse_limits(text, "alarms.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "alarms.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_limits(tmp_path / "alarms.toml")


def every_limit() -> list[str]:
    return [
        f"{section}.{name}"
        for section in AlarmLimits.__struct_fields__
        for name in getattr(AlarmLimits(), section).__struct_fields__
    ]


@pytest.mark.parametrize("limit", every_limit())
def test_every_limit_is_documented_with_its_default(limit: str) -> None:
    section, name = limit.split(".")
    default = getattr(getattr(AlarmLimits(), section), name)
    shown = f"{default:g}" if isinstance(default, int | float) else default or "not set"
    row = re.search(rf"^\| `{re.escape(limit)}` \| ([^|]*) \|", PAGE.read_text("utf-8"), flags=re.M)
    assert row is not None, limit
    assert row.group(1).strip().strip("`") == shown


def test_the_exit_status_tells_whether_an_alarm_stands() -> None:
    assert exit_status([]) == 0
    assert exit_status([alarm()]) == ALARM_STANDS
    assert ALARM_STANDS not in (0, 1, 2)


def test_severe_alarms_come_first() -> None:
    found = in_order(
        [
            alarm(kind="volume", severity=Severity.WATCH),
            alarm(kind="width", severity=Severity.SEVERE),
            alarm(kind="residual", severity=Severity.WATCH),
        ]
    )
    assert [each.kind for each in found] == ["width", "volume", "residual"]


def test_alarms_keep_their_fields_in_json() -> None:
    one = alarm()
    assert msgspec.json.decode(msgspec.json.encode(one), type=type(one)) == one
