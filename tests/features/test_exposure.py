"""The ledger: what people had and still have, from audits and assignments, and whom it shows."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from features.assignments import lock_assignments, return_unfinished
from features.exposure import FEWEST_PEOPLE, aggregate, graphic, read_ledger
from features.store import Store
from features.wellbeing import Wellbeing
from tests.features.assigned import (
    DAY,
    RECKONING,
    START,
    add_decisions,
    assign,
    assigned,
    finish,
)

NEXT = DAY + timedelta(days=1)


def ledger(store: Store, auditor: str = "ana", day: object = DAY) -> list[tuple[object, ...]]:
    """Return (level, open, minutes, items) of one person and day."""
    with store.transaction() as connection:
        table = read_ledger(
            connection, since=DAY, until=NEXT, reckoning=RECKONING, auditors=[auditor]
        )
    kept = table[table["day"] == str(day)]
    return [tuple(row) for row in kept[["level", "open", "minutes", "items"]].to_numpy().tolist()]


def test_open_assignments_count_as_planned(store: Store) -> None:
    add_decisions(store, "a", "b", "c")
    assign(store, assigned("a"), assigned("b", graphic_level=3), assigned("c", graphic_level=3))
    assert ledger(store) == [(0, True, 10.0, 1), (3, True, 20.0, 2)]


def test_finished_ones_count_the_minutes_that_they_took_or_were_planned_for(store: Store) -> None:
    add_decisions(store, "timed", "untimed")
    assign(store, assigned("timed", graphic_level=3), assigned("untimed", graphic_level=2))
    finish(store, "timed", auditor_id="ana", minutes=17.0)
    finish(store, "untimed", auditor_id="ana")
    assert ledger(store) == [(2, False, 10.0, 1), (3, False, 17.0, 1)]


def test_an_audit_without_an_assignment_counts_on_its_day_by_its_policy(store: Store) -> None:
    add_decisions(store, "own", "of policy", policy="gore")
    add_decisions(store, "of decision", policy="gore", graphic_level=0.5)
    finish(store, "own", auditor_id="ana", minutes=2.0)
    finish(store, "of policy", auditor_id="ana")
    finish(store, "of decision", auditor_id="ana", audited_at="2026-03-03T00:00:00Z")
    assert ledger(store) == [(3, False, 8.0, 2)]
    assert ledger(store, day=NEXT) == [(1, False, 6.0, 1)]


def test_what_a_night_shift_finishes_after_midnight_is_of_the_day_it_began(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d", graphic_level=2))
    finish(store, "d", auditor_id="ana", audited_at="2026-03-03T01:00:00Z", minutes=3.0)
    assert ledger(store) == [(2, False, 3.0, 1)]
    assert ledger(store, day=NEXT) == []


def test_what_went_back_counts_nothing_unless_it_was_finished(store: Store) -> None:
    add_decisions(store, "a", "b")
    assign(store, assigned("a"), assigned("b"))
    with store.transaction() as connection:
        lock_assignments(connection)
        return_unfinished(connection, now=START, day=DAY, gone=["ana"])
    finish(store, "b", auditor_id="ana", minutes=4.0)
    assert ledger(store) == [(0, False, 4.0, 1)]


def test_an_outcome_without_an_auditor_is_of_whom_it_was_assigned_to(store: Store) -> None:
    add_decisions(store, "d", "e")
    assign(store, assigned("d"))
    finish(store, "d", minutes=4.0)
    finish(store, "e", minutes=4.0)
    assert ledger(store) == [(0, False, 4.0, 1)]


def test_what_somebody_else_finished_is_theirs(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d", graphic_level=2))
    finish(store, "d", auditor_id="ben", minutes=4.0)
    assert ledger(store, "ben") == [(0, False, 4.0, 1)]


def test_the_same_decision_twice_counts_once_with_the_longer_time(store: Store) -> None:
    add_decisions(store, "d")
    finish(store, "d", auditor_id="ana", minutes=4.0)
    finish(store, "d", auditor_id="ana", minutes=9.0, audit_id="x", supersedes="audit of d")
    assert ledger(store) == [(0, False, 9.0, 1)]


def test_an_assignment_that_was_given_anew_to_the_same_person_counts_once(store: Store) -> None:
    add_decisions(store, "d")
    assign(store, assigned("d"))
    with store.transaction() as connection:
        lock_assignments(connection)
        return_unfinished(connection, now=START, day=DAY, gone=["ana"])
    later = START + timedelta(days=1)
    assign(store, assigned("d", assignment_id="2", shift_day=NEXT, assigned_at=later))
    finish(store, "d", auditor_id="ana", audited_at="2026-03-03T10:00:00Z", minutes=4.0)
    assert ledger(store) == []
    assert ledger(store, day=NEXT) == [(0, False, 4.0, 1)]


def test_every_source_is_seen_by_a_person(store: Store) -> None:
    add_decisions(store, "d")
    for number, source in enumerate(["review", "golden", "calibration", "appeal"]):
        finish(store, "d", auditor_id=f"p{number}", source=source, audit_id=source)
        assert ledger(store, f"p{number}") == [(0, False, 6.0, 1)]


def test_an_empty_store_has_an_empty_ledger(store: Store) -> None:
    with store.transaction() as connection:
        table = read_ledger(connection, since=DAY, until=DAY, reckoning=RECKONING)
    assert list(table) == ["auditor_id", "day", "level", "open", "minutes", "items"]
    assert table.empty
    assert graphic(table, Wellbeing()).empty
    found = aggregate(store, since=DAY, until=DAY, reckoning=RECKONING, limits=Wellbeing())
    assert found == []


def test_a_lead_sees_the_spread_and_what_is_over_a_cap_and_no_name(store: Store) -> None:
    people = [f"person-{number}" for number in range(6)]
    add_decisions(store, *people)
    assign(
        store,
        *(
            assigned(name, name, graphic_level=2 if number else 0, minutes=10.0 * number + 1)
            for number, name in enumerate(people)
        ),
    )
    limits = Wellbeing(graphic_minutes_a_day=41.0, graphic_items_a_day=0)
    [day] = aggregate(store, since=DAY, until=NEXT, reckoning=RECKONING, limits=limits)
    assert (day.day, day.people, day.graphic_people, day.items) == (DAY, 6, 5, 5)
    assert day.minutes == pytest.approx(155)
    assert (day.over_minutes, day.over_items) == (1, 5)
    assert day.minutes_of_people == {"median": 26.0, "ninth_decile": 46.0, "highest": 51.0}
    assert "person" not in repr(day).replace("people", "")


def test_a_spread_over_few_people_would_show_persons_and_is_left_out(store: Store) -> None:
    people = [f"p{number}" for number in range(FEWEST_PEOPLE - 1)]
    add_decisions(store, *people)
    assign(store, *(assigned(name, name, graphic_level=3) for name in people))
    limits = Wellbeing(graphic_minutes_a_day=5.0)
    [day] = aggregate(store, since=DAY, until=DAY, reckoning=RECKONING, limits=limits)
    assert (day.minutes_of_people, day.items_of_people) == (None, None)
    assert day.over_minutes == len(people)


def test_graphic_material_is_that_from_the_level_of_the_home_up() -> None:
    levels = pd.DataFrame(
        {
            "auditor_id": "ana",
            "day": "2026-03-02",
            "level": [0, 1, 2, 3],
            "open": False,
            "minutes": [1.0, 2.0, 4.0, 8.0],
            "items": 1,
        }
    )
    shown = [graphic(levels, Wellbeing(graphic_from=level)) for level in (1, 2, 3)]
    assert [table["minutes"].tolist() for table in shown] == [[14.0], [12.0], [8.0]]
    assert [table["items"].tolist() for table in shown] == [[3], [2], [1]]
