import numpy as np
import pytest

from features.errors import SettingsError
from models.admission import AIM, first_threshold, next_threshold
from models.plan import RiskFrame, fit_plan
from models.selection import select_admission
from tests.models.drawing import key_of, make_population, z_score

HOURS = 12
POPULATION = make_population(HOURS * 150, seed=9)
RISK = POPULATION.risk
PLAN = fit_plan(RISK, capacity=72, key_id="k")


def hour(number: int) -> RiskFrame:
    """Risk doubles in the afternoon, so that the threshold has to move."""
    rows = slice(number * 150, (number + 1) * 150)
    more = 2.0 if number >= HOURS // 2 else 1.0
    return RiskFrame(
        RISK.decision_ids[rows],
        np.minimum(more * RISK.overturn_probability[rows], 1.0),
        more * RISK.expected_harm[rows],
        RISK.stratum[rows],
    )


def run_day(number: int) -> tuple[float, float, int]:
    threshold, total, size, count = PLAN.threshold, 0.0, 0.0, 0
    for now in range(HOURS):
        drawn = select_admission(hour(now), plan=PLAN, key=key_of(number), threshold=threshold)
        taken, pi = drawn.selected, drawn.inclusion_probability
        total += float(np.sum(POPULATION.wrong[now * 150 : (now + 1) * 150][taken] / pi[taken]))
        size += float(np.sum(1 / pi[taken]))
        count += int(taken.sum())
        threshold = next_threshold(PLAN, hour(now), expected_decisions=150, capacity=6)
    return total, size, count


@pytest.mark.slow
def test_a_threshold_moved_on_the_past_keeps_chances_exact_and_capacity_kept() -> None:
    days = np.array([run_day(number) for number in range(600)])
    assert abs(z_score(days[:, 0], POPULATION.wrong.sum())) < 4
    assert abs(z_score(days[:, 1], len(RISK))) < 4
    assert 0.9 * 72 < days[:, 2].mean() < 1.1 * 72


def test_more_decisions_expected_raise_the_threshold() -> None:
    few, many = (
        next_threshold(PLAN, RISK, expected_decisions=n, capacity=72) for n in (1_000, 4_000)
    )
    assert many > few


def test_without_a_past_the_plans_own_is_to_be_used() -> None:
    empty = RiskFrame(np.array([]), np.array([]), np.array([]), np.array([]))
    with pytest.raises(SettingsError, match="plan's own threshold"):
        next_threshold(PLAN, empty, expected_decisions=100, capacity=5)


def test_before_there_is_a_past_the_plan_aims_under_its_capacity() -> None:
    risk = make_population(20_000, seed=1).risk
    for dial in (1.0, 1.5, 2.0):
        plan = fit_plan(risk, capacity=1_000, ratio=dial, key_id="k")
        drawn = select_admission(risk, plan=plan, key=key_of(0), threshold=first_threshold(plan))
        assert 0.94 * 1_000 < drawn.inclusion_probability.sum() < 0.99 * 1_000


def test_strata_with_a_threshold_of_their_own_are_paid_from_the_same_capacity() -> None:
    plan = fit_plan(RISK, capacity=72, minimums={"d": 20}, key_id="k")
    assert plan.strata["d"].threshold is not None
    threshold = next_threshold(plan, RISK, expected_decisions=len(RISK), capacity=72)
    drawn = select_admission(RISK, plan=plan, key=key_of(0), threshold=threshold)
    assert drawn.inclusion_probability.sum() == pytest.approx(AIM * 72, rel=1e-6)


def test_minimums_that_take_it_all_leave_the_others_a_chance() -> None:
    plan = fit_plan(RISK, capacity=72, minimums={"d": 20}, key_id="k")
    threshold = next_threshold(plan, RISK, expected_decisions=len(RISK), capacity=12)
    drawn = select_admission(RISK, plan=plan, key=key_of(0), threshold=threshold)
    others = RISK.stratum != "d"
    assert drawn.inclusion_probability[others].sum() == pytest.approx(0.1 * AIM * 12, rel=1e-6)
