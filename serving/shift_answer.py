"""What was assigned, as it is answered: each person's audits in order, and what waits and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from features.assignments import Assigned, Kind
from features.shift import OnShift, Person
from features.wellbeing import Wellbeing
from models.assignment.assign import Assignment
from models.assignment.unplaced import Constraint
from serving.payload import rejected_row
from serving.shift_payload import (
    AssignAnswer,
    AssignedAudit,
    ExposureLeft,
    PersonsShift,
    WaitingAudit,
)
from serving.shift_state import Place, ShiftState, caps_of
from serving.work_list import WorkList

MOST_NAMED = 1_000
"""Waiting audits that an answer names; it counts them all."""
_MINUTE = timedelta(minutes=1)
_SHORTEST_BREAK = 0.01


@dataclass(frozen=True, slots=True)
class Solved:
    """An assignment, and what it was made of.

    Attributes
    ----------
    waiting, tried
        All that waited, and the part of it that the shifts could hold at most.
    new
        What each person was given, golden items among it.
    """

    state: ShiftState
    places: tuple[Place, ...]
    waiting: WorkList
    tried: WorkList
    found: Assignment
    new: tuple[Assigned, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What one call assigned.

    Attributes
    ----------
    open
        All open assignments of its people on that day, these among them.
    returned
        How many went back before.
    """

    request_id: str
    people: OnShift
    day: date
    starts_at: datetime
    now: datetime
    limits: Wellbeing
    solved: Solved
    open: pd.DataFrame
    returned: int

    @property
    def placed(self) -> list[Assigned]:
        """Return what was new of what waited: all but golden items."""
        return [each for each in self.solved.new if each.kind != Kind.GOLDEN]


def answer_of(made: Made, *, with_exposure: bool) -> AssignAnswer:
    """Return the answer to a call; the versions are not filled in yet."""
    found = made.solved.found
    stopped = Counter(str(each.constraint) for each in found.unplaced)
    left_out = len(made.solved.waiting) - len(made.solved.tried)
    if left_out:
        stopped[str(Constraint.HOURS)] += left_out
    return AssignAnswer(
        request_id=made.request_id,
        model_version="",
        plan_version="",
        day=made.day,
        starts_at=made.starts_at,
        assigned=len(made.solved.new),
        returned=made.returned,
        waiting=len(made.solved.waiting) - len(made.placed),
        overdue=_overdue(made),
        share_of_bound=found.share_of_bound,
        solved=found.solved,
        people=list(_people(made, with_exposure=with_exposure)),
        waiting_by=dict(stopped.most_common()),
        unplaced=list(_unplaced(made)),
        rejected=[rejected_row(bad) for bad in made.people.bad],
    )


def _overdue(made: Made) -> int:
    """Return how many audits wait that are due already."""
    placed = sum(each.due_at is not None and each.due_at <= made.now for each in made.placed)
    return made.solved.waiting.overdue(made.now) - placed


def _people(made: Made, *, with_exposure: bool) -> Iterator[PersonsShift]:
    new = {each.assignment_id for each in made.solved.new}
    people = made.people
    of_auditor = dict(list(made.open.groupby("auditor_id", sort=False)))
    for row, given, person in zip(people.rows, people.given, people.people, strict=True):
        mine = of_auditor.get(person.auditor_id, made.open[:0])
        yield PersonsShift(
            index=row,
            auditor_id=given,
            assignments=list(_assignments(mine, made.starts_at, new)),
            exposure=_left(made, person) if with_exposure else None,
        )


def _assignments(mine: pd.DataFrame, starts_at: datetime, new: set[str]) -> Iterator[AssignedAudit]:
    """Yield a person's open audits in order."""
    ended: datetime | None = None
    for row in mine.sort_values("starts_at", kind="stable").to_dict("records"):
        begins = row["starts_at"].to_pydatetime()
        rest = 0.0 if ended is None else max((begins - ended) / _MINUTE, 0.0)
        ended = begins + row["minutes"] * _MINUTE
        due = None if pd.isna(row["due_at"]) else row["due_at"].to_pydatetime()
        chance = row["inclusion_probability"]
        yield AssignedAudit(
            assignment_id=row["assignment_id"],
            decision_id=row["decision_id"],
            kind=Kind(row["kind"]),
            policy=row["policy"],
            language=row["language"],
            graphic_level=int(row["graphic_level"]),
            starts_at=begins,
            start_minute=round((begins - starts_at) / _MINUTE, 3),
            minutes=row["minutes"],
            break_before_minutes=round(rest, 3) if rest > _SHORTEST_BREAK else 0.0,
            due_at=due,
            late=due is not None and ended > due,
            new=row["assignment_id"] in new,
            inclusion_probability=None if pd.isna(chance) else chance,
        )


def _left(made: Made, person: Person) -> ExposureLeft:
    """Return what a person has had or is to have today, and what is left of the caps."""
    had = made.solved.state.of(person.auditor_id)
    shown = [
        each
        for each in made.solved.new
        if each.auditor_id == person.auditor_id and each.graphic_level >= made.limits.graphic_from
    ]
    minutes, items = had.minutes + sum(each.minutes for each in shown), had.items + len(shown)
    most_minutes, most_items = caps_of(person, made.limits)
    return ExposureLeft(
        used_minutes=minutes,
        used_items=items,
        left_minutes=max(most_minutes - minutes, 0.0),
        left_items=max(most_items - items, 0),
    )


def _unplaced(made: Made) -> Iterator[WaitingAudit]:
    """Yield the first audits that wait: what is due first, then by value."""
    table = made.solved.tried.table
    waiting = sorted(
        made.solved.found.unplaced,
        key=lambda each: (table["due_at"].iloc[each.row], -table["value"].iloc[each.row]),
    )
    for each in waiting[:MOST_NAMED]:
        row = table.iloc[each.row]
        yield WaitingAudit(
            decision_id=row["decision_id"],
            kind=Kind(row["kind"]),
            constraint=each.constraint,
            freed_by=each.freed_by,
            overdue=bool(row["due_at"] <= pd.Timestamp(made.now)),
        )
