"""The threshold of admission, moved on the past alone.

Under admission each decision is judged as it comes. Its chance is exact as long as the threshold
was set before, from decisions that came before. The number audited then varies by about its square
root, so the threshold aims a little under the capacity.
"""

from __future__ import annotations

import numpy as np

from features.errors import SettingsError
from models.arrays import Flags, Floats
from models.plan_record import Plan, bonus, minutes_of
from models.risk_frame import RiskFrame, check_risk
from models.selection import stratum_thresholds
from models.threshold import inclusion_probability, solve_threshold

AIM = 0.965
"""Share of the capacity that is aimed at."""
LEAST_FOR_THE_REST = 0.1
"""Share of the budget that is left to strata without a threshold of their own, however much those
with one take: nobody's chance may fall to 0."""


def first_threshold(plan: Plan, *, aim: float = AIM) -> float:
    """Return the threshold before there is a past: the plan's own, raised to aim under capacity.

    A plan does not keep its frame, so this is by rule of thumb: around it the audits fall by about
    two per cent for each per cent of threshold, from half a per cent (all far from it) to more
    (much harm just above it). On simulated frames 95 to 99 % of the capacity came out; the first
    threshold that is set on a past puts it right.

    Examples
    --------
    >>> from models.plan import fit_plan
    >>> p = np.random.default_rng(0).beta(1, 15, 1000)
    >>> risk = RiskFrame(np.arange(1000).astype(str), p, p, np.array(["spam"] * 1000))
    >>> plan = fit_plan(risk, capacity=50, key_id="k1")
    >>> round(plan.threshold / first_threshold(plan), 3)
    0.982
    """
    return float(plan.threshold / np.sqrt(aim))


def next_threshold(
    plan: Plan, past: RiskFrame, *, expected_decisions: float, capacity: float, aim: float = AIM
) -> float:
    """Set the threshold for what is to come from what has been.

    Strata that have a threshold of their own, for their minimum, take what they need first.

    Parameters
    ----------
    past
        Decisions already judged, the more recent the better; never those to be judged with it.
    expected_decisions
        How many are expected until the threshold is set again.
    capacity
        Audits (or minutes, where the plan's capacity is time) left for them.

    Raises
    ------
    SettingsError
        There is no past, or a number is not above 0.

    Examples
    --------
    >>> from models.plan import fit_plan
    >>> p = np.random.default_rng(0).beta(1, 15, 1000)
    >>> risk = RiskFrame(np.arange(1000).astype(str), p, p, np.array(["spam"] * 1000))
    >>> plan = fit_plan(risk, capacity=50, key_id="k1")
    >>> busier = next_threshold(plan, risk, expected_decisions=2000, capacity=50)
    >>> busier > plan.threshold
    True
    """
    numbers = {"expected decisions": expected_decisions, "capacity": capacity, "aim": aim}
    if not len(past) or not all(value > 0 for value in numbers.values()):
        raise SettingsError(
            f"A threshold needs past decisions and numbers above 0; got {len(past)} decisions, "
            + ", ".join(f"{name} {value:g}" for name, value in numbers.items())
            + ". Before there is a past, use the plan's own threshold."
        )
    check_risk(past)
    harm = np.asarray(past.expected_harm, dtype=np.float64)
    price = bonus(plan, past.overturn_probability, past.stratum)
    budget = aim * capacity * len(past) / expected_decisions
    own = stratum_thresholds(plan, past.stratum)
    return _common_threshold(harm, price, own, minutes=minutes_of(plan, past), budget=budget)


def _common_threshold(
    harm: Floats, price: Floats, own: Floats, *, minutes: Floats, budget: float
) -> float:
    """Spend on the rest what the strata with a lower threshold of their own leave of a budget."""
    apart: Flags = np.isfinite(own)
    while True:
        free = ~apart
        if not free.any():  # the common threshold then only meets strata not seen yet
            return float(own.max())
        pi = inclusion_probability(harm[apart], price[apart], own[apart] * minutes[apart])
        left = max(budget - float(pi @ minutes[apart]), LEAST_FOR_THE_REST * budget)
        common = solve_threshold(harm[free], price[free], left, minutes=minutes[free])
        if not np.any(own[apart] > common):
            return common
        apart = apart & (own <= common)  # there the common one brings more than the minimum
