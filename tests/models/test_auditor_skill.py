from dataclasses import replace

import numpy as np
import pytest

from features.errors import AccessError
from models.auditor_evidence import GoldenAnswers
from models.auditor_skill import LEAST_PEOPLE, LEAST_TRIALS, measure_skill
from tests.models.skilled import names, plant


@pytest.mark.parametrize(("audits", "golden"), [(400, 0), (400, 20), (2_000, 0)])
def test_the_intervals_hold_the_true_skills_as_often_as_they_say(audits: int, golden: int) -> None:
    held = []
    for seed in range(40):
        made = plant(seed=seed, audits=audits, golden=golden)
        skills = measure_skill(made.audits, made.golden)
        for pooled, truth in (
            (skills.sensitivity, made.sensitivity),
            (skills.specificity, made.specificity),
        ):
            held.append(np.mean((pooled.low <= truth) & (truth <= pooled.high)))
    assert np.mean(held) >= 0.93


def test_skills_are_of_all_decisions_and_not_of_those_picked() -> None:
    """Reviewed overturns are eight times as many as the rest: unweighted, nobody misses much."""
    weighted, counted, truth = [], [], []
    for seed in range(25):
        made = plant(seed=seed, audits=1_000, golden=0)
        rows = ~np.isnan(made.audits.gold)
        wrong = rows & (made.audits.gold == 1)
        counted.append(made.audits.overturned[wrong].mean())
        weighted.append(measure_skill(made.audits, None).sensitivity.rate.mean())
        truth.append(made.sensitivity.mean())
    assert np.mean(weighted) == pytest.approx(np.mean(truth), abs=0.02)
    assert abs(np.mean(counted) - np.mean(truth)) > 0.05


def test_too_few_answers_say_about_how_many_more() -> None:
    who = names(6).repeat(10)
    truth = np.tile([1.0, 0.0], 30)
    own = measure_skill(None, GoldenAnswers(who, truth, truth)).own("p003")
    assert own is not None
    assert own.sensitivity.needed == own.specificity.needed == LEAST_TRIALS - 5
    enough = names(6).repeat(100)
    truth = np.tile([1.0, 0.0], 300)
    own = measure_skill(None, GoldenAnswers(enough, truth, truth)).own("p003")
    assert own is not None
    assert own.sensitivity.needed == 0


def test_a_person_sees_their_own_figures_and_nobody_else_s() -> None:
    made = plant(seed=2)
    own = measure_skill(made.audits, made.golden).own("p004")
    assert own is not None
    assert own.golden == 20
    assert own.reviews == np.sum(~np.isnan(made.audits.gold) & (made.audits.auditor == "p004"))
    assert measure_skill(made.audits, made.golden).own("somebody") is None


def test_figures_of_individuals_are_given_on_an_explicit_argument_only() -> None:
    skills = measure_skill(None, plant(seed=2).golden)
    with pytest.raises(AccessError, match="with_ids=True"):
        skills.individuals()
    table = skills.individuals(with_ids=True)
    assert table["auditor"].tolist() == sorted(names(20))


def test_the_spread_is_nobodys_own_and_null_where_it_could_be() -> None:
    made = plant(seed=2)
    skills = measure_skill(made.audits, made.golden)
    sensitivity, _ = skills.spread(sensitivity_floor=0.8, specificity_floor=0.9)
    assert sensitivity.lower < made.sensitivity.mean() < sensitivity.upper
    few = plant(seed=2, people=LEAST_PEOPLE - 1)
    for spread in measure_skill(few.audits, few.golden).spread(
        sensitivity_floor=0.8, specificity_floor=0.9
    ):
        assert np.isnan([spread.mean, spread.lower, spread.upper]).all()
        assert spread.clearly_below is None


def test_who_is_far_below_the_floor_is_counted_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    who, truth = names(10).repeat(200), np.tile([1.0, 0.0], 1_000)
    rate = np.where((who == "p000") | (who == "p007"), 0.6, 0.92)
    answers = np.where(rng.random(2_000) < rate, truth, 1 - truth)
    skills = measure_skill(None, GoldenAnswers(who, answers, truth))
    sensitivity, specificity = skills.spread(sensitivity_floor=0.8, specificity_floor=0.8)
    assert (sensitivity.clearly_below, specificity.clearly_below) == (2, 2)


def test_nobody_is_called_below_the_floor_where_all_are_alike_and_above_it() -> None:
    rng = np.random.default_rng(0)
    below = 0
    for _ in range(50):
        who, truth = names(20).repeat(30), np.tile([1.0, 0.0], 300)
        answers = np.where(rng.random(600) < 0.9, truth, 1 - truth)
        spread = measure_skill(None, GoldenAnswers(who, answers, truth)).spread(
            sensitivity_floor=0.9, specificity_floor=0.9
        )
        below += sum(each.clearly_below or 0 for each in spread)
    assert below <= 0.025 * 50 * 20 * 2


def test_audits_of_people_without_a_review_are_left_out() -> None:
    made = plant(seed=3, golden=0)
    theirs = made.audits.auditor == "p000"
    none = replace(made.audits, gold=np.where(theirs, np.nan, made.audits.gold))
    skills = measure_skill(none, None)
    assert skills.own("p000") is None
    assert skills.own("p001") is not None
