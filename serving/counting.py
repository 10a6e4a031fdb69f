"""What an answer adds to the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.plan import Plan
from serving.metrics import ServiceMetrics
from serving.payload import OutcomesAnswer, RankAnswer, RankRequest


def count_ranking(
    metrics: ServiceMetrics, route: str, request: RankRequest, plan: Plan, answer: RankAnswer
) -> None:
    """Count a ranked batch: its rows, their risk and chances, and what was newly selected."""
    metrics.count_rows(route, "ranked", answer.ranked)
    metrics.count_rows(route, "selected", answer.selected)
    metrics.count_rejected(route, answer.rejected)
    metrics.observe_draws(
        [row.overturn_probability for row in answer.decisions],
        [row.inclusion_probability for row in answer.decisions],
    )
    new = [row.index for row in answer.decisions if row.selected and not row.already_selected]
    policies = [request.decisions[index].get("policy") for index in new]
    metrics.count_selected(answer.mode, len(new), planned_minutes(plan, policies))
    for unit, capacity in (("audits", request.capacity), ("minutes", request.minutes)):
        if capacity is not None:
            metrics.count_capacity(unit, capacity)


def planned_minutes(plan: Plan, policies: Sequence[Any]) -> float | None:
    """Return the minutes that the plan reckons for audits; null where it counts audits.

    Examples
    --------
    >>> import numpy as np
    >>> from models.plan import RiskFrame, fit_plan
    >>> p = np.linspace(0.01, 0.2, 100)
    >>> risk = RiskFrame(np.arange(100).astype(str), p, p, np.full(100, "spam"))
    >>> planned_minutes(fit_plan(risk, capacity=5, key_id="k1"), ["spam"])
    """
    if plan.capacity_minutes is None:
        return None
    known = {name: stratum.minutes or 1.0 for name, stratum in plan.strata.items()}
    otherwise = sum(known.values()) / len(known)
    return sum(known.get(str(policy), otherwise) for policy in policies)


def count_outcomes(metrics: ServiceMetrics, route: str, answer: OutcomesAnswer) -> None:
    """Count what became of the outcomes of a request."""
    metrics.count_rows(route, "accepted", answer.accepted)
    metrics.count_rows(route, "unchanged", answer.unchanged)
    metrics.count_rejected(route, answer.rejected)
