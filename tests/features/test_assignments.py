"""Assignments: one person at a time, open until done or returned, and nothing is lost."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.assignments import State, lock_assignments, read_assignments, return_unfinished
from features.errors import StoreError
from features.home import Home
from features.store import Store, open_store
from features.unassigned import (
    audits_to_assign,
    overdue_by_policy,
    reviews_to_assign,
    taken,
    timed_audits,
)
from features.wellbeing import Wellbeing
from tests.features.assigned import (
    DAY,
    START,
    add_decisions,
    assign,
    assigned,
    finish,
    select,
)

LONG_AGO = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
NEXT = DAY + timedelta(days=1)


def states(store: Store) -> dict[str, str]:
    with store.transaction() as connection:
        table = read_assignments(connection)
    return dict(zip(table["assignment_id"], table["state"], strict=True))


def waiting(store: Store, since: datetime = LONG_AGO) -> list[str]:
    with store.transaction() as connection:
        return audits_to_assign(connection, since=since)["decision_id"].tolist()


def take_back(
    store: Store, *, day: date = DAY, now: datetime = START, gone: tuple[str, ...] = ()
) -> int:
    with store.transaction() as connection:
        lock_assignments(connection)
        return return_unfinished(connection, now=now, day=day, gone=gone)


def test_what_was_selected_and_is_neither_finished_nor_assigned_waits(store: Store) -> None:
    add_decisions(store, "waits", "finished", "assigned", "passed over", "never ranked")
    select(store, "waits", "finished", "assigned")
    select(store, "passed over", selected=False)
    finish(store, "finished")
    assign(store, assigned("assigned"))
    assert waiting(store) == ["waits"]


def test_what_was_selected_too_long_ago_does_not_wait_any_more(store: Store) -> None:
    add_decisions(store, "old")
    select(store, "old")
    assert waiting(store, START) == []


def test_a_decision_waits_with_its_first_selection_and_its_largest_priority(store: Store) -> None:
    add_decisions(store, "d", language="de", moderator_team="t", graphic_level=2.0)
    select(store, "d", expected_harm=0.3, priority=7.0)
    select(store, "d", expected_harm=0.9, selected_at=1_772_400_000_000_000)
    select(store, "d", expected_harm=5.0, priority=9.0, selected=False)
    with store.transaction() as connection:
        [row] = audits_to_assign(connection, since=LONG_AGO).to_dict("records")
    assert row == {
        "decision_id": "d",
        "selected_at": pd.Timestamp("2026-03-01T12:00:00Z"),
        "priority": 7.0,
        "expected_harm": 0.9,
        "policy": "spam",
        "language": "de",
        "moderator_id": None,
        "moderator_team": "t",
        "site": None,
        "graphic_level": 2.0,
    }


def test_an_appeal_or_a_review_does_not_finish_an_audit(store: Store) -> None:
    add_decisions(store, "d", "e")
    select(store, "d", "e")
    finish(store, "d", source="appeal")
    finish(store, "e", source="review")
    assert waiting(store) == ["d", "e"]


def test_an_assignment_is_open_until_its_auditor_finishes_the_audit(store: Store) -> None:
    add_decisions(store, "a", "b", "c", "d")
    assign(store, assigned("a"), assigned("b"), assigned("c"), assigned("d", kind="review"))
    finish(store, "a", auditor_id="ana")
    finish(store, "b", auditor_id="ben")
    finish(store, "c")  # of whom is not said
    finish(store, "d", auditor_id="ana")  # an audit is no review
    assert states(store) == {
        "a to ana": State.DONE,
        "b to ana": State.OPEN,
        "c to ana": State.DONE,
        "d to ana": State.OPEN,
    }


def test_one_audit_is_not_assigned_to_two_people(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d"))
    with pytest.raises(StoreError):
        assign(store, assigned("d", "ben"))
    assign(store, assigned("d", "cleo", kind="review"))
    golden = [assigned("d", name, kind="golden", assignment_id=name) for name in ("x", "y")]
    assign(store, *golden)
    assert len(states(store)) == 4


def test_what_is_open_of_an_earlier_day_goes_back_and_is_assigned_anew(store: Store) -> None:
    add_decisions(store, "open", "done")
    select(store, "open", "done")
    assign(store, assigned("open"), assigned("done"))
    finish(store, "done", auditor_id="ana")
    late = START + timedelta(hours=20)
    assert take_back(store, now=late) == 0  # a call of the same day
    assert take_back(store, day=NEXT, now=START + timedelta(hours=7)) == 0  # the shift still runs
    assert take_back(store, day=NEXT, now=late) == 1
    assert states(store) == {"open to ana": State.RETURNED, "done to ana": State.DONE}
    assert waiting(store) == ["open"]
    assign(store, assigned("open", "ben", shift_day=NEXT))
    assert waiting(store) == []


def test_what_somebody_else_finished_goes_back(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d"), assigned("d", kind="golden", assignment_id="golden"))
    finish(store, "d", auditor_id="ben")
    finish(store, "d", auditor_id="ben", source="golden", audit_id="g")
    assert take_back(store) == 1
    assert states(store) == {"d to ana": State.RETURNED, "golden": State.OPEN}


def test_what_is_assigned_to_somebody_who_has_gone_goes_back(store: Store) -> None:
    add_decisions(store, "a", "b")
    assign(store, assigned("a"), assigned("b", "ben"))
    assert take_back(store, gone=("ana",)) == 1
    assert states(store) == {"a to ana": State.RETURNED, "b to ben": State.OPEN}


def test_an_audit_that_comes_in_after_it_went_back_is_done_all_the_same(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d"))
    take_back(store, gone=("ana",))
    finish(store, "d", auditor_id="ana")
    assert states(store) == {"d to ana": State.DONE}


def test_of_two_assignments_of_one_person_the_later_is_done(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d"))
    take_back(store, gone=("ana",))
    again = assigned("d", assignment_id="again", assigned_at=START + timedelta(hours=1))
    assign(store, again)
    finish(store, "d", auditor_id="ana")
    assert states(store) == {"d to ana": State.RETURNED, "again": State.DONE}


def test_a_review_waits_with_the_auditor_whom_it_must_not_go_to(store: Store) -> None:
    add_decisions(store, "d", "e")
    finish(store, "d", auditor_id="ana")
    finish(store, "e", auditor_id="ben")
    due = pd.DataFrame(
        {
            "decision_id": ["d", "e"],
            "audit_id": ["audit of d", "audit of e"],
            "policy": "spam",
            "inclusion_probability": [0.5, 0.06],
        }
    )
    with store.transaction() as connection:
        found = reviews_to_assign(connection, due)
    assert found["judged_by"].tolist() == [{"ana"}, {"ben"}]
    assert found["inclusion_probability"].tolist() == [0.5, 0.06]
    assign(store, assigned("d", "cleo", kind="review"))
    with store.transaction() as connection:
        assert reviews_to_assign(connection, due)["decision_id"].tolist() == ["e"]
        assert reviews_to_assign(connection, due[:0]).empty


def of_review(decision_id: str, audit_id: str) -> pd.DataFrame:
    """Return the list of one review that is due."""
    return pd.DataFrame(
        {"decision_id": [decision_id], "audit_id": [audit_id], "inclusion_probability": [0.5]}
    )


def test_everybody_who_judged_a_disputed_audit_is_kept_off_its_review(store: Store) -> None:
    add_decisions(store, "d")
    finish(store, "d", auditor_id="ana")
    finish(store, "d", audit_id="audit of d/dispute", source="appeal", auditor_id="cleo")
    settled = {"audit_id": "audit of d/settled", "supersedes": "audit of d"}
    finish(store, "d", auditor_id="ben", **settled)
    again = {"audit_id": "audit of d/settled/settled", "supersedes": "audit of d/settled"}
    finish(store, "d", auditor_id="dan", **again)
    with store.transaction() as connection:
        found = reviews_to_assign(connection, of_review("d", "audit of d/settled/settled"))
    assert found["judged_by"].tolist() == [{"ana", "ben", "cleo", "dan"}]


def test_an_audit_without_its_auditor_is_kept_from_whom_it_was_assigned_to(store: Store) -> None:
    add_decisions(store, "d", "e")
    assign(store, assigned("d", "ana"))
    finish(store, "d")
    finish(store, "e")
    with store.transaction() as connection:
        assigned_one = reviews_to_assign(connection, of_review("d", "audit of d"))
        of_nobody = reviews_to_assign(connection, of_review("e", "audit of e"))
    assert assigned_one["judged_by"].tolist() == [{"ana"}]
    assert of_nobody["judged_by"].tolist() == [None]


def test_who_answered_it_as_a_golden_item_may_still_review(store: Store) -> None:
    add_decisions(store, "d")
    finish(store, "d", auditor_id="ana")
    finish(store, "d", audit_id="g", source="golden", auditor_id="ben")
    with store.transaction() as connection:
        found = reviews_to_assign(connection, of_review("d", "audit of d"))
    assert found["judged_by"].tolist() == [{"ana"}]


def test_what_was_taken_meanwhile_is_told(store: Store) -> None:
    add_decisions(store, "assigned", "finished", "free", "reviewed")
    assign(store, assigned("assigned"), assigned("reviewed", kind="review"))
    finish(store, "finished")
    every = ["assigned", "finished", "free", "reviewed"]
    with store.transaction() as connection:
        assert taken(connection, every, []) == {"assigned", "finished"}
        assert taken(connection, [], every) == {"reviewed"}


def test_only_audits_that_were_timed_tell_how_long_one_takes(store: Store) -> None:
    add_decisions(store, "a", "b", "c")
    finish(store, "a", minutes=4.0)
    finish(store, "b", minutes=0.0)
    finish(store, "c")
    with store.transaction() as connection:
        found = timed_audits(connection, since=LONG_AGO)
        assert found.to_dict("records") == [{"policy": "spam", "minutes": 4.0}]
        assert timed_audits(connection, since=START + timedelta(days=1)).empty


def test_an_index_serves_the_search_for_what_waits(home: Home) -> None:
    engine, offer = open_store(home.store_url()).engine, schema.selections.c
    query = sa.select(offer.decision_id).where(offer.selected.is_(True), offer.selected_at >= 5)
    text = query.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").fetchall()
    engine.dispose()
    assert "selections_to_audit" in str(plan)


def test_what_is_past_its_due_time_is_counted_by_policy(store: Store) -> None:
    for policy in ("spam", "hate"):
        given = [f"{policy} {number}" for number in range(3)]
        add_decisions(store, *given, policy=policy)
        select(store, *given)
    assign(store, assigned("hate 0"))
    finish(store, "hate 1")
    limits = Wellbeing(due_hours={"hate": 12.0})
    assert overdue_by_policy(store, limits=limits, now=START) == {"hate": 2}
    assert overdue_by_policy(store, limits=limits, now=START + timedelta(days=40)) == {}
