"""The commands of the QA lead: what they print, and with which status they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from features.home import Home
from secondlook import main
from tests.monitoring.conftest import Programme


@pytest.fixture
def home(programme: Programme, tmp_path: Path) -> Home:
    """A copy of a programme's home in which audits are overdue by its own limit."""
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    home.alarms_file.write_text("[overdue]\nshare = 0.01\n", encoding="utf-8")
    return home


def status_of(*words: str | Path) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.slow
def test_an_alarm_has_a_status_of_its_own(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("monitor", "--home", home.path) == 3
    printed = capsys.readouterr()
    (alarm,) = json.loads(printed.out)["alarms"]
    assert alarm["kind"] == "overdue"
    assert alarm["title"] in printed.err
    assert status_of("monitor", "--home", home.path, "--exit-zero") == 0


def test_days_and_since_are_not_taken_together(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("report", "--home", home.path, "--days", "3", "--since", "2026-01-01")
    assert status_of(*words) == 1
    assert "expected one of them" in capsys.readouterr().err


def test_a_period_to_compare_with_needs_both_ends(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("report", "--home", home.path, "--against-since", "2026-01-01")
    assert status_of(*words) == 1
    assert "expected both" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_is_set_beside_the_period_before_it(home: Home, programme: Programme) -> None:
    last = programme.ranked_days[-1]
    words = ("report", "--home", home.path, "--since", last.isoformat()[:10])
    until = "2026-01-11"
    assert status_of(*words, "--until", until) == 0
    (page,) = home.reports.glob("*/compare.html")
    assert "compare.html" in (page.parent / "index.html").read_text(encoding="utf-8")


def test_a_period_that_was_asked_for_and_is_empty_is_told(
    home: Home, programme: Programme, capsys: pytest.CaptureFixture[str]
) -> None:
    last = programme.ranked_days[-1]
    words = ("report", "--home", home.path, "--since", last.isoformat()[:10])
    asked = ("--against-since", "2020-01-01", "--against-until", "2020-02-01")
    assert status_of(*words, *asked) == 1
    assert "from 2020-01-01 00:00 until 2020-02-01 00:00" in " ".join(
        capsys.readouterr().err.split()
    )
