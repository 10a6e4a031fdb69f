"""Estimators and intervals kept for comparison: what Second Look would be without its own.

No weighted figure is published with these. Horvitz-Thompson ignores the model; Wald's and Wilson's
intervals fail on small domains under unequal chances, and a test shows it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from models.arrays import Floats


def horvitz_thompson(overturned: Floats, inclusion_probability: Floats, decisions: int) -> Floats:
    """Rate and its variance estimate from the audited rows alone.

    Returns
    -------
    ndarray
        ``[rate, variance]``.

    Examples
    --------
    >>> horvitz_thompson(np.array([1.0, 0.0]), np.array([0.5, 0.5]), 4)
    array([0.5  , 0.125])
    """
    y, pi = overturned, inclusion_probability
    rate = float(np.sum(y / pi)) / decisions
    variance = float(np.sum((1.0 - pi) / pi**2 * y**2)) / decisions**2
    return np.array([rate, variance])


def wald_interval(rate: Floats, variance: Floats, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Rate plus and minus z standard errors, kept within 0 and 1.

    Examples
    --------
    >>> low, high = wald_interval(np.array([0.1]), np.array([0.0001]))
    >>> low.round(4), high.round(4)
    (array([0.0804]), array([0.1196]))
    """
    half = ndtri(0.5 + level / 2.0) * np.sqrt(variance)
    return np.clip(rate - half, 0.0, 1.0), np.clip(rate + half, 0.0, 1.0)


def wilson_interval(
    rate: Floats, effective_audits: Floats, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Wilson's interval at an effective number of audits.

    Examples
    --------
    >>> low, high = wilson_interval(np.array([0.0]), np.array([50.0]))
    >>> low.round(4), high.round(4)
    (array([0.]), array([0.0713]))
    """
    z = ndtri(0.5 + level / 2.0)
    n = np.maximum(effective_audits, 1.0)
    p = np.clip(rate, 0.0, 1.0)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
