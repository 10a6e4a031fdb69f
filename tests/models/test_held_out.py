"""What is held out of learning judges it: no row by a model that saw its item group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from features.frame import FEATURES
from models.arrays import Floats
from models.halves import RiskSettings
from models.held_out import Forecasts, HeldOut, hold_out, join_forecasts

ROWS = 600
SETTINGS = RiskSettings(rounds=15, leaf_rows=10)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Features of which only the score and the action's rate are known."""
    rng = np.random.default_rng(0)
    nothing: dict[str, object] = {
        f.name: np.full(ROWS, np.nan)
        if f.kind == "number"
        else pd.Series([None] * ROWS, dtype="str")
        for f in FEATURES
    }
    told = {
        "policy": np.where(np.arange(ROWS) % 2, "spam", "hate"),
        "action": "keep",
        "score_mismatch": rng.random(ROWS),
        "policy_action_rate": rng.random(ROWS),
    }
    return pd.DataFrame(nothing | told)


@pytest.fixture(scope="module")
def overturned(frame: pd.DataFrame) -> Floats:
    """Overturns that the score foretells."""
    chance = 0.6 * frame["score_mismatch"].to_numpy()
    return np.asarray(np.random.default_rng(1).random(ROWS) < chance, dtype=np.float64)


@pytest.fixture(scope="module")
def groups() -> pd.Series:
    """Items of three decisions each."""
    return pd.Series([f"item {row // 3}" for row in range(ROWS)])


def test_what_audits_found_of_a_group_does_not_change_what_is_said_of_it(
    frame: pd.DataFrame, overturned: Floats, groups: pd.Series
) -> None:
    before = hold_out(frame, overturned, groups, settings=SETTINGS)
    own = (groups == "item 7").to_numpy()
    turned = np.where(own, 1 - overturned, overturned)
    after = hold_out(frame, turned, groups, settings=SETTINGS)
    assert np.array_equal(before.known[own], after.known[own])
    assert np.array_equal(before.hidden[own], after.hidden[own])
    assert not np.array_equal(before.known, after.known)


def test_who_judges_a_third_alone_says_of_it_what_he_says_of_all(
    frame: pd.DataFrame, overturned: Floats, groups: pd.Series
) -> None:
    whole = hold_out(frame, overturned, groups, settings=SETTINGS)
    third = hold_out(frame, overturned, groups, settings=SETTINGS, judged=1)
    assert whole.rows.tolist() == list(range(ROWS))
    assert 0.3 * ROWS < len(third.rows) < 0.4 * ROWS
    assert np.array_equal(third.known, whole.known[third.rows])
    assert np.array_equal(third.hidden, whole.hidden[third.rows])
    assert np.array_equal(third.overturned, overturned[third.rows])


def test_both_halves_find_overturns_that_they_have_not_seen(
    frame: pd.DataFrame, overturned: Floats, groups: pd.Series
) -> None:
    held_out = hold_out(frame, overturned, groups, settings=SETTINGS)
    for half in held_out.known.T:
        assert half[overturned == 1].mean() > half[overturned == 0].mean() + 0.2


def test_with_less_known_less_is_told(
    frame: pd.DataFrame, overturned: Floats, groups: pd.Series
) -> None:
    held_out = hold_out(frame, overturned, groups, settings=SETTINGS)
    assert np.all(held_out.hidden.std(axis=0) < held_out.known.std(axis=0))


@pytest.mark.parametrize("names", [["all alike"], ["one", "other"]])
def test_near_duplicates_all_are_dealt_out_row_by_row(
    frame: pd.DataFrame, overturned: Floats, names: list[str]
) -> None:
    groups = pd.Series([names[row % len(names)] for row in range(ROWS)])
    held_out = hold_out(frame, overturned, groups, settings=SETTINGS)
    assert np.isfinite(held_out.known).all()
    assert held_out.known[overturned == 1].mean() > held_out.known[overturned == 0].mean()


def _judged(trees: Floats, linear: Floats, overturned: Floats) -> HeldOut:
    both = np.column_stack([trees, linear])
    policy = np.full(len(both), "spam", dtype=object)
    return HeldOut(both, both, policy, overturned, np.arange(len(both)))


def test_the_better_half_weighs_more_and_equals_weigh_a_half() -> None:
    rng = np.random.default_rng(2)
    odds, noise = rng.normal(-1, 1.5, 3000), rng.normal(-1, 1.5, 3000)
    overturned = (rng.random(3000) < expit(odds)).astype(np.float64)
    assert _judged(odds, noise, overturned).tree_share() > 0.85
    assert _judged(noise, odds, overturned).tree_share() < 0.15
    assert _judged(odds, odds, overturned).tree_share() == pytest.approx(0.5)


def test_the_forecast_is_the_average_in_log_odds() -> None:
    held_out = _judged(np.array([2.0, 4.0]), np.array([0.0, -1.0]), np.array([1.0, 0.0]))
    forecasts = held_out.forecasts(0.25, np.array([0.5, 1.0]))
    assert forecasts.known.tolist() == [0.5, 0.25]
    assert forecasts.inclusion.tolist() == [0.5, 1.0]


def test_joined_forecasts_keep_every_row_in_order() -> None:
    def one(value: float, policy: str) -> Forecasts:
        row = np.array([value])
        return Forecasts(row, row, np.array([policy], dtype=object), row, row)

    joined = join_forecasts([one(0.25, "spam"), one(0.75, "hate")])
    assert joined.known.tolist() == joined.inclusion.tolist() == [0.25, 0.75]
    assert joined.policy.tolist() == ["spam", "hate"]
