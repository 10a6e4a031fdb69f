"""Reviews of reviews: how right the second reviewers are, and what that means for the figure.

The correction for auditors' errors takes the second review as the truth. A third, blind look by
somebody else at a small share of the reviews, by known chance, takes that assumption back one step
further::

    graded = corrected + sum over looked at of (truth - gold) / (pi * pi2 * pi3) / N

Where there are no third looks yet, `bounds_if_right` tells how far the figure could be off if
reviewers were right only so often.

Which reviews are looked at, and how the looks come back, is in `models.third_look_list`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from features.errors import EstimateError, SettingsError
from models.arrays import Flags, Floats, Texts
from models.auditor_error import CorrectedEstimate, SecondReviews
from models.estimate import IDENTITY, AuditedFrame, Recalibration

LOOKED_AT_OF_CHANGED = 0.5
LOOKED_AT_OF_UPHELD = 0.2
RIGHT = (1.0, 0.99, 0.98, 0.95)


@dataclass(frozen=True, slots=True)
class ThirdLooks:
    """Third looks, one row a decision of the frame.

    Attributes
    ----------
    looked
        True where a third look was finished; only reviewed rows can be.
    truth
        1 or 0, what it decided; null (NaN) where there was none.
    look_probability
        Chance of a third look given the review, in (0, 1]; read where there was one.
    """

    looked: Flags
    truth: Floats
    look_probability: Floats


@dataclass(frozen=True, slots=True)
class GradedEstimate:
    """The figure corrected for the reviewers' errors too.

    Attributes
    ----------
    corrected
        By second reviews alone.
    overturn_rate, low, high, standard_error
        After the third looks.
    looks, changed
        Third looks, and how many found otherwise than the review.
    agreement
        Share of the reviews that a third look would uphold, weighed by one over its chance.
    """

    corrected: CorrectedEstimate
    overturn_rate: float
    low: float
    high: float
    standard_error: float
    looks: int
    changed: int
    agreement: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what the true overturn rate lies if reviewers are right at least so often.

    Attributes
    ----------
    right
        Share of errors, and of right decisions, that reviewers judge rightly; above .5 to 1.
    low, high
        0 to 1; at 1 the corrected interval itself.
    """

    right: float
    low: float
    high: float


def third_look_chances(
    first: Texts,
    second: Texts,
    *,
    of_changed: float = LOOKED_AT_OF_CHANGED,
    of_upheld: float = LOOKED_AT_OF_UPHELD,
) -> Floats:
    """Chance of a third look for each review: more where it found otherwise than the audit.

    Raises
    ------
    SettingsError
        A share is not above 0 and up to 1.

    Examples
    --------
    >>> audits = np.array(["correct", "correct"])
    >>> third_look_chances(audits, np.array(["correct", "over_enforcement"]))
    array([0.2, 0.5])
    """
    for name, share in (("of_changed", of_changed), ("of_upheld", of_upheld)):
        if not 0 < share <= 1:
            raise SettingsError(
                f"third looks: saw {name} = {share:g}; expected a share above 0, up to 1"
            )
    return np.where(np.asarray(first) != np.asarray(second), of_changed, of_upheld)


def correct_for_reviewers(
    corrected: CorrectedEstimate,
    frame: AuditedFrame,
    *,
    reviews: SecondReviews,
    looks: ThirdLooks,
    recalibration: Recalibration = IDENTITY,
    level: float = 0.95,
) -> GradedEstimate:
    """Correct the corrected figure once more, by third looks.

    Parameters
    ----------
    corrected
        Of the same frame and reviews, by `models.auditor_error.correct_for_auditors`.

    Raises
    ------
    EstimateError
        There is no third look, one is of a row without a review, or lacks a verdict or a chance.
    """
    _check(reviews, looks)
    rows = np.flatnonzero(looks.looked)
    severity = np.ones(len(frame)) if frame.severity is None else frame.severity
    change = severity[rows] * (looks.truth[rows] - reviews.gold[rows])
    weight = 1.0 / (
        frame.inclusion_probability[rows]
        * reviews.review_probability[rows]
        * looks.look_probability[rows]
    )
    size = float(severity.sum())
    third = float(np.sum((1.0 - looks.look_probability[rows]) * (change * weight) ** 2))
    earlier = _earlier_phases_change(frame, reviews, looks, recalibration)
    raw = corrected.raw
    spread = corrected.standard_error**2 - raw.standard_error**2 + (third + earlier) / size**2
    spread = max(spread, 0.0)
    reach = float(ndtri(0.5 + level / 2.0)) * math.sqrt(spread)
    centre = corrected.overturn_rate + float(np.sum(change * weight)) / size
    below = math.hypot(raw.overturn_rate - raw.low, reach)
    above = math.hypot(raw.high - raw.overturn_rate, reach)
    rate, low, high = np.clip([centre, centre - below, centre + above], 0.0, 1.0).tolist()
    own = 1.0 / looks.look_probability[rows]
    return GradedEstimate(
        corrected=corrected,
        overturn_rate=rate,
        low=low,
        high=high,
        standard_error=math.sqrt(raw.standard_error**2 + spread),
        looks=len(rows),
        changed=int(np.sum(change != 0)),
        agreement=float(own @ (change == 0) / own.sum()),
    )


def bounds_if_right(
    corrected: CorrectedEstimate, right: Iterable[float] = RIGHT
) -> tuple[Bounds, ...]:
    """Bounds of the true overturn rate if reviewers are right at least a given share of the time.

    Reviewers who call a share ``1 - r`` of right decisions wrong, and no error right, show
    ``q = t + (1 - t)(1 - r)`` at a true rate ``t``; those who miss a share ``1 - r`` of errors, and
    invent none, show ``q = r t``. Whatever they are, the truth lies between the two (Rogan and
    Gladen, 1978).

    Raises
    ------
    EstimateError
        A share is not above .5 and up to 1.
    """
    bounds = []
    for r in right:
        if not 0.5 < r <= 1:
            raise EstimateError(f"reviewers: saw right = {r:g}; expected a share above .5, up to 1")
        low = max((corrected.low - (1.0 - r)) / r, 0.0)
        bounds.append(Bounds(r, low, min(corrected.high / r, 1.0)))
    return tuple(bounds)


def _earlier_phases_change(
    frame: AuditedFrame, reviews: SecondReviews, looks: ThirdLooks, recalibration: Recalibration
) -> float:
    """By how much the variance of audits and reviews changes when the truth stands for gold."""
    rows = np.flatnonzero(looks.looked)
    f = recalibration.apply(frame.overturn_probability[rows])
    severity = 1.0 if frame.severity is None else frame.severity[rows]
    found, gold, truth = frame.overturned[rows], reviews.gold[rows], looks.truth[rows]
    pi, second = frame.inclusion_probability[rows], reviews.review_probability[rows]
    audits = (1.0 - pi) / pi**2 / second * ((truth - f) ** 2 - (gold - f) ** 2)
    reviewed = (1.0 - second) / (pi * second) ** 2 * ((truth - found) ** 2 - (gold - found) ** 2)
    return float(np.sum(severity**2 * (audits + reviewed) / looks.look_probability[rows]))


def _check(reviews: SecondReviews, looks: ThirdLooks) -> None:
    outside = int(np.sum(looks.looked & ~reviews.reviewed))
    if outside or not looks.looked.any():
        raise EstimateError(
            f"{int(looks.looked.sum()):,} third looks, {outside:,} of them at decisions without a "
            "second review; expected at least one, each at a review."
        )
    truth, chance = looks.truth[looks.looked], looks.look_probability[looks.looked]
    bad = int(np.sum(~np.isin(truth, (0.0, 1.0)) | ~((chance > 0) & (chance <= 1))))
    if bad:
        raise EstimateError(
            f"{bad:,} third looks lack a decision (0 or 1) or a chance above 0, up to 1."
        )
