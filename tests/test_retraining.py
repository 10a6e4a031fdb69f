"""The commands of the data scientist: from files to what serves, and back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
import yaml

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.home import Home, make_home
from features.intake import add_decisions, add_outcomes
from features.simulate import simulate
from features.store import open_store
from secondlook import app
from tests.test_front_door import Front
from training.learn import LearningSettings
from training.settings import read_settings
from training.tracking import tracked

TABLES = ("decisions", "outcomes")
PROJECT = yaml.safe_load((Path(__file__).parents[1] / "MLproject").read_text(encoding="utf-8"))
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Front:
    """Run a command as the front door does."""
    return Front(capsys)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with four weeks of a team's decisions and audits."""
    folder = tmp_path_factory.mktemp("export")
    made = simulate(days=28, decisions_per_day=700, audit_share=0.3, seed=4)
    made.decisions.to_parquet(folder / "decisions.parquet")
    made.outcomes.to_parquet(folder / "outcomes.parquet")
    return folder


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory, export: Path) -> Home:
    """Return a home whose store holds the export."""
    home = make_home(tmp_path_factory.mktemp("programme") / "home")
    open_store(home.store_url()).initialise()
    decisions, outcomes = (pd.read_parquet(export / f"{name}.parquet") for name in TABLES)
    add_decisions(home, check(decisions, DECISIONS).require())
    add_outcomes(home, check(outcomes, OUTCOMES).require())
    return home


@pytest.mark.parametrize("name", PROJECT["entry_points"])
def test_an_entry_point_calls_the_command_of_its_name_with_options_it_knows(name: str) -> None:
    entry = PROJECT["entry_points"][name]
    defaults = {key: each["default"] for key, each in entry["parameters"].items()}
    words = [word.format(**defaults) for word in entry["command"].split()]
    assert words[:2] == ["secondlook", name]
    group: Any = typer.main.get_command(app)
    command = group.commands[name]
    context = command.make_context(name, words[2:])
    assert {each for each in defaults if each not in context.params} == set()


def test_a_parameter_that_no_command_knows_is_refused(run: Front) -> None:
    """MLflow hands on whatever it is given, as an option."""
    answer = run("train", "--hme", "elsewhere")
    assert (answer.status, "No such option" in answer.error) == (2, True)


def test_half_a_source_is_refused_before_anything_is_read(run: Front, home: Home) -> None:
    answer = run("train", "--home", home.path, "--decisions", "week.csv")
    assert answer.status == 1
    assert "expected decisions and outcomes" in " ".join(answer.error.split())


def test_force_without_a_reason_is_refused(run: Front, home: Home) -> None:
    for command in ("train", "promote"):
        answer = run(command, "--home", home.path, "--force")
        assert answer.status == 1
        assert "--why" in answer.error


@pytest.mark.slow
def test_from_files_to_what_serves_and_back(run: Front, programme: Home, export: Path) -> None:
    home = ("--home", programme.path)
    files = [f"--{name}={export / name}.parquet" for name in TABLES]
    trained = run("train", *home, *files)
    assert (trained.status, "0 failed" in trained.out) == (0, True), trained.out + trained.error
    assert "Model 1-" in run("promote", *home).out

    retrained = run("retrain", *home, "--weeks", "1", "--promote")
    assert retrained.status == 0, retrained.out + retrained.error
    assert "audits of 1 weeks" in retrained.out
    assert "Model 2-" in retrained.out
    assert fingerprints(retrained.out) == fingerprints(trained.out), "the store holds the files"

    tried = run("backtest", *home, "--weeks", "1")
    assert tried.status == 0, tried.error
    assert "regression" in tried.out
    with tracked(programme) as client:
        found = client.get_run(re.findall(r"Run ([0-9a-f]{32})", tried.out)[0])
    assert (found.info.status, found.data.tags["kind"]) == ("FINISHED", "backtest")
    assert found.data.metrics["capture_05.challenger"] > found.data.metrics["capture_05.uniform"]

    back = run("rollback", *home, "--why", "a test of the way back")
    assert (back.status, "Model 1-" in back.out) == (0, True)
    assert "a test of the way back" in (programme.path / "promotions.jsonl").read_text()
    assert re.search(r"1-[0-9a-f]{12} serves", run("models", *home).out)


def fingerprints(printed: str) -> list[str]:
    """Return the fingerprints of bundles that were registered."""
    return re.findall(r"Version \d+ \(([0-9a-f]{12})\)", printed)


@pytest.mark.slow
def test_a_search_says_what_it_gained_and_writes_what_it_recommends(
    run: Front, programme: Home, tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    answer = run("tune", "--home", programme.path, "--trials", "2", "--to", file)
    assert answer.status == 0, answer.error
    assert re.search(r"Gained( nothing)?", answer.out)
    chosen = read_settings(file)
    defaults = LearningSettings()
    gained = "Gained nothing" not in answer.out
    assert (chosen != defaults) == gained


@pytest.mark.slow
def test_a_severe_finding_stops_the_run_and_is_named(
    run: Front, home: Home, export: Path, tmp_path: Path
) -> None:
    outcomes = pd.read_parquet(export / "outcomes.parquet")
    outcomes["audited_at"] += pd.Timedelta(days=18_000)
    outcomes.to_parquet(tmp_path / "outcomes.parquet")
    decisions = pd.read_parquet(export / "decisions.parquet")
    leak = decisions["decision_id"].isin(wrong_ids(export)).astype(float)
    decisions.assign(x_leak=leak).to_parquet(tmp_path / "decisions.parquet")
    late = run("train", "--home", home.path, *(f"--{n}={tmp_path / n}.parquet" for n in TABLES))
    assert (late.status, "a time not after" in late.error) == (1, True), late.error
    leaking = (f"--decisions={tmp_path / 'decisions.parquet'}",)
    sound = (f"--outcomes={export / 'outcomes.parquet'}",)
    answer = run("train", "--home", home.path, *leaking, *sound)
    assert answer.status == 1
    assert "x_leak" in answer.error
    assert "nothing was learned" in answer.error
    assert "Nothing serves yet" in run("models", "--home", home.path).out
    forced = run("train", "--home", home.path, *leaking, *sound, "--force", "--why", "a drill")
    assert forced.status == 0, forced.error
    assert "learned from all the same: a drill" in " ".join(forced.error.split())


def wrong_ids(export: Path) -> pd.Series:
    """Return the decisions that an audit overturned."""
    outcomes = pd.read_parquet(export / "outcomes.parquet")
    return outcomes.loc[outcomes["verdict"].isin(DIRECTIONS), "decision_id"]
