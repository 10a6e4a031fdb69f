"""Planted changes: each changes what it says from its day on, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.planted import Change, changes_of, in_segment
from benchmarks.retraining import World, make_world_of

OLD_DAYS = 6


@dataclass(frozen=True, slots=True)
class Planted:
    """A world before and after, and which rows may differ."""

    change: Change
    before: World
    after: World
    inside: np.ndarray

    def wrong(self, world: World) -> np.ndarray:
        return world.truth["overturned"].to_numpy(dtype=bool)

    def rate(self, world: World) -> float:
        return float(self.wrong(world)[self.inside].mean())


@pytest.fixture(scope="module")
def world() -> World:
    return make_world_of(days=14, decisions_per_day=6_000, share=0.05, seed=0)


def plant(world: World, name: str) -> Planted:
    change = next(change for change in changes_of(world) if change.name == name)
    rows = world.rows(OLD_DAYS, int(world.day[-1]) + 1)
    after = change.apply(world, rows, np.random.default_rng(0))
    inside = in_segment(world.decisions, change.segment)
    inside[: rows.start] = False
    return Planted(change, world, after, inside)


NAMES = (
    "covariate_shift",
    "policy_error_doubles",
    "language_miscalibrated",
    "team_over_enforcement",
    "blind_spot",
    "score_breaks",
)


def test_the_named_changes_come_first(world: World) -> None:
    assert tuple(change.name for change in changes_of(world))[: len(NAMES)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_differs_outside_the_changed_rows(world: World, name: str) -> None:
    planted = plant(world, name)
    for part in ("decisions", "truth"):
        before, after = getattr(planted.before, part), getattr(planted.after, part)
        pd.testing.assert_frame_equal(before[~planted.inside], after[~planted.inside])


@pytest.mark.parametrize("name", ["covariate_shift", "score_breaks"])
def test_a_change_of_inputs_leaves_the_truth(world: World, name: str) -> None:
    pd.testing.assert_frame_equal(plant(world, name).after.truth, world.truth)


@pytest.mark.parametrize("name", NAMES[1:5])
def test_a_change_of_truth_leaves_the_inputs(world: World, name: str) -> None:
    pd.testing.assert_frame_equal(plant(world, name).after.decisions, world.decisions)


@pytest.mark.parametrize("name", NAMES[1:5])
def test_what_audits_find_is_possible_for_the_action(world: World, name: str) -> None:
    after = plant(world, name).after
    kept = (after.decisions["action"] == "keep").to_numpy()
    over = (after.truth["verdict"] == "over_enforcement").to_numpy()
    under = (after.truth["verdict"] == "under_enforcement").to_numpy()
    assert not (kept & over).any()
    assert kept[under].all()


def test_handle_time_moves_by_a_tenth_of_a_standard_deviation(world: World) -> None:
    planted = plant(world, "covariate_shift")
    old, new = (
        np.log1p(each.decisions["handle_seconds"].to_numpy(dtype=float, na_value=np.nan))
        for each in (planted.before, planted.after)
    )
    moved = np.nanmean(new[planted.inside] - old[planted.inside])
    assert moved / np.nanstd(old) == pytest.approx(0.1, abs=1e-6)


def test_the_error_rate_of_the_policy_doubles(world: World) -> None:
    planted = plant(world, "policy_error_doubles")
    assert planted.rate(planted.after) / planted.rate(world) == pytest.approx(2.0, abs=0.15)


def test_the_language_errs_as_often_but_risk_says_nothing(world: World) -> None:
    planted = plant(world, "language_miscalibrated")
    risk = world.truth["overturn_probability_true"].to_numpy(dtype=float)[planted.inside]
    told = [
        roc_auc_score(planted.wrong(each)[planted.inside], risk) for each in (world, planted.after)
    ]
    assert planted.rate(planted.after) == pytest.approx(planted.rate(world), rel=1e-9)
    assert told[0] > 0.75
    assert told[1] == pytest.approx(0.5, abs=0.05)


def test_over_enforcement_of_the_team_rises_by_half(world: World) -> None:
    planted = plant(world, "team_over_enforcement")
    before, after = (
        int((each.truth["verdict"] == "over_enforcement")[planted.inside].sum())
        for each in (world, planted.after)
    )
    assert after / before == pytest.approx(1.5, abs=0.2)


def test_the_blind_spot_goes_from_one_to_twenty_percent(world: World) -> None:
    planted = plant(world, "blind_spot")
    assert 0.05 < planted.inside.sum() / (len(world.day) * 10 / 16) < 0.09
    assert planted.rate(world) < 0.02
    assert planted.rate(planted.after) == pytest.approx(0.2, abs=0.02)


def test_the_score_of_one_source_is_stuck_or_gone(world: World) -> None:
    stuck = plant(world, "score_breaks")
    gone = plant(world, "score_missing")
    assert (stuck.after.decisions["automated_score"][stuck.inside] == 0.5).all()
    assert gone.after.decisions["automated_score"][gone.inside].isna().all()


def test_a_change_is_the_same_for_the_same_seed(world: World) -> None:
    one, two = (plant(world, "blind_spot").after.truth for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
