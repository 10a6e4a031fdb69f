"""Settings are searched on training folds only, within budgets, and a stopped search goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pandas as pd
import pytest

from features.contract import DECISIONS, DIRECTIONS, check
from features.errors import SettingsError, TrainingError
from features.history import groups_of
from features.simulate import simulate
from training.bootstrap import Interval
from training.folds import Ground, make_ground, training_part
from training.learn import LearningSettings, Progress
from training.settings import Choice, RiskChoice
from training.space import SPACE
from training.split import split_in_time
from training.tune import search, study_name, tune
from training.tuned import Tried, Tuned

TRIALS = 3
SETTINGS = LearningSettings()

Tables = tuple[pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Three weeks, half of whose decisions are audited."""
    world = simulate(days=21, decisions_per_day=600, audit_share=0.5, seed=5)
    return check(world.decisions, DECISIONS).require(), world.outcomes


@pytest.fixture(scope="module")
def ground(tables: Tables) -> Ground:
    """The folds of the tables."""
    return make_ground(*tables, SETTINGS)


@pytest.fixture(scope="module")
def tuned(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A search that nothing stopped."""
    return searched(ground, tmp_path_factory.mktemp("study") / "tuning.db")


def searched(
    ground: Ground,
    storage: Path,
    *,
    trials: int = TRIALS,
    seconds: float = 600.0,
    progress: Progress = lambda _: None,
) -> Tuned:
    """Search with ample time."""
    return search(
        ground,
        trials=trials,
        seconds=seconds,
        storage=storage,
        settings=SETTINGS,
        progress=progress,
    )


def later_ids(tables: Tables) -> pd.Series:
    """Return the decisions on items of the audits that calibrate and try a model."""
    decisions, outcomes = tables
    ordered = decisions.sort_values(["decided_at", "decision_id"], ignore_index=True)
    audited = ordered[ordered["decision_id"].isin(outcomes["decision_id"])]
    split = split_in_time(audited, calibrate=SETTINGS.calibrate_share, test=SETTINGS.test_share)
    theirs = groups_of(audited[split.calibrate | split.test])
    return decisions.loc[groups_of(decisions).isin(theirs), "decision_id"]


def test_the_first_trial_is_of_the_defaults(tuned: Tuned) -> None:
    assert tuned.trials[0].choice == Choice()
    assert len(tuned.trials) == TRIALS
    assert all(trial.choice != Choice() for trial in tuned.trials[1:])
    assert list(tuned.table())[3:] == list(SPACE)


def test_every_trial_stays_within_the_space(tuned: Tuned) -> None:
    table = tuned.table()
    for name, dimension in SPACE.items():
        assert table[name].between(dimension.low, dimension.high).all()


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(
    ground: Ground, tuned: Tuned, tmp_path: Path
) -> None:
    storage = tmp_path / "tuning.db"

    def stop(line: str) -> None:
        if line.startswith("trial 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(ground, storage, progress=stop)
    lines: list[str] = []
    assert searched(ground, storage, progress=lines.append) == tuned
    assert sum(line.startswith("trial") for line in lines) == TRIALS - 2


def test_a_trial_that_a_kill_left_unfinished_is_made_again(
    ground: Ground, tuned: Tuned, tmp_path: Path
) -> None:
    storage = tmp_path / "tuning.db"
    searched(ground, storage, trials=1)
    optuna.load_study(study_name=tuned.study, storage=f"sqlite:///{storage}").ask()
    again = searched(ground, storage)
    assert [(t.choice, t.average_precision) for t in again.trials] == [
        (t.choice, t.average_precision) for t in tuned.trials
    ]


def test_a_study_of_other_data_is_not_resumed(ground: Ground, tuned: Tuned, tmp_path: Path) -> None:
    storage = tmp_path / "tuning.db"
    searched(ground, storage, trials=1)
    verdict = ground.material.audited["verdict"].copy()
    verdict.iloc[0] = DIRECTIONS[1] if verdict.iloc[0] != DIRECTIONS[1] else "correct"
    audited = ground.material.audited.assign(verdict=verdict)
    other = replace(ground, material=replace(ground.material, audited=audited))
    lines: list[str] = []
    found = searched(other, storage, trials=1, progress=lines.append)
    assert found.study != tuned.study
    assert lines[0].startswith("trial 1 ")
    assert len(optuna.get_all_study_names(f"sqlite:///{storage}")) == 2


def test_nothing_is_read_of_the_audits_that_try_a_model(
    tables: Tables, tuned: Tuned, tmp_path: Path
) -> None:
    """With every later verdict, action and score the other way round the search is the same."""
    decisions, outcomes = tables
    ids = later_ids(tables)
    made, found = (table["decision_id"].isin(ids) for table in tables)
    assert found.sum() > 500
    other = decisions.assign(
        action=decisions["action"].mask(made, "remove"),
        automated_score=decisions["automated_score"].mask(made, 0.5),
        moderator_id=decisions["moderator_id"].mask(made, "m-000"),
    )
    wrong = outcomes.assign(verdict=outcomes["verdict"].mask(found, DIRECTIONS[0]))
    storage = tmp_path / "tuning.db"
    assert tune(other, wrong, trials=TRIALS, seconds=600.0, storage=storage) == tuned


def test_what_compares_lies_after_what_was_searched(ground: Ground) -> None:
    when = ground.material.audited["decided_at"]
    searched = max(when[fold.judge].max() for fold in ground.searched)
    assert searched < min(when[fold.judge].min() for fold in ground.unseen)
    for fold in (*ground.searched, *ground.unseen):
        groups = groups_of(ground.material.audited)
        assert when[fold.learn].max() < when[fold.judge].min()
        assert not groups[fold.judge].isin(groups[fold.learn]).any()


def test_a_study_is_named_for_its_seeds(ground: Ground, tuned: Tuned) -> None:
    assert study_name(ground, SETTINGS) == tuned.study
    assert study_name(ground, replace(SETTINGS, seed=1)) != tuned.study


def test_no_trial_begins_once_the_time_is_up(ground: Ground, tmp_path: Path) -> None:
    lines: list[str] = []
    storage = tmp_path / "tuning.db"
    found = searched(ground, storage, trials=50, seconds=1e-3, progress=lines.append)
    assert len(found.trials) == 1
    assert "1 of 50 trials in the 0.001 s that were given" in lines
    assert str(found).startswith("Gained nothing: the defaults were the best of 1 trials")
    assert found.recommended == Choice()


def test_what_gains_within_chance_is_said_to_gain_nothing(tuned: Tuned) -> None:
    better = Choice(RiskChoice(leaves=5))
    trials = (*tuned.trials, Tried(9, "complete", better, 0.99))
    by_chance = replace(
        tuned, trials=trials, best=better, gain=Interval(0.02, -0.01, 0.05), seed_gains=(0.01, 0.03)
    )
    assert "Gained nothing that chance does not explain" in str(by_chance)
    assert by_chance.recommended == Choice()
    sure = replace(by_chance, gain=Interval(0.02, 0.01, 0.03))
    assert str(sure).startswith("Gained: ")
    assert sure.recommended == better


def test_the_training_part_holds_no_later_decision(tables: Tables) -> None:
    decisions, outcomes = training_part(*tables, SETTINGS)
    ids = later_ids(tables)
    assert not decisions["decision_id"].isin(ids).any()
    assert set(outcomes["decision_id"]) <= set(decisions["decision_id"])


@pytest.mark.parametrize(("trials", "seconds"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_a_budget_of_nothing_is_refused(
    tables: Tables, tmp_path: Path, trials: int, seconds: float
) -> None:
    with pytest.raises(SettingsError, match="expected at least 1 and above 0"):
        tune(*tables, trials=trials, seconds=seconds, storage=tmp_path / "tuning.db")


def test_a_file_that_is_no_study_is_refused_and_kept(ground: Ground, tmp_path: Path) -> None:
    storage = tmp_path / "tuning.db"
    storage.write_text("something else entirely\n" * 50, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tuning\.db' cannot be used as a study"):
        searched(ground, storage)
    assert storage.read_text(encoding="utf-8").startswith("something else")


def test_too_few_overturns_to_judge_by_are_refused(tables: Tables) -> None:
    decisions, outcomes = tables
    hardly = outcomes.assign(verdict=outcomes["verdict"].where(outcomes.index < 15, "correct"))
    with pytest.raises(TrainingError, match="expected at least 10 on both; load more outcomes"):
        make_ground(decisions, hardly, SETTINGS)
