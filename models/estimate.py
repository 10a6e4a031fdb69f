"""The published figure: overturn rates with honest intervals, from risk-picked audits.

The difference estimator adds up the recalibrated probabilities of *every* decision and corrects
them by the audits, each weighted by one over its chance::

    theta = [sum over frame of f + sum over audited of (y - f) / pi] / N

It is unbiased whatever the model; a good model makes it narrow. The interval is that of
``models.interval``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Floats, Positions, Texts
from models.audited_frame import AuditedFrame, check_frame
from models.difference import DomainTotals, total_domains
from models.interval import FrameSums, Weights, place_rows, sum_frame, sum_frame_exactly
from models.recalibration import IDENTITY, Recalibration, fit_recalibration

__all__ = [
    "IDENTITY",
    "AuditedFrame",
    "Estimate",
    "Recalibration",
    "check_frame",
    "estimate_by",
    "estimates_of",
    "estimate_overturn_rate",
    "fit_recalibration",
]

LEAST_EFFECTIVE_AUDITS = 10.0
"""Below this the answer is "needs about N more audits", not the figure."""
EXACT_ROWS = 3_000
"""Frames up to this size are summed row by row, larger ones over a histogram."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An overturn rate with its interval.

    Attributes
    ----------
    domain
        What it is the rate of; ``all`` for the whole frame.
    overturn_rate, low, high
        0 to 1, never outside what the audits leave possible: the overturns found over all
        decisions, and one less the upheld ones. Severity-weighted where the frame has severities.
    standard_error
        Under the rate found, or as observed, whichever is larger.
    decisions, audits, overturns
        Counts.
    effective_audits
        Size of a uniform sample that would be as precise.
    audits_needed
        About how many more audits until the figure should be shown; 0 when there are enough.
    """

    domain: str
    overturn_rate: float
    low: float
    high: float
    standard_error: float
    decisions: int
    audits: int
    overturns: int
    effective_audits: float
    audits_needed: int

    @property
    def accuracy(self) -> float:
        """Share of decisions that an audit would uphold."""
        return 1.0 - self.overturn_rate

    @property
    def accuracy_low(self) -> float:
        """Lower bound of the accuracy."""
        return 1.0 - self.high

    @property
    def accuracy_high(self) -> float:
        """Upper bound of the accuracy."""
        return 1.0 - self.low


def estimate_overturn_rate(
    frame: AuditedFrame, *, recalibration: Recalibration = IDENTITY, level: float = 0.95
) -> Estimate:
    """Estimate the overturn rate of the whole frame.

    Parameters
    ----------
    recalibration
        Fitted on audits of *earlier* periods, so that it does not depend on these.
    level
        Share of such intervals meant to hold the true rate.

    Raises
    ------
    ContractError
        A value is null or impossible; says which rows.
    EstimateError
        The frame is empty.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(1, 15, 2000)
    >>> y = (rng.random(2000) < p).astype(float)
    >>> audited = rng.random(2000) < 0.2
    >>> frame = AuditedFrame(p, np.full(2000, 0.2), audited, np.where(audited, y, np.nan))
    >>> found = estimate_overturn_rate(frame)
    >>> bool(found.low < y.mean() < found.high)
    True
    """
    everything = np.full(len(frame), "all", dtype=object)
    return estimate_by(frame, everything, recalibration=recalibration, level=level)[0]


def estimate_by(
    frame: AuditedFrame,
    domains: Texts,
    *,
    recalibration: Recalibration = IDENTITY,
    level: float = 0.95,
) -> list[Estimate]:
    """Estimate the overturn rate of each domain; one a label, sorted by label.

    Parameters
    ----------
    domains
        A label per row (policy, language, team, day, ...); rows with a null label count towards
        the whole but belong to none.

    Raises
    ------
    ContractError
        A value is null or impossible; says which rows.
    EstimateError
        The frame is empty or the labels do not match it.
    """
    return estimate_at_levels(frame, domains, (level,), recalibration=recalibration)[0]


def estimate_at_levels(
    frame: AuditedFrame,
    domains: Texts,
    levels: Sequence[float],
    *,
    recalibration: Recalibration = IDENTITY,
) -> list[list[Estimate]]:
    """Return what `estimate_by` does for each of several levels; the frame is summed once.

    Examples
    --------
    >>> frame = AuditedFrame(np.full(9, 0.1), np.ones(9), np.ones(9, bool), np.zeros(9))
    >>> usual, stricter = estimate_at_levels(frame, np.full(9, "spam", object), (0.95, 0.99))
    >>> usual[0].overturn_rate == stricter[0].overturn_rate
    True
    """
    check_frame(frame)
    if len(domains) != len(frame):
        raise EstimateError(
            f"There are {len(domains)} labels for {len(frame)} decisions; expected one each."
        )
    codes, names = pd.factorize(np.asarray(domains, dtype=object), sort=True)
    unlabelled = codes < 0
    codes = np.where(unlabelled, len(names), codes).astype(np.int64)
    f = recalibration.apply(frame.overturn_probability)
    totals = total_domains(frame, codes, f, sums=_sums(frame, codes, f))
    return [estimates_of(totals, [str(name) for name in names], level=each) for each in levels]


def estimates_of(totals: DomainTotals, names: Sequence[str], *, level: float) -> list[Estimate]:
    """Return the estimates of the first domains of totals, as many as have a name."""
    low, high = totals.bounds(level)
    variance = totals.variance()
    return [
        _estimate(name, totals, row, bounds=(low[row], high[row]), variance=variance[row])
        for row, name in enumerate(names)
    ]


def _sums(frame: AuditedFrame, codes: Positions, f: Floats) -> FrameSums:
    pi, domains = frame.inclusion_probability, int(codes.max()) + 1
    severity = np.ones(len(frame)) if frame.severity is None else frame.severity
    if len(frame) <= EXACT_ROWS:
        return sum_frame_exactly(codes, f, Weights.of(pi, severity), domains=domains)
    return sum_frame(place_rows(codes, f, domains=domains), Weights.of(pi, severity))


def _estimate(
    name: str, totals: DomainTotals, row: int, *, bounds: tuple[float, float], variance: float
) -> Estimate:
    audits = int(totals.audits[row])
    found = Estimate(
        domain=name,
        overturn_rate=float(totals.possible_figure[row]),
        low=float(bounds[0]),
        high=float(bounds[1]),
        standard_error=math.sqrt(variance),
        decisions=int(totals.decisions[row]),
        audits=audits,
        overturns=round(float(totals.overturns[row])),
        effective_audits=_effective_audits(totals, row, bounds) if audits else 0.0,
        audits_needed=0,
    )
    return replace(found, audits_needed=_audits_needed(found))


def _effective_audits(totals: DomainTotals, row: int, bounds: tuple[float, float]) -> float:
    """Size n of a uniform sample with this variance: ``rate (1 - rate) (1/n - 1/N)``.

    Taken at the middle of the interval, where it has a meaning also when no overturn was found.
    """
    rates = totals.sums.rate[row]
    rate = float(np.clip(sum(bounds) / 2.0, rates[0], rates[-1]))
    null = float(np.interp(rate, rates, totals.sums.variance[row]))
    inflation = float(totals.domain_inflation()[row])
    variance = max(inflation * null, float(totals.observed_variance[row]))
    return 1.0 / (variance / (rate * (1.0 - rate)) + 1.0 / float(totals.kish_decisions[row]))


def _audits_needed(found: Estimate) -> int:
    """More audits until the least effective number, at the efficiency seen so far."""
    goal = min(LEAST_EFFECTIVE_AUDITS, float(found.decisions))
    if found.effective_audits >= goal - 1e-9:
        return 0
    per_effective = found.audits / found.effective_audits if found.effective_audits > 0 else 1.0
    more = math.ceil((goal - found.effective_audits) * per_effective)
    return (
        max(1, min(more, found.decisions - found.audits)) if found.decisions > found.audits else 0
    )
