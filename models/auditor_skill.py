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

from features.errors import AccessError, EstimateError
from models.arrays import Flags, Floats, Positions, Texts, total_by
from models.partial_pooling import Pooled, pool

LEAST_TRIALS = 20.0
"""Answers' worth of a person's own evidence from which on a figure is said to be theirs."""
LEAST_PEOPLE = 5
"""With fewer, how figures are spread would tell of persons."""
_BORROWED = 0.25
"""Reviews' worth of everybody's share that each person's own begins with."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class JudgedAudits:
    """Finished audits with what a second review decided, one a row.

    Attributes
    ----------
    auditor
        Who audited.
    overturned
        1 or 0, what the audit found.
    gold
        1 or 0, what the review decided; null (NaN) where there was none.
    weight
        One over the chance of the audit, 1 or more.
    review_probability
        Chance of the review given the audit, in (0, 1]; read where there was one.
    """

    auditor: Texts
    overturned: Floats
    gold: Floats
    weight: Floats
    review_probability: Floats


@dataclass(frozen=True, slots=True)
class GoldenAnswers:
    """Answers on golden items, one a row.

    Attributes
    ----------
    auditor
        Who answered.
    overturned, truth
        1 or 0: what they answered, and what was agreed beforehand.
    """

    auditor: Texts
    overturned: Floats
    truth: Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of each person, as successes in trials; fractions for weighted reviews.

    Attributes
    ----------
    auditors
        Sorted.
    caught, errors
        Worth of the wrong decisions that they overturned, among those they saw.
    upheld, right
        Worth of the right decisions that they upheld, among those they saw.
    reviews, golden
        Counts of their reviewed audits and golden answers.
    """

    auditors: tuple[str, ...]
    caught: Floats
    errors: Floats
    upheld: Floats
    right: Floats
    reviews: Positions
    golden: Positions


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


def gather_evidence(audits: JudgedAudits | None, golden: GoldenAnswers | None) -> Evidence:
    """Turn reviews and golden answers into successes in trials.

    Of reviews, the share of an auditor's overturns that stand and of their upheld decisions that
    were wrong are known, each by its own weight; with how much they overturned and upheld these
    give the sensitivity. Its worth in trials is what a binomial of the same variance would have,
    taken at everybody's shares, so that it does not depend on how the person did.
    """
    ids = sorted({*_people(audits), *_people(golden)})
    if not ids:
        raise EstimateError(
            "auditors: there is neither a second review nor an answer on a golden item; review "
            "audits (`secondlook reviews`) or mix in golden items first"
        )
    caught, errors, upheld, right = np.zeros((4, len(ids)))
    reviews = answers = np.zeros(len(ids), dtype=np.int64)
    if audits is not None and np.any(~np.isnan(audits.gold)):
        shares = _Shares.of(audits, _numbers(audits.auditor, ids), len(ids))
        (caught, errors), (upheld, right) = shares.sensitivity(), shares.specificity()
        reviews = shares.reviews
    if golden is not None and len(golden.truth):
        code = _numbers(golden.auditor, ids)
        wrong, same = golden.truth == 1, golden.overturned == golden.truth
        answers = np.bincount(code, minlength=len(ids))
        errors = errors + total_by(code, wrong.astype(float), len(ids))
        caught = caught + total_by(code, (wrong & same).astype(float), len(ids))
        right = right + total_by(code, (~wrong).astype(float), len(ids))
        upheld = upheld + total_by(code, (~wrong & same).astype(float), len(ids))
    return Evidence(tuple(ids), caught, errors, upheld, right, reviews, answers)


@dataclass(frozen=True, slots=True)
class _Shares:
    """By what an audit found (0 upheld, 1 overturned) and person, shape (2, people).

    Attributes
    ----------
    mass, square
        Decisions that the person's audits stand for: sum of the weights, and of their squares.
    wrong
        Share of the mass that reviews hold to be wrong; a part of a review's worth is everybody's.
    known
        Effective number of reviews.
    common, common_square
        Everybody's share, of the mass and of the squares, shape (2, 1).
    reviews
        Of each person.
    """

    mass: Floats
    square: Floats
    wrong: Floats
    known: Floats
    common: Floats
    common_square: Floats
    reviews: Positions

    @staticmethod
    def of(audits: JudgedAudits, code: Positions, people: int) -> _Shares:
        given: Flags = ~np.isnan(audits.gold)
        columns = [
            _one_finding(audits, code, people, rows=audits.overturned == found, given=given)
            for found in (0.0, 1.0)
        ]
        mass, square, wrong, known, common, common_square = (
            np.array([each[part] for each in columns]) for part in range(6)
        )
        reviews = np.bincount(code[given], minlength=people)
        return _Shares(
            *(mass, square, wrong, known),
            common=common[:, None],
            common_square=common_square[:, None],
            reviews=reviews,
        )

    def sensitivity(self) -> tuple[Floats, Floats]:
        """Successes and trials of overturning what is wrong."""
        return self._binomial(self.wrong, self.common, self.common_square, hit=1)

    def specificity(self) -> tuple[Floats, Floats]:
        """Successes and trials of upholding what is right."""
        return self._binomial(1 - self.wrong, 1 - self.common, 1 - self.common_square, hit=0)

    def _binomial(
        self, share: Floats, common: Floats, common_square: Floats, *, hit: int
    ) -> tuple[Floats, Floats]:
        """Return the rate of hits as successes in trials of the variance of audits and reviews."""
        part, usual, miss = self.mass * share, self.mass * common, 1 - hit
        rate = part[hit] / np.maximum(part.sum(axis=0), _TINY)
        whole = np.maximum(usual.sum(axis=0), _TINY)
        expected = usual[hit] / whole
        scatter = self.mass**2 * common * (1.0 - common) / np.maximum(self.known, _TINY)
        reviewed = usual[miss] ** 2 * scatter[hit] + usual[hit] ** 2 * scatter[miss]
        square = self.square * common_square
        audited = square[hit] * (1.0 - expected) ** 2 + square[miss] * expected**2
        variance = np.maximum(reviewed / whole**4 + audited / whole**2, _TINY)
        trials = np.where(self.known.min(axis=0) > 0, expected * (1 - expected) / variance, 0.0)
        return rate * trials, trials


def _one_finding(
    audits: JudgedAudits, code: Positions, people: int, *, rows: Flags, given: Flags
) -> tuple[Floats, Floats, Floats, Floats, float, float]:
    """Return the columns of `_Shares` for audits of one finding."""
    rows = rows & (code >= 0)
    mass = total_by(code[rows], audits.weight[rows], people)
    square = total_by(code[rows], audits.weight[rows] ** 2, people)
    seen = rows & given
    person, gold, chance = code[seen], audits.gold[seen], audits.review_probability[seen]
    weight = audits.weight[seen] / chance
    total, hits = (total_by(person, each, people) for each in (weight, weight * gold))
    kish = total**2 / np.maximum(total_by(person, weight**2, people), _TINY)
    common = (float(hits.sum()) + 0.5 * _mean(weight)) / (float(total.sum()) + _mean(weight))
    inverse = audits.weight[seen] ** 2 / chance
    common_square = float(inverse @ gold + 0.5 * _mean(inverse)) / float(
        inverse.sum() + _mean(inverse)
    )
    known = kish / _design_effect(weight, gold, common)
    wrong = (hits / np.maximum(total, _TINY) * known + _BORROWED * common) / (known + _BORROWED)
    return mass, square, wrong, known, common, common_square


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 1.0


def _design_effect(weight: Floats, gold: Floats, common: float) -> float:
    """By how much a weighted share scatters more than its effective number of reviews says.

    It does where what weighs much is more, or less, often wrong. Never below 1.
    """
    if len(weight) == 0:
        return 1.0
    seen = float(np.sum(weight**2 * (gold - common) ** 2))
    return max(seen / float(np.sum(weight**2) * common * (1.0 - common)), 1.0)


def _numbers(auditor: Texts, ids: list[str]) -> Positions:
    """Return the 0-based number of each person; -1 for those of whom nothing is known."""
    return pd.Index(ids).get_indexer(pd.Index(auditor.astype(str))).astype(np.int64)


def _people(given: JudgedAudits | GoldenAnswers | None) -> list[str]:
    if given is None:
        return []
    judged = ~np.isnan(given.gold) if isinstance(given, JudgedAudits) else slice(None)
    return [str(each) for each in np.unique(given.auditor[judged].astype(str))]


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
