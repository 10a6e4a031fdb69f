"""Rankings without a model of errors: each reads what it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import DECISIONS, check
from features.simulate import simulate
from training.baselines import (
    LEAST_SURE,
    LOGISTIC,
    MISMATCH,
    MODERATOR,
    POLICY_ACTION,
    UNIFORM,
    contract_columns,
    fit_logistic,
    logistic_scores,
    simple_scores,
)
from training.evaluate import metrics


def test_each_baseline_ranks_by_its_own_figure() -> None:
    decisions = pd.DataFrame({"automated_score": [0.9, 0.5, 0.1], "action_rank": [2.0, 2.0, 2.0]})
    records = pd.DataFrame({"policy_action_rate": [0.1, 0.2, 0.3], "moderator_rate": [0.3, 0.2, 1]})
    told = simple_scores(decisions, records, top_rank=2.0)
    assert told[UNIFORM].nunique() == 1
    assert told[POLICY_ACTION].idxmax() == 2
    assert told[MODERATOR].tolist() == [0.3, 0.2, 1.0]
    assert told[LEAST_SURE].idxmax() == 1
    assert told[MISMATCH].idxmax() == 2  # the strictest action, and a score that says harmless


def test_what_a_baseline_does_not_know_stands_in_the_middle() -> None:
    decisions = pd.DataFrame({"automated_score": [None, None]}, dtype=float)
    records = pd.DataFrame({"moderator_rate": [0.4, np.nan]})
    told = simple_scores(decisions, records, top_rank=1.0)
    assert told[MODERATOR].tolist() == [0.4, 0.4]
    assert told[LEAST_SURE].tolist() == [0.0, 0.0]


def test_the_logistic_regression_reads_columns_and_finds_errors() -> None:
    world = simulate(days=8, decisions_per_day=1_000, seed=2)
    decisions = check(world.decisions, DECISIONS).require()
    decisions = decisions.assign(verdict=world.truth["verdict"].to_numpy())
    early = decisions["decided_at"] < decisions["decided_at"].min() + pd.Timedelta(days=6)
    fitted = fit_logistic(decisions[early])
    later = decisions[~early].drop(columns="verdict")
    told = logistic_scores(fitted, later)
    wrong = world.truth["overturned"].to_numpy(dtype=float)[~early.to_numpy()]
    assert metrics(told, wrong, np.ones(len(wrong)))["auroc"] > 0.65
    unseen = later.assign(policy="new", language=None)
    assert np.isfinite(logistic_scores(fitted, unseen)).all()


def test_the_logistic_regression_gets_no_records_opinions_or_people() -> None:
    decisions = check(simulate(days=1, decisions_per_day=50).decisions, DECISIONS).require()
    names = set(map(str, contract_columns(decisions.assign(x_signal=1.0))))
    assert {"policy", "action", "language", "automated_score", "x_signal"} <= names
    assert not {name for name in names if "rate" in name or "opinion" in name or "usual" in name}
    assert not names & {"moderator_id", "score_mismatch", "group_vendor"}


def test_names_of_baselines_are_told_apart() -> None:
    assert len({UNIFORM, POLICY_ACTION, MODERATOR, LEAST_SURE, MISMATCH, LOGISTIC}) == 6
