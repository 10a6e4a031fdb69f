"""Replay of large tables: blocks, tables of states and searches all say what one block says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features import timelines
from features.columns import columns_of, frame_of
from features.record_rates import PARTS, RECORD_COLUMNS
from features.timelines import records_at, timelines_of
from features.track_record import RecordSettings, TrackRecord, events
from tests.made_programme import make_programme

SETTINGS = RecordSettings(half_life_days=20, strength=4, typical_inclusion=0.2, weight_cap=3)
MADE = make_programme(7, rows=600)
PAST = events(MADE.decisions, MADE.outcomes)
TAUGHT = timelines_of(PAST, SETTINGS)
KNOWN = records_at(MADE.decisions, TAUGHT)


def exactly(found: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, KNOWN, check_exact=True)


@pytest.mark.parametrize("rows", [1, 7, 100, 599])
def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(timelines, "BLOCK", rows)
    exactly(records_at(MADE.decisions, TAUGHT))


@pytest.mark.parametrize("cells", [0, 1_000_000])
def test_a_table_of_states_says_what_a_search_says(
    monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    monkeypatch.setattr(timelines, "_MOST_CELLS", cells)
    monkeypatch.setattr(timelines, "BLOCK", 50)
    exactly(records_at(MADE.decisions, TAUGHT))
    turned = MADE.decisions.sample(frac=1, random_state=0)
    exactly(records_at(turned, TAUGHT).loc[MADE.decisions.index])


def test_combinations_that_are_too_many_for_a_table_are_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timelines, "_MOST_NUMBERS", 1)
    exactly(records_at(MADE.decisions, timelines_of(PAST, SETTINGS)))


def test_categories_and_columns_say_what_text_says() -> None:
    as_categories = MADE.decisions.astype(
        {name: "category" for name in PARTS if name in MADE.decisions}
    )
    exactly(records_at(as_categories, TAUGHT))
    exactly(frame_of(records_at(columns_of(MADE.decisions), TAUGHT)))


def test_nothing_asked_and_nothing_known_are_no_fault() -> None:
    nothing = records_at(MADE.decisions.head(0), TAUGHT)
    assert (len(nothing), tuple(nothing)) == (0, RECORD_COLUMNS)
    unaudited = records_at(MADE.decisions, timelines_of(PAST.head(0), SETTINGS))
    assert set(unaudited["everything_audits"]) == {0.0}
    assert set(unaudited["policy_rate"]) == {SETTINGS.prior_rate}


def many(rows: int) -> pd.DataFrame:
    """Return decisions of the last moment, more than are looked up one by one."""
    drawn = MADE.decisions.sample(rows, replace=True, random_state=0).reset_index(drop=True)
    return drawn.assign(decided_at=MADE.outcomes["audited_at"].max())


def test_the_running_record_says_of_many_what_it_says_of_few() -> None:
    record, asked = TrackRecord(SETTINGS), many(5_000)
    record.update(PAST)
    few = [record.look_up(asked.iloc[start : start + 500]) for start in range(0, 5_000, 500)]
    pd.testing.assert_frame_equal(record.look_up(asked), pd.concat(few), check_exact=True)


def test_the_running_record_looks_up_more_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    record, asked = TrackRecord(SETTINGS), many(5_000)
    record.update(PAST)
    whole = record.look_up(asked)
    monkeypatch.setattr("features.track_record.BLOCK", 2_400)
    monkeypatch.setattr(timelines, "BLOCK", 2_400)
    pd.testing.assert_frame_equal(record.look_up(asked), whole, check_exact=True)


def test_many_events_at_once_are_taken_in_as_few_are() -> None:
    past = PAST.sample(3_000, replace=True, random_state=0).reset_index(drop=True)
    at_once, in_parts = TrackRecord(SETTINGS), TrackRecord(SETTINGS)
    at_once.update(past)
    for start in range(0, len(past), 700):
        in_parts.update(past.iloc[start : start + 700])
    assert at_once.size == in_parts.size
    one, other = (record.look_up(many(100)) for record in (at_once, in_parts))
    np.testing.assert_allclose(one.to_numpy(), other.to_numpy(), rtol=1e-12)
