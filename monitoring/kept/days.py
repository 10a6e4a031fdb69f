"""Days of ranking of which only sums are kept: no figure may be made from the rows that are left.

What is left of them are the decisions that were selected. A report over these alone would publish
the error rate of what was suspected.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd

from features.errors import HomeError
from features.kept_store import date_of, day_of, read_batches
from features.rows import microseconds
from features.store import Store

_SHOWN = 5


def require_rows(store: Store, *, since: datetime | None, until: datetime | None) -> None:
    """Refuse a period that holds a day of which only sums are kept.

    Raises
    ------
    HomeError
        Names the days, and the first from which every decision is there.
    """
    days = _kept(store, since=since, until=until)
    if days:
        whole = date_of(days[-1] + 1)
        raise HomeError(
            f"report: of {days_in_words(map(date_of, days))} only sums are kept, not every "
            f"decision; choose a period of whole days (`--since {whole}`), or let `secondlook "
            "accuracy` publish the figures of these days"
        )


def rows_of_whole_days(store: Store, offers: pd.DataFrame) -> pd.DataFrame:
    """Return those of the offers that were made on days of which every decision is there."""
    if offers.empty:
        return offers
    kept = _kept(store, since=None, until=None)
    if not kept:
        return offers
    midnights = pd.to_datetime([date_of(day) for day in kept], utc=True)
    whole: pd.DataFrame = offers[~offers["selected_at"].dt.normalize().isin(midnights)]
    return whole


def first_whole_day(store: Store) -> datetime | None:
    """Return the midnight after the last day of which only sums are kept; null = there is none."""
    kept = _kept(store, since=None, until=None)
    return datetime.combine(date_of(kept[-1] + 1), time(), UTC) if kept else None


def days_in_words(days: Iterable[date]) -> str:
    """Return days as spans, the last ones where there are many.

    Examples
    --------
    >>> days_in_words([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)])
    '2026-01-01 to 2026-01-02, 2026-01-05'
    """
    spans: list[list[date]] = []
    for day in sorted(days):
        if spans and day - spans[-1][-1] == timedelta(days=1):
            spans[-1].append(day)
        else:
            spans.append([day])
    told = [f"{s[0]} to {s[-1]}" if len(s) > 1 else f"{s[0]}" for s in spans]
    return ", ".join(["...", *told[-_SHOWN:]] if len(told) > _SHOWN else told)


def _kept(store: Store, *, since: datetime | None, until: datetime | None) -> list[int]:
    first = None if since is None else day_of(microseconds(since))
    end = None if until is None else day_of(microseconds(until) - 1) + 1
    with store.transaction() as connection:
        batches = read_batches(connection, since=first, until=end)
    return sorted({batch.day for batch in batches})
