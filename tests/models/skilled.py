"""Programmes of auditors whose sensitivity and specificity are planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.auditor_error import review_chances
from models.auditor_evidence import GoldenAnswers, JudgedAudits


@dataclass(frozen=True, slots=True)
class Planted:
    """What was drawn, and everybody's true rates."""

    audits: JudgedAudits
    golden: GoldenAnswers
    sensitivity: Floats
    specificity: Floats


def plant(
    *,
    seed: int,
    people: int = 20,
    audits: int = 400,
    golden: int = 20,
    reviewer: tuple[float, float] = (1.0, 1.0),
    copied: float = 0.0,
) -> Planted:
    """Draw audits picked by risk, reviews by the rule, and golden items, half of them errors.

    Parameters
    ----------
    audits, golden
        Of each person.
    reviewer
        Sensitivity and specificity of whoever reviews; 1 and 1 is never wrong.
    copied
        Share of the reviews in which the reviewer takes the first verdict for their own.
    """
    rng = np.random.default_rng(seed)
    se, sp = rng.beta(27, 3, people), rng.beta(58.2, 1.8, people)
    who, ids = np.repeat(np.arange(people), audits), names(people)
    wrong = rng.random(len(who)) < 0.2
    pi = np.where(
        wrong,
        rng.choice([0.2, 0.5, 1.0], len(who), p=[0.3, 0.4, 0.3]),
        rng.choice([0.05, 0.2, 0.5], len(who)),
    )
    found = judge(wrong, se[who], sp[who], rng)
    chance = review_chances(found, pi)
    catches, upholds = (np.full(len(who), rate) for rate in reviewer)
    own = judge(wrong, catches, upholds, rng)
    gold = np.where(rng.random(len(who)) < copied, found, own)
    reviewed = rng.random(len(who)) < chance
    seen = np.repeat(np.arange(people), golden)
    truth = np.arange(len(seen)) % 2 == 0
    return Planted(
        JudgedAudits(ids[who], found, np.where(reviewed, gold, np.nan), 1 / pi, chance),
        GoldenAnswers(ids[seen], judge(truth, se[seen], sp[seen], rng), truth.astype(float)),
        se,
        sp,
    )


def judge(
    wrong: np.ndarray, sensitivity: Floats, specificity: Floats, rng: np.random.Generator
) -> Floats:
    """Return 1 where somebody of these rates overturns."""
    slips = rng.random(len(wrong)) < np.where(wrong, 1 - sensitivity, 1 - specificity)
    return (wrong ^ slips).astype(float)


def names(people: int) -> np.ndarray:
    return np.array([f"p{number:03d}" for number in range(people)], dtype=object)
