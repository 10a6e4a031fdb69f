"""Auditors who err: bias of the raw figure and of the corrected one, and coverage of its interval.

Audits are picked by a plan at its default dial, auditors overturn 92 % of what is wrong and uphold
97 % of what is right, and reviews are drawn by the rule (half of the overturns, 6 % of the rest).
Every simulation draws the decisions' errors, the audits, the auditors' slips and the reviews anew;
the truth is the share of that simulation's decisions that are wrong.

Reviewers are right and blind; or shown the first verdict, and then agree with it by a given chance;
or blind and err themselves. Third looks, always blind and right, and golden items stand beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from models.arrays import Flags, Floats
from models.auditor_error import SecondReviews, correct_for_auditors, review_chances
from models.auditor_evidence import GoldenAnswers, JudgedAudits
from models.estimate import AuditedFrame
from models.plan import RiskFrame, bonus, fit_plan
from models.review_dependence import measure_dependence
from models.third_looks import (
    ThirdLooks,
    bounds_if_right,
    correct_for_reviewers,
    third_look_chances,
)
from models.threshold import inclusion_probability

SENSITIVITY, SPECIFICITY = 0.92, 0.97
DECISIONS, AUDITS = 20_000, 1_000
GOLDEN = 600
"""Answers of auditors, and of reviewers, on golden items, half of them errors; of 20 people."""
PEOPLE = np.array([f"p{number:02d}" for number in range(20)], dtype=object)
RIGHT = 0.98
"""Of reviewers who err, the share of errors and of right decisions that they judge rightly."""


@dataclass(frozen=True, slots=True)
class Reviewers:
    """How second reviews are made.

    Attributes
    ----------
    right
        Share of errors, and of right decisions, that they judge rightly when blind.
    agreeing
        Chance of taking the first verdict, whatever the content; 0 = blind.
    """

    right: float = 1.0
    agreeing: float = 0.0


SCENARIOS = {
    "blind": Reviewers(),
    "anchored_25": Reviewers(agreeing=0.25),
    "anchored_50": Reviewers(agreeing=0.5),
    "anchored_75": Reviewers(agreeing=0.75),
    "blind_but_erring": Reviewers(right=RIGHT),
}


@dataclass(frozen=True, slots=True)
class _Frame:
    """A period's decisions, and how the plan would pick audits from them."""

    true_risk: Floats
    probability: Floats
    harm: Floats
    price: Floats

    @staticmethod
    def make(seed: int) -> _Frame:
        """Draw four policies, and a model that is noisy and somewhat too sure of itself."""
        rng = np.random.default_rng([seed, 1])
        true_risk = rng.beta(0.8, 12.0, DECISIONS).clip(1e-4, 0.95)
        noise = rng.normal(0.0, 0.7, DECISIONS)
        probability = expit(1.2 * logit(true_risk) + 0.5 + noise)
        policy = rng.choice(["a", "b", "c", "d"], DECISIONS, p=[0.6, 0.3, 0.08, 0.02])
        harm = probability * rng.choice([1.0, 2.0, 5.0], DECISIONS)
        ids = np.arange(DECISIONS).astype(str)
        plan = fit_plan(RiskFrame(ids, probability, harm, policy), capacity=AUDITS, key_id="noise")
        return _Frame(true_risk, probability, harm, bonus(plan, probability, policy))

    def select(self, rng: np.random.Generator) -> tuple[Flags, Floats]:
        """Draw one closed batch."""
        priority = self.harm + self.price / rng.random(DECISIONS) ** 2
        left_out, last_taken = np.partition(priority, (-AUDITS - 1, -AUDITS))[
            [-AUDITS - 1, -AUDITS]
        ]
        selected = priority > left_out
        threshold = np.where(selected, left_out, last_taken)
        return selected, inclusion_probability(self.harm, self.price, threshold)


@dataclass(frozen=True, slots=True)
class _Draw:
    """What one simulation found: the truth, and each figure with its bounds."""

    truth: float
    raw: tuple[float, float, float]
    corrected: tuple[float, float, float]
    graded: tuple[float, float, float]
    bounds: tuple[float, float]
    reviews: int
    suspected: bool
    copied: float


def noise(simulations: int, seed: int) -> dict[str, object]:
    """Measure what auditors' errors do to the figures.

    Returns
    -------
    The settings, and for each scenario ``truth`` (mean overturn rate), ``raw``, ``corrected`` and
    ``graded`` (after third looks) with ``bias``, ``sd``, ``coverage`` of the 95 % interval and its
    mean ``half_width``; ``bounds_coverage`` if reviewers are taken to be right 98 % of the time;
    ``suspected``, the share of simulations in which reviews are found to depend on first verdicts;
    and ``copied``, the mean estimate of how many do.
    """
    frame = _Frame.make(seed)
    found: dict[str, object] = {
        "simulations": simulations,
        "decisions": DECISIONS,
        "audits": AUDITS,
        "sensitivity": SENSITIVITY,
        "specificity": SPECIFICITY,
        "golden_answers": GOLDEN,
    }
    for number, (name, reviewers) in enumerate(SCENARIOS.items()):
        rng = np.random.default_rng([seed, 2, number])
        found[name] = _summary([_simulate(frame, reviewers, rng) for _ in range(simulations)])
    return found


def _simulate(frame: _Frame, reviewers: Reviewers, rng: np.random.Generator) -> _Draw:
    wrong = rng.random(DECISIONS) < frame.true_risk
    selected, chance = frame.select(rng)
    found = _judge(wrong, SENSITIVITY, SPECIFICITY, rng)
    judged = AuditedFrame(frame.probability, chance, selected, np.where(selected, found, np.nan))
    reviews = _review(judged, wrong, reviewers, rng)
    looks = _look(judged, reviews, wrong, rng)
    corrected = correct_for_auditors(judged, reviews)
    graded = correct_for_reviewers(corrected, judged, reviews=reviews, looks=looks)
    (bounds,) = bounds_if_right(corrected, (RIGHT,))
    dependence = measure_dependence(
        _evidence(judged, reviews),
        _golden(SENSITIVITY, SPECIFICITY, rng),
        reviewers=_golden(reviewers.right, reviewers.right, rng),
    )
    raw = corrected.raw
    return _Draw(
        truth=float(wrong.mean()),
        raw=(raw.overturn_rate, raw.low, raw.high),
        corrected=(corrected.overturn_rate, corrected.low, corrected.high),
        graded=(graded.overturn_rate, graded.low, graded.high),
        bounds=(bounds.low, bounds.high),
        reviews=corrected.reviews,
        suspected=dependence.clear,
        copied=dependence.copied,
    )


def _judge(
    wrong: Flags, sensitivity: float, specificity: float, rng: np.random.Generator
) -> Floats:
    """Return 1 where somebody of these rates overturns."""
    slips = rng.random(len(wrong)) < np.where(wrong, 1.0 - sensitivity, 1.0 - specificity)
    judged: Floats = (wrong ^ slips).astype(np.float64)
    return judged


def _review(
    judged: AuditedFrame, wrong: Flags, reviewers: Reviewers, rng: np.random.Generator
) -> SecondReviews:
    chance = np.ones(DECISIONS)
    rows = judged.audited
    chance[rows] = review_chances(
        judged.overturned[rows], judged.inclusion_probability[rows], mean_weight=DECISIONS / AUDITS
    )
    reviewed = rows & (rng.random(DECISIONS) < chance)
    own = _judge(wrong, reviewers.right, reviewers.right, rng)
    agrees = rng.random(DECISIONS) < reviewers.agreeing
    gold = np.where(agrees, judged.overturned, own)
    return SecondReviews(reviewed, np.where(reviewed, gold, np.nan), chance)


def _look(
    judged: AuditedFrame, reviews: SecondReviews, wrong: Flags, rng: np.random.Generator
) -> ThirdLooks:
    chance = third_look_chances(judged.overturned, reviews.gold)
    looked = reviews.reviewed & (rng.random(DECISIONS) < chance)
    return ThirdLooks(looked, np.where(looked, wrong.astype(np.float64), np.nan), chance)


def _evidence(judged: AuditedFrame, reviews: SecondReviews) -> JudgedAudits:
    rows = judged.audited
    return JudgedAudits(
        np.resize(PEOPLE, int(rows.sum())),
        judged.overturned[rows],
        reviews.gold[rows],
        1.0 / judged.inclusion_probability[rows],
        reviews.review_probability[rows],
    )


def _golden(sensitivity: float, specificity: float, rng: np.random.Generator) -> GoldenAnswers:
    """Return blind answers of people of these rates."""
    truth = np.arange(GOLDEN) % 2 == 0
    answers = _judge(truth, sensitivity, specificity, rng)
    return GoldenAnswers(np.resize(PEOPLE, GOLDEN), answers, truth.astype(np.float64))


def _summary(draws: list[_Draw]) -> dict[str, object]:
    truth = np.array([each.truth for each in draws])
    bounds = np.array([each.bounds for each in draws])
    return {
        "truth": float(truth.mean()),
        "reviews": float(np.mean([each.reviews for each in draws])),
        **{
            name: _figure(np.array([getattr(each, name) for each in draws]), truth)
            for name in ("raw", "corrected", "graded")
        },
        "bounds_coverage": _coverage(bounds, truth),
        "suspected": float(np.mean([each.suspected for each in draws])),
        "copied": float(np.mean([each.copied for each in draws])),
    }


def _figure(figures: Floats, truth: Floats) -> dict[str, float]:
    error = figures[:, 0] - truth
    return {
        "bias": float(error.mean()),
        "sd": float(error.std()),
        "coverage": _coverage(figures[:, 1:], truth),
        "half_width": float((figures[:, 2] - figures[:, 1]).mean() / 2.0),
    }


def _coverage(bounds: Floats, truth: Floats) -> float:
    return float(np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])))
