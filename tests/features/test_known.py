"""All that was known of a decision: track records and history, each as its own module tells it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from features.history import LOOK_COLUMNS, WORK_COLUMNS, history_of, looks_before, work_before
from features.known import known_before, with_history
from features.track_record import RecordSettings, events, replay
from tests.made_programme import make_programme

SETTINGS = RecordSettings(half_life_days=20, strength=4)


def test_what_is_known_is_the_track_record_the_looks_and_the_work() -> None:
    made = make_programme(0, rows=150)
    decisions, outcomes = made.decisions, made.outcomes
    expected = [
        replay(decisions, events(decisions, outcomes), SETTINGS),
        looks_before(decisions, history_of(decisions, outcomes)),
        work_before(decisions, decisions),
    ]
    found = known_before(decisions, decisions, outcomes, SETTINGS)
    pd.testing.assert_frame_equal(found, pd.concat(expected, axis=1))


def test_looks_that_may_not_be_read_are_null_and_the_rest_is_as_it_was() -> None:
    made = make_programme(1, rows=150)
    given = made.decisions, made.decisions, made.outcomes
    read = known_before(*given, SETTINGS)
    found = known_before(*given, replace(SETTINGS, earlier_looks=False))
    assert list(found) == list(read)
    assert found[list(LOOK_COLUMNS)].isna().all(axis=None)
    assert found[list(LOOK_COLUMNS)].dtypes.eq("float64").all()
    others = [name for name in read if name not in LOOK_COLUMNS]
    pd.testing.assert_frame_equal(found[others], read[others])
    assert read[list(WORK_COLUMNS)].notna().any().all()


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_came_later_changes_what_was_known(seed: int) -> None:
    made = make_programme(seed, rows=200)
    moment = made.decisions["decided_at"].iloc[120]
    before = made.decisions["decided_at"] < moment
    known = made.outcomes["audited_at"] < moment
    then = made.decisions[before]
    pd.testing.assert_frame_equal(
        known_before(then, made.decisions, made.outcomes, SETTINGS),
        known_before(then, then, made.outcomes[known], SETTINGS),
        rtol=1e-12,
    )


@pytest.mark.parametrize("seed", range(2))
def test_one_decision_alone_is_known_as_among_others(seed: int) -> None:
    made = make_programme(seed, rows=150)
    given = made.decisions, made.outcomes, SETTINGS
    whole = known_before(made.decisions, *given)
    for row in range(0, 150, 10):
        alone = known_before(made.decisions.iloc[[row]], *given)
        pd.testing.assert_frame_equal(alone, whole.iloc[[row]], rtol=1e-12)


def test_columns_that_did_not_come_leave_null_and_no_fault() -> None:
    made = make_programme(2, rows=100)
    bare = made.decisions[["decision_id", "decided_at", "policy", "action"]]
    found = known_before(bare, bare, made.outcomes, SETTINGS)
    assert found[list(WORK_COLUMNS)].isna().all(axis=None)
    assert (found["earlier_looks"] == 0).all()


def test_the_inputs_are_left_alone() -> None:
    made = make_programme(3, rows=100)
    copies = made.decisions.copy(), made.outcomes.copy()
    known_before(made.decisions, made.decisions, made.outcomes, SETTINGS)
    pd.testing.assert_frame_equal(made.decisions, copies[0])
    pd.testing.assert_frame_equal(made.outcomes, copies[1])


def test_the_rows_stay_under_their_names() -> None:
    made = make_programme(4, rows=60)
    named = made.decisions.set_axis([f"row {n}" for n in range(60)])
    records = replay(named, events(named, made.outcomes), SETTINGS)
    found = with_history(records, named, history_of(named, made.outcomes), SETTINGS)
    assert found.index.equals(named.index)
