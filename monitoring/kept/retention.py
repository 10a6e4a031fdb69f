"""Retention: days of ranking become sums, and rows that no figure needs any more are dropped.

A day is summed as a report over it would read it, its unfinished audits weighed as they stand. The
sums are compared with the rows; only where every figure is the same within a millionth are the rows
dropped, in one transaction with the writing of the sums. Killed at any moment a day is kept either
as rows or as sums, and counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from features import schema
from features.contract import DIRECTIONS
from features.kept_store import (
    KeptBatch,
    Manner,
    add_kept,
    date_of,
    day_of,
    read_batches,
)
from features.kept_sums import OVERTURN, SEVERITY, WHOLE
from features.ranked_day import days_of_rows, read_day
from features.retention import (
    count_decisions_to_drop,
    count_offers_to_drop,
    days_decided,
    drop_decisions,
    drop_offers,
    first_ranked_day,
    note_dropped,
)
from features.rows import microseconds
from features.store import Store
from models.arrays import Texts
from models.estimate import AuditedFrame, Estimate, estimate_by
from models.kept_sums import Labelled, labels_of_rows
from monitoring.kept.day_sums import RISKS, DaySums, harm_of, ranked_of_day, sum_day
from monitoring.kept.figure import Figure, estimate_figure
from monitoring.ranked import Ranked
from monitoring.standing import LEVEL

TOLERANCE = 1e-6
HISTORY_DAYS = 90
"""Earlier looks at the same item are read this far back (`features.history`)."""
_COMPARED = ("overturn_rate", "low", "high", "standard_error")
_KEPT_OF_AUDITS = ("decision_id", "model_version", *RISKS, "inclusion_probability", "harm")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is dropped.

    Attributes
    ----------
    keep_days
        Days of ranking before today whose rows stay.
    keep_decisions_days
        Days before today within which a decision stays, whatever became of its offers.
    open_too
        Whether days go of which audits are open; those count as unfinished for good.
    """

    keep_days: int
    keep_decisions_days: int = HISTORY_DAYS
    open_too: bool = False


@dataclass(frozen=True, slots=True)
class RetainedDay:
    """What became of a day of ranking, or would.

    Attributes
    ----------
    decisions, selected, open_audits
        That count on the day; open: selected and without an audit.
    offers
        Dropped, or to be dropped.
    stays
        Why the day stays as it is; empty where it does not.
    """

    day: date
    decisions: int
    selected: int
    open_audits: int
    offers: int
    stays: str


@dataclass(frozen=True, slots=True)
class Retention:
    """What a run of retention did, or would do.

    Attributes
    ----------
    days
        Older than the rule keeps and not retained before.
    decisions
        Rows of decisions dropped, or to be dropped, that no day of `days` offered.
    """

    days: tuple[RetainedDay, ...]
    decisions: int


def retain(
    store: Store,
    rule: Rule,
    *,
    now: datetime,
    by: str,
    apply: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Retention:
    """Sum what is old enough and drop its rows; without `apply`, tell what would be done.

    Parameters
    ----------
    by
        Who drops, for the log of the store.
    progress
        Told of each day.
    """
    today = day_of(microseconds(now))
    days: list[RetainedDay] = []
    for day in _old_days(store, today - rule.keep_days):
        progress(f"{date_of(day)}: read and summed")
        days.append(_retain_day(store, day, rule, now=now, by=by, apply=apply))
    end = today - rule.keep_decisions_days
    decisions = _drop_decisions(store, end, now=now, by=by, apply=apply)
    return Retention(tuple(days), decisions)


def _old_days(store: Store, end: int) -> list[int]:
    with store.transaction() as connection:
        batches = read_batches(connection, until=end)
    return [day for day in days_of_rows(store, batches) if day < end]


def _retain_day(
    store: Store, day: int, rule: Rule, *, now: datetime, by: str, apply: bool
) -> RetainedDay:
    with store.transaction() as connection:
        batches = read_batches(connection)
        offers = count_offers_to_drop(connection, day)
    read = read_day(store, day, batches)
    if read.offers.empty:
        return RetainedDay(date_of(day), 0, 0, 0, 0, "its decisions count elsewhere")
    ranked = ranked_of_day(read)
    told = RetainedDay(
        date_of(day), len(ranked.table), ranked.selected, ranked.unfinished, offers, ""
    )
    if ranked.unfinished and not rule.open_too:
        return replace(told, stays="audits are open (--open drops it all the same)")
    sums = sum_day(ranked, day)
    worst = largest_difference(ranked, sums)
    if not worst <= TOLERANCE:
        return replace(told, stays=f"sums and rows differ by {worst:.1e}; please report it")
    if not apply:
        return told
    return replace(told, offers=_settle(store, ranked, sums, now=now, by=by))


def _settle(store: Store, ranked: Ranked, sums: DaySums, *, now: datetime, by: str) -> int:
    """Write the sums and audits of a day and drop its rows, all or nothing."""
    at = microseconds(now)
    batch = KeptBatch(
        batch_id=f"retained-{date_of(sums.day)}",
        day=sums.day,
        manner=Manner.RETAINED,
        decisions=len(ranked.table),
        selected=ranked.selected,
        kept_at=at,
    )
    with store.transaction() as connection:
        if not add_kept(connection, batch, sums.sums):
            return 0
        audits = sums.audits[list(_KEPT_OF_AUDITS)].assign(batch_id=batch.batch_id)
        if len(audits):
            rows = [{str(k): v for k, v in row.items()} for row in audits.to_dict("records")]
            connection.execute(schema.kept_audits.insert(), rows)
        dropped = drop_offers(connection, sums.day)
        note_dropped(connection, day=sums.day, dropped="offers", rows=dropped, at=at, by=by)
    return dropped


def _drop_decisions(store: Store, end: int, *, now: datetime, by: str, apply: bool) -> int:
    """Drop the decisions of each day before the end that nothing needs, a day a transaction.

    Those from before the first ranking stay: they were loaded to be learned from.
    """
    with store.transaction() as connection:
        first = first_ranked_day(connection)
        if first is None:
            return 0
        if not apply:
            return count_decisions_to_drop(connection, since=first, until=end)
        days = days_decided(connection, since=first, until=end)
    dropped = 0
    for day in days:
        with store.transaction() as connection:
            rows = drop_decisions(connection, day)
            if rows:
                at = microseconds(now)
                note_dropped(connection, day=day, dropped="decisions", rows=rows, at=at, by=by)
            dropped += rows
    return dropped


def largest_difference(ranked: Ranked, sums: DaySums) -> float:
    """Return by how much any figure of a day from its sums is off the one from its rows.

    Rates, interval ends and standard errors, of any overturn by each column, and of each direction
    and by severity on the whole and by policy.
    """
    labels = labels_of_rows(ranked.table)
    worst = 0.0
    for figure, frame, names in _figures(ranked, labels):
        mine = estimate_figure([sums], figure)
        worst = max(worst, _difference(mine, estimate_by(frame, names, level=LEVEL)))
    return worst


def _figures(
    ranked: Ranked, labels: dict[str, Labelled]
) -> Iterator[tuple[Figure, AuditedFrame, Texts]]:
    frame = ranked.audited_frame()
    everything = np.full(len(frame), "all", dtype=object)
    severe = replace(frame, severity=harm_of(ranked.table, labels))
    by_kind = {OVERTURN: frame, SEVERITY: severe}
    by_kind |= {each: ranked.audited_frame(each) for each in DIRECTIONS}
    for what, own in by_kind.items():
        yield Figure.of(None, what), own, everything
        yield Figure.of(WHOLE, what), own, _texts(labels[WHOLE])
    for column, labelled in labels.items():
        if column != WHOLE:
            by = Figure.of(column, OVERTURN)
            yield by, frame, _texts(labelled)


def _texts(labelled: Labelled) -> Texts:
    numbers, names = labelled
    return np.array([*names, None], dtype=object)[numbers]


def _difference(mine: tuple[Estimate, ...], rows: list[Estimate]) -> float:
    """Return the largest difference; infinite where the labels or counts are not the same."""
    one, other = ({e.domain: e for e in each} for each in (mine, rows))
    counts = [{n: (e.decisions, e.audits) for n, e in each.items()} for each in (one, other)]
    if counts[0] != counts[1]:
        return float("inf")
    return (
        max(
            abs(getattr(one[name], field) - getattr(other[name], field))
            for name in one
            for field in _COMPARED
        )
        if one
        else 0.0
    )
