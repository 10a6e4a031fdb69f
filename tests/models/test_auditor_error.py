from dataclasses import replace

import numpy as np
import pytest

from features.errors import EstimateError, SettingsError
from models.auditor_error import ReviewRules, SecondReviews, correct_for_auditors, review_chances
from models.estimate import AuditedFrame
from tests.models.drawing import make_population, z_score

POPULATION = make_population(5_000, seed=6)
P, WRONG = POPULATION.risk.overturn_probability, POPULATION.wrong


def draw(rng: np.random.Generator) -> tuple[AuditedFrame, SecondReviews]:
    """Auditors right 92 % of the time on errors and 97 % on the rest, reviewed by the rule."""
    pi = np.clip(0.15 + 2 * P, 0.0, 1.0)
    audited = rng.random(len(P)) < pi
    found = np.where(rng.random(len(P)) < np.where(WRONG == 1, 0.08, 0.03), 1 - WRONG, WRONG)
    frame = AuditedFrame(P, pi, audited, np.where(audited, found, np.nan))
    chance = np.ones(len(P))
    chance[audited] = review_chances(found[audited], pi[audited])
    reviewed = audited & (rng.random(len(P)) < chance)
    return frame, SecondReviews(reviewed, np.where(reviewed, WRONG, np.nan), chance)


def test_the_correction_takes_the_auditors_errors_out() -> None:
    rng = np.random.default_rng(0)
    results = [correct_for_auditors(*draw(rng)) for _ in range(400)]
    raw = np.array([result.raw.overturn_rate for result in results])
    corrected = np.array([result.overturn_rate for result in results])
    truth = WRONG.mean()
    assert z_score(raw, truth) > 20
    assert abs(z_score(corrected, truth)) < 4
    held = np.mean([result.low <= truth <= result.high for result in results])
    assert held >= 0.93
    errors = np.mean([result.standard_error for result in results])
    assert 0.85 < errors / corrected.std() < 1.3


def test_the_report_counts_what_reviews_changed() -> None:
    frame, reviews = draw(np.random.default_rng(1))
    found = correct_for_auditors(frame, reviews)
    rows = reviews.reviewed
    assert found.reviews == rows.sum()
    assert found.reversed_overturns == np.sum((frame.overturned == 1) & (reviews.gold == 0))
    assert found.missed_overturns == np.sum((frame.overturned == 0) & (reviews.gold == 1))


def test_about_half_of_the_overturns_and_six_percent_of_the_rest_are_reviewed() -> None:
    rng = np.random.default_rng(2)
    found, pi = (rng.random(20_000) < 0.1).astype(float), rng.uniform(0.02, 1, 20_000)
    chances = review_chances(found, pi)
    assert np.all(chances[found == 1] == 0.5)
    assert chances[found == 0].mean() == pytest.approx(0.06, abs=0.005)
    assert np.all((chances > 0) & (chances <= 1))


def test_how_many_are_reviewed_can_be_set() -> None:
    rng = np.random.default_rng(2)
    found, pi = (rng.random(20_000) < 0.1).astype(float), rng.uniform(0.02, 1, 20_000)
    chances = review_chances(found, pi, rules=ReviewRules(of_overturns=1, of_rest=0.15))
    assert np.all(chances[found == 1] == 1)
    assert chances[found == 0].mean() == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_that_leaves_no_chance_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="of_overturns"):
        ReviewRules(of_overturns=share)


def test_a_review_of_what_was_not_audited_is_refused() -> None:
    frame, reviews = draw(np.random.default_rng(0))
    with pytest.raises(EstimateError, match="without a finished audit"):
        correct_for_auditors(frame, replace(reviews, reviewed=~frame.audited))


def test_a_review_without_a_decision_is_refused() -> None:
    frame, reviews = draw(np.random.default_rng(0))
    with pytest.raises(EstimateError, match="lack a decision"):
        correct_for_auditors(frame, replace(reviews, gold=np.full(len(P), np.nan)))
