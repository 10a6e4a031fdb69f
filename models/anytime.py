"""Intervals that stay right however often one looks.

A 95 % interval looked at daily misses the truth on *some* day far more often than 5 %: in
simulation 33 % of the time at 20 looks. A confidence sequence holds at all looks at once; it is
about half as wide again at the end. Asymptotic (Robbins' normal mixture; Waudby-Smith and others,
2024): not for the first handful of audits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.errors import EstimateError
from models.arrays import Floats


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen at each look, the audits accumulating.

    Attributes
    ----------
    rate
        Figure of everything up to then (difference estimate).
    variance
        Its variance estimate.
    decisions
        Decisions in the frame up to then (severities, where weighted).
    """

    rate: Floats
    variance: Floats
    decisions: Floats


def confidence_sequence(
    looks: Looks, *, planned_variance: float, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Lower and upper bounds, one a look, that hold at all looks together.

    Parameters
    ----------
    planned_variance
        Variance of the *total* (rate times decisions) expected at the end; the sequence is tightest
        around half of it. Must be fixed before the first look.

    Raises
    ------
    EstimateError
        The planned variance is not above 0.

    Examples
    --------
    >>> looks = Looks(np.array([0.06, 0.05]), np.array([4e-4, 1e-4]), np.array([500.0, 1000.0]))
    >>> low, high = confidence_sequence(looks, planned_variance=100.0)
    >>> low.round(3), high.round(3)
    (array([0.   , 0.019]), array([0.121, 0.081]))
    """
    if not planned_variance > 0:
        raise EstimateError(
            f"A confidence sequence needs the variance planned for; got {planned_variance:g}. "
            "Use the plan's anticipated standard error times the decisions, squared."
        )
    tuning = mixture_tuning(planned_variance / 2.0, level)
    total = looks.variance * looks.decisions**2
    scaled = total * tuning + 1.0
    half = np.sqrt(scaled / tuning * np.log(scaled / (1.0 - level) ** 2)) / looks.decisions
    low: Floats = np.maximum(looks.rate - half, 0.0)
    high: Floats = np.minimum(looks.rate + half, 1.0)
    return low, high


def mixture_tuning(variance: float, level: float) -> float:
    """``rho**2`` of the mixture that is tightest at the given variance of the total."""
    spent = -2.0 * math.log(1.0 - level)
    return (spent + math.log(spent + 1.0)) / variance
