from dataclasses import replace

import numpy as np
import pytest

from features.errors import EstimateError, SettingsError
from models.auditor_error import (
    CorrectedEstimate,
    SecondReviews,
    correct_for_auditors,
    review_chances,
)
from models.estimate import AuditedFrame
from models.third_looks import (
    GradedEstimate,
    ThirdLooks,
    bounds_if_right,
    correct_for_reviewers,
    third_look_chances,
)
from tests.models.drawing import make_population, z_score

POPULATION = make_population(5_000, seed=6)
P, WRONG = POPULATION.risk.overturn_probability, POPULATION.wrong
RIGHT = 0.96


def judge(rng: np.random.Generator, sensitivity: float, specificity: float) -> np.ndarray:
    """What a person who errs at these rates finds, blind, on every decision."""
    slips = rng.random(len(P)) < np.where(WRONG == 1, 1 - sensitivity, 1 - specificity)
    return np.where(slips, 1 - WRONG, WRONG)


def draw(rng: np.random.Generator) -> tuple[AuditedFrame, SecondReviews, ThirdLooks]:
    """Audits and reviews by people who err, and third looks that are right."""
    pi = np.clip(0.15 + 2 * P, 0.0, 1.0)
    audited = rng.random(len(P)) < pi
    found, gold = judge(rng, 0.92, 0.97), judge(rng, RIGHT, RIGHT)
    frame = AuditedFrame(P, pi, audited, np.where(audited, found, np.nan))
    chance = np.ones(len(P))
    chance[audited] = review_chances(found[audited], pi[audited])
    reviewed = audited & (rng.random(len(P)) < chance)
    third = third_look_chances(found, gold)
    looked = reviewed & (rng.random(len(P)) < third)
    return (
        frame,
        SecondReviews(reviewed, np.where(reviewed, gold, np.nan), chance),
        ThirdLooks(looked, np.where(looked, WRONG, np.nan), third),
    )


def corrected_of(frame: AuditedFrame, reviews: SecondReviews) -> CorrectedEstimate:
    return correct_for_auditors(frame, reviews)


def graded(frame: AuditedFrame, reviews: SecondReviews, looks: ThirdLooks) -> GradedEstimate:
    corrected = corrected_of(frame, reviews)
    return correct_for_reviewers(corrected, frame, reviews=reviews, looks=looks)


def test_third_looks_take_the_reviewers_errors_out() -> None:
    rng = np.random.default_rng(0)
    results = []
    for _ in range(400):
        frame, reviews, looks = draw(rng)
        results.append(graded(frame, reviews, looks))
    truth = WRONG.mean()
    second = np.array([each.corrected.overturn_rate for each in results])
    third = np.array([each.overturn_rate for each in results])
    assert z_score(second, truth) > 10
    assert abs(z_score(third, truth)) < 4
    errors = np.mean([each.standard_error for each in results])
    assert 0.85 < errors / third.std() < 1.3


def test_the_agreement_of_third_looks_is_of_all_reviews() -> None:
    rng = np.random.default_rng(1)
    agreements = []
    for _ in range(60):
        frame, reviews, looks = draw(rng)
        found = graded(frame, reviews, looks)
        agreements.append(found.agreement)
    assert np.mean(agreements) == pytest.approx(RIGHT, abs=0.015)


def test_where_every_review_is_upheld_nothing_changes() -> None:
    frame, reviews, looks = draw(np.random.default_rng(2))
    upheld = replace(looks, truth=np.where(looks.looked, reviews.gold, np.nan))
    corrected, found = corrected_of(frame, reviews), graded(frame, reviews, upheld)
    assert (found.changed, found.agreement) == (0, 1.0)
    assert found.overturn_rate == pytest.approx(corrected.overturn_rate)
    assert found.standard_error == pytest.approx(corrected.standard_error)


def test_the_bounds_hold_the_truth_where_reviewers_are_as_right_as_said() -> None:
    rng = np.random.default_rng(3)
    held, too_sure = [], []
    for _ in range(200):
        frame, reviews, _ = draw(rng)
        surest, bounds = bounds_if_right(corrected_of(frame, reviews), (1.0, RIGHT))
        held.append(bounds.low <= WRONG.mean() <= bounds.high)
        too_sure.append(surest.low <= WRONG.mean() <= surest.high)
    assert np.mean(held) >= 0.95
    assert np.mean(too_sure) < 0.8


def test_bounds_of_reviewers_who_are_always_right_are_the_interval_and_else_wider() -> None:
    frame, reviews, _ = draw(np.random.default_rng(4))
    corrected = corrected_of(frame, reviews)
    widths = [each.high - each.low for each in bounds_if_right(corrected)]
    assert widths[0] == pytest.approx(corrected.high - corrected.low)
    assert widths == sorted(widths)


def test_a_reviewer_no_better_than_a_coin_bounds_nothing() -> None:
    frame, reviews, _ = draw(np.random.default_rng(4))
    with pytest.raises(EstimateError, match=r"right = 0\.5"):
        bounds_if_right(corrected_of(frame, reviews), (0.5,))


def test_a_third_look_without_a_review_is_refused() -> None:
    frame, reviews, looks = draw(np.random.default_rng(5))
    with pytest.raises(EstimateError, match="without a second review"):
        graded(frame, reviews, replace(looks, looked=~reviews.reviewed))


def test_no_third_look_is_no_grading() -> None:
    frame, reviews, looks = draw(np.random.default_rng(5))
    none = replace(looks, looked=np.zeros(len(P), bool))
    with pytest.raises(EstimateError, match="0 third looks"):
        graded(frame, reviews, none)


def test_a_third_look_without_a_verdict_is_refused() -> None:
    frame, reviews, looks = draw(np.random.default_rng(5))
    with pytest.raises(EstimateError, match="lack a decision"):
        graded(frame, reviews, replace(looks, truth=np.full(len(P), np.nan)))


def test_a_share_of_looks_that_leaves_no_chance_is_refused() -> None:
    with pytest.raises(SettingsError, match="of_upheld"):
        third_look_chances(np.array(["correct"]), np.array(["correct"]), of_upheld=0)
