"""Fitting the plan: how a period's audits weigh errors found against the width of the figure.

Fitted from a recent frame for a capacity and a dial, then frozen; see ``models.plan_record`` for
what it means for a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from features.errors import CapacityError, SettingsError
from models.arrays import Floats, Positions, Texts
from models.plan_record import (
    LEAST_MEAN_RISK,
    Plan,
    Stratum,
    bonus,
    fitted_for,
    minutes_of,
    plan_for,
    variance_weight,
    version_of,
)
from models.risk_frame import RiskFrame, check_risk
from models.threshold import inclusion_probability, solve_threshold

__all__ = [
    "DIALS",
    "Plan",
    "RiskFrame",
    "Stratum",
    "bonus",
    "check_risk",
    "fit_plan",
    "fitted_for",
    "minutes_of",
    "plan_for",
]

DIALS: Mapping[str, float] = MappingProxyType(
    {"precision": 1.0, "balanced": 1.25, "default": 1.5, "hunt": 2.0}
)
"""Positions of the dial: anticipated standard error relative to a uniform sample's."""

FIT_ROWS = 10_000
"""Rows on which the price ``eta`` is fitted; the threshold is then solved on every row."""
LEAST_FIT_AUDITS = 50
LARGEST_SHARE = 0.95
"""Above this share of the frame there is no trade-off left to fit."""


def fit_plan(
    risk: RiskFrame,
    *,
    capacity: int,
    ratio: float = DIALS["default"],
    minimums: Mapping[str, int] | None = None,
    key_id: str,
    rho: float = 0.3,
    smoothing: float = 0.5,
    capacity_minutes: float | None = None,
) -> Plan:
    """Fit the price and threshold for a capacity and a dial from a recent frame.

    Parameters
    ----------
    risk
        A recent frame, usually yesterday's; with ``minutes`` where capacity is time.
    capacity
        Audits that can be done on a frame of this size; ignored when ``capacity_minutes`` is set.
    ratio
        Anticipated standard error over that of a uniform sample of the same size; see ``DIALS``.
    minimums
        Least audits per stratum; a stratum with fewer decisions is audited whole.
    capacity_minutes
        Minutes of audit time on a frame of this size.

    Raises
    ------
    CapacityError
        The minimums alone exceed the capacity.
    ContractError
        A risk is null, negative or above 1.
    SettingsError
        A setting is out of range, or the frame is empty.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 15, 1000)
    >>> ids = np.array([f"d-{i}" for i in range(1000)])
    >>> risk = RiskFrame(ids, p, p, np.array(["spam", "hate"])[rng.integers(0, 2, 1000)])
    >>> plan = fit_plan(risk, capacity=50, key_id="k1")
    >>> plan.capacity, sorted(plan.strata), Plan.from_json(plan.to_json()) == plan
    (50, ['hate', 'spam'], True)
    """
    check_risk(risk)
    minutes = _minutes_for_plan(risk, capacity_minutes)
    budget = float(capacity) if capacity_minutes is None else capacity_minutes
    _check_settings(risk, budget=budget, ratio=ratio, rho=rho, smoothing=smoothing)
    audits = capacity if capacity_minutes is None else int(budget / minutes.mean())
    unfitted = Plan(
        version="",
        capacity=min(audits, len(risk)) if capacity_minutes is not None else audits,
        frame_size=len(risk),
        ratio=ratio,
        rho=rho,
        smoothing=smoothing,
        eta=1.0,
        threshold=0.0,
        strata=_strata(risk, minimums or {}, minutes if capacity_minutes is not None else None),
        key_id=key_id,
        capacity_minutes=capacity_minutes,
    )
    plan = _fit_price(unfitted, risk, minutes)
    plan = _fit_thresholds(plan, risk, minutes)
    return replace(plan, version=version_of(plan))


def _check_settings(
    risk: RiskFrame, *, budget: float, ratio: float, rho: float, smoothing: float
) -> None:
    limits = {
        "the number of decisions in the frame": (len(risk), 1, np.inf),
        "the capacity": (budget, 1, np.inf),
        "ratio (the dial)": (ratio, 0.1, 10.0),
        "rho": (rho, 0.0, 1.0),
        "smoothing": (smoothing, 0.0, 1.0),
    }
    for name, (value, least, most) in limits.items():
        if not least <= value <= most:
            raise SettingsError(
                f"A plan cannot be fitted: {name} is {value:g}; expected {least:g} to {most:g}."
            )


def _minutes_for_plan(risk: RiskFrame, capacity_minutes: float | None) -> Floats:
    if capacity_minutes is None:
        return np.ones(len(risk))
    if risk.minutes is None:
        raise SettingsError(
            "Capacity is given in minutes, but the frame has no minutes per decision; "
            "give RiskFrame.minutes, from past audits."
        )
    return np.asarray(risk.minutes, dtype=np.float64)


def _strata(
    risk: RiskFrame, minimums: Mapping[str, int], minutes: Floats | None
) -> dict[str, Stratum]:
    codes, names = pd.factorize(np.asarray(risk.stratum, dtype=object), sort=True)
    size = np.bincount(codes, minlength=len(names))
    mean_risk = np.bincount(codes, risk.overturn_probability, len(names)) / size
    time = None if minutes is None else np.bincount(codes, minutes, len(names)) / size
    fitted = {
        str(name): Stratum(
            size=float(size[i]),
            mean_risk=float(mean_risk[i]),
            minimum=int(minimums.get(str(name), 0)),
            minutes=None if time is None else float(time[i]),
        )
        for i, name in enumerate(names)
    }
    absent = {name: least for name, least in minimums.items() if name not in fitted}
    overall = float(np.mean(risk.overturn_probability))
    typical = float(np.median(size))
    for name, least in absent.items():  # promised audits although unseen in this frame
        fitted[name] = Stratum(size=typical, mean_risk=overall, minimum=int(least))
    return fitted


def _fit_price(plan: Plan, risk: RiskFrame, minutes: Floats) -> Plan:
    """Bisection on log eta so that the anticipated variance is ``ratio**2`` times uniform's."""
    rows = _fit_rows(plan, risk)
    harm, time = np.asarray(risk.expected_harm, np.float64)[rows], minutes[rows]
    probability, stratum = risk.overturn_probability[rows], risk.stratum[rows]
    weight = variance_weight(plan, probability, stratum, plan.smoothing)
    variance = variance_weight(plan, probability, stratum, 0.0)
    share = min(plan.budget / float(minutes.sum()), LARGEST_SHARE)
    mean_risk = float(np.clip(np.mean(probability), LEAST_MEAN_RISK, 1.0 - LEAST_MEAN_RISK))
    uniform = len(rows) * (1.0 / share - 1.0) * mean_risk * (1.0 - mean_risk)

    def ratio_at(log_price: float) -> float:
        price = np.exp(log_price) * weight
        mu = solve_threshold(harm, price, share * float(time.sum()), minutes=time)
        pi = inclusion_probability(harm, price, mu * time)
        return float(np.sqrt(np.sum((1.0 / pi - 1.0) * variance) / uniform))

    scale = np.log(max(float(harm.mean()), 1e-12))
    low, high = scale - 22.0, scale + 15.0  # below, floats could not tell priorities apart
    if ratio_at(high) >= plan.ratio:  # even the narrowest design of this family is wider
        low = high
    for _ in range(36):
        middle = (low + high) / 2.0
        low, high = (middle, high) if ratio_at(middle) > plan.ratio else (low, middle)
    return replace(plan, eta=float(np.exp(high)), anticipated_ratio=ratio_at(high))


def _fit_rows(plan: Plan, risk: RiskFrame) -> Positions:
    """Every k-th row in order of harm: represents the tail, and ignores the order of the frame."""
    wanted = max(FIT_ROWS, LEAST_FIT_AUDITS * len(risk) // max(plan.capacity, 1))
    if len(risk) <= wanted:
        return np.arange(len(risk))
    order = np.lexsort((risk.overturn_probability, risk.expected_harm))
    return order[((np.arange(wanted) + 0.5) * len(risk) / wanted).astype(np.int64)]


def _fit_thresholds(plan: Plan, risk: RiskFrame, minutes: Floats) -> Plan:
    """Solve the common threshold on every row, and a stratum's own where its minimum binds."""
    harm = np.asarray(risk.expected_harm, np.float64)
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    stratum = np.asarray(risk.stratum, dtype=object)
    free = np.ones(len(risk), dtype=np.bool_)
    spent, strata = 0.0, dict(plan.strata)
    _check_minimums(plan)
    while True:
        left = plan.budget - spent
        mu = solve_threshold(harm[free], price[free], left, minutes=minutes[free])
        short = _short_strata(strata, stratum, inclusion_probability(harm, price, mu * minutes))
        if not short:
            return replace(plan, threshold=mu, strata=strata)
        for name in short:
            rows = stratum == name
            own = _own_threshold(harm[rows], price[rows], strata[name].minimum, minutes[rows])
            strata[name] = replace(strata[name], threshold=own)
            pi = inclusion_probability(harm[rows], price[rows], own * minutes[rows])
            spent += float(np.sum(pi * minutes[rows]))
            free &= ~rows
        if not free.any() or spent >= plan.budget:
            return replace(plan, threshold=mu, strata=strata)


def _own_threshold(harm: Floats, price: Floats, minimum: int, minutes: Floats) -> float:
    """Threshold at which the stratum expects its minimum of audits, whatever their minutes."""
    counts = solve_threshold(harm / minutes, price / minutes, float(minimum))
    return counts


def _short_strata(strata: Mapping[str, Stratum], stratum: Texts, pi: Floats) -> list[str]:
    """Strata whose minimum the common threshold would miss in expectation."""
    return [
        name
        for name, each in strata.items()
        if each.minimum and each.threshold is None and np.any(stratum == name)
        if pi[stratum == name].sum() < min(each.minimum, np.sum(stratum == name)) - 1e-9
    ]


def _check_minimums(plan: Plan) -> None:
    needed = sum(
        min(each.minimum, each.size) * (1.0 if each.minutes is None else each.minutes)
        for each in plan.strata.values()
    )
    if needed > plan.budget:
        unit = "audits" if plan.capacity_minutes is None else "minutes"
        raise CapacityError(
            f"The minimums alone need {needed:,.0f} {unit}, {needed - plan.budget:,.0f} more than "
            f"the capacity of {plan.budget:,.0f}. Raise the capacity or lower the minimums."
        )
