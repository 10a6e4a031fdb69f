"""The hours that the audits of a period took, beside those that the plan has.

Minutes are stored with an outcome where the audit tool tells them. Where some audits lack them, the
others' mean stands for these, and the page says for how many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.plan_record import Plan
from monitoring.ranked import latest_findings

_MINUTES = 60.0


@dataclass(frozen=True, slots=True)
class AuditHours:
    """Time spent on the audits of a period.

    Attributes
    ----------
    audits, timed
        Finished audits of selected decisions, and those of them with minutes.
    hours
        Of all audits, at the timed ones' mean where minutes lack; null where none is timed.
    mean_minutes
        An audit, of those timed; null as above.
    planned_hours
        That the plan has for as many decisions; null where it counts audits, or there is none.
    """

    audits: int
    timed: int
    hours: float | None
    mean_minutes: float | None
    planned_hours: float | None


def measure_hours(table: pd.DataFrame, outcomes: pd.DataFrame, plan: Plan | None) -> AuditHours:
    """Add up the minutes of a period's audits.

    Parameters
    ----------
    table
        As of `monitoring.ranked.Ranked`.
    outcomes
        All that the store holds.
    """
    minutes = audit_minutes(table, outcomes)
    timed = int(np.isfinite(minutes).sum())
    mean = float(np.nanmean(minutes)) if timed else None
    return AuditHours(
        audits=len(minutes),
        timed=timed,
        hours=None if mean is None else mean * len(minutes) / _MINUTES,
        mean_minutes=mean,
        planned_hours=None
        if plan is None or plan.capacity_minutes is None
        else plan.capacity_minutes / _MINUTES * len(table) / plan.frame_size,
    )


def audit_minutes(table: pd.DataFrame, outcomes: pd.DataFrame) -> np.ndarray:
    """Return the minutes of each finished audit of a selected decision; null where not told."""
    done = table.loc[table["audited"], "decision_id"]
    audits = latest_findings(outcomes, "audit")
    if "minutes" not in audits:
        return np.full(len(done), np.nan)
    minutes = pd.to_numeric(audits.set_index("decision_id")["minutes"])
    return minutes.reindex(done).to_numpy(dtype=float, na_value=np.nan)
