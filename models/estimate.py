"""The published figure: overturn rates with honest intervals, from risk-picked audits.

The difference estimator adds up the recalibrated probabilities of *every* decision and corrects
them by the audits, each weighted by one over its chance::

    theta = [sum over frame of f + sum over audited of (y - f) / pi] / N

It is unbiased whatever the model; a good model makes it narrow. The interval is that of
``models.interval``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.errors import BadValue, ContractError, EstimateError
from models.arrays import Flags, Floats, Positions, Texts, total_by
from models.interval import (
    TINY,
    FrameRows,
    FrameSums,
    interval,
    null_at,
    sum_frame,
    sum_frame_exactly,
)
from models.recalibration import IDENTITY, Recalibration, fit_recalibration

__all__ = [
    "IDENTITY",
    "AuditedFrame",
    "Estimate",
    "Recalibration",
    "estimate_by",
    "estimate_overturn_rate",
    "fit_recalibration",
]

LEAST_EFFECTIVE_AUDITS = 10.0
"""Below this the answer is "needs about N more audits", not the figure."""
EXACT_ROWS = 3_000
"""Frames up to this size are summed row by row, larger ones over a histogram."""


@dataclass(frozen=True, slots=True)
class AuditedFrame:
    """Every decision of the period, audited or not, one a row.

    Attributes
    ----------
    overturn_probability
        The model's, 0 to 1; of the direction that ``overturned`` counts.
    inclusion_probability
        As stored at selection, in (0, 1].
    audited
        True where the selected audit was finished.
    overturned
        1 or 0; null (NaN) where not audited.
    severity
        Weight of an error, above 0; null counts every error once.
    """

    overturn_probability: Floats
    inclusion_probability: Floats
    audited: Flags
    overturned: Floats
    severity: Floats | None = None

    def __len__(self) -> int:
        return len(self.audited)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An overturn rate with its interval.

    Attributes
    ----------
    domain
        What it is the rate of; ``all`` for the whole frame.
    overturn_rate, low, high
        0 to 1. Severity-weighted where the frame has severities.
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
    check_frame(frame)
    if len(domains) != len(frame):
        raise EstimateError(
            f"There are {len(domains)} labels for {len(frame)} decisions; expected one each."
        )
    codes, names = pd.factorize(np.asarray(domains, dtype=object), sort=True)
    unlabelled = codes < 0
    codes = np.where(unlabelled, len(names), codes).astype(np.int64)
    totals = _totals(frame, codes, len(names) + 1, recalibration.apply(frame.overturn_probability))
    low, high = interval(
        totals.figure,
        totals.sums,
        inflation=totals.inflation,
        observed_variance=totals.observed_variance,
        level=level,
    )
    return [
        _estimate(str(name), totals, row, bounds=(float(low[row]), float(high[row])))
        for row, name in enumerate(names)
    ]


@dataclass(frozen=True, slots=True)
class _Totals:
    """Per domain, what the estimates are made from."""

    sums: FrameSums
    figure: Floats
    observed_variance: Floats
    inflation: float
    decisions: Floats
    kish_decisions: Floats
    audits: Floats
    overturns: Floats


def _totals(frame: AuditedFrame, codes: Positions, domains: int, f: Floats) -> _Totals:
    pi = np.asarray(frame.inclusion_probability, dtype=np.float64)
    severity = np.ones(len(frame)) if frame.severity is None else np.asarray(frame.severity)
    add = sum_frame_exactly if len(frame) <= EXACT_ROWS else sum_frame
    sums = add(FrameRows(codes, f, pi, severity), domains)
    audited = np.flatnonzero(frame.audited)
    own, y, chance = codes[audited], frame.overturned[audited], pi[audited]
    residual = severity[audited] * (y - f[audited])
    size = np.maximum(sums.size, TINY)
    predicted = total_by(codes, severity * f, domains)
    figure = (predicted + total_by(own, residual / chance, domains)) / size
    square = (1.0 - chance) / chance**2 * residual**2
    observed = total_by(own, square, domains)
    return _Totals(
        sums=sums,
        figure=figure,
        observed_variance=observed / size**2,
        inflation=_inflation(sums, figure, observed),
        decisions=total_by(codes, np.ones(len(frame)), domains),
        kish_decisions=sums.size**2 / np.maximum(total_by(codes, severity**2, domains), TINY),
        audits=total_by(own, np.ones(len(own)), domains),
        overturns=total_by(own, y, domains),
    )


def _inflation(sums: FrameSums, figure: Floats, observed: Floats) -> float:
    """Observed over null variance of the whole frame: above 1 where the model misfits."""
    weight = sums.size[:, None]
    whole = FrameSums(
        size=np.array([sums.size.sum()]),
        rate=np.sum(sums.rate * weight, axis=0, keepdims=True) / sums.size.sum(),
        variance=np.sum(sums.variance * weight**2, axis=0, keepdims=True) / sums.size.sum() ** 2,
        third=np.sum(sums.third * weight**3, axis=0, keepdims=True) / sums.size.sum() ** 3,
    )
    overall = np.array([figure @ sums.size / sums.size.sum()])
    null = float(null_at(whole, overall)[1][0])
    seen = float(observed.sum() / sums.size.sum() ** 2)
    return max(1.0, seen / null) if null > 0.0 else 1.0


def _estimate(name: str, totals: _Totals, row: int, *, bounds: tuple[float, float]) -> Estimate:
    one = FrameSums(
        *(part[row : row + 1] for part in _parts(totals.sums)),
    )
    rate, null = null_at(one, totals.figure[row : row + 1])
    variance = max(totals.inflation * float(null[0]), float(totals.observed_variance[row]))
    audits = int(totals.audits[row])
    effective = 0.0
    if audits:
        spread = max(float(rate[0] * (1.0 - rate[0])), 1e-12)
        effective = 1.0 / (variance / spread + 1.0 / float(totals.kish_decisions[row]))
    found = Estimate(
        domain=name,
        overturn_rate=min(max(float(totals.figure[row]), 0.0), 1.0),
        low=bounds[0],
        high=bounds[1],
        standard_error=math.sqrt(variance),
        decisions=int(totals.decisions[row]),
        audits=audits,
        overturns=round(float(totals.overturns[row])),
        effective_audits=effective,
        audits_needed=0,
    )
    return replace(found, audits_needed=_audits_needed(found))


def _parts(sums: FrameSums) -> tuple[Floats, Floats, Floats, Floats]:
    return sums.size, sums.rate, sums.variance, sums.third


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


def check_frame(frame: AuditedFrame) -> None:
    """Refuse an audited frame that no estimate can be made from.

    Raises
    ------
    ContractError
        A probability is null or out of range, or an audited row has no outcome.
    EstimateError
        The frame is empty, or its columns are of different lengths.
    """
    lengths = {len(frame.overturn_probability), len(frame.inclusion_probability)}
    lengths |= {len(frame.audited), len(frame.overturned)}
    if lengths == {0} or len(lengths) > 1:
        raise EstimateError(
            f"The frame's columns have {sorted(lengths)} rows; expected one and the same number, "
            "at least 1. Every decision of the period belongs in it, audited or not."
        )
    p, pi, y = frame.overturn_probability, frame.inclusion_probability, frame.overturned
    audited = np.asarray(frame.audited, dtype=np.bool_)
    columns = [
        ("overturn_probability", p, (p >= 0) & (p <= 1), "a number from 0 to 1"),
        ("inclusion_probability", pi, (pi > 0) & (pi <= 1), "a number above 0, up to 1"),
        ("overturned", y, ~audited | (y == 0) | (y == 1), "0 or 1 where audited"),
    ]
    if frame.severity is not None:
        columns.append(("severity", frame.severity, frame.severity > 0, "a number above 0"))
    bad = [
        BadValue(int(row), name, f"{values[row]:g}", expected)
        for name, values, good, expected in columns
        for row in np.flatnonzero(~good)
    ]
    if bad:
        raise ContractError("audited frame", bad)
