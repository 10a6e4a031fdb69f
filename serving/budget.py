"""What a batch may spend, in the unit of the plan; a request without it is judged by admission."""

from __future__ import annotations

import math

from features.errors import ContractError
from models.plan import Plan


def budget_of(plan: Plan, *, capacity: int | None, minutes: float | None) -> float | None:
    """Return the audits, or audit minutes, that a closed batch may spend; null = admission.

    Raises
    ------
    ContractError
        If both are given, or one that is not above 0 or that the plan does not count.

    Examples
    --------
    >>> import numpy as np
    >>> from models.plan import RiskFrame, fit_plan
    >>> p = np.linspace(0.01, 0.2, 100)
    >>> risk = RiskFrame(np.arange(100).astype(str), p, p, np.full(100, "spam"))
    >>> plan = fit_plan(risk, capacity=5, key_id="k1")
    >>> budget_of(plan, capacity=3, minutes=None), budget_of(plan, capacity=None, minutes=None)
    (3.0, None)
    >>> budget_of(plan, capacity=None, minutes=90)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    features.errors.ContractError: rank: 1 value breaks the contract.
      column 'minutes': saw 90 minutes; expected `capacity`: the plan plan-... counts audits...
    """
    if capacity is None and minutes is None:
        return None
    if capacity is not None and minutes is not None:
        expected = "one of them, or neither for admission"
        raise _refused("capacity", f"{capacity:,} audits and {minutes:g} minutes", expected)
    if capacity is not None:
        return _counted(plan, capacity)
    return _timed(plan, minutes or 0.0)


def _counted(plan: Plan, capacity: int) -> float:
    if plan.capacity_minutes is not None:
        expected = (
            f"`minutes`: the plan {plan.version} spends minutes of audit work; or fit one that "
            "counts audits (`secondlook plan --audits-per-day N --fit`)"
        )
        raise _refused("capacity", f"{capacity:,} audits", expected)
    if capacity < 1:
        raise _refused("capacity", f"{capacity:,} audits", "1 or more")
    return float(capacity)


def _timed(plan: Plan, minutes: float) -> float:
    if plan.capacity_minutes is None:
        expected = (
            f"`capacity`: the plan {plan.version} counts audits; or fit one that spends hours "
            "(`secondlook plan --hours-per-day N --fit`)"
        )
        raise _refused("minutes", f"{minutes:g} minutes", expected)
    if not 0 < minutes < math.inf:
        raise _refused("minutes", f"{minutes:g} minutes", "minutes above 0")
    return minutes


def _refused(field: str, seen: str, expected: str) -> ContractError:
    return ContractError.of("rank", -1, field, seen=seen, expected=expected)
