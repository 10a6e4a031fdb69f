"""Trees are fitted where the caller says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from features.frame import FEATURES, build_frame
from models.boosting import TreeRows, boost_here
from models.halves import RiskSettings
from models.held_out import FOLDS, hold_out
from models.risk import fit_risk
from models.usual_action import fit_usual_action, usual_out_of_fold


@dataclass
class Elsewhere:
    """Fits here, and keeps what it was asked to fit."""

    asked: list[TreeRows] = field(default_factory=list)

    def __call__(
        self, rows: TreeRows, parameters: Mapping[str, Any], *, rounds: int
    ) -> lgb.Booster:
        """Fit trees, and note the rows."""
        self.asked.append(rows)
        return boost_here(rows, parameters, rounds=rounds)


DAY = pd.Timestamp("2026-01-01", tz="UTC")
ROWS = 1_200
SETTINGS = RiskSettings(rounds=3)


@pytest.fixture(scope="module")
def decisions() -> pd.DataFrame:
    """Decisions of two policies, each second one a removal."""
    number = np.arange(ROWS)
    return pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in number],
            "decided_at": DAY,
            "policy": np.where(number % 3, "spam", "hate"),
            "action": np.where(number % 2, "remove", "keep"),
            "automated_score": (number % 7) / 7,
        }
    )


@pytest.fixture(scope="module")
def frame(decisions: pd.DataFrame) -> pd.DataFrame:
    """Their features."""
    return build_frame(decisions, pd.DataFrame(index=decisions.index))


@pytest.fixture(scope="module")
def outcomes(decisions: pd.DataFrame) -> pd.DataFrame:
    """Audits that overturned a tenth of them."""
    verdict = np.where(np.arange(ROWS) % 10, "correct", "over_enforcement")
    return pd.DataFrame(
        {"decision_id": decisions["decision_id"], "verdict": verdict, "audited_at": DAY}
    )


def test_trees_are_those_of_lightgbm_itself() -> None:
    rng = np.random.default_rng(0)
    matrix, label = rng.random((300, 2)), (rng.random(300) < 0.4).astype(float)
    parameters = {"objective": "binary", "deterministic": True, "num_threads": 1, "verbose": -1}
    own = lgb.train(parameters, lgb.Dataset(matrix, label, params={"verbose": -1}), 5)
    ours = boost_here(TreeRows(matrix, label, []), parameters, rounds=5)
    assert ours.model_to_string() == own.model_to_string()


def test_the_risk_is_fitted_where_the_caller_says(
    frame: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    elsewhere = Elsewhere()
    there = fit_risk(frame, outcomes["verdict"], settings=SETTINGS, boost=elsewhere)
    here = fit_risk(frame, outcomes["verdict"], settings=SETTINGS)
    assert [rows.matrix.shape[1] for rows in elsewhere.asked] == [len(FEATURES)]
    assert there.booster.model_to_string() == here.booster.model_to_string()


def test_each_third_that_is_held_out_is_fitted_where_the_caller_says(
    frame: pd.DataFrame, decisions: pd.DataFrame
) -> None:
    elsewhere, overturned = Elsewhere(), (np.arange(ROWS) % 10 == 0).astype(float)
    hold_out(frame, overturned, decisions["decision_id"], settings=SETTINGS, boost=elsewhere)
    assert len(elsewhere.asked) == FOLDS


def test_the_usual_action_is_fitted_where_the_caller_says(
    frame: pd.DataFrame, decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> None:
    elsewhere, asked = Elsewhere(), np.ones(ROWS, dtype=bool)
    fit_usual_action(frame, decisions, outcomes, boost=elsewhere)
    usual_out_of_fold(frame, decisions, outcomes, asked=asked, folds=2, boost=elsewhere)
    assert len(elsewhere.asked) == 3
