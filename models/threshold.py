"""Inclusion probability at a threshold, and the threshold at which a budget is spent."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from models.arrays import Floats


def inclusion_probability(harm: Floats, price: Floats, threshold: float | Floats) -> Floats:
    """``P(harm + price / u**2 > threshold)`` for a uniform u: in (0, 1], 1 = certain.

    Examples
    --------
    >>> inclusion_probability(np.array([0.5, 2.0]), np.array([0.01, 0.01]), 1.5)
    array([0.1, 1. ])
    """
    room = threshold - harm
    with np.errstate(divide="ignore", invalid="ignore"):
        pi: Floats = np.where(room <= price, 1.0, np.sqrt(price / room))
    return pi


def solve_threshold(
    harm: Floats, price: Floats, budget: float, *, minutes: Floats | None = None
) -> float:
    """Threshold (per minute where minutes are given) at which the expected cost is the budget.

    0.0, at which everything is audited, where the budget covers it all.

    Examples
    --------
    >>> harm, price = np.array([0.5, 0.1, 0.1]), np.full(3, 0.01)
    >>> mu = solve_threshold(harm, price, 1.5)
    >>> round(float(inclusion_probability(harm, price, mu).sum()), 6)
    1.5
    """
    cost = np.ones_like(harm) if minutes is None else minutes
    if budget >= cost.sum():
        return 0.0

    def overspent(log_threshold: float) -> float:
        pi = inclusion_probability(harm, price, np.exp(log_threshold) * cost)
        return float(pi @ cost) - budget

    certain = np.log((harm + price) / cost)  # up to here the row is audited for certain
    low, high = float(certain.min()) - 1.0, float(certain.max()) + 1.0
    while overspent(high) > 0:
        high += 4.0
    return float(np.exp(brentq(overspent, low, high, xtol=1e-13, rtol=1e-14)))
