"""Whether second reviews depend on the first verdict: reviewers who are not blind agree too often.

Golden items, answered blind, tell how often auditors err. From that follows how often two people
who judge by themselves would differ on the programme's decisions::

    expected = t * 2 se (1 - se) + (1 - t) * 2 sp (1 - sp)

at a true overturn rate ``t``, itself from the rate found (Rogan and Gladen, 1978). Where reviews
differ from first verdicts clearly less often, they are not independent of them: the reviewer saw
the verdict, or both are misled by the same things. Either way the corrected figure keeps some of
the auditors' errors. Golden items that are easier than the rest only make the test less sharp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.errors import EstimateError
from models.arrays import Flags, Floats
from models.auditor_evidence import GoldenAnswers, JudgedAudits

_CLEARLY = 1.645
"""Standard errors: one in twenty programmes with independent reviews is suspected by chance."""
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Dependence:
    """How often reviews differ from first verdicts, against independent reviews.

    Attributes
    ----------
    observed, expected
        Share of decisions on which they differ: in the reviews, and if they were independent.
    standard_error
        Of the difference of the two.
    copied
        Share of the reviews that would have to copy the first verdict to explain the difference, 0
        to 1, with ``copied_high`` its upper bound.
    reviews, golden
        What it rests on.
    """

    observed: float
    expected: float
    standard_error: float
    copied: float
    copied_high: float
    reviews: int
    golden: int

    @property
    def clear(self) -> bool:
        """Whether reviews clearly differ too seldom."""
        return self.expected - self.observed > _CLEARLY * self.standard_error


def measure_dependence(
    audits: JudgedAudits, golden: GoldenAnswers, *, reviewers: GoldenAnswers | None = None
) -> Dependence:
    """Compare how often reviews differ from first verdicts with what blind answers foretell.

    Parameters
    ----------
    golden
        Of the auditors, blind.
    reviewers
        Of those who review, where they are other people; null = the same.

    Raises
    ------
    EstimateError
        There is no review, or golden answers lack right decisions or wrong ones.

    Examples
    --------
    >>> who = np.full(200, "a", dtype=object)
    >>> truth = np.tile([0.0, 0.0, 0.0, 1.0], 50)
    >>> answers = np.where(np.arange(200) % 10 == 3, 1 - truth, truth)
    >>> ones = np.ones(200)
    >>> copied = JudgedAudits(who, answers, answers, ones, ones)
    >>> found = measure_dependence(copied, GoldenAnswers(who, answers, truth))
    >>> found.observed, found.copied, found.clear
    (0.0, 1.0, True)
    """
    given = ~np.isnan(audits.gold)
    if not given.any():
        raise EstimateError("reviews: there is none; review audits first (`secondlook reviews`)")
    first, second = _rates(golden), _rates(golden if reviewers is None else reviewers)
    overturned = float(audits.weight @ audits.overturned / audits.weight.sum())
    at = np.array([*first.rates, *second.rates])
    observed, own_variance = _differing(audits, given, _by_finding(at, overturned))
    expected = _expected(at, overturned)
    slopes = np.array([_expected(at + _STEP * unit, overturned) - expected for unit in np.eye(4)])
    variance = np.array([*first.variances, *second.variances])
    slopes = slopes / _STEP
    if reviewers is None:  # the same answers stand for both, so that their errors add up
        slopes, variance = slopes[:2] + slopes[2:], variance[:2]
    error = math.sqrt(own_variance + float(slopes**2 @ variance))
    short = (expected - observed) / max(expected, 1e-12)
    return Dependence(
        observed=observed,
        expected=expected,
        standard_error=error,
        copied=min(max(short, 0.0), 1.0),
        copied_high=min(max(short + 1.96 * error / max(expected, 1e-12), 0.0), 1.0),
        reviews=int(given.sum()),
        golden=len(golden.truth),
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """Sensitivity and specificity of all together, and the variance of each."""

    rates: tuple[float, float]
    variances: tuple[float, float]


def _rates(golden: GoldenAnswers) -> _Rates:
    right = golden.overturned == golden.truth
    found = [_rate(right[golden.truth == t], golden.auditor[golden.truth == t]) for t in (1, 0)]
    return _Rates((found[0][0], found[1][0]), (found[0][1], found[1][1]))


def _rate(right: Flags, auditor: np.ndarray) -> tuple[float, float]:
    """Share of right answers, and its variance between people or between answers, the larger."""
    if not len(right):
        raise EstimateError(
            "golden items: the answers lack right decisions or wrong ones; mix in both"
        )
    share, count = float(right.mean()), len(right)
    _, person = np.unique(auditor.astype(str), return_inverse=True)
    residual = np.bincount(person, right - share)
    plain = (count * share + 0.5) / (count + 1) * (count * (1 - share) + 0.5) / (count + 1) / count
    return share, max(float(np.sum(residual**2)) / count**2, plain)


def _differing(
    audits: JudgedAudits, given: Flags, usual: tuple[float, float]
) -> tuple[float, float]:
    """Share of decisions whose review differs, from both findings by their mass, with variance.

    Few differ, so that a sample in which too few do would be too sure of it: the variance is at
    least that of the usual shares.
    """
    whole, share, variance = float(audits.weight.sum()), 0.0, 0.0
    for found, expected in zip((0.0, 1.0), usual, strict=True):
        own = audits.overturned == found
        rows = own & given
        mass = float(audits.weight[own].sum()) / whole
        if not rows.any():
            continue
        weight = audits.weight[rows] / audits.review_probability[rows]
        differs = audits.gold[rows] != found
        part = float(weight @ differs / weight.sum())
        share += mass * part
        seen = float(np.sum(weight**2 * (differs - part) ** 2))
        least = float(np.sum(weight**2)) * expected * (1.0 - expected)
        variance += mass**2 * max(seen, least) / float(weight.sum()) ** 2
    return share, variance


def _expected(rates: Floats, overturned: float) -> float:
    """Share on which two independent people differ, the first of whom overturns a given share."""
    rest, found = _by_finding(rates, overturned)
    return (1.0 - overturned) * rest + overturned * found


def _by_finding(rates: Floats, overturned: float) -> tuple[float, float]:
    """Share on which the second differs, of what the first upheld and of what they overturned."""
    se1, sp1, se2, sp2 = rates.clip(0.0, 1.0).tolist()
    skill = max(se1 + sp1 - 1.0, 1e-6)
    truth = min(max((overturned + sp1 - 1.0) / skill, 0.0), 1.0)
    of_rest = truth * (1.0 - se1) * se2 + (1.0 - truth) * sp1 * (1.0 - sp2)
    of_found = truth * se1 * (1.0 - se2) + (1.0 - truth) * (1.0 - sp1) * sp2
    return (
        min(float(of_rest) / max(1.0 - overturned, 1e-9), 1.0),
        min(float(of_found) / max(overturned, 1e-9), 1.0),
    )
