"""The auditors' days in a period: graphic exposure against the caps, and audits that are overdue.

Both come from what the store holds of assignments and outcomes, as the service counts them, so that
the page and `GET /v1/exposure` say the same. No person is named, numbered or ranked; what a day had
is told of it as a whole where `FEWEST_PEOPLE` or more audited on it. That somebody was over a cap
is told always.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from features.exposure import DaySpread, MinutesOf, Reckoning, aggregate
from features.policies import Policies
from features.store import Store
from features.unassigned import overdue_by_policy, timed_audits
from features.wellbeing import Wellbeing
from models.audit_minutes import usual_minutes
from monitoring.wording import days as in_words

_TIMED = timedelta(days=90)
"""Before now, of which audits the minutes of untimed ones are; as where audits are assigned."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Selected audits of one policy that are past their due time and not finished.

    Attributes
    ----------
    audits
        A count, 1 or more.
    due_hours
        From the selection until an audit of the policy is due.
    """

    policy: str
    audits: int
    due_hours: float


@dataclass(frozen=True, slots=True)
class AuditorDays:
    """The days of the people who audit.

    Attributes
    ----------
    since, until
        First and last day, in UTC, both included.
    limits
        The caps that held when this was made.
    days
        Those on which anybody audited or has work assigned, the earliest first; may be empty.
    overdue
        As of when this was made, most audits first; may be empty.
    """

    since: date
    until: date
    limits: Wellbeing
    days: tuple[DaySpread, ...]
    overdue: tuple[Overdue, ...]

    @property
    def span(self) -> str:
        """Return the days in words."""
        return in_words(*(datetime.combine(day, time(), UTC) for day in (self.since, self.until)))

    @property
    def told(self) -> tuple[DaySpread, ...]:
        """Return the days on which enough people audited to tell how it was spread."""
        return tuple(day for day in self.days if day.minutes_of_people is not None)

    @property
    def person_days(self) -> int:
        """Return on how many days people audited, each person's counted."""
        return sum(day.people for day in self.days)

    @property
    def graphic_person_days(self) -> int:
        """Return on how many of these the person had any graphic item."""
        return sum(day.graphic_people for day in self.days)

    @property
    def over_minutes(self) -> int:
        """Return how many person-days were over the cap of graphic minutes."""
        return sum(day.over_minutes for day in self.days)

    @property
    def over_items(self) -> int:
        """Return how many person-days were over the cap of graphic items."""
        return sum(day.over_items for day in self.days)

    @property
    def largest_minutes(self) -> float | None:
        """Return the most graphic minutes of a person and day; null where no day can tell."""
        return _largest(day.minutes_of_people for day in self.days)

    @property
    def largest_items(self) -> float | None:
        """Return the most graphic items of a person and day; null where no day can tell."""
        return _largest(day.items_of_people for day in self.days)

    @property
    def overdue_audits(self) -> int:
        """Return how many audits are overdue under all policies together."""
        return sum(each.audits for each in self.overdue)


def measure_auditor_days(
    store: Store,
    *,
    limits: Wellbeing,
    policies: Policies,
    since: datetime,
    until: datetime,
    now: datetime,
) -> AuditorDays:
    """Read how the auditors' days were.

    Parameters
    ----------
    policies
        Say the graphic level where a decision has none.
    since, until
        Moments of the first and last day, in UTC; both days are whole and included.
    now
        As of when audits are overdue.
    """
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    reckoning = Reckoning(policies, _minutes_of(store, limits, now))
    days = aggregate(store, since=first, until=last, reckoning=reckoning, limits=limits)
    return AuditorDays(
        since=first,
        until=last,
        limits=limits,
        days=tuple(days),
        overdue=_overdue(store, limits, now),
    )


def _minutes_of(store: Store, limits: Wellbeing, now: datetime) -> MinutesOf:
    with store.transaction() as connection:
        timed = timed_audits(connection, since=now - _TIMED)
    return usual_minutes(
        timed["policy"].to_numpy(dtype=object),
        timed["minutes"].to_numpy(dtype=np.float64),
        untimed=limits.untimed_minutes,
    )


def _overdue(store: Store, limits: Wellbeing, now: datetime) -> tuple[Overdue, ...]:
    found = overdue_by_policy(store, limits=limits, now=now)
    rows = [Overdue(name, audits, _due_hours(limits, name)) for name, audits in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.audits, row.policy)))


def _due_hours(limits: Wellbeing, policy: str) -> float:
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return (limits.due_at(policy, start) - start) / timedelta(hours=1)


def _largest(spreads: Iterable[dict[str, float] | None]) -> float | None:
    return max((spread["highest"] for spread in spreads if spread is not None), default=None)
