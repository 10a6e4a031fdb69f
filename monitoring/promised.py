"""The width that the plan promised, and the width that came out.

The dial says how much wider the figure may become than that of a uniform sample of the same size.
Whether it kept to that is seen when the audits are in: the standard error that came out, over that
of a uniform sample at the rate found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from features.errors import SettingsError
from models.arrays import Texts
from models.estimate import AuditedFrame, Estimate, estimate_by
from models.plan_record import Plan
from models.planner import Achieved, achieved
from monitoring.standing import LEVEL


@dataclass(frozen=True, slots=True)
class Promise:
    """One plan of the period, or all of them together (``all``).

    Attributes
    ----------
    plan_version
        Of the plan.
    estimate
        Of the decisions that were ranked by it.
    achieved
        What came out; null where there are too few audits. Its anticipated ratio is null (NaN)
        where the plan is not in the store.
    """

    plan_version: str
    estimate: Estimate
    achieved: Achieved | None


def measure_promises(
    frame: AuditedFrame, versions: Texts, documents: Mapping[str, str], *, overall: Estimate
) -> tuple[Promise, ...]:
    """Return the whole period and then each plan, most decisions first.

    Parameters
    ----------
    frame
        Of the period, recalibrated.
    versions
        Version of the plan by which each row was ranked last.
    documents
        The stored plans, by version.
    overall
        The period's figure. What was anticipated of it is the root of the plans' mean square,
        by decisions.
    """
    plans = {version: readable_plan(text) for version, text in documents.items()}
    each = [
        Promise(e.domain, e, _achieved(e, plans.get(e.domain)))
        for e in estimate_by(frame, versions, level=LEVEL)
    ]
    each.sort(key=lambda p: (-p.estimate.decisions, p.plan_version))
    known = [plans.get(p.plan_version) for p in each]
    sizes = np.array([p.estimate.decisions for p in each], dtype=float)
    ratios = np.array([math.nan if plan is None else _anticipated(plan) for plan in known])
    together = math.sqrt(float(np.average(ratios**2, weights=sizes)))
    plan = next((plan for plan in known if plan is not None), None)
    if plan is not None:
        plan = replace(plan, anticipated_ratio=together)
    return (Promise("all", overall, _achieved(overall, plan)), *each)


def _anticipated(plan: Plan) -> float:
    return plan.anticipated_ratio or plan.ratio


def _achieved(estimate: Estimate, plan: Plan | None) -> Achieved | None:
    if estimate.audits_needed or not estimate.audits:
        return None
    if plan is None:
        unknown = Plan("", 1, 1, math.nan, 0.3, 0.5, 1.0, 1.0, {}, "", anticipated_ratio=math.nan)
        return achieved(estimate, unknown)
    return achieved(estimate, plan)


def readable_plan(document: str) -> Plan | None:
    """Return a stored plan; one that was changed or is of another version is as if not there."""
    try:
        return Plan.from_json(document)
    except SettingsError:
        return None
