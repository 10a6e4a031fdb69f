"""The threshold of admission: one for each hour, made of what was ranked before the hour.

It is a function of the plan, the capacity and the past alone. Replicas that share a store so agree
on it without speaking to each other, and no decision has a say in the threshold that it meets: that
is what keeps the chances exact. Nor does what was selected: only what was offered counts.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt

import numpy as np

from features.earlier_offers import RankedSample
from features.home import Settings
from features.store import Store
from models.admission import first_threshold, next_threshold
from models.plan import Plan
from models.risk_frame import RiskFrame

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTLED = timedelta(minutes=2)
"""The past ends so long before the hour: what was ranked in its last moments may not be committed
when one replica looks, and be there for another."""
LEAST_PAST = 500
"""With fewer decisions in a day the past reaches further back, in whole days."""
LONGEST_PAST = 7 * DAY
MOST_ROWS = 10_000
RISE = 1.25
RISE_Z = 3.0
"""How far the last hour must lie above the same hour of the day before to count as a rise: by this
factor, and by so many standard errors of two counts."""
_KEPT = 8


@dataclass(frozen=True, slots=True)
class DailyCapacity:
    """Audits, or minutes of audit work, a day; null = the plan's share of what comes."""

    audits: float | None = None
    minutes: float | None = None

    @staticmethod
    def of(settings: Settings) -> DailyCapacity:
        """Return the capacity that a home is set to.

        Examples
        --------
        >>> DailyCapacity.of(Settings(hours_per_day=1.5))
        DailyCapacity(audits=None, minutes=90.0)
        """
        hours = settings.hours_per_day
        return DailyCapacity(settings.audits_per_day, None if hours is None else 60.0 * hours)

    def in_unit_of(self, plan: Plan) -> float | None:
        """Return it as the plan counts; null where it is given in the other unit or not at all."""
        return self.audits if plan.capacity_minutes is None else self.minutes


@dataclass(frozen=True, slots=True)
class Past:
    """What was ranked before an hour.

    Attributes
    ----------
    risk
        Distinct decisions, at most `MOST_ROWS` of them.
    decisions_a_day
        How many are to be expected in a day, if it goes on as it did last.
    """

    risk: RiskFrame
    decisions_a_day: float


class Thresholds:
    """The thresholds of one store, each worked out once in a process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looking = threading.Lock()
        self._known: dict[tuple[str, DailyCapacity, datetime], float] = {}

    def at(self, now: datetime, *, plan: Plan, capacity: DailyCapacity) -> float:
        """Return the threshold of the hour in which `now` lies."""
        asked = (plan.version, capacity, hour_of(now))
        with self._looking:
            if asked not in self._known:
                found = threshold_at(now, plan=plan, capacity=capacity, store=self._store)
                self._known = dict([*self._known.items()][-_KEPT:]) | {asked: found}
            return self._known[asked]


def threshold_at(now: datetime, *, plan: Plan, capacity: DailyCapacity, store: Store) -> float:
    """Work out the threshold of the hour in which `now` lies."""
    past = read_past(store, hour_of(now) - SETTLED)
    if past is None:
        return first_threshold(plan)
    daily = capacity.in_unit_of(plan)
    if daily is None:
        daily = plan.budget / plan.frame_size * past.decisions_a_day
    return next_threshold(plan, past.risk, expected_decisions=past.decisions_a_day, capacity=daily)


def hour_of(now: datetime) -> datetime:
    """Return the start of the hour, in UTC."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def read_past(store: Store, until: datetime) -> Past | None:
    """Return what was ranked in the last day, or in up to seven where that is too little.

    Null where even seven days hold fewer than `LEAST_PAST` decisions.
    """
    first = store.first_offer_at()
    length = DAY
    while first is not None and length <= LONGEST_PAST:
        since = until - length
        if store.count_offers(since, until) >= LEAST_PAST:
            sample = store.ranked_sample(since, until, most=MOST_ROWS)
            if sample.decisions >= LEAST_PAST:
                days = max(until - max(since, first), HOUR) / DAY
                rise = _rise(store, until) if first <= until - 2 * DAY and length == DAY else 1.0
                return Past(_risk(sample), rise * sample.decisions / days)
        length += DAY
    return None


def _rise(store: Store, until: datetime) -> float:
    """Return by what the last day's count falls short of a day at the pace of the last hour; >= 1.

    A lasting rise takes a day to fill the last day's count. Where the last hour clearly had more
    than the same hour of the day before, that day is scaled up by the two hours' ratio instead,
    though never beyond 24 times the last hour. A fall is left to the count: to take an hour in
    which nothing came for a lasting fall would let the next burst in whole.
    """
    hour = store.count_offers(until - HOUR, until)
    hour_before = store.count_offers(until - DAY - HOUR, until - DAY)
    difference = hour - hour_before
    if hour <= RISE * hour_before or difference <= RISE_Z * sqrt(hour + hour_before):
        return 1.0
    day_before = store.count_offers(until - 2 * DAY, until - DAY)
    expected = min(day_before * hour / max(hour_before, 1), 24.0 * hour)
    return max(expected / store.count_offers(until - DAY, until), 1.0)


def _risk(sample: RankedSample) -> RiskFrame:
    table = sample.table
    return RiskFrame(
        decision_ids=table["decision_id"].to_numpy(dtype=object),
        overturn_probability=np.asarray(table["overturn_probability"], dtype=np.float64),
        expected_harm=np.asarray(table["expected_harm"], dtype=np.float64),
        stratum=table["policy"].to_numpy(dtype=object),
    )
