"""How right each auditor is: sensitivity and specificity, from second reviews and golden items.

Sensitivity is the share of wrong decisions that an auditor overturns, specificity the share of
right ones that they uphold. Both are of all decisions, not of the hard ones that are picked for
audit: reviews weigh one over the chance of the audit times that of the review. Everybody is drawn
towards all, for few people have enough reviews of their own.

Nobody is ranked here. People may see their own figures (`Skills.own`), a lead how they are spread
(`Skills.spread`); the figures of individuals are given on an explicit argument only, for the role
that trains and supports them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import AccessError
from models.auditor_evidence import Evidence, GoldenAnswers, JudgedAudits, gather_evidence
from models.partial_pooling import Pooled, pool

LEAST_TRIALS = 20.0
"""Answers' worth of a person's own evidence from which on a figure is said to be theirs."""
LEAST_PEOPLE = 5
"""With fewer, how figures are spread would tell of persons."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One person's rate.

    Attributes
    ----------
    rate, low, high
        0 to 1, with the interval; drawn towards all.
    needed
        About how many more golden items until it rests on the person's own answers; 0 = enough.
    """

    rate: float
    low: float
    high: float
    needed: int


@dataclass(frozen=True, slots=True)
class OwnSkill:
    """What a person may see of themselves."""

    sensitivity: Figure
    specificity: Figure
    reviews: int
    golden: int


@dataclass(frozen=True, slots=True)
class SkillSpread:
    """How a rate is spread over people; nobody is told apart.

    Attributes
    ----------
    of
        ``sensitivity`` or ``specificity``.
    people, known
        People, and those whose own evidence is enough.
    mean, lower, upper
        The mean of people, and the range of eight in ten; null (NaN) with too few people.
    clearly_below
        People whose whole interval lies below the floor; null with too few people.
    floor
        As asked for.
    """

    of: str
    people: int
    known: int
    mean: float
    lower: float
    upper: float
    clearly_below: int | None
    floor: float


@dataclass(frozen=True, slots=True)
class Skills:
    """The skills of all auditors.

    Attributes
    ----------
    evidence
        What they rest on.
    sensitivity, specificity
        Drawn together, in the order of the evidence.
    """

    evidence: Evidence
    sensitivity: Pooled
    specificity: Pooled

    def own(self, auditor: str) -> OwnSkill | None:
        """Return a person's own figures; null where nothing is known of them."""
        if auditor not in self.evidence.auditors:
            return None
        row = self.evidence.auditors.index(auditor)
        return OwnSkill(
            _figure(self.sensitivity, row),
            _figure(self.specificity, row),
            int(self.evidence.reviews[row]),
            int(self.evidence.golden[row]),
        )

    def spread(self, *, sensitivity_floor: float, specificity_floor: float) -> list[SkillSpread]:
        """Return how both rates are spread, for who leads; no person's figure is in it."""
        return [
            _spread("sensitivity", self.sensitivity, sensitivity_floor),
            _spread("specificity", self.specificity, specificity_floor),
        ]

    def individuals(self, *, with_ids: bool = False) -> pd.DataFrame:
        """Return everybody's figures by id, for the role that may see them and no other.

        Columns ``auditor``, ``sensitivity``, ``sensitivity_low``, ``sensitivity_high``,
        ``sensitivity_needed``, the same of ``specificity``, ``reviews`` and ``golden``; sorted by
        the id, so that it is no ranking.

        Raises
        ------
        AccessError
            Unless the ids are asked for: without them the rows would be a riddle, not a safeguard.
        """
        if not with_ids:
            raise AccessError(
                "auditors: the figures of individuals are for the role that supports them; ask "
                "for them with with_ids=True, or take how they are spread"
            )
        rows = []
        for name in self.evidence.auditors:
            own = self.own(name)
            if own is not None:
                rows.append({"auditor": name, **_columns(own)})
        return pd.DataFrame(rows)


def measure_skill(
    audits: JudgedAudits | None, golden: GoldenAnswers | None, *, level: float = 0.95
) -> Skills:
    """Estimate everybody's sensitivity and specificity.

    Raises
    ------
    EstimateError
        There is neither a review nor a golden answer.

    Examples
    --------
    >>> people = np.repeat(["a", "b"], 200).astype(object)
    >>> truth = np.tile([1.0, 0.0], 200)
    >>> answers = truth.copy()
    >>> answers[:40:4] = 0.0
    >>> skills = measure_skill(None, GoldenAnswers(people, answers, truth))
    >>> own = skills.own("a")
    >>> round(own.sensitivity.rate, 2), own.sensitivity.needed, own.golden
    (0.9, 0, 200)
    """
    evidence = gather_evidence(audits, golden)
    return Skills(
        evidence,
        pool(evidence.caught, evidence.errors, level=level),
        pool(evidence.upheld, evidence.right, level=level),
    )


def _figure(pooled: Pooled, row: int) -> Figure:
    needed = math.ceil(max(LEAST_TRIALS - float(pooled.trials[row]), 0.0) - 1e-9)
    rate, low, high = (float(each[row]) for each in (pooled.rate, pooled.low, pooled.high))
    return Figure(rate, low, high, needed)


def _spread(of: str, pooled: Pooled, floor: float) -> SkillSpread:
    people, enough = len(pooled.rate), len(pooled.rate) >= LEAST_PEOPLE
    return SkillSpread(
        of=of,
        people=people,
        known=int(np.sum(pooled.trials >= LEAST_TRIALS)),
        mean=pooled.mean if enough else math.nan,
        lower=pooled.lower if enough else math.nan,
        upper=pooled.upper if enough else math.nan,
        clearly_below=int(np.sum(pooled.high < floor)) if enough else None,
        floor=floor,
    )


def _columns(own: OwnSkill) -> dict[str, float]:
    named = (("sensitivity", own.sensitivity), ("specificity", own.specificity))
    figures = {
        f"{name}{part}": value
        for name, figure in named
        for part, value in (
            ("", figure.rate),
            ("_low", figure.low),
            ("_high", figure.high),
            ("_needed", figure.needed),
        )
    }
    return {**figures, "reviews": own.reviews, "golden": own.golden}
