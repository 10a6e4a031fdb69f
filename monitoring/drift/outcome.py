"""Drift of the outcome: what audits find, against what the model expects and learned from.

Rates and intervals come from `models.estimate`. The performance of the risk is measured on finished
audits, each counted by one over its chance (Horvitz and Thompson, 1952): the audits are picked by
risk, and counted plainly they would show the model at work on the decisions that it chose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from features.contract import DIRECTIONS
from models.arrays import Flags, Floats, Texts
from models.estimate import Estimate, estimate_at_levels
from monitoring.drift.found import PERIOD
from monitoring.recalibrated import Recalibrated, ranked_days
from monitoring.standing import LEVEL, standing_of, stricter_level

OVERTURNED = "overturned"
FEWEST_OF_EACH = 10
"""Overturned and upheld audits each, from which on the performance is given."""
_RISKIEST = 0.05
_SMALLEST_RISK = 1e-6


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rate that audits find in a span.

    Attributes
    ----------
    kind
        ``overturned``, or one of `features.contract.DIRECTIONS`.
    expected
        Mean of the risk that the model gave the same decisions, 0 to 1.
    trained
        Mean risk in the training profile; null where it is not known, as for a direction.
    estimate
        What the audits say, with a 95 % interval.
    standing
        Against `expected`, beyond chance among all such spans and kinds: ``worse`` (more errors),
        ``better``, ``alike``, ``unknown`` (too few audits).
    """

    kind: str
    expected: float
    trained: float | None
    estimate: Estimate
    standing: str


@dataclass(frozen=True, slots=True)
class Performance:
    """How well the risk orders and sizes errors, on finished audits weighted by 1/π.

    Attributes
    ----------
    audits, overturns
        Counts.
    auroc
        Probability that an error has a higher risk than a right decision, 0 to 1; .5 = by chance.
    log_loss, brier
        Lower is better; 0 is perfect.
    expected_over_found
        Overturns expected over those found; 1 is calibrated, above 1 expects too many.
    capture_05
        Share of errors among the riskiest 5 % of decisions, 0 to 1.
    """

    audits: int
    overturns: int
    auroc: float
    log_loss: float
    brier: float
    expected_over_found: float
    capture_05: float


@dataclass(frozen=True, slots=True)
class SpanOutcome:
    """The outcome of one span.

    Attributes
    ----------
    span
        A day, an ISO week or ``period``, by the day of ranking.
    outcomes
        Of any overturn first, then of each direction; of a day, of any overturn only.
    performance
        Null with fewer than `FEWEST_OF_EACH` overturned or upheld audits.
    """

    span: str
    outcomes: tuple[Outcome, ...]
    performance: Performance | None


def measure_outcomes(
    recalibrated: Recalibrated, profile: pd.DataFrame | None = None
) -> tuple[SpanOutcome, ...]:
    """Measure the outcome of each day and week with a finished audit, and of the period, last.

    Parameters
    ----------
    profile
        The champion's; null = what was expected in training is not known.
    """
    table = recalibrated.table
    if not table["audited"].any():
        return ()
    trained = None if profile is None else float(profile["overturn_probability"].mean())
    days = pd.Series(ranked_days(table).astype("datetime64[D]"))
    labels = {
        "day": days.dt.strftime("%Y-%m-%d"),
        "week": days.dt.strftime("%G-W%V"),
        PERIOD: pd.Series(PERIOD, index=days.index),
    }
    found: list[SpanOutcome] = []
    for sort, names in labels.items():
        kinds = (OVERTURNED,) if sort == "day" else (OVERTURNED, *DIRECTIONS)
        found += _by_span(recalibrated, names.to_numpy(dtype=object), kinds, trained)
    return tuple(found)


def _by_span(
    recalibrated: Recalibrated, labels: Texts, kinds: tuple[str, ...], trained: float | None
) -> Iterator[SpanOutcome]:
    compared = len(kinds) * len(pd.unique(labels))
    by_kind = {
        kind: _outcomes(recalibrated, labels, kind, compared=compared, trained=trained)
        for kind in kinds
    }
    performance = _performances(recalibrated, labels)
    for span, first in by_kind[OVERTURNED].items():
        if first.estimate.audits:
            outcomes = tuple(outcomes[span] for outcomes in by_kind.values())
            yield SpanOutcome(span, outcomes, performance.get(span))


def _outcomes(
    recalibrated: Recalibrated,
    labels: Texts,
    kind: str,
    *,
    compared: int,
    trained: float | None,
) -> dict[str, Outcome]:
    overall = kind == OVERTURNED
    frame = recalibrated.frame(direction=None if overall else kind)
    risk = recalibrated.table["overturn_probability" if overall else kind]
    expected = risk.groupby(labels).mean()
    shown, strict = estimate_at_levels(frame, labels, (LEVEL, stricter_level(compared)))
    return {
        e.domain: Outcome(
            kind=kind,
            expected=float(expected[e.domain]),
            trained=trained if overall else None,
            estimate=e,
            standing=standing_of(s, float(expected[e.domain]), compared=compared),
        )
        for e, s in zip(shown, strict, strict=True)
    }


def _performances(recalibrated: Recalibrated, labels: Texts) -> dict[str, Performance]:
    frame = recalibrated.ranked.audited_frame()
    rows = np.flatnonzero(frame.audited)
    found = {}
    for span, places in pd.Series(rows).groupby(labels[rows]):
        own = places.to_numpy()
        overturned = frame.overturned[own] == 1
        if min(overturned.sum(), (~overturned).sum()) >= FEWEST_OF_EACH:
            weight = 1 / frame.inclusion_probability[own]
            found[str(span)] = measure_performance(
                frame.overturn_probability[own], overturned, weight=weight
            )
    return found


def measure_performance(risk: Floats, overturned: Flags, *, weight: Floats) -> Performance:
    """Measure the risk on audits; both kinds must be among them.

    Parameters
    ----------
    weight
        Decisions that each audit stands for, above 0.

    Examples
    --------
    >>> risk, overturned = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False])
    >>> found = measure_performance(risk, overturned, weight=np.ones(4))
    >>> found.auroc, found.expected_over_found
    (1.0, 1.0)
    """
    sure = np.clip(risk, _SMALLEST_RISK, 1 - _SMALLEST_RISK)
    errors = weight * overturned
    return Performance(
        audits=len(risk),
        overturns=int(overturned.sum()),
        auroc=float(roc_auc_score(overturned, risk, sample_weight=weight)),
        log_loss=float(log_loss(overturned, sure, sample_weight=weight, labels=[False, True])),
        brier=float(brier_score_loss(overturned, sure, sample_weight=weight)),
        expected_over_found=float((weight * risk).sum() / errors.sum()),
        capture_05=_capture(risk, errors, weight),
    )


def _capture(risk: Floats, errors: Floats, weight: Floats) -> float:
    """Share of the errors among the riskiest decisions; the one on the edge counts in part."""
    order = np.argsort(-risk, kind="stable")
    ends = np.cumsum(weight[order]) / weight.sum()
    caught = np.cumsum(errors[order]) / errors.sum()
    return float(np.interp(_RISKIEST, np.r_[0.0, ends], np.r_[0.0, caught]))
