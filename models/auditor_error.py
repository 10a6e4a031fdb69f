"""Auditors err too: a two-phase correction of the figure from second reviews.

At a true accuracy of 98.5 %, an auditor right 97 % of the time shows 95.6 %. A second, deciding
review of a known share of the audits tells by how much, without assuming anything of the auditors::

    corrected = raw + sum over reviewed of (gold - found) / (pi * pi2) / N

where ``pi2`` is the chance that the audit was reviewed. The deciding review is taken as the truth.
Reviewers should not see the risk or the first verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from features.errors import EstimateError, SettingsError
from models.arrays import Flags, Floats
from models.estimate import IDENTITY, AuditedFrame, Estimate, Recalibration, estimate_overturn_rate


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """How many of the audits are reviewed a second time.

    Attributes
    ----------
    of_overturns
        Chance of a review for an audit that overturned the decision, above 0 to 1.
    of_rest
        Mean chance for the others, above 0 to 1; each has one in proportion to what it weighs.
    least
        No audit's chance is below it, above 0 to 1.

    Raises
    ------
    SettingsError
        A share is not above 0 and up to 1.

    Examples
    --------
    >>> ReviewRules(of_rest=0)
    Traceback (most recent call last):
    ...
    features.errors.SettingsError: reviews: saw of_rest = 0; expected a share above 0, up to 1
    """

    of_overturns: float = 0.5
    of_rest: float = 0.06
    least: float = 0.01

    def __post_init__(self) -> None:
        for name in self.__slots__:
            share = getattr(self, name)
            if not 0 < share <= 1:
                raise SettingsError(
                    f"reviews: saw {name} = {share:g}; expected a share above 0, up to 1"
                )


DEFAULT_RULES = ReviewRules()


@dataclass(frozen=True, slots=True)
class SecondReviews:
    """Second reviews, one row a decision of the frame.

    Attributes
    ----------
    reviewed
        True where a second review was finished; only audited rows can be.
    gold
        1 or 0, what the review decided; null (NaN) where not reviewed.
    review_probability
        Chance of a review given the audit, in (0, 1]; read where audited.
    """

    reviewed: Flags
    gold: Floats
    review_probability: Floats


@dataclass(frozen=True, slots=True)
class CorrectedEstimate:
    """The corrected figure beside the raw one.

    Attributes
    ----------
    raw
        As the first audits found.
    overturn_rate, low, high
        After the correction.
    standard_error
        Of the corrected rate.
    reviews, reversed_overturns, missed_overturns
        Second reviews, and how many took an overturn back or found one that was missed.
    """

    raw: Estimate
    overturn_rate: float
    low: float
    high: float
    standard_error: float
    reviews: int
    reversed_overturns: int
    missed_overturns: int


def review_chances(
    overturned: Floats,
    inclusion_probability: Floats,
    *,
    mean_weight: float | None = None,
    rules: ReviewRules = DEFAULT_RULES,
) -> Floats:
    """Chance of a second review for each finished audit.

    By default half of the overturns; of the rest about 6 %, in proportion to what each weighs in
    the figure. A chance tells what the first audit found: the reviewer must not see it.

    Parameters
    ----------
    mean_weight
        Weight (one over the chance of the audit) at which `ReviewRules.of_rest` are reviewed; null
        = the mean of those given. Give one where the list grows, so that no audit's chance depends
        on the others.

    Examples
    --------
    >>> review_chances(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.1, 0.3])).round(3)
    array([0.5 , 0.09, 0.03])
    """
    chances = np.full(len(overturned), float(rules.of_overturns))
    rest = overturned == 0
    if rest.any():
        weight = 1.0 / inclusion_probability[rest]
        mean = float(weight.mean()) if mean_weight is None else mean_weight
        chances[rest] = np.clip(rules.of_rest * weight / mean, rules.least, 1.0)
    return chances


def correct_for_auditors(
    frame: AuditedFrame,
    reviews: SecondReviews,
    *,
    recalibration: Recalibration = IDENTITY,
    level: float = 0.95,
) -> CorrectedEstimate:
    """Correct the overturn rate of a frame by its second reviews.

    Raises
    ------
    EstimateError
        A row was reviewed that was not audited, or a review has no decision or no chance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = (rng.random(4000) < 0.08).astype(float)
    >>> gold = np.where(rng.random(4000) < 0.03, 0.0, found)
    >>> frame = AuditedFrame(np.full(4000, 0.08), np.ones(4000), np.ones(4000, bool), found)
    >>> everyone = SecondReviews(np.ones(4000, bool), gold, np.ones(4000))
    >>> corrected = correct_for_auditors(frame, everyone)
    >>> bool(abs(corrected.overturn_rate - gold.mean()) < 1e-9)
    True
    """
    _check(frame, reviews)
    raw = estimate_overturn_rate(frame, recalibration=recalibration, level=level)
    rows = np.flatnonzero(reviews.reviewed)
    found, gold = frame.overturned[rows], reviews.gold[rows]
    severity = np.ones(len(frame)) if frame.severity is None else frame.severity
    change = severity[rows] * (gold - found)
    weight = 1.0 / (frame.inclusion_probability[rows] * reviews.review_probability[rows])
    size = float(severity.sum())
    shift = float(np.sum(change * weight)) / size
    second = np.sum((1.0 - reviews.review_probability[rows]) * (change * weight) ** 2) / size**2
    first = _first_phase_change(frame, reviews, rows, recalibration) / size**2
    spread = max(float(second + first), 0.0)
    reach = float(ndtri(0.5 + level / 2.0)) * math.sqrt(spread)
    centre = raw.overturn_rate + shift
    below = math.hypot(raw.overturn_rate - raw.low, reach)
    above = math.hypot(raw.high - raw.overturn_rate, reach)
    rate, low, high = np.clip([centre, centre - below, centre + above], 0.0, 1.0).tolist()
    return CorrectedEstimate(
        raw=raw,
        overturn_rate=rate,
        low=low,
        high=high,
        standard_error=math.sqrt(raw.standard_error**2 + spread),
        reviews=len(rows),
        reversed_overturns=int(np.sum((found == 1) & (gold == 0))),
        missed_overturns=int(np.sum((found == 0) & (gold == 1))),
    )


def _first_phase_change(
    frame: AuditedFrame, reviews: SecondReviews, rows: np.ndarray, recalibration: Recalibration
) -> float:
    """By how much the audits' own variance changes when gold stands for what they found."""
    f = recalibration.apply(frame.overturn_probability[rows])
    severity = 1.0 if frame.severity is None else frame.severity[rows]
    pi, chance = frame.inclusion_probability[rows], reviews.review_probability[rows]
    change = (reviews.gold[rows] - f) ** 2 - (frame.overturned[rows] - f) ** 2
    return float(np.sum((1.0 - pi) / pi**2 / chance * severity**2 * change))


def _check(frame: AuditedFrame, reviews: SecondReviews) -> None:
    outside = int(np.sum(reviews.reviewed & ~frame.audited))
    if outside:
        raise EstimateError(
            f"{outside:,} second reviews are of decisions without a finished audit; "
            "give reviews of audited decisions only."
        )
    gold = reviews.gold[reviews.reviewed]
    chance = reviews.review_probability[reviews.reviewed]
    bad = int(np.sum(~np.isin(gold, (0.0, 1.0)) | ~((chance > 0) & (chance <= 1))))
    if bad:
        raise EstimateError(
            f"{bad:,} second reviews lack a decision (0 or 1) or a chance above 0, up to 1."
        )
