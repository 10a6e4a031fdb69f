"""How the people on shift stand: what they were assigned today, had, and have room for.

Their room is made of the ledger alone, so that it is the same for every worker and replica, and
caps hold however often a shift is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from features.assignments import State, read_assignments
from features.exposure import Reckoning, graphic, read_ledger
from features.shift import Person
from features.wellbeing import Wellbeing
from models.assignment.work import Auditor

_HOUR = timedelta(hours=1)
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Exposed:
    """Graphic minutes and items of one person today, and minutes of the days before."""

    minutes: float = 0.0
    items: int = 0
    recent_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class ShiftState:
    """What the store says of the people on shift.

    Attributes
    ----------
    assigned
        Their assignments of the day that did not go back, see `read_assignments`.
    exposed
        By auditor; who is not there had nothing.
    """

    assigned: pd.DataFrame
    exposed: dict[str, Exposed]

    def of(self, auditor_id: str) -> Exposed:
        """Return what one person had."""
        return self.exposed.get(auditor_id, Exposed())

    def holds_for(self, later: ShiftState) -> bool:
        """Whether what was made of this state is still right: nobody has less room by now."""
        known = set(self.assigned["assignment_id"])
        if not set(later.assigned["assignment_id"]) <= known:
            return False
        return all(
            now.minutes <= self.of(name).minutes + _SLACK and now.items <= self.of(name).items
            for name, now in later.exposed.items()
        )


def read_state(
    connection: sa.Connection,
    auditors: Sequence[str],
    day: date,
    *,
    limits: Wellbeing,
    reckoning: Reckoning,
) -> ShiftState:
    """Return how people stand on a day."""
    assigned = read_assignments(connection, since=day, until=day, auditors=auditors)
    ledger = read_ledger(
        connection,
        since=day - timedelta(days=limits.rotation_days),
        until=day,
        reckoning=reckoning,
        auditors=auditors,
    )
    had = graphic(ledger, limits)
    today = had["day"] == day.isoformat()
    recent = had[~today].groupby("auditor_id")["minutes"].sum()
    now = had[today].set_index("auditor_id")
    exposed = {
        name: Exposed(
            float(now["minutes"].get(name, 0.0)),
            int(now["items"].get(name, 0)),
            float(recent.get(name, 0.0)),
        )
        for name in had["auditor_id"].unique()
    }
    return ShiftState(assigned[assigned["state"] != State.RETURNED], exposed)


@dataclass(frozen=True, slots=True)
class Place:
    """One person's room for more work: as the solver takes it, and from when."""

    auditor: Auditor
    begins: datetime
    shift_ends: datetime


def place_of(
    person: Person, state: ShiftState, *, starts_at: datetime, now: datetime, limits: Wellbeing
) -> Place:
    """Return the room that a person has left in a shift."""
    ends = starts_at + timedelta(minutes=person.shift_minutes)
    mine = state.assigned[state.assigned["auditor_id"] == person.auditor_id]
    begins = _begins(mine, max(starts_at, now), limits)
    most_minutes, most_items = caps_of(person, limits)
    had = state.of(person.auditor_id)
    auditor = Auditor(
        auditor_id=person.auditor_id,
        minutes=max((ends - begins) / timedelta(minutes=1), 0.0),
        languages=None if person.languages is None else frozenset(person.languages),
        policies=None if person.policies is None else frozenset(person.policies),
        opted_out=frozenset(person.opted_out),
        most_graphic=person.most_graphic,
        team=person.team,
        site=person.site,
        graphic_minutes=max(most_minutes - had.minutes, 0.0),
        graphic_items=max(most_items - had.items, 0),
        recent_graphic_minutes=had.recent_minutes,
    )
    return Place(auditor, begins, ends)


def caps_of(person: Person, limits: Wellbeing) -> tuple[float, int]:
    """Return a person's caps of graphic minutes and items a day: their own, else the home's.

    Examples
    --------
    >>> caps_of(Person("ana", minutes=60, graphic_items=5), Wellbeing())
    (120.0, 5)
    """
    minutes = person.graphic_minutes
    items = person.graphic_items
    return (
        limits.graphic_minutes_a_day if minutes is None else minutes,
        limits.graphic_items_a_day if items is None else items,
    )


def _begins(mine: pd.DataFrame, earliest: datetime, limits: Wellbeing) -> datetime:
    """Return when new work may begin: after what is open, and never twice a cap within an hour.

    The solver counts hours from where it begins. So where graphic work was planned within the hour
    before, new work begins with the next of the hours that were counted then.
    """
    begins = pd.Timestamp(earliest)
    until = mine["starts_at"] + pd.to_timedelta(mine["minutes"], unit="m")
    is_open = mine["state"] == State.OPEN
    if is_open.any():
        begins = max(begins, until[is_open].max())
    shown = (mine["graphic_level"] >= limits.graphic_from) & (until > begins - _HOUR)
    if shown.any():
        last = mine.loc[shown, "request_id"].iloc[int(until[shown].to_numpy().argmax())]
        origin = mine.loc[mine["request_id"] == last, "starts_at"].min()
        hours = math.ceil((begins - origin) / _HOUR - _SLACK)
        begins = origin + max(hours, 0) * _HOUR
    found: datetime = begins.ceil("us").to_pydatetime()
    return found
