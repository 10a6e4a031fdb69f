"""The backtest: each week sees what was known then, and every contender the same audits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, DIRECTIONS, check
from features.errors import TrainingError
from features.history import groups_of
from features.policies import Policies
from features.simulate import Simulation, simulate
from models.halves import RiskSettings
from training.backtest import Backtest, BacktestSettings, backtest
from training.baselines import BASELINES
from training.gates import Outcome
from training.learn import LearningSettings, learn

START = pd.Timestamp("2026-01-09", tz="UTC")
"""Of the week that is tried."""
CONTRARY = dict.fromkeys(DIRECTIONS, "correct")
OTHER = LearningSettings(risk=RiskSettings(seed=5))


@pytest.fixture(scope="module")
def world() -> Simulation:
    """Sixteen days with 30 % audited."""
    made = simulate(days=16, decisions_per_day=800, audit_share=0.3, seed=4)
    return Simulation(check(made.decisions, DECISIONS).require(), made.outcomes, made.truth)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What was told on the way."""
    return []


@pytest.fixture(scope="module")
def tried(world: Simulation, lines: list[str]) -> Backtest:
    """Two weeks, the first of which came before there was enough to learn from."""
    return backtest(
        world.decisions,
        world.outcomes,
        policies=Policies(),
        settings=BacktestSettings(weeks=2, champion=OTHER),
        progress=lines.append,
    )


def figure(tried: Backtest, contender: str, name: str) -> float:
    rows = tried.overall["contender"] == contender
    return float(tried.overall.loc[rows, name].iloc[0])


def test_weeks_before_there_was_enough_to_learn_from_are_named(tried: Backtest) -> None:
    assert len(tried.skipped) == 1
    assert tried.skipped[0].startswith("week from 2026-01-02: training: ")
    assert tried.rows["week"].unique().tolist() == [START]


def test_every_step_tells_of_its_week(tried: Backtest, lines: list[str]) -> None:
    assert any("audits known" in line for line in lines)
    assert sum(line.startswith("week from 2026-01-09: ") for line in lines) > 4


def test_audits_of_a_week_are_of_items_that_nobody_had_learned_from(
    world: Simulation, tried: Backtest
) -> None:
    groups, rows = groups_of(world.decisions), tried.rows
    assert rows["decided_at"].between(START, START + pd.Timedelta(days=7)).all()
    known = world.outcomes.loc[world.outcomes["audited_at"] <= START, "decision_id"]
    early = world.decisions["decided_at"] < START
    learned = groups[world.decisions["decision_id"].isin(known) & early]
    assert len(rows) > 500
    assert not rows["group"].isin(learned).any()


def test_all_contenders_are_judged_on_the_same_audits(tried: Backtest) -> None:
    scores = tried.rows[["challenger", "champion", *BASELINES]]
    assert scores.notna().all().all()
    assert tried.overall["audits"].nunique() == 1
    assert tried.overall["contender"].tolist() == ["challenger", "champion", *BASELINES]
    assert len(tried.weeks) == len(tried.overall)


def test_a_uniform_sample_finds_its_share_and_the_model_more(tried: Backtest) -> None:
    assert figure(tried, "uniform", "capture_05") == pytest.approx(0.05)
    assert figure(tried, "uniform", "capture_20") == pytest.approx(0.20)
    assert figure(tried, "challenger", "capture_05") > 0.15
    assert figure(tried, "uniform", "high") < 0
    assert figure(tried, "challenger", "difference") == 0


def test_where_all_had_the_same_chance_the_uniform_check_is_the_figure_itself(
    tried: Backtest,
) -> None:
    assert tried.overall["capture_uniform"].to_numpy() == pytest.approx(
        tried.overall["capture_05"].to_numpy()
    )


def test_what_becomes_known_later_changes_no_score(world: Simulation, tried: Backtest) -> None:
    """The same week, had every audit that came after its first ten hours found the contrary."""
    until = START + pd.Timedelta(hours=10)
    late = world.outcomes["audited_at"] > until
    contrary = world.outcomes["verdict"].where(
        ~late, world.outcomes["verdict"].map(lambda found: CONTRARY.get(found, "over_enforcement"))
    )
    again = backtest(
        world.decisions,
        world.outcomes.assign(verdict=contrary),
        policies=Policies(),
        settings=BacktestSettings(weeks=1),
    )
    first = again.rows["decided_at"] <= until
    ours = again.rows[first].set_index("decision_id")["challenger"]
    theirs = tried.rows.set_index("decision_id")["challenger"].reindex(ours.index)
    assert len(ours) > 20
    assert np.array_equal(ours, theirs)
    wrong = again.rows.set_index("decision_id")["overturned"].reindex(ours.index)
    assert wrong.mean() > 0.5  # it is judged by the audits that came, contrary as they are


def test_it_is_judged_by_the_same_gates(tried: Backtest) -> None:
    verdict = tried.verdict()
    assert verdict.passed, verdict.reasons
    assert verdict.champion == "the champion's settings"
    gates = {row.gate for row in verdict.rows}
    assert {"capture", "harm", "lift", "calibration", "coverage", "burden"} <= gates
    assert "latency" not in gates


@pytest.mark.slow
def test_a_serving_champion_is_asked_only_of_later_weeks(world: Simulation) -> None:
    start = world.decisions["decided_at"].min() + pd.Timedelta(days=11)
    early = world.decisions[world.decisions["decided_at"] < start]
    champion, _ = learn(early, world.outcomes, policies=Policies())
    tried = backtest(
        world.decisions,
        world.outcomes,
        policies=Policies(),
        settings=BacktestSettings(weeks=1, champion=champion),
    )
    asked = tried.rows["champion"].notna()
    assert 0 < asked.mean() < 1
    until = pd.Timestamp(champion.card["until"])
    assert (tried.rows.loc[asked, "decided_at"] > until).all()
    row = next(row for row in tried.verdict().rows if row.gate == "capture")
    assert row.outcome is not Outcome.FAILED
    assert row.audits == asked.sum()


def test_too_little_for_any_week_is_refused(world: Simulation) -> None:
    with pytest.raises(TrainingError, match="no week could be tried; week from 202"):
        backtest(
            world.decisions,
            world.outcomes.head(100),
            policies=Policies(),
            settings=BacktestSettings(weeks=1),
        )
