"""`secondlook replay`: the plain function's files, and how records are kept is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from commands.replaying import replay
from features.files import write_table
from features.home import Home, make_home
from features.known import known_before
from features.pseudonym import pseudonymise
from features.track_record import RecordSettings
from tests.made_programme import make_programme

MADE = make_programme(2, rows=200)
OUTCOMES = MADE.outcomes.drop(columns="supersedes")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


def run(home: Home, decisions: pd.DataFrame) -> Result:
    folder = home.path.parent
    write_table(decisions, folder / "decisions.parquet")
    write_table(OUTCOMES, folder / "outcomes.parquet")
    app = typer.Typer()
    app.command()(replay)
    files = [str(folder / f"{name}.parquet") for name in ("decisions", "outcomes", "known")]
    words = [*files[:2], "--to", files[2], "--home", str(home.path), "--skip-bad"]
    return CliRunner().invoke(app, words)


def test_what_was_known_is_written_under_the_pseudonyms_of_the_home(home: Home) -> None:
    result = run(home, MADE.decisions)
    assert result.exit_code == 0, result.output
    assert "a model of the default settings" in result.stderr
    decisions = pseudonymise(MADE.decisions, home.pseudonym_key())
    expected = known_before(decisions, decisions, OUTCOMES, RecordSettings())
    found = pd.read_parquet(home.path.parent / "known.parquet")
    assert found["decision_id"].tolist() == decisions["decision_id"].tolist()
    pd.testing.assert_frame_equal(found.drop(columns="decision_id"), expected)


def test_rows_that_were_refused_are_told_and_the_exit_status_says_so(home: Home) -> None:
    bad = MADE.decisions.assign(policy=MADE.decisions["policy"].mask(MADE.decisions.index == 3))
    result = run(home, bad)
    assert result.exit_code == 1
    assert "row 3, column 'policy'" in result.stderr
    assert len(pd.read_parquet(home.path.parent / "known.parquet")) == 199
