"""The model's face of fairness: calibration, capture, and who bears the audits, per group.

All of it follows from the estimates of each group and from counts over its decisions. Nothing here
rests on the model being right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.arrays import Floats
from models.estimate import Estimate
from monitoring.fairness.found import Burden, Calibration, Capture, Standing
from monitoring.standing import standing_of


def calibration_of(
    found: Estimate, strict: Estimate, expected: float, *, compared: int
) -> Calibration:
    """Set what the model expects against what audits found.

    Parameters
    ----------
    strict
        The same estimate with its interval at `monitoring.standing.stricter_level`.
    expected
        Mean of the model's own probability over the group's decisions, 0 to 1.

    Examples
    --------
    >>> found = Estimate("hi", 0.2, 0.16, 0.25, 0.02, 4_000, 400, 80, 390.0, 0)
    >>> calibration = calibration_of(found, found, 0.08, compared=10)
    >>> round(calibration.ratio, 2), round(calibration.low, 2), calibration.standing
    (0.4, 0.32, 'worse')
    """
    rate, low, high = found.overturn_rate, found.low, found.high
    standing: Standing = standing_of(strict, expected, compared=compared)  # type: ignore[assignment]
    return Calibration(
        expected=expected,
        ratio=expected / rate if rate > 0 else None,
        low=expected / high if high > 0 else 0.0,
        high=expected / low if low > 0 else None,
        standing=standing,
    )


def capture_of(found: Estimate) -> Capture:
    """Return the share of the group's errors that its audits found.

    Examples
    --------
    >>> capture_of(Estimate("hi", 0.02, 0.016, 0.025, 0.002, 4_000, 400, 40, 390.0, 0))
    Capture(share=0.5, low=0.4, high=0.625)
    """
    rates = (found.overturn_rate, found.high, found.low)
    share, low, high = (
        min(1.0, found.overturns / (rate * found.decisions)) if rate > 0 else math.nan
        for rate in rates
    )
    return Capture(
        share=None if math.isnan(share) else share,
        low=0.0 if math.isnan(low) else low,
        high=1.0 if math.isnan(high) else high,
    )


def burdens_of(found: Sequence[Estimate]) -> list[Burden]:
    """Return each group's share of the audits beside its share of the errors.

    The interval of a share of errors squares and adds what the group and what the others may be
    off, each by its part in the share (MOVER, as in `monitoring.fairness.gaps`).

    Examples
    --------
    >>> da = Estimate("da", 0.02, 0.01, 0.03, 0.005, 8_000, 300, 6, 290.0, 0)
    >>> hi = Estimate("hi", 0.12, 0.10, 0.14, 0.010, 2_000, 100, 12, 95.0, 0)
    >>> burden = burdens_of([da, hi])[1]
    >>> burden.audits_share, round(burden.errors_share, 2), round(burden.ratio, 2)
    (0.25, 0.6, 0.42)
    """
    size, rate, low, high, audits = (
        np.array([getattr(estimate, name) for estimate in found], dtype=float)
        for name in ("decisions", "overturn_rate", "low", "high", "audits")
    )
    audited = audits / max(audits.sum(), 1.0)
    errors = size * rate
    total = float(errors.sum())
    if total <= 0:
        return [Burden(float(part), None, None, None) for part in audited]
    share = errors / total
    fewer, more = size * (rate - low), size * (high - rate)
    down = np.hypot((1 - share) * fewer, share * _spread_of_others(more)) / total
    up = np.hypot((1 - share) * more, share * _spread_of_others(fewer)) / total
    bounds = (np.clip(share - down, 0.0, 1.0), np.clip(share + up, 0.0, 1.0))
    return [
        Burden(*(float(part) for part in parts))
        for parts in zip(audited, share, *bounds, strict=True)
    ]


def _spread_of_others(distance: Floats) -> Floats:
    squares = distance**2
    others: Floats = np.sqrt(np.maximum(squares.sum() - squares, 0.0))
    return others
