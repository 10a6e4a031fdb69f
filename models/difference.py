"""The difference estimator by domain: sums that estimates and intervals are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Positions, total_by
from models.audited_frame import AuditedFrame
from models.interval import TINY, FrameSums, interval, null_at

FRAME_OVERTURNS = 2.0
"""Overturns that the frame's misfit counts for against a domain's own."""


@dataclass(frozen=True, slots=True)
class DomainTotals:
    """Per domain, what the estimates are made from.

    Attributes
    ----------
    sums
        What the frame says before any outcome is seen.
    figure, observed_variance
        The difference estimate, and its unbiased variance estimate.
    inflation
        Observed over null variance of the whole frame, at least 1.
    decisions, kish_decisions, audits, overturns
        Counts; Kish's is the effective number of decisions under severities.
    least, most
        Rates that the audits leave possible: as if all that was not audited were right, or wrong.
    """

    sums: FrameSums
    figure: Floats
    observed_variance: Floats
    inflation: float
    decisions: Floats
    kish_decisions: Floats
    audits: Floats
    overturns: Floats
    least: Floats
    most: Floats

    @property
    def possible_figure(self) -> Floats:
        """The figure, within what the audits leave possible."""
        return np.clip(self.figure, self.least, self.most)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Lower and upper bound of the rate, per domain, within what the audits leave possible."""
        low, high = interval(
            self.figure,
            self.sums,
            inflation=self.domain_inflation(),
            observed_variance=self.observed_variance,
            level=level,
        )
        return np.clip(low, self.least, self.most), np.clip(high, self.least, self.most)

    def variance(self) -> Floats:
        """Variance of the figure: under the rate found or as observed, whichever is larger."""
        _, null = null_at(self.sums, self.possible_figure)
        larger: Floats = np.maximum(self.domain_inflation() * null, self.observed_variance)
        return larger

    def domain_inflation(self) -> Floats:
        """Observed over null variance per domain, at least the whole frame's.

        A domain's own ratio counts for as much as it has overturns, the frame's for two. The null
        is that of a possible rate: at an impossible one it all but vanishes, and the ratio with it.
        """
        _, null = null_at(self.sums, self.possible_figure)
        own = self.observed_variance / np.maximum(null, TINY)
        prior = FRAME_OVERTURNS * self.inflation
        mixed = (prior + self.overturns * own) / (FRAME_OVERTURNS + self.overturns)
        larger: Floats = np.maximum(self.inflation, mixed)
        return larger


@dataclass(frozen=True, slots=True)
class WholeFrame:
    """Sums over every decision, audited or not, per domain.

    Attributes
    ----------
    sums
        What ``models.interval`` says of them.
    predicted
        Of severity times recalibrated probability.
    decisions, squares
        How many, and the sum of squared severities.
    """

    sums: FrameSums
    predicted: Floats
    decisions: Floats
    squares: Floats


@dataclass(frozen=True, slots=True)
class Audits:
    """The finished audits of a frame, one a row.

    Attributes
    ----------
    domain
        0-based number of the domain that each counts for.
    f
        Recalibrated overturn probability.
    y
        1 or 0: what the audit found.
    chance, weight
        Inclusion probability in (0, 1], and severity.
    """

    domain: Positions
    f: Floats
    y: Floats
    chance: Floats
    weight: Floats


def total_domains(
    frame: AuditedFrame, domain: Positions, f: Floats, *, sums: FrameSums
) -> DomainTotals:
    """Add up the frame and its audits, per domain.

    Parameters
    ----------
    domain
        0-based number of the domain that each row counts for.
    f
        Recalibrated overturn probability, one a row.
    sums
        What ``models.interval`` says of the same frame and domains.
    """
    domains = len(sums.size)
    severity = np.ones(len(frame)) if frame.severity is None else frame.severity
    whole = WholeFrame(
        sums=sums,
        predicted=total_by(domain, severity * f, domains),
        decisions=total_by(domain, np.ones(len(frame)), domains),
        squares=total_by(domain, severity**2, domains),
    )
    rows = np.flatnonzero(frame.audited)
    audits = Audits(
        domain=domain[rows],
        f=f[rows],
        y=frame.overturned[rows],
        chance=frame.inclusion_probability[rows],
        weight=severity[rows],
    )
    return totals_of(whole, audits)


def totals_of(whole: WholeFrame, audits: Audits) -> DomainTotals:
    """Put the sums over a frame and its audits together, per domain."""
    sums, own, domains = whole.sums, audits.domain, len(whole.sums.size)
    y, weight, chance = audits.y, audits.weight, audits.chance
    residual = weight * (y - audits.f)
    size = np.maximum(sums.size, TINY)
    figure = (whole.predicted + total_by(own, residual / chance, domains)) / size
    observed = total_by(own, (1.0 - chance) / chance**2 * residual**2, domains)
    return DomainTotals(
        sums=sums,
        figure=figure,
        observed_variance=observed / size**2,
        inflation=_inflation(sums, figure, observed),
        decisions=whole.decisions,
        kish_decisions=sums.size**2 / np.maximum(whole.squares, TINY),
        audits=total_by(own, np.ones(len(own)), domains),
        overturns=total_by(own, y, domains),
        least=total_by(own, weight * y, domains) / size,
        most=1.0 - total_by(own, weight * (1.0 - y), domains) / size,
    )


def pool(sums: FrameSums) -> FrameSums:
    """All domains together, as one."""
    size = sums.size.sum()
    share = (sums.size / max(size, TINY))[:, None]
    return FrameSums(
        size=np.array([size]),
        rate=np.sum(sums.rate * share, axis=0, keepdims=True),
        variance=np.sum(sums.variance * share**2, axis=0, keepdims=True),
        third=np.sum(sums.third * share**3, axis=0, keepdims=True),
    )


def _inflation(sums: FrameSums, figure: Floats, observed: Floats) -> float:
    """Observed over null variance of the whole frame: above 1 where the model misfits."""
    whole = pool(sums)
    overall = np.array([figure @ sums.size / whole.size[0]])
    null = float(null_at(whole, overall)[1][0])
    seen = float(observed.sum() / whole.size[0] ** 2)
    return max(1.0, seen / null) if null > 0.0 else 1.0
