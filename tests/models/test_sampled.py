"""Samples keep item groups whole, hold what may be held, and leave nothing to chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.sampled import evenly, whole_groups


@pytest.fixture(scope="module")
def groups() -> pd.Series:
    """2,000 rows of groups of one to five rows, mixed."""
    rng = np.random.default_rng(0)
    names = np.repeat([f"item {n}" for n in range(1_000)], rng.integers(1, 6, 1_000))
    return pd.Series(rng.permutation(names)[:2_000])


def test_groups_are_taken_whole_and_nearly_as_many_rows_as_may_be(groups: pd.Series) -> None:
    taken = whole_groups(groups, 700)
    assert not groups[~taken].isin(groups[taken]).any()
    assert 690 < taken.sum() <= 700


def test_the_order_of_rows_changes_no_sample(groups: pd.Series) -> None:
    order = np.random.default_rng(1).permutation(len(groups))
    straight, shuffled = whole_groups(groups, 700), whole_groups(groups.iloc[order], 700)
    assert np.array_equal(straight[order], shuffled)


def test_a_smaller_sample_is_part_of_a_larger_one(groups: pd.Series) -> None:
    assert whole_groups(groups, 1_500)[whole_groups(groups, 300)].all()


def test_up_to_the_limit_everything_is_taken(groups: pd.Series) -> None:
    assert whole_groups(groups, len(groups)).all()
    rows = np.array([4, 9, 11])
    assert evenly(rows, 3) is rows


def test_where_one_group_is_nearly_all_rows_are_taken_instead() -> None:
    groups = pd.Series(["alike"] * 90 + [f"other {n}" for n in range(10)])
    taken = whole_groups(groups, 20)
    assert taken.sum() == 20
    assert 0 < groups[taken].eq("alike").sum() < 20


def test_even_steps_reach_from_the_first_to_the_last() -> None:
    taken = evenly(np.arange(100, 1_100), 11)
    assert (taken[0], taken[-1], len(taken)) == (100, 1_099, 11)
    assert set(np.diff(taken)) == {99, 100}
