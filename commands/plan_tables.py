"""A plan as the front door shows it, and what other capacities and dials would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.errors import HomeError, SettingsError
from features.home import Home, Settings
from features.store import open_store
from models.plan import DIALS, Plan, RiskFrame, minutes_of
from models.planner import WhatIf, what_if
from models.publication import open_champion
from training.planning import make_current, plan_of, read_recent

_STEPS = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Capacity and dial as asked for on the command line; null = as the home is set."""

    capacity_share: float | None = None
    audits_per_day: float | None = None
    hours_per_day: float | None = None
    dial: str | None = None

    @property
    def changes(self) -> dict[str, object]:
        """What differs from the home's settings."""
        fields = {name: getattr(self, name) for name in Wanted.__slots__}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan and its what-if table.

    Attributes
    ----------
    is_current
        Whether selections are made by it now.
    decisions_a_day
        Over the last week of decisions; the table is for a day of so many.
    """

    plan: Plan
    is_current: bool
    decisions_a_day: float
    table: list[WhatIf]


def look_at_plan(home: Home, wanted: Wanted, *, fit: bool, now: datetime) -> PlanView:
    """Return the current plan, or the one wanted; with `fit` it is made current.

    Raises
    ------
    HomeError
        If there is no model, or no plan and none is asked for.
    SettingsError
        If a capacity or the dial is out of range, or capacity is said twice.
    """
    store = open_store(home.store_url())
    store.require_current()
    settings = changed(home.settings(), wanted)
    bundle = open_champion(home).bundle
    document = store.plan_document()
    if document is None and not (fit or wanted.changes):
        raise HomeError("plan: there is none yet; run `secondlook promote`, or add --fit")
    recent = read_recent(home, bundle, in_hours=settings.hours_per_day is not None)
    if fit or wanted.changes or document is None:
        plan = plan_of(recent, settings, home)
    else:
        plan = Plan.from_json(document)
    if fit:
        make_current(store, plan, now)
    table = what_if(_timed(recent.risk, plan), _capacities(plan, len(recent.risk)), plan=plan)
    current = fit or not wanted.changes
    return PlanView(plan, current, recent.decisions_a_day, table)


def changed(settings: Settings, wanted: Wanted) -> Settings:
    """Return the settings with what is wanted instead; a capacity given replaces the home's.

    Examples
    --------
    >>> changed(Settings(hours_per_day=8), Wanted(audits_per_day=40)).hours_per_day is None
    True
    >>> changed(Settings(), Wanted(capacity_share=2.0))
    Traceback (most recent call last):
    features.errors.SettingsError: plan: Expected `float` <= 1.0 - at `$.capacity_share`
    """
    changes = wanted.changes
    content = msgspec.to_builtins(settings)
    if {"capacity_share", "audits_per_day", "hours_per_day"} & set(changes):
        content |= {"audits_per_day": None, "hours_per_day": None}
    try:
        return msgspec.convert(content | changes, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"plan: {error}") from error


def print_plan(view: PlanView, out: Console) -> None:
    """Print a plan: its settings, its strata, and what other capacities would bring."""
    plan, day = view.plan, view.decisions_a_day / view.plan.frame_size
    state = "current" if view.is_current else "not stored; add --fit to make it current"
    out.print(f"[bold]{plan.version}[/] ({state}), key {plan.key_id}")
    out.print(
        f"Capacity {_amount(plan, plan.budget * day)} a day of {view.decisions_a_day:,.0f} "
        f"decisions ({plan.capacity / plan.frame_size:.1%} of them); dial {plan.ratio:g}: "
        f"standard error {plan.anticipated_ratio or plan.ratio:.2f} times a uniform sample's.",
        soft_wrap=True,
    )
    out.print(_strata(plan, view))
    out.print(_outlooks(view))


def _strata(plan: Plan, view: PlanView) -> Table:
    now = min(view.table, key=lambda row: _distance(row, plan))
    table = Table(title="By policy, a day at this plan (anticipated)", title_justify="left")
    for name in ("Policy", "Decisions", "Mean risk", "Minimum", "Audits", "Errors found", "± pt"):
        table.add_column(name, justify="left" if name == "Policy" else "right")
    day = view.decisions_a_day / plan.frame_size
    for row in now.by_stratum:
        stratum = plan.strata.get(row.stratum)
        size, risk = (stratum.size, stratum.mean_risk) if stratum else (math.nan, math.nan)
        table.add_row(
            escape(row.stratum),
            f"{size * day:,.0f}",
            f"{risk:.1%}",
            f"{stratum.minimum if stratum else 0}",
            f"{row.audits * day:,.1f}",
            f"{row.errors_found * day:,.1f}",
            f"{50 * row.interval_width / math.sqrt(day):.1f}",
        )
    return table


def _outlooks(view: PlanView) -> Table:
    plan, day = view.plan, view.decisions_a_day / view.plan.frame_size
    unit = "Audits" if plan.capacity_minutes is None else "Hours"
    table = Table(title="What if (a day, anticipated from the model)", title_justify="left")
    names = (unit, "Dial", "Errors found", "Harm found", "± pt", "Change seen", "Next audit finds")
    for name in names:
        table.add_column(name, justify="left" if name == "Dial" else "right")
    for row in view.table:
        each = row.overall
        table.add_row(
            f"{row.capacity * day / (60 if plan.capacity_minutes else 1):,.1f}",
            row.dial,
            f"{each.errors_found * day:,.1f}",
            f"{each.harm_found * day:,.1f}",
            f"{50 * each.interval_width / math.sqrt(day):.2f}",
            f"{100 * each.detectable_change / math.sqrt(day):.1f} pt",
            f"{row.next_audit_errors:.2f}",
            style="bold" if _distance(row, plan) < 1e-6 else None,
        )
    return table


def _distance(row: WhatIf, plan: Plan) -> float:
    """How far a row of the table is from the plan's own capacity and dial."""
    ratio = DIALS.get(row.dial, plan.ratio)
    return abs(row.capacity / plan.budget - 1.0) + abs(ratio / plan.ratio - 1.0)


def _amount(plan: Plan, budget: float) -> str:
    unit = "audits" if plan.capacity_minutes is None else "hours"
    return f"{budget if plan.capacity_minutes is None else budget / 60:,.1f} {unit}"


def _timed(risk: RiskFrame, plan: Plan) -> RiskFrame:
    """Give the frame the plan's minutes where capacity is time and the frame has none."""
    if plan.capacity_minutes is None or risk.minutes is not None:
        return risk
    return replace(risk, minutes=minutes_of(plan, risk))


def _capacities(plan: Plan, rows: int) -> list[float]:
    """Return half to twice the plan's capacity, for a frame of so many rows."""
    scale = rows / plan.frame_size
    return [plan.budget * scale * step for step in _STEPS]
