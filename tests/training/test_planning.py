"""The plan of a programme, and the command that shows and fits it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from commands.plan_tables import Wanted, look_at_plan, print_plan
from features.errors import CapacityError, HomeError, SettingsError
from features.home import Home, Settings, make_home
from features.intake import add_decisions, add_outcomes
from features.known import known_before
from features.store import open_store
from models.bundle import save_bundle
from models.plan import Plan
from models.publication import publish
from models.ranking import risk_frame
from models.scoring import score
from secondlook import main
from tests.learned import Learned, learn_small
from training.planning import dial_ratio, fit_current_plan, read_recent

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn_small(text=False)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory, learned: Learned) -> Home:
    """A home with a fortnight, timed audits and a model that serves, but no plan."""
    folder = tmp_path_factory.mktemp("planning")
    home = make_home(folder / "home")
    open_store(home.store_url()).initialise()
    add_decisions(home, learned.earlier)
    minutes = np.where(learned.outcomes["verdict"] == "correct", 2.0, 6.0)
    add_outcomes(home, learned.outcomes.assign(minutes=minutes))
    save_bundle(learned.bundle, folder / "bundle")
    publish(home, folder / "bundle", "1-small")
    return home


def test_before_there_is_a_plan_the_mend_is_told(programme: Home) -> None:
    with pytest.raises(HomeError, match="secondlook promote"):
        look_at_plan(programme, Wanted(), fit=False, now=NOW)


def test_fit_makes_a_plan_current_and_looking_changes_nothing(programme: Home) -> None:
    fitted = look_at_plan(programme, Wanted(), fit=True, now=NOW)
    document = open_store(programme.store_url()).plan_document()
    assert document is not None
    assert Plan.from_json(document) == fitted.plan
    other = look_at_plan(programme, Wanted(dial="hunt"), fit=False, now=NOW)
    assert not other.is_current
    assert other.plan.ratio == 2.0
    assert open_store(programme.store_url()).plan_document() == document
    assert look_at_plan(programme, Wanted(), fit=False, now=NOW).plan == fitted.plan


def test_the_recent_frame_is_that_of_everything_stored(programme: Home, learned: Learned) -> None:
    store, settings = open_store(programme.store_url()), learned.bundle.record_settings
    decisions, outcomes = store.decisions(with_content=True), store.outcomes()
    evenly = np.linspace(0, len(decisions) - 1, 10_000).astype(int)  # of the latest 30,000
    latest = decisions.iloc[evenly]
    known = known_before(latest, decisions, outcomes, settings)
    expected = risk_frame(latest, score(learned.bundle, latest, known))
    recent = read_recent(programme, learned.bundle, in_hours=False)
    assert recent.risk.decision_ids.tolist() == expected.decision_ids.tolist()
    assert recent.risk.overturn_probability.tolist() == expected.overturn_probability.tolist()
    assert recent.risk.expected_harm.tolist() == expected.expected_harm.tolist()


def test_audits_a_day_are_scaled_to_the_frame(programme: Home, learned: Learned) -> None:
    plan = fit_current_plan(programme, learned.bundle, settings=Settings(audits_per_day=30))
    assert plan.capacity_minutes is None
    assert plan.capacity / plan.frame_size == pytest.approx(30 / 1_000, rel=0.05)


def test_hours_are_spent_by_the_minutes_that_audits_took(programme: Home, learned: Learned) -> None:
    plan = fit_current_plan(programme, learned.bundle, settings=Settings(hours_per_day=1.5))
    assert plan.capacity_minutes == pytest.approx(90 * plan.frame_size / 1_000, rel=0.05)
    minutes = [stratum.minutes for stratum in plan.strata.values()]
    assert all(m is not None and 2.0 < m < 6.0 for m in minutes)


def test_the_table_covers_every_dial_and_capacity_and_is_printed(programme: Home) -> None:
    for wanted in (Wanted(), Wanted(hours_per_day=2.0), Wanted(dial="1.7")):
        view = look_at_plan(programme, wanted, fit=True, now=NOW)
        assert {row.dial for row in view.table} >= {"precision", "balanced", "default", "hunt"}
        assert len({round(row.capacity, 6) for row in view.table}) == 4
        console = Console(record=True, width=140)
        print_plan(view, console)
        said = console.export_text()
        assert view.plan.version in said
        assert ("hours a day" in said) == (wanted.hours_per_day is not None)


def test_more_capacity_finds_more_and_narrows_the_figure(programme: Home) -> None:
    table = look_at_plan(programme, Wanted(capacity_share=0.05), fit=False, now=NOW).table
    default = [row.overall for row in table if row.dial == "default"]
    assert np.all(np.diff([each.errors_found for each in default]) > 0)
    assert np.all(np.diff([each.interval_width for each in default]) < 0)


def test_minimums_beyond_the_capacity_are_refused(
    programme: Home, learned: Learned, tmp_path: Path
) -> None:
    home = replace(programme)
    home.policies_file.write_text("[default]\nminimum_audits = 5000\n")
    try:
        with pytest.raises(CapacityError, match="more than the capacity"):
            fit_current_plan(home, learned.bundle)
    finally:
        home.policies_file.write_text("")


def test_an_empty_store_is_refused(tmp_path: Path, learned: Learned) -> None:
    home = make_home(tmp_path / "empty")
    open_store(home.store_url()).initialise()
    with pytest.raises(HomeError, match="secondlook load"):
        read_recent(home, learned.bundle, in_hours=False)


def test_a_dial_is_a_name_or_a_number() -> None:
    assert dial_ratio(Settings(dial="hunt")) == 2.0
    assert dial_ratio(Settings(dial="1.7")) == 1.7
    with pytest.raises(SettingsError, match="precision, balanced, default, hunt"):
        dial_ratio(Settings(dial="wild"))


def test_the_command_shows_the_plan_and_refuses_two_capacities(
    programme: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", "--home", str(programme.path), "--dial", "hunt", "--fit"])
    assert ended.value.code == 0
    assert "standard error" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(
            [
                *("plan", "--home", str(programme.path)),
                *("--hours-per-day", "3", "--audits-per-day", "9"),
            ]
        )
    assert ended.value.code == 1
    assert "expected one of them at most" in capsys.readouterr().err
