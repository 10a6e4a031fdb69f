"""The threshold of admission, moved on the past alone.

Under admission each decision is judged as it comes. Its chance is exact as long as the threshold
was set before, from decisions that came before. The number audited then varies by about its square
root, so the threshold aims a little under the capacity.
"""

from __future__ import annotations

import numpy as np

from features.errors import SettingsError
from models.plan_record import Plan, bonus, minutes_of
from models.risk_frame import RiskFrame, check_risk
from models.threshold import solve_threshold

AIM = 0.965
"""Share of the capacity that is aimed at."""


def next_threshold(
    plan: Plan, past: RiskFrame, *, expected_decisions: float, capacity: float, aim: float = AIM
) -> float:
    """Set the threshold for what is to come from what has been.

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
    return solve_threshold(harm, price, budget, minutes=minutes_of(plan, past))
