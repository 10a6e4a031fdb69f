"""Each policy on one line: how accurate, which way it errs, what that costs, and how well audited.

Rates come from `models.estimate` under a recalibration of each policy's own, as everywhere. Harm is
counted in decisions of average severity: the estimated errors of the policy, each weighted by the
harm that it would do (`monitoring.severity`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.estimate import Estimate, estimate_at_levels, estimate_by
from models.plan_record import Plan
from monitoring.labels import labels_of, labels_of_pairs
from monitoring.recalibrated import Recalibrated, ranked_days
from monitoring.severity import by_severity, harm_if_wrong
from monitoring.standing import LEVEL, standing_of, stricter_level
from monitoring.trend import labels_of_time, step_of

_STEP = "\x1f"
"""Between a policy and its week in a label; stands in no name that a person typed."""
_LONGEST_BY_DAY = 7
"""One policy's audits of a day are few, so that a longer period is shown by week."""


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """One policy.

    Attributes
    ----------
    estimate
        Its overturn rate under a recalibration of its own.
    standing
        Against the programme, as of `monitoring.standing.standing_of`.
    directions
        The rate of each direction, in the order of `features.contract.DIRECTIONS`.
    harm, harm_share
        Estimated harm of all its errors, in errors of average severity; its share of the
        programme's, 0 to 1, null where there is none.
    minimum_a_day
        Audits that the plan promises it a batch; 0 = none promised, null = no plan.
    audits_a_day
        Finished audits a day of ranking.
    steps
        Its figure by day or week; a step without a decision is left out.
    """

    estimate: Estimate
    standing: str
    directions: tuple[Estimate, ...]
    harm: float
    harm_share: float | None
    minimum_a_day: int | None
    audits_a_day: float
    steps: tuple[Estimate, ...]

    @property
    def name(self) -> str:
        """Name of the policy."""
        return self.estimate.domain

    @property
    def minimum_met(self) -> bool | None:
        """Whether it got the audits promised, on average; null where none are."""
        return None if not self.minimum_a_day else self.audits_a_day >= self.minimum_a_day


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """All policies of a period.

    Attributes
    ----------
    step
        Of each policy's steps, ``day`` or ``week``.
    rows
        The policies, most estimated harm first; those with too few audits to tell it come last.
    """

    step: str
    rows: tuple[PolicyFigures, ...]


def measure_policies(
    recalibrated: Recalibrated, plan: Plan | None, *, overall: float, compared: int
) -> PolicyTable:
    """Estimate the figures of each policy.

    Parameters
    ----------
    plan
        Whose minimum audits hold; null = none.
    overall
        Overturn rate of the programme, 0 to 1.
    compared
        Groups looked at in the whole report, for which the standing is corrected.
    """
    table = recalibrated.table
    labels = labels_of(table["policy"])
    frame = recalibrated.frame(column="policy")
    estimates, stricter = estimate_at_levels(frame, labels, (LEVEL, stricter_level(compared)))
    by_direction = [
        estimate_by(recalibrated.frame(direction=each, column="policy"), labels, level=LEVEL)
        for each in DIRECTIONS
    ]
    harm = _harm(recalibrated)
    days, steps = len(np.unique(ranked_days(table))), _steps(recalibrated)
    total = sum(harm.values())
    rows = [
        PolicyFigures(
            estimate=estimate,
            standing=standing_of(strict, overall, compared=compared),
            directions=tuple(
                replace(found, domain=direction)
                for direction, found in zip(DIRECTIONS, directions, strict=True)
            ),
            harm=harm[estimate.domain],
            harm_share=harm[estimate.domain] / total if total > 0 else None,
            minimum_a_day=_minimum(plan, estimate.domain),
            audits_a_day=estimate.audits / days,
            steps=tuple(steps.get(estimate.domain, ())),
        )
        for estimate, strict, *directions in zip(estimates, stricter, *by_direction, strict=True)
    ]
    rows.sort(key=lambda row: (row.estimate.audits_needed > 0, -row.harm, row.name))
    return PolicyTable(_step(recalibrated), tuple(rows))


def _harm(recalibrated: Recalibrated) -> dict[str, float]:
    """Return each policy's estimated harm: its severity-weighted rate times its severity."""
    table = recalibrated.table
    labels = labels_of(table["policy"])
    severe = estimate_by(by_severity(recalibrated.frame(column="policy"), table), labels)
    at_stake = pd.Series(harm_if_wrong(table)).groupby(labels).sum()
    return {e.domain: e.overturn_rate * float(at_stake[e.domain]) for e in severe}


def _steps(recalibrated: Recalibrated) -> Mapping[str, list[Estimate]]:
    table = recalibrated.table
    step = pd.Series(labels_of_time(table, _step(recalibrated)))
    both = labels_of_pairs(table["policy"], step, between=_STEP)
    found: dict[str, list[Estimate]] = {}
    for estimate in estimate_by(recalibrated.frame(column="policy"), both):
        name, _, when = estimate.domain.partition(_STEP)
        found.setdefault(name, []).append(replace(estimate, domain=when))
    return found


def _step(recalibrated: Recalibrated) -> str:
    return step_of(recalibrated.table, longest_by_day=_LONGEST_BY_DAY)


def _minimum(plan: Plan | None, policy: str) -> int | None:
    if plan is None:
        return None
    stratum = plan.strata.get(policy)
    return 0 if stratum is None else stratum.minimum
