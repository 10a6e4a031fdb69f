"""Whether a rate differs from the one expected, beyond chance, with many rates looked at."""

from __future__ import annotations

import math

from scipy.stats import norm

from models.estimate import Estimate

LEVEL = 0.95


def stricter_level(compared: int) -> float:
    """Return the level of each interval at which all `compared` of them hold 95 % together.

    Examples
    --------
    >>> round(stricter_level(50), 4)
    0.999
    """
    return 1 - (1 - LEVEL) / max(compared, 1)


def standing_of(estimate: Estimate, expected: float, *, compared: int) -> str:
    """Return ``worse``, ``better``, ``alike``, or ``unknown`` where there are too few audits.

    `estimate` has its interval at `stricter_level`: the expected rate must lie outside. A handful
    of decisions that were all audited have a rate without any sampling error; that it is not the
    expected one can still be chance. So the scatter of decisions counts beside that of the audits.

    Examples
    --------
    >>> found = Estimate("hi", 0.2, 0.15, 0.26, 0.02, 4_000, 400, 80, 390.0, 0)
    >>> standing_of(found, 0.05, compared=10)
    'worse'
    """
    if estimate.audits_needed or not estimate.audits:
        return "unknown"
    scatter = estimate.standard_error**2 + expected * (1 - expected) / estimate.decisions
    difference = estimate.overturn_rate - expected
    farthest = float(norm.ppf(1 - (1 - LEVEL) / 2 / max(compared, 1)))
    inside = estimate.low <= expected <= estimate.high
    if inside or abs(difference) <= farthest * math.sqrt(scatter):
        return "alike"
    return "worse" if difference > 0 else "better"
