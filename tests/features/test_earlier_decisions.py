"""The history that the store tells: all that counts for a batch, found by its indexes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from features.history import (
    LOOK_INPUTS,
    WORK_INPUTS,
    History,
    history_of,
    looks_before,
    work_before,
)
from features.store import Store
from tests.features.test_store import NOON, decisions, outcomes
from tests.made_programme import make_programme

DAY = timedelta(days=1)


def ids(history: History) -> set[str]:
    return {*history.decisions["decision_id"], *history.work["decision_id"]}


def looks(store: Store, asked: pd.DataFrame) -> dict[str, float]:
    found = looks_before(asked, store.history(asked, looks=True)).iloc[0].dropna()
    return {str(name): float(value) for name, value in found.items()}


def test_decisions_on_the_same_item_are_found_under_each_name_of_a_group(store: Store) -> None:
    store.add_decisions(decisions("by group", "other", item_group="g"))
    store.add_decisions(decisions("by item", item_id="g"))
    store.add_decisions(decisions("g"))
    store.add_decisions(decisions("of another group", item_id="g", item_group="h"))
    asked = decisions("new", item_group="g", decided_at=NOON + DAY)
    assert ids(store.history(asked, looks=True)) >= {"by group", "other", "by item", "g"}
    assert looks(store, asked)["earlier_looks"] == 4


def test_an_unnamed_item_is_found_by_the_decision_itself(store: Store) -> None:
    store.add_decisions(decisions("a", "b"))
    asked = decisions("c", decided_at=NOON + DAY)
    assert ids(store.history(asked, looks=True)) == set()
    assert looks(store, asked) == {"earlier_looks": 0}


def test_only_what_is_read_comes(store: Store) -> None:
    store.add_decisions(decisions("a", item_id="i", views=3, x_risk=0.5, language="en"))
    asked = decisions("b", item_id="i", decided_at=NOON + DAY)
    history = store.history(asked, looks=True)
    assert [*history.decisions] == [*LOOK_INPUTS]
    assert [*history.work] == [*WORK_INPUTS]


def test_the_window_begins_ninety_days_before_the_earliest_of_the_batch(store: Store) -> None:
    days = [91.0, 90.0, 1.0, 0.0, -1.0]
    at = [NOON - timedelta(days=each) for each in days]
    names = ("too old", "oldest", "late", "at the moment", "later")
    store.add_decisions(decisions(*names, decided_at=at, item_id="i"))
    asked = decisions("x", item_id="i")
    assert ids(store.history(asked, looks=True)) == {"oldest", "late"}
    both = decisions("x", "y", item_id="i", decided_at=[NOON, NOON + 2 * DAY])
    expected = {"oldest", "late", "at the moment", "later"}
    assert ids(store.history(both, looks=True)) == expected


def test_an_audit_of_these_days_counts_though_its_decision_is_older(store: Store) -> None:
    store.add_decisions(decisions("old", item_id="i", decided_at=NOON - 300 * DAY))
    store.add_outcomes(outcomes(("o1", "old"), audited_at=NOON - 89 * DAY))
    asked = decisions("x", item_id="i", action="remove")
    assert looks(store, asked) == {"earlier_looks": 0, "audited_agreement": 0.75}


@pytest.mark.parametrize("source", ["appeal", "review", "golden", "calibration"])
def test_what_is_no_audit_does_not_count(store: Store, source: str) -> None:
    store.add_decisions(decisions("a", item_id="i"))
    store.add_outcomes(outcomes(("o1", "a"), source=source))
    asked = decisions("x", item_id="i", decided_at=NOON + DAY)
    assert store.history(asked, looks=True).judged.empty


def test_a_superseded_audit_does_not_count_and_the_one_in_its_place_does(store: Store) -> None:
    store.add_decisions(decisions("a", item_id="i"))
    store.add_outcomes(
        outcomes(
            ("o1", "a"),
            ("o2", "a"),
            verdict=["correct", "wrong_selection"],
            corrected_action=[None, "label"],
            supersedes=[None, "o1"],
        )
    )
    asked = decisions("x", item_id="i", decided_at=NOON + DAY)
    assert store.history(asked, looks=True).judged["right_action"].tolist() == ["label"]


def test_an_audit_that_says_nothing_of_what_was_right_is_left_out(store: Store) -> None:
    store.add_decisions(decisions("a", item_id="i"))
    store.add_outcomes(outcomes(("o1", "a"), verdict="over_enforcement"))
    asked = decisions("x", item_id="i", decided_at=NOON + DAY)
    assert store.history(asked, looks=True).judged.empty


def test_where_looks_are_not_read_only_the_moderators_work_is(store: Store) -> None:
    store.add_decisions(decisions("look", item_id="i", moderator_id="other"))
    store.add_decisions(decisions("work", item_id="j", moderator_id="m"))
    store.add_outcomes(outcomes(("o1", "look")))
    asked = decisions("x", item_id="i", moderator_id="m", decided_at=NOON + timedelta(hours=1))
    history = store.history(asked, looks=False)
    assert (ids(history), len(history.judged)) == ({"work"}, 0)


def test_work_is_read_a_day_and_a_pause_back(store: Store) -> None:
    hours = [31, 30, 24, 1, 0, -1]
    names = [f"{hour} h" for hour in hours]
    at = [NOON - timedelta(hours=hour) for hour in hours]
    store.add_decisions(decisions(*names, moderator_id="m", decided_at=at))
    asked = decisions("x", moderator_id="m")
    assert ids(store.history(asked, looks=False)) == {"30 h", "24 h", "1 h"}


def test_a_shift_that_began_before_the_day_is_seen_to_go_on(store: Store) -> None:
    at = [NOON - timedelta(hours=hours) for hours in np.arange(1, 60, 5.5)]
    made = decisions(*(f"d{n}" for n in range(len(at))), moderator_id="m", decided_at=at)
    store.add_decisions(made)
    asked = decisions("x", moderator_id="m")
    told = work_before(asked, store.history(asked, looks=False).work)
    assert told["hours_into_shift"].tolist() == [24]
    pd.testing.assert_frame_equal(told, work_before(asked, made))


def test_a_batch_of_automated_decisions_has_no_work(store: Store) -> None:
    store.add_decisions(decisions("a", moderator_id=None))
    asked = decisions("x", moderator_id=None, decided_at=NOON + timedelta(hours=1))
    assert ids(store.history(asked, looks=False)) == set()


def test_an_empty_batch_has_an_empty_history(store: Store) -> None:
    store.add_decisions(decisions("a", item_id="i", moderator_id="m"))
    nothing = store.decisions().head(0)
    history = store.history(nothing, looks=True)
    assert history.decisions.empty
    assert looks_before(nothing, history).empty
    assert work_before(nothing, history.work).empty


@pytest.mark.parametrize("seed", range(3))
def test_the_store_tells_as_much_as_the_whole_tables(store: Store, seed: int) -> None:
    made = make_programme(seed)
    store.add_decisions(made.decisions)
    store.add_outcomes(made.outcomes)
    whole = history_of(store.decisions(), store.outcomes())
    rng = np.random.default_rng(seed)
    for size in (1, 5, 60):
        start = int(rng.integers(len(made.decisions) // 2, len(made.decisions) - size))
        asked = made.decisions.iloc[start : start + size]
        told = store.history(asked, looks=True)
        pd.testing.assert_frame_equal(looks_before(asked, told), looks_before(asked, whole))
        pd.testing.assert_frame_equal(work_before(asked, told.work), work_before(asked, whole.work))


def test_more_items_and_people_than_a_query_takes_are_read_in_parts(store: Store) -> None:
    rows = 5_500
    names = [f"{number:04}" for number in range(rows)]
    columns: dict[str, Any] = {"item_id": names, "moderator_id": [f"m{n}" for n in names]}
    store.add_decisions(decisions(*(f"first {n}" for n in names), **columns))
    store.add_outcomes(outcomes(*((f"o{n}", f"first {n}") for n in names)))
    asked = decisions(
        *(f"second {n}" for n in names), **columns, decided_at=NOON + timedelta(hours=1)
    )
    history = store.history(asked, looks=True)
    assert len(history.decisions) == len(history.judged) == rows
    assert work_before(asked, history.work)["minutes_since_last"].eq(60).all()


def test_names_as_long_as_an_address_on_the_web_can_be_stored_and_found(store: Store) -> None:
    letters = np.random.default_rng(0).integers(97, 123, 8_000)
    long = "".join(map(chr, letters))  # random, so that no database can make it short
    store.add_decisions(decisions("a", item_id=long, item_group=long[::-1]))
    asked = decisions("b", item_group=long[::-1], decided_at=NOON + DAY)
    assert looks(store, asked)["earlier_looks"] == 1


@pytest.mark.parametrize("size", [1, 2_000])
def test_no_table_is_read_from_end_to_end(store: Store, size: int) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what the tables hold")
    made: list[tuple[str, Any]] = []

    @sa.event.listens_for(store.engine, "before_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        made.append((statement, given))

    names = [f"{number:04}" for number in range(size)]
    asked = decisions(*names, item_id=names, moderator_id=names)
    store.history(asked, looks=True)
    sa.event.remove(store.engine, "before_cursor_execute", note)
    assert len(made) == 3
    with store.engine.connect() as connection:
        for statement, given in made:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
            steps = [str(row[-1]) for row in plan]
            assert [step for step in steps if step.startswith("SCAN decisions")] == []
            assert [step for step in steps if "decisions_by_time" in step] == []
