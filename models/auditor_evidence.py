"""What reviews and golden items tell of each auditor, as successes in trials.

A review tells whether an overturn stands or an upheld decision was wrong, not how much the auditor
misses. With how much they overturned and upheld, and everything weighed by one over its chances, it
tells both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Flags, Floats, Positions, Texts, total_by

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
