"""How right the auditors are: the figure corrected by second reviews, and how far they agree.

A review counts where its audit is part of the sample, its chance is stored, and another person made
it. Audits are reviewed at unequal chances (half of the overturns, few of the rest), so each review
counts by one over the chance of the audit times that of the review.

Reviews that were due and are not done yet would leave errors of the auditors uncorrected. Nobody
stores the list of those due, but their chances tell how many audits the reviews stand for: where
these fall short of the audits by more than chance explains, the chance of a review is lowered by
the share done, apart for overturns and for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.agreement import Agreement, cohens_kappa, krippendorff_alpha
from models.arrays import Flags, Floats
from models.auditor_error import CorrectedEstimate, SecondReviews, correct_for_auditors
from models.estimate import AuditedFrame
from monitoring.ranked import latest_findings
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL

LEAST_REVIEWS = 20
"""With fewer, a correction would be surer of itself than it can be."""
_CLEARLY_SHORT = 2.0
"""Standard deviations by which reviews must fall short before they are taken to be unfinished."""


@dataclass(frozen=True, slots=True)
class ReviewedClass:
    """The audits that found an overturn, or the rest.

    Attributes
    ----------
    audits, reviewed, changed
        Counts; changed are those whose review found otherwise.
    done_share
        Share of the reviews due that are done, above 0 to 1; 1 unless clearly short; 0 without any.
    """

    audits: int
    reviewed: int
    changed: int
    done_share: float


@dataclass(frozen=True, slots=True)
class Auditors:
    """What second reviews say of the auditors.

    Attributes
    ----------
    reviews
        Those that count.
    left_out
        Reviews of decisions ranked in the period that do not count.
    overturns, rest
        The audits by what they found.
    corrected
        Of the overturn rate; null while there are fewer than `LEAST_REVIEWS`.
    agreement
        Of the first verdict with the review's, weighted to all audited and unaudited decisions;
        null as above.
    alpha
        Krippendorff's, weighted alike; null as above, or where only one verdict was ever given.
    """

    reviews: int
    left_out: int
    overturns: ReviewedClass
    rest: ReviewedClass
    corrected: CorrectedEstimate | None
    agreement: Agreement | None
    alpha: float | None

    @property
    def unfinished(self) -> bool:
        """Whether reviews that were due are clearly missing."""
        return any(0 < each.done_share < 1 for each in (self.overturns, self.rest))


def auditors_of(period: Recalibrated, outcomes: pd.DataFrame) -> Auditors:
    """Measure the auditors of a period by all outcomes that the store holds."""
    return measure_auditors(period.frame(), period.table, outcomes)


def measure_auditors(frame: AuditedFrame, table: pd.DataFrame, outcomes: pd.DataFrame) -> Auditors:
    """Correct the figure of a period by its second reviews, and measure agreement.

    Parameters
    ----------
    frame
        Of the period, recalibrated.
    table
        The same decisions, as of `monitoring.ranked.Ranked`.
    outcomes
        All that the store holds.
    """
    given = _reviews(table, outcomes)
    counts = _countable(given, frame)
    found = np.where(frame.audited, frame.overturned, 0.0)
    gold = given["review"].isin(DIRECTIONS).to_numpy(dtype=float)
    chance = np.where(counts, given["review_chance"].to_numpy(dtype=float), 1.0)
    overturns, rest = (
        _class(frame.audited & (found == value), counts, changed=gold != found, chance=chance)
        for value in (1.0, 0.0)
    )
    for value, each in ((1.0, overturns), (0.0, rest)):
        chance = np.where(counts & (found == value), chance * (each.done_share or 1.0), chance)
    reviews, enough = int(counts.sum()), int(counts.sum()) >= LEAST_REVIEWS
    second = SecondReviews(counts, np.where(counts, gold, np.nan), chance)
    pairs = given[counts]
    weight = 1.0 / (frame.inclusion_probability * chance)[counts]
    return Auditors(
        reviews=reviews,
        left_out=int(given["review"].notna().sum()) - reviews,
        overturns=overturns,
        rest=rest,
        corrected=correct_for_auditors(frame, second, level=LEVEL) if enough else None,
        agreement=_agreement(pairs, weight) if enough else None,
        alpha=_alpha(pairs, weight) if enough else None,
    )


def _reviews(table: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return, one row a decision of the table, its audit and its review."""
    names = ["decision_id", "verdict", "auditor_id", "inclusion_probability"]
    audits, reviews = (
        latest_findings(outcomes, source).reindex(columns=names).set_index("decision_id")
        for source in ("audit", "review")
    )
    ids = table["decision_id"]
    return pd.DataFrame(
        {
            "decision_id": ids.to_numpy(dtype=object),
            "verdict": table["verdict"].to_numpy(dtype=object),
            "auditor": audits["auditor_id"].reindex(ids).to_numpy(dtype=object),
            "review": reviews["verdict"].reindex(ids).to_numpy(dtype=object),
            "reviewer": reviews["auditor_id"].reindex(ids).to_numpy(dtype=object),
            "review_chance": pd.to_numeric(reviews["inclusion_probability"])
            .reindex(ids)
            .to_numpy(dtype=float, na_value=np.nan),
        }
    )


def _countable(given: pd.DataFrame, frame: AuditedFrame) -> Flags:
    own = given["reviewer"].notna() & (given["reviewer"] == given["auditor"])
    chance = given["review_chance"].to_numpy(dtype=float)
    known = (chance > 0) & (chance <= 1)
    counts: Flags = given["review"].notna().to_numpy() & ~own.to_numpy() & known & frame.audited
    return counts


def _class(audited: Flags, counts: Flags, *, changed: Flags, chance: Floats) -> ReviewedClass:
    reviewed = audited & counts
    audits, due = int(audited.sum()), 1.0 / chance[reviewed]
    share = float(due.sum()) / max(audits, 1)
    scatter = float(np.sqrt(np.sum(due * (due - 1.0)))) / max(audits, 1)
    short = share < 1.0 - _CLEARLY_SHORT * scatter
    return ReviewedClass(
        audits=audits,
        reviewed=int(reviewed.sum()),
        changed=int((reviewed & changed).sum()),
        done_share=share if short or not reviewed.any() else 1.0,
    )


def _agreement(pairs: pd.DataFrame, weight: Floats) -> Agreement:
    first, second = (pairs[name].to_numpy(dtype=object) for name in ("verdict", "review"))
    return cohens_kappa(first, second, weight=weight)


def _alpha(pairs: pd.DataFrame, weight: Floats) -> float | None:
    ids = np.tile(pairs["decision_id"].to_numpy(dtype=object), 2)
    verdicts = np.concatenate([pairs["verdict"].to_numpy(), pairs["review"].to_numpy()])
    alpha = krippendorff_alpha(ids, verdicts, weight=np.tile(weight, 2))
    return None if np.isnan(alpha) else alpha
