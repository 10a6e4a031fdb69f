"""The comparison of rankings: splits that leak nothing, figures that ties do not flatter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from benchmarks.ranking_data import (
    Audited,
    Experiment,
    simulated,
    split_by_group,
    split_by_time,
)
from benchmarks.ranking_families import ALL, measure_families
from benchmarks.ranking_figures import calibration_error, capture, figures, over_seeds
from benchmarks.ranking_frames import known_of_test
from benchmarks.ranking_quality import PRODUCT, learning_settings, main
from benchmarks.rivals import cell_rate, chance, cleanlab_on_text, moderator_rate
from features.history import groups_of
from features.policies import Policies
from models.scoring import features_of
from training.learn import learn


@pytest.fixture(scope="module")
def made() -> Audited:
    return simulated(rows=12_400, seed=3)


@pytest.fixture(scope="module")
def by_group(made: Audited) -> Experiment:
    return split_by_group(made, rows=9_000, seed=0)


@pytest.fixture(scope="module")
def by_time(made: Audited) -> Experiment:
    return split_by_time(made, rows=9_000, seed=0)


def test_no_item_group_is_on_both_sides(by_group: Experiment, by_time: Experiment) -> None:
    for split in (by_group, by_time):
        assert not groups_of(split.test).isin(groups_of(split.decisions)).any()


def test_a_sample_holds_whole_items_and_no_more_rows_than_asked(
    made: Audited, by_group: Experiment
) -> None:
    ours = by_group.decisions["item_id"].value_counts()
    assert ours.equals(made.decisions["item_id"].value_counts()[ours.index])
    audited = len(by_group.decisions) + len(by_group.test)  # the last day has no outcomes
    assert 8_600 < audited <= 9_000


def test_records_of_a_split_by_group_hold_all_known_outcomes(by_group: Experiment) -> None:
    assert (by_group.test["decided_at"] > by_group.outcomes["audited_at"].max()).all()


def test_a_split_by_time_knows_nothing_from_after_its_cut(by_time: Experiment) -> None:
    cut = by_time.decisions["decided_at"].max()
    assert by_time.outcomes["audited_at"].max() <= cut < by_time.test["decided_at"].min()


def test_outcomes_known_are_of_the_training_part_alone(by_group: Experiment) -> None:
    known = by_group.outcomes["decision_id"]
    assert known.isin(by_group.decisions["decision_id"]).all()


def test_the_truth_stands_beside_its_decision(made: Audited, by_group: Experiment) -> None:
    assert made.truth is not None
    expected = made.truth.loc[by_group.test["decision_id"]].to_numpy()
    assert by_group.truth is not None
    assert np.array_equal(by_group.truth, expected)


@pytest.mark.parametrize("first", [0, 9])
def test_capture_does_not_depend_on_the_order_of_equals(first: int) -> None:
    wrong = np.roll(np.eye(10)[0], first)
    assert capture(np.full(10, 0.1), wrong, np.ones(10)) == pytest.approx([0.05, 0.1, 0.2])


def test_capture_counts_an_audit_by_its_weight() -> None:
    risk, wrong = np.array([0.9, 0.1, 0.05]), np.array([1.0, 0.0, 1.0])
    assert capture(risk, wrong, np.array([1.0, 8.0, 1.0]))[1] == pytest.approx(0.5)


def test_the_calibration_error_of_a_constant_is_its_distance() -> None:
    wrong = np.tile([1.0, 0, 0, 0, 0], 3_000)
    assert calibration_error(np.full(15_000, 0.3), wrong, np.ones(15_000)) == pytest.approx(0.1)


def test_the_true_probability_ranks_best(by_group: Experiment) -> None:
    assert by_group.truth is not None
    best = figures(by_group.truth, by_group.overturned, by_group.inclusion)
    rates = moderator_rate(by_group)
    assert rates is not None
    for found in (chance(by_group), rates, cell_rate(by_group)):
        other = figures(found.probability, by_group.overturned, by_group.inclusion)
        assert other["auroc"] < best["auroc"]


def test_methods_that_lack_their_columns_say_so(by_group: Experiment) -> None:
    assert cleanlab_on_text(by_group) is None


def test_a_past_rate_is_shrunk_level_by_level() -> None:
    times = pd.Series(pd.date_range("2026-01-01", periods=30, freq="h", tz="UTC"))
    ids = pd.Series([f"d{i}" for i in range(30)])
    decisions = pd.DataFrame(
        {"decision_id": ids, "decided_at": times, "policy": "spam", "action": "keep"}
    )
    verdicts = ["over_enforcement"] * 10 + ["correct"] * 20
    outcomes = pd.DataFrame(
        {"audit_id": ids, "decision_id": ids, "audited_at": times, "verdict": verdicts}
    )
    nowhere = decisions.iloc[:2].assign(action=["keep", "remove"])
    split = Experiment(decisions, outcomes, nowhere, nowhere, np.zeros(2), np.ones(2), None, 0)
    assert cell_rate(split).probability == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.slow
def test_with_all_families_the_figures_are_those_of_the_model_that_ships(
    by_group: Experiment,
) -> None:
    settings = learning_settings(shared_outcomes=False)
    whole = measure_families(by_group, settings)[ALL]
    bundle, _ = learn(by_group.decisions, by_group.outcomes, policies=Policies(), settings=settings)
    known = known_of_test(by_group, bundle.record_settings)
    odds = bundle.risk.log_odds(features_of(bundle, by_group.test, known))
    shipped = figures(expit(odds), by_group.overturned, by_group.inclusion)
    assert whole == pytest.approx({name: shipped[name] for name in whole}, abs=1e-6)


def test_the_spread_is_that_of_a_sample() -> None:
    assert over_seeds([1.0, 3.0])["sd"] == pytest.approx(2**0.5)
    assert over_seeds([1.0])["sd"] == 0.0


@pytest.mark.slow
def test_the_file_holds_dataset_method_and_figure(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    wanted = ["--simulator", "--rows", "6200", "--seeds", "1", "--out", str(out)]
    assert main([*wanted, "--methods", PRODUCT, "random", "bayes"]) == 0
    found = json.loads(out.read_text())
    assert list(found) == ["simulator", "simulator by time"]
    assert list(found["simulator"]) == [PRODUCT, "random", "bayes"]
    assert len(found["simulator"][PRODUCT]["auroc"]["by_seed"]) == 1
