"""The plan, and what another capacity or position of the dial would bring, on this period's risk.

All of it takes the model at its word (`models.planner`). It is worked out on a sample of the
period's decisions and told for a day of as many decisions as the period had on average, and for a
period like this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.errors import CapacityError
from features.joined import in_order
from models.estimate import Estimate
from models.plan import DIALS, Plan, RiskFrame, minutes_of
from models.planner import Outlook, WhatIf, sample_size, what_if
from monitoring.ranked import Ranked
from monitoring.recalibrated import ranked_days

MOST_ROWS = 10_000
CHANGES = (0.01, 0.02)
"""Changes of the overturn rate for which the audits needed are told."""
STEPS = tuple(0.5 + 0.125 * step for step in range(13))
"""Capacities that are worked out, as multiples of the present one: half to twice."""
_LEAST_RATE, _MOST_RATE = 0.001, 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """One capacity at one position of the dial, of the whole (``all``) or of one policy.

    Attributes
    ----------
    scope, dial
        What it is of; the position.
    capacity
        Of the whole programme, a day: audits, or hours where the plan counts time.
    is_now
        Whether it is the capacity and dial of the current plan.
    audits, errors_found, harm_found
        Expected, a day.
    half_width_day, half_width_period
        Half of the 95 % interval, 0 to 1, of a day's figure and of a period's like this one.
    change_seen
        Least change of the rate between two such periods that is noticed four times in five.
    next_audit_errors
        Errors that one more audit would be expected to find; null but for the whole.
    """

    scope: str
    dial: str
    capacity: float
    is_now: bool
    audits: float
    errors_found: float
    harm_found: float
    half_width_day: float
    half_width_period: float
    change_seen: float
    next_audit_errors: float | None


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Audits a period that would notice a change of the rate between two periods.

    Attributes
    ----------
    scope, rate, audits
        What it is of, its overturn rate now, and the audits of this period.
    needed
        For each of `CHANGES`, at the efficiency of this period's audits.
    """

    scope: str
    rate: float
    audits: int
    needed: tuple[int, ...]

    @property
    def by_change(self) -> tuple[tuple[float, int], ...]:
        """Each change with the audits that it needs."""
        return tuple(zip(CHANGES, self.needed, strict=True))


@dataclass(frozen=True, slots=True)
class PlanOutlook:
    """The plan and its what-if table.

    Attributes
    ----------
    plan
        Current; null where the store has none.
    days, decisions_a_day
        Days on which decisions of the period were ranked, and how many on average.
    capacity_now
        A day: audits, or hours where the plan counts time. Without a plan, what was selected.
    rows
        The whole, by capacity and dial.
    by_policy
        The policies at the present capacity, by dial; and the other capacities.
    refusal
        Why there is no table; empty where there is one.
    sizes
        The whole, then the policies that have enough audits.
    """

    plan: Plan | None
    days: int
    decisions_a_day: float
    capacity_now: float
    rows: tuple[Row, ...]
    by_policy: tuple[Row, ...]
    refusal: str
    sizes: tuple[SampleSize, ...]

    @property
    def in_hours(self) -> bool:
        """Whether capacity is time."""
        return self.plan is not None and self.plan.capacity_minutes is not None

    @property
    def policies_now(self) -> dict[str, list[Row]]:
        """Rows by policy, at the present capacity: one a position of the dial."""
        capacities = {row.capacity for row in self.by_policy}
        nearest = min(capacities, key=lambda c: abs(c - self.capacity_now), default=0.0)
        found: dict[str, list[Row]] = {}
        for row in self.by_policy:
            if row.capacity == nearest:
                found.setdefault(row.scope, []).append(row)
        return found


def look_ahead(
    ranked: Ranked, plan: Plan | None, *, overall: Estimate, policies: list[Estimate]
) -> PlanOutlook:
    """Work out the plan's outlook on the risk of a period.

    Parameters
    ----------
    overall, policies
        Figures of the period, for the sample sizes.
    """
    days = len(np.unique(ranked_days(ranked.table)))
    a_day = len(ranked.table) / days
    risk, refusal, table = _sampled(ranked.table, plan), "", list[WhatIf]()
    budget = ranked.selected * len(risk) / len(ranked.table)
    if plan is not None:
        budget = plan.budget * len(risk) / plan.frame_size
    try:
        table = what_if(risk, _capacities(risk, budget), plan=plan)
    except CapacityError as error:
        refusal = str(error)
    rows = [
        row
        for found in table
        for row in _rows(found, plan, now=budget, day=a_day / len(risk), days=days)
    ]
    return PlanOutlook(
        plan=plan,
        days=days,
        decisions_a_day=a_day,
        capacity_now=budget * a_day / len(risk) / _unit(plan),
        rows=tuple(row for row in rows if row.next_audit_errors is not None),
        by_policy=tuple(row for row in rows if row.next_audit_errors is None),
        refusal=refusal,
        sizes=tuple(_sizes([overall, *policies])),
    )


def _sampled(table: pd.DataFrame, plan: Plan | None) -> RiskFrame:
    """Return the risk of at most `MOST_ROWS` decisions, evenly over the period."""
    step = np.linspace(0, len(table) - 1, min(MOST_ROWS, len(table))).astype(int)
    chosen = table.iloc[in_order(table["selected_at"], table["decision_id"])[step]]
    risk = RiskFrame(
        decision_ids=chosen["decision_id"].to_numpy(dtype=object),
        overturn_probability=chosen["overturn_probability"].to_numpy(dtype=float),
        expected_harm=chosen["expected_harm"].to_numpy(dtype=float),
        stratum=chosen["policy"].to_numpy(dtype=object),
    )
    if plan is None or plan.capacity_minutes is None:
        return risk
    return replace(risk, minutes=minutes_of(plan, risk))


def _capacities(risk: RiskFrame, now: float) -> list[float]:
    """Return half to twice the present capacity, as far as there are decisions to audit."""
    most = float(len(risk) if risk.minutes is None else risk.minutes.sum())
    return sorted({min(max(now * step, 1.0), most) for step in STEPS})


def _rows(found: WhatIf, plan: Plan | None, *, now: float, day: float, days: int) -> Iterator[Row]:
    """Tell one row of the table, which is of a sample, for a day; then its policies.

    A frame `day` times as large, audited at the same share, has a figure narrower by the root.
    """
    ratio = DIALS.get(found.dial, plan.ratio if plan is not None else math.nan)
    same_dial = plan is not None and math.isclose(ratio, plan.ratio)
    is_now = same_dial and math.isclose(found.capacity, max(now, 1.0), abs_tol=0.6)
    each: Outlook
    for each in (found.overall, *found.by_stratum):
        yield Row(
            scope=each.stratum,
            dial=found.dial,
            capacity=found.capacity * day / _unit(plan),
            is_now=is_now,
            audits=each.audits * day,
            errors_found=each.errors_found * day,
            harm_found=each.harm_found * day,
            half_width_day=min(each.interval_width / 2 / math.sqrt(day), 1.0),
            half_width_period=each.interval_width / 2 / math.sqrt(day * days),
            change_seen=each.detectable_change / math.sqrt(day * days),
            next_audit_errors=found.next_audit_errors if each is found.overall else None,
        )


def _unit(plan: Plan | None) -> float:
    """Return what a unit of capacity is in the plan's own: an audit, or an hour of minutes."""
    return 60.0 if plan is not None and plan.capacity_minutes is not None else 1.0


def _sizes(estimates: list[Estimate]) -> Iterator[SampleSize]:
    for estimate in estimates:
        if estimate.audits_needed or not estimate.effective_audits:
            continue
        rate = min(max(estimate.overturn_rate, _LEAST_RATE), _MOST_RATE)
        ratio = math.sqrt(max(estimate.audits / estimate.effective_audits, 1e-9))
        needed = tuple(sample_size(rate, change, ratio=ratio) for change in CHANGES)
        yield SampleSize(estimate.domain, estimate.overturn_rate, estimate.audits, needed)
