"""Who may see whose exposure: one's own, how a day was spread, or individuals, by role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
import pandas as pd

from features.access_keys import AccessKey
from features.assignments import day_of
from features.exposure import DaySpread, Reckoning, aggregate, note_lookup, read_ledger
from features.pseudonym import pseudonym
from features.wellbeing import Wellbeing
from serving.access import WrongRoleError
from serving.payload import Role
from serving.problem import refuse
from serving.shift_payload import (
    Caps,
    DaysExposure,
    ExposureAnswer,
    PersonsDay,
    PersonsExposure,
    Spread,
)
from serving.work_list import usual_minutes
from serving.workplace import Workplace

LONGEST_DAYS = 366
_LEVELS = 4
_KNOWN = ("since", "until", "auditor")


@dataclass(frozen=True, slots=True)
class Looked:
    """What is asked for: from one day to another, both included, and of whom.

    Attributes
    ----------
    auditor_id
        As the store has it; null = of everybody whom the caller may see.
    """

    since: date
    until: date
    auditor_id: str | None = None


def looked_for(query: Mapping[str, str], *, now: datetime, key: bytes | None) -> Looked:
    """Return what a query asks for; by default today, of everybody.

    Raises
    ------
    Refusal
        422 if it holds what is not known, no day, or too many of them.

    Examples
    --------
    >>> noon = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    >>> str(looked_for({"since": "2026-03-01"}, now=noon, key=None).until)
    '2026-03-02'
    >>> looked_for({"since": "soon"}, now=noon, key=None)
    Traceback (most recent call last):
    serving.problem.Refusal: since: saw 'soon'; expected a day such as 2026-03-01.
    """
    for name in query:
        if name not in _KNOWN:
            raise refuse(422, f"query: saw {name[:60]!r}; expected {' or '.join(_KNOWN)}.")
    until = _day(query, "until", day_of(now))
    since = _day(query, "since", until)
    if not timedelta(0) <= until - since < timedelta(days=LONGEST_DAYS):
        seen = f"since {since} until {until}"
        raise refuse(422, f"query: saw {seen}; expected 1 to {LONGEST_DAYS} days, in their order.")
    auditor = query.get("auditor")
    if auditor is not None and (not auditor or "\0" in auditor):
        raise refuse(422, f"auditor: saw {auditor[:40]!r}; expected an auditor_id.")
    if auditor is not None and key is not None:
        auditor = pseudonym(auditor, key)
    return Looked(since, until, auditor)


def exposure_of(
    looked: Looked, workplace: Workplace, *, key: AccessKey, now: datetime
) -> ExposureAnswer:
    """Return the exposure that the holder of a key may see; a look at individuals is kept.

    Raises
    ------
    WrongRoleError
        If the key may not show what is asked for.
    """
    role = Role(key.role)
    if role is Role.AUDITOR and key.auditor_id is None:
        told = f"Access key {key.key_id} belongs to no auditor; ask for one made with --auditor."
        raise WrongRoleError(told, key.key_id)
    if looked.auditor_id is not None and role is not Role.ADMIN:
        told = f"Access key {key.key_id} may not choose whose exposure it shows; leave auditor out."
        raise WrongRoleError(told, key.key_id)
    limits = workplace.rulebook.limits()
    answer = ExposureAnswer(looked.since, looked.until, caps_told(limits), None, None, None)
    if role is Role.AUDITOR:
        own = individuals(Looked(looked.since, looked.until, key.auditor_id), workplace, now=now)
        return msgspec.structs.replace(answer, own=own[0].days if own else [])
    if role is Role.ADMIN:
        keep_look(looked, workplace, by=key.key_id, now=now)
        answer = msgspec.structs.replace(
            answer, individuals=individuals(looked, workplace, now=now)
        )
    if looked.auditor_id is None:
        answer = msgspec.structs.replace(answer, days=spreads(looked, workplace, now=now))
    return answer


def spreads(looked: Looked, workplace: Workplace, *, now: datetime) -> list[DaysExposure]:
    """Return how each day was spread over people."""
    days = aggregate(
        workplace.store,
        since=looked.since,
        until=looked.until,
        reckoning=reckoning_of(workplace, now=now),
        limits=workplace.rulebook.limits(),
    )
    return [_told(day) for day in days]


def individuals(looked: Looked, workplace: Workplace, *, now: datetime) -> list[PersonsExposure]:
    """Return the days of each person, or of the one who is asked for."""
    limits, reckoning = workplace.rulebook.limits(), reckoning_of(workplace, now=now)
    with workplace.store.transaction() as connection:
        ledger = read_ledger(
            connection,
            since=looked.since,
            until=looked.until,
            reckoning=reckoning,
            auditors=None if looked.auditor_id is None else [looked.auditor_id],
        )
    return [
        PersonsExposure(
            str(auditor_id),
            [_persons_day(str(day), rows, limits) for day, rows in mine.groupby("day", sort=True)],
        )
        for auditor_id, mine in ledger.groupby("auditor_id", sort=True)
    ]


def keep_look(looked: Looked, workplace: Workplace, *, by: str, now: datetime) -> None:
    """Keep who looked at individuals, before they see them."""
    note_lookup(
        workplace.store,
        at=now,
        by=by,
        auditor=looked.auditor_id,
        since=looked.since,
        until=looked.until,
    )


def reckoning_of(workplace: Workplace, *, now: datetime) -> Reckoning:
    """Return by what the ledger counts where an outcome does not say it."""
    limits = workplace.rulebook.limits()
    with workplace.store.transaction() as connection:
        minutes_of = usual_minutes(connection, limits, now)
    return Reckoning(workplace.rulebook.policies(), minutes_of)


def caps_told(limits: Wellbeing) -> Caps:
    """Return the caps of a person and day."""
    return Caps(limits.graphic_from, limits.graphic_minutes_a_day, limits.graphic_items_a_day)


def _told(day: DaySpread) -> DaysExposure:
    return DaysExposure(
        day=day.day,
        people=day.people,
        graphic_people=day.graphic_people,
        minutes=day.minutes,
        items=day.items,
        over_minutes=day.over_minutes,
        over_items=day.over_items,
        minutes_of_people=_spread(day.minutes_of_people),
        items_of_people=_spread(day.items_of_people),
    )


def _spread(shares: dict[str, float] | None) -> Spread | None:
    return None if shares is None else Spread(**shares)


def _persons_day(day: str, rows: pd.DataFrame, limits: Wellbeing) -> PersonsDay:
    minutes = [float(rows.loc[rows["level"] == n, "minutes"].sum()) for n in range(_LEVELS)]
    items = [int(rows.loc[rows["level"] == n, "items"].sum()) for n in range(_LEVELS)]
    graphic_minutes = sum(minutes[limits.graphic_from :])
    graphic_items = sum(items[limits.graphic_from :])
    return PersonsDay(
        day=date.fromisoformat(day),
        minutes=minutes,
        items=items,
        open_minutes=float(rows.loc[rows["open"], "minutes"].sum()),
        graphic_minutes=graphic_minutes,
        graphic_items=graphic_items,
        left_minutes=max(limits.graphic_minutes_a_day - graphic_minutes, 0.0),
        left_items=max(limits.graphic_items_a_day - graphic_items, 0),
    )


def _day(query: Mapping[str, str], name: str, otherwise: date) -> date:
    given = query.get(name)
    if given is None:
        return otherwise
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise refuse(
            422, f"{name}: saw {given[:40]!r}; expected a day such as 2026-03-01."
        ) from None
