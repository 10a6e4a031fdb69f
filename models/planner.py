"""What-if: audits against errors found, width of the figure and the change it could show.

All of it is anticipated from a recent frame, taking the model at its word; ``achieved`` says after
the period how it came out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from features.errors import CapacityError, SettingsError
from models.arrays import Floats
from models.estimate import Estimate
from models.plan import DIALS, Plan, RiskFrame, bonus, fit_plan
from models.plan_record import minutes_of, variance_weight
from models.threshold import inclusion_probability, solve_threshold

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a stratum, or the whole (``all``), can expect of a plan.

    Attributes
    ----------
    audits, errors_found, harm_found
        Expected numbers.
    interval_width
        Anticipated width of the 95 % interval of the overturn rate.
    detectable_change
        Least change of the rate between two such periods that would be noticed four times in five.
    """

    stratum: str
    audits: float
    errors_found: float
    harm_found: float
    interval_width: float
    detectable_change: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One capacity at one position of the dial.

    Attributes
    ----------
    anticipated_ratio
        Standard error relative to a uniform sample of the same size.
    next_audit_errors, next_audit_harm
        What one more audit would be expected to find.
    overall, by_stratum
        See ``Outlook``.
    """

    capacity: float
    dial: str
    anticipated_ratio: float
    next_audit_errors: float
    next_audit_harm: float
    overall: Outlook
    by_stratum: tuple[Outlook, ...]


@dataclass(frozen=True, slots=True)
class Achieved:
    """The standard error that came out, relative to uniform's, beside the one anticipated."""

    achieved_ratio: float
    anticipated_ratio: float
    standard_error: float
    uniform_standard_error: float


def what_if(
    risk: RiskFrame,
    capacities: Sequence[float],
    *,
    dials: Mapping[str, float] = DIALS,
    plan: Plan | None = None,
) -> list[WhatIf]:
    """Tabulate capacities against positions of the dial on a recent frame.

    Parameters
    ----------
    capacities
        Audits on a frame of this size; minutes where the plan's capacity is time (``risk`` then has
        minutes).
    plan
        Whose minimums, rho and smoothing hold; its own ratio is a row of the table too where it is
        no position of the dial. Null = no minimums.

    Raises
    ------
    CapacityError
        The plan's minimums alone exceed every capacity. Those that they exceed are left out.

    Examples
    --------
    >>> p = np.random.default_rng(0).beta(1, 15, 2000)
    >>> risk = RiskFrame(np.arange(2000).astype(str), p, p, np.array(["spam"] * 2000))
    >>> table = what_if(risk, [50, 100], dials={"default": 1.5})
    >>> table[1].overall.errors_found > table[0].overall.errors_found
    True
    """
    positions = dict(dials)
    if plan is not None and plan.ratio not in positions.values():
        positions[f"{plan.ratio:g}"] = plan.ratio
    table, refusal = [], None
    for capacity in capacities:
        try:
            table += [
                outlook(risk, _planned(risk, capacity, ratio, plan), dial=dial)
                for dial, ratio in positions.items()
            ]
        except CapacityError as error:
            refusal = error
    if refusal is not None and not table:
        raise refusal
    return table


def _planned(risk: RiskFrame, capacity: float, ratio: float, plan: Plan | None) -> Plan:
    if plan is None:
        return fit_plan(risk, capacity=round(capacity), ratio=ratio, key_id="what-if")
    return fit_plan(
        risk,
        capacity=max(round(capacity), 1),
        capacity_minutes=None if plan.capacity_minutes is None else capacity,
        ratio=ratio,
        minimums={name: each.minimum for name, each in plan.strata.items() if each.minimum},
        rho=plan.rho,
        smoothing=plan.smoothing,
        key_id=plan.key_id,
    )


def outlook(risk: RiskFrame, plan: Plan, *, dial: str = "") -> WhatIf:
    """Work out what a plan can expect on a frame."""
    chance = _chances(risk, plan, plan.budget)
    step = max(0.01 * plan.budget, 1.0)
    more = _chances(risk, plan, plan.budget + step)
    spent = max(float((more - chance).sum()), 1e-12)
    variance = variance_weight(plan, risk.overturn_probability, risk.stratum, 0.0)
    stratum = np.asarray(risk.stratum, dtype=str)
    return WhatIf(
        capacity=plan.budget,
        dial=dial,
        anticipated_ratio=plan.anticipated_ratio or plan.ratio,
        next_audit_errors=float((more - chance) @ risk.overturn_probability) / spent,
        next_audit_harm=float((more - chance) @ risk.expected_harm) / spent,
        overall=_outlook("all", risk, chance, variance),
        by_stratum=tuple(
            _outlook(name, _rows(risk, stratum == name), chance[stratum == name], part)
            for name, part in ((name, variance[stratum == name]) for name in np.unique(stratum))
        ),
    )


def sample_size(rate: float, change: float, *, power: float = POWER, ratio: float = 1.0) -> int:
    """Audits per period needed to notice a change of the overturn rate between two periods.

    Parameters
    ----------
    rate, change
        Overturn rate before, and by how much it rises; both shares, as 0.05 and 0.01.
    ratio
        Width of the figure relative to a uniform sample's; the design effect is its square.

    Examples
    --------
    >>> sample_size(0.05, 0.01)
    8155
    """
    if not (0.0 < rate < 1.0 and change != 0.0 and 0.0 < rate + change < 1.0):
        raise SettingsError(
            f"A sample size needs rates between 0 and 1 and a change; got {rate:g} and {change:g}."
        )
    after = rate + change
    z = float(ndtri(0.975) + ndtri(power))
    spread = rate * (1.0 - rate) + after * (1.0 - after)
    return math.ceil(z * z * spread / change**2 * ratio**2 - 1e-9)


def achieved(estimate: Estimate, plan: Plan) -> Achieved:
    """Compare the standard error of a finished period with that of a uniform sample.

    Examples
    --------
    >>> found = Estimate("all", 0.05, 0.03, 0.07, 0.01, 10_000, 500, 80, 480.0, 0)
    >>> plan = Plan("v", 500, 10_000, 1.5, 0.3, 0.5, 1.0, 1.0, {}, "k", anticipated_ratio=1.5)
    >>> round(achieved(found, plan).achieved_ratio, 2)
    1.05
    """
    rate = min(max(estimate.overturn_rate, 1e-9), 1.0 - 1e-9)
    audits = max(estimate.audits, 1)
    uniform = math.sqrt(rate * (1.0 - rate) * max(1.0 / audits - 1.0 / estimate.decisions, 0.0))
    return Achieved(
        achieved_ratio=estimate.standard_error / uniform if uniform > 0 else float("nan"),
        anticipated_ratio=plan.anticipated_ratio or plan.ratio,
        standard_error=estimate.standard_error,
        uniform_standard_error=uniform,
    )


def _chances(risk: RiskFrame, plan: Plan, budget: float) -> Floats:
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    minutes = minutes_of(plan, risk)
    mu = solve_threshold(risk.expected_harm, price, budget, minutes=minutes)
    return inclusion_probability(risk.expected_harm, price, mu * minutes)


def _rows(risk: RiskFrame, rows: np.ndarray) -> RiskFrame:
    return replace(
        risk,
        decision_ids=risk.decision_ids[rows],
        overturn_probability=risk.overturn_probability[rows],
        expected_harm=risk.expected_harm[rows],
        stratum=risk.stratum[rows],
        minutes=None if risk.minutes is None else risk.minutes[rows],
    )


def _outlook(name: str, risk: RiskFrame, chance: Floats, variance: Floats) -> Outlook:
    error = math.sqrt(float(np.sum((1.0 / chance - 1.0) * variance))) / len(chance)
    z = float(ndtri(0.975))
    return Outlook(
        stratum=name,
        audits=float(chance.sum()),
        errors_found=float(chance @ risk.overturn_probability),
        harm_found=float(chance @ risk.expected_harm),
        interval_width=min(2.0 * z * error, 1.0),
        detectable_change=min((z + float(ndtri(POWER))) * math.sqrt(2.0) * error, 1.0),
    )
