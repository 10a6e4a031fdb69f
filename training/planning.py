"""The plan of a programme, fitted on its latest decisions for its capacity and dial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from features.errors import HomeError, SettingsError
from features.home import Home, Settings
from features.known_in_store import audited_decisions, events_in_store, known_in_store
from features.latest_decisions import decisions_a_day, decisions_in_order, latest_ids
from features.store import Store, open_store
from models.audit_minutes import AuditMinutes, mean_audit_minutes
from models.bundle import Bundle
from models.plan import DIALS, Plan, fit_plan, fitted_for
from models.ranking import risk_frame
from models.risk_frame import RiskFrame
from models.scoring import score

_PLAN_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class RecentFrame:
    """The latest decisions as a plan reads them.

    Attributes
    ----------
    risk
        Of a sample of them; with minutes where capacity is in hours.
    decisions_a_day
        How many there were a day, over the last week of them.
    bundle
        Fingerprint of the bundle that scored it.
    """

    risk: RiskFrame
    decisions_a_day: float
    bundle: str


def fit_current_plan(home: Home, bundle: Bundle, *, settings: Settings | None = None) -> Plan:
    """Fit the plan for a bundle; `make_current` stores it.

    Parameters
    ----------
    settings
        Capacity and dial; null = those of the home.

    Raises
    ------
    HomeError
        If there is no decision to fit it on.
    SettingsError
        If capacity is in hours and no audit was timed.
    CapacityError
        If the minimum audits alone exceed the capacity.
    """
    settings = settings or home.settings()
    recent = read_recent(home, bundle, in_hours=settings.hours_per_day is not None)
    return plan_of(recent, settings, home)


def read_recent(home: Home, bundle: Bundle, *, in_hours: bool) -> RecentFrame:
    """Score the latest decisions of a home."""
    store = open_store(home.store_url())
    recent, outcomes = _recent(store), store.outcomes()
    past = events_in_store(store, outcomes)
    records = known_in_store(store, recent, past, bundle.record_settings)
    risk = risk_frame(recent, score(bundle, recent, records))
    if in_hours:
        timed = timed_audits(audited_decisions(store, ("policy",)), outcomes)
        risk = replace(risk, minutes=timed.of(risk.stratum))
    return RecentFrame(risk, decisions_a_day(store), bundle.fingerprint)


def plan_of(recent: RecentFrame, settings: Settings, home: Home) -> Plan:
    """Fit a plan on a recent frame for given settings, with the home's minimums and key."""
    rows, capacity_minutes = len(recent.risk), None
    audits = settings.capacity_share * rows
    if settings.audits_per_day is not None:
        audits = settings.audits_per_day * rows / recent.decisions_a_day
    if settings.hours_per_day is not None:
        capacity_minutes = 60.0 * settings.hours_per_day * rows / recent.decisions_a_day
    plan = fit_plan(
        recent.risk,
        capacity=min(max(round(audits), 1), rows),
        capacity_minutes=capacity_minutes,
        ratio=dial_ratio(settings),
        minimums=home.policies().minimums(np.unique(recent.risk.stratum.astype(str))),
        key_id=home.secrets().key_id,
    )
    return fitted_for(plan, recent.bundle)


def make_current(store: Store, plan: Plan, now: datetime) -> None:
    """Make a plan the one that the service and every command select by."""
    store.add_plan(plan.version, plan.to_json(), now)


def timed_audits(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> AuditMinutes:
    """Return mean minutes by policy from the audits that were timed."""
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index))
    audits = outcomes[source.fillna("audit") == "audit"]
    joined = audits.merge(decisions[["decision_id", "policy"]], on="decision_id")
    minutes = joined.get("minutes", pd.Series(np.nan, index=joined.index))
    return mean_audit_minutes(
        joined["policy"].to_numpy(dtype=object), np.asarray(minutes, dtype=np.float64)
    )


def dial_ratio(settings: Settings) -> float:
    """Return the ratio of a dial position, or the number that stands there.

    Raises
    ------
    SettingsError
        If it is neither.

    Examples
    --------
    >>> dial_ratio(Settings(dial="hunt")), dial_ratio(Settings(dial="1.7"))
    (2.0, 1.7)
    """
    if settings.dial in DIALS:
        return DIALS[settings.dial]
    try:
        return float(settings.dial)
    except ValueError as error:
        raise SettingsError(
            f"dial {settings.dial!r}: expected a number or one of " + ", ".join(DIALS)
        ) from error


def _recent(store: Store) -> pd.DataFrame:
    """Return decisions spread evenly over the latest; none of the others is read."""
    latest = latest_ids(store, 3 * _PLAN_ROWS)
    if latest.empty:
        raise HomeError("plan: the store holds no decision; run `secondlook load` first")
    step = np.linspace(0, len(latest) - 1, min(_PLAN_ROWS, len(latest))).astype(int)
    return decisions_in_order(store, latest.iloc[step])
