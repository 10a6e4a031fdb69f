"""The exposure ledger: minutes and items by graphic level that each person had, day by day.

It is made of what the store holds and of nothing else, so that every worker and replica reads the
same: audits that were finished, with the minutes that they took (as planned, where they were not
timed), and those that are assigned and still open, as planned. What went back unfinished counts
nothing. A day is that on which the shift of an assignment began, in UTC; of an audit that nobody
was assigned to, that on which it was finished.

A person may see their own. A lead sees how it is spread over people, and what is over a cap; where
fewer than `FEWEST_PEOPLE` had a share, a spread would show persons, and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features import schema
from features.among import among
from features.assignments import State, read_assignments, read_frame
from features.policies import Policies
from features.rows import microseconds
from features.store import Store
from features.wellbeing import Wellbeing

FEWEST_PEOPLE = 5
_SHARES = {"median": 0.5, "ninth_decile": 0.9, "highest": 1.0}
_LATEST_END = timedelta(days=2)
"""After the start of a day, for how long outcomes are read that may be of its shifts."""

MinutesOf = Callable[[np.ndarray], np.ndarray]
"""Mean minutes of an audit, by policy."""


@dataclass(frozen=True, slots=True)
class Reckoning:
    """By what is counted where an outcome does not say it.

    Attributes
    ----------
    policies
        Say the graphic level where a decision has none.
    minutes_of
        Gives the minutes of audits that were neither timed nor planned.
    """

    policies: Policies
    minutes_of: MinutesOf


@dataclass(frozen=True, slots=True)
class DaySpread:
    """The graphic exposure of one day over people, without a name.

    Attributes
    ----------
    people
        Who had any audit on that day, finished or open.
    graphic_people
        Who had a graphic one.
    minutes, items
        Graphic ones, of all together.
    over_minutes, over_items
        People over the cap of the day.
    minutes_of_people
        Median, ninth decile and highest graphic minutes of a person; null where fewer than
        `FEWEST_PEOPLE` had an audit.
    items_of_people
        The same of items.
    """

    day: date
    people: int
    graphic_people: int
    minutes: float
    items: int
    over_minutes: int
    over_items: int
    minutes_of_people: dict[str, float] | None
    items_of_people: dict[str, float] | None


def read_ledger(
    connection: sa.Connection,
    *,
    since: date,
    until: date,
    reckoning: Reckoning,
    auditors: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return what people had on the days from `since` to `until`, both included.

    Returns
    -------
    One row a person, day, graphic level and state: ``auditor_id``, ``day`` (ISO), ``level`` (0 to
    3), ``open`` (whether it is still to come), ``minutes`` and ``items``.
    """
    assigned = read_assignments(connection, since=since, until=until, auditors=auditors)
    finished = _finished(connection, since, until, auditors=auditors)
    rows = pd.concat(
        [_of_assigned(assigned, finished, reckoning), _of_others(finished, since, until, reckoning)]
    )
    summed = rows.groupby(["auditor_id", "day", "level", "open"], as_index=False, sort=True)
    ledger: pd.DataFrame = summed.agg(minutes=("minutes", "sum"), items=("minutes", "size"))
    return ledger


def graphic(ledger: pd.DataFrame, limits: Wellbeing) -> pd.DataFrame:
    """Return graphic ``minutes`` and ``items`` by ``auditor_id`` and ``day``; zero where none was.

    Examples
    --------
    >>> ledger = pd.DataFrame({"auditor_id": ["a", "a", "a"], "day": ["2026-03-01"] * 3,
    ...     "level": [0, 2, 3], "open": [False, False, True], "minutes": [9.0, 4.0, 5.0],
    ...     "items": [3, 1, 1]})
    >>> graphic(ledger, Wellbeing()).to_dict("records")
    [{'auditor_id': 'a', 'day': '2026-03-01', 'minutes': 9.0, 'items': 2}]
    """
    counted = ledger["level"] >= limits.graphic_from
    kept = ledger.assign(
        minutes=ledger["minutes"].where(counted, 0.0), items=ledger["items"].where(counted, 0)
    )
    summed = kept.groupby(["auditor_id", "day"], as_index=False, sort=True)
    return summed[["minutes", "items"]].sum()


def aggregate(
    store: Store, *, since: date, until: date, reckoning: Reckoning, limits: Wellbeing
) -> list[DaySpread]:
    """Return how graphic exposure was spread over people, for each day on which there was any."""
    with store.transaction() as connection:
        ledger = read_ledger(connection, since=since, until=until, reckoning=reckoning)
    days = graphic(ledger, limits).groupby("day", sort=True)
    return [_spread(str(day), people, limits) for day, people in days]


def _spread(day: str, people: pd.DataFrame, limits: Wellbeing) -> DaySpread:
    minutes, items = people["minutes"].to_numpy(), people["items"].to_numpy()
    return DaySpread(
        day=date.fromisoformat(day),
        people=len(people),
        graphic_people=int((items > 0).sum()),
        minutes=float(minutes.sum()),
        items=int(items.sum()),
        over_minutes=int((minutes > limits.graphic_minutes_a_day + 1e-6).sum()),
        over_items=int((items > limits.graphic_items_a_day).sum()),
        minutes_of_people=_shares(minutes),
        items_of_people=_shares(items),
    )


def _shares(values: np.ndarray) -> dict[str, float] | None:
    if len(values) < FEWEST_PEOPLE:
        return None
    return {name: float(np.quantile(values, share)) for name, share in _SHARES.items()}


def graphic_levels(policy: pd.Series, level: pd.Series, policies: Policies) -> np.ndarray:
    """Return the graphic level of decisions, 0 to 3: their own, else that of their policy.

    Examples
    --------
    >>> from features.policies import Policy
    >>> policies = Policies(by_name={"gore": Policy(graphic_level=3)})
    >>> graphic_levels(pd.Series(["gore", "gore", "spam"]), pd.Series([1.2, None, None]), policies)
    array([2, 3, 0])
    """
    usual = policy.map(lambda name: policies.get(str(name)).graphic_level)
    own = np.ceil(level.to_numpy(dtype=np.float64))
    return np.where(np.isnan(own), usual.to_numpy(dtype=np.float64), own).astype(np.int64)


def _of_assigned(
    assigned: pd.DataFrame, finished: pd.DataFrame, reckoning: Reckoning
) -> pd.DataFrame:
    """Return what people have of assignments: open ones as planned, done ones as they were."""
    kept = assigned[assigned["state"] != State.RETURNED]
    timed = finished.dropna(subset=["assignment_id"]).drop_duplicates("assignment_id")
    spent = kept["assignment_id"].map(timed.set_index("assignment_id")["minutes"])
    return pd.DataFrame(
        {
            "auditor_id": kept["auditor_id"],
            "day": kept["shift_day"],
            "level": kept["graphic_level"].astype("int64"),
            "open": kept["state"] == State.OPEN,
            "minutes": spent.where(spent > 0).fillna(kept["minutes"]),
        }
    )


def _of_others(
    finished: pd.DataFrame, since: date, until: date, reckoning: Reckoning
) -> pd.DataFrame:
    """Return what people finished without an assignment; twice on one decision counts once."""
    day = finished["audited_at"].dt.date
    own = finished["assignment_id"].isna() & (day >= since) & (day <= until)
    kept = finished[own].drop_duplicates(["auditor_id", "decision_id"])
    usual = reckoning.minutes_of(kept["policy"].to_numpy(dtype=object))
    timed = kept["minutes"].to_numpy()
    return pd.DataFrame(
        {
            "auditor_id": kept["auditor_id"],
            "day": kept["audited_at"].dt.strftime("%Y-%m-%d"),
            "level": graphic_levels(kept["policy"], kept["graphic_level"], reckoning.policies),
            "open": False,
            "minutes": np.where(timed > 0, timed, usual),
        }
    )


def _finished(
    connection: sa.Connection, since: date, until: date, *, auditors: Sequence[str] | None
) -> pd.DataFrame:
    """Return outcomes of the days, with the assignment that each finished, longest first."""
    outcome, decision, assignment = schema.outcomes.c, schema.decisions.c, schema.assignments.c
    # an outcome without an auditor is that of whoever it was assigned to
    auditor = sa.func.coalesce(outcome.auditor_id, assignment.auditor_id)
    finishes = sa.and_(
        assignment.decision_id == outcome.decision_id,
        assignment.kind == sa.func.coalesce(outcome.source, "audit"),
        sa.or_(
            assignment.auditor_id == outcome.auditor_id,
            sa.and_(outcome.auditor_id.is_(None), outcome.audited_at >= assignment.assigned_at),
        ),
    )
    query = (
        sa.select(
            auditor.label("auditor_id"),
            outcome.decision_id,
            outcome.audited_at,
            outcome.minutes,
            decision.policy,
            decision.graphic_level,
            assignment.assignment_id,
        )
        .select_from(schema.outcomes)
        .join(schema.decisions, decision.decision_id == outcome.decision_id)
        .outerjoin(schema.assignments, finishes)
        .where(
            outcome.audited_at >= microseconds(_start_of(since)),
            outcome.audited_at < microseconds(_start_of(until) + _LATEST_END),
            auditor.is_not(None),
        )
    )
    if auditors is not None:
        query = query.where(among(auditor, list(auditors)))
    found = read_frame(connection, query)
    return found.sort_values(
        ["minutes", "audited_at", "decision_id"], ascending=[False, True, True]
    )


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def note_lookup(
    store: Store, *, at: datetime, by: str, auditor: str | None, since: date, until: date
) -> None:
    """Keep that somebody looked at the exposure of individuals; lines are added, never changed.

    Parameters
    ----------
    by
        An access key's id, or user@machine.
    auditor
        Whose; null = everybody's.
    """
    row = {"at": microseconds(at), "by": by, "auditor_id": auditor}
    days = {"since": since.isoformat(), "until": until.isoformat()}
    with store.transaction() as connection:
        connection.execute(schema.lookups.insert(), row | days)


def read_lookups(store: Store) -> pd.DataFrame:
    """Return who looked at the exposure of individuals, the earliest first.

    Returns
    -------
    Columns ``at``, ``by``, ``auditor_id`` (null = everybody's), ``since`` and ``until``.
    """
    table = schema.lookups
    query = sa.select(*(c for c in table.c if c.name != "lookup_id")).order_by(table.c.lookup_id)
    with store.transaction() as connection:
        found = read_frame(connection, query)
    return found.assign(at=pd.to_datetime(found["at"].astype("int64"), unit="us", utc=True))
