from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import CapacityError, ContractError
from models.plan import Plan, RiskFrame, bonus, fit_plan
from models.sampling_key import SamplingKey, uniform_numbers
from models.selection import Selection, select_admission, select_batch
from models.threshold import inclusion_probability
from tests.models.drawing import KEY, key_of, make_population, z_score

POPULATION = make_population()
RISK = POPULATION.risk
PLAN = fit_plan(RISK, capacity=40, key_id=KEY.key_id)
WITH_MINIMUMS = fit_plan(RISK, capacity=40, minimums={"c": 4, "d": 3}, key_id=KEY.key_id)
TIMED = make_population(minutes=True)
REPETITIONS = 1_200


def rows_of(risk: RiskFrame, rows: np.ndarray) -> RiskFrame:
    return RiskFrame(
        risk.decision_ids[rows],
        risk.overturn_probability[rows],
        risk.expected_harm[rows],
        risk.stratum[rows],
        None if risk.minutes is None else risk.minutes[rows],
    )


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(2, 60),
    seed=st.integers(0, 10_000),
    share=st.floats(0.05, 1.2),
    dial=st.sampled_from([1.0, 1.5, 2.0]),
)
def test_any_draw_ranks_all_and_selects_the_capacity(
    rows: int, seed: int, share: float, dial: float
) -> None:
    risk = make_population(rows, seed).risk
    capacity = max(1, int(share * rows))
    plan = fit_plan(risk, capacity=capacity, ratio=dial, key_id="k")
    drawn = select_batch(risk, plan=plan, key=KEY, capacity=capacity)
    assert sorted(drawn.rank) == list(range(1, rows + 1))
    assert drawn.selected.sum() == min(capacity, rows)
    assert set(drawn.rank[drawn.selected]) == set(range(1, min(capacity, rows) + 1))
    assert np.all((drawn.inclusion_probability > 0) & (drawn.inclusion_probability <= 1))
    assert np.all(drawn.selected | (drawn.reason == ""))
    assert np.all(~drawn.random_audit | drawn.selected)


def test_selected_means_u_below_the_chance_for_every_row() -> None:
    uniform = uniform_numbers(RISK.decision_ids, KEY)
    for plan in (PLAN, WITH_MINIMUMS):
        for capacity in (10, 40, 200, 900):
            drawn = select_batch(RISK, plan=plan, key=KEY, capacity=capacity)
            assert np.array_equal(drawn.selected, uniform < drawn.inclusion_probability)
    admitted = select_admission(RISK, plan=WITH_MINIMUMS, key=KEY)
    assert np.array_equal(admitted.selected, uniform < admitted.inclusion_probability)


def test_priority_does_not_depend_on_order_or_batch() -> None:
    whole = select_batch(RISK, plan=PLAN, key=KEY, capacity=40)
    order = np.random.default_rng(0).permutation(len(RISK))
    shuffled = select_batch(rows_of(RISK, order), plan=PLAN, key=KEY, capacity=40)
    half = select_batch(rows_of(RISK, np.arange(500)), plan=PLAN, key=KEY, capacity=40)
    assert np.allclose(shuffled.priority, whole.priority[order], rtol=1e-12, atol=0)
    assert np.array_equal(shuffled.selected, whole.selected[order])
    assert np.allclose(
        shuffled.inclusion_probability, whole.inclusion_probability[order], rtol=1e-12, atol=0
    )
    assert np.allclose(half.priority, whole.priority[:500], rtol=1e-12, atol=0)


def test_prefixes_nest() -> None:
    before = np.zeros(len(RISK), dtype=np.bool_)
    for capacity in (1, 2, 10, 39, 40, 41, 500):
        now = select_batch(RISK, plan=PLAN, key=KEY, capacity=capacity).selected
        assert np.all(now[before])
        before = now


def test_a_capacity_of_the_whole_batch_is_a_census() -> None:
    drawn = select_batch(RISK, plan=PLAN, key=KEY, capacity=len(RISK))
    assert np.all(drawn.inclusion_probability == 1.0)
    assert set(drawn.reason) == {"certain"}
    assert drawn.random_audit.all()


def test_a_rotated_key_draws_anew_but_keeps_what_was_stored() -> None:
    first = select_batch(RISK, plan=PLAN, key=KEY, capacity=40)
    other = SamplingKey("rotated", bytes([9] * 32))
    assert not np.array_equal(
        first.selected, select_batch(RISK, plan=PLAN, key=other, capacity=40).selected
    )
    again = select_batch(RISK, plan=PLAN, key=KEY, capacity=40)
    assert np.array_equal(first.selected, again.selected)


@pytest.mark.parametrize("value", [np.nan, -0.5])
def test_an_impossible_harm_is_refused_with_its_row(value: float) -> None:
    harm = RISK.expected_harm.copy()
    harm[3] = value
    with pytest.raises(ContractError, match="row 3, column 'expected_harm'"):
        select_batch(replace(RISK, expected_harm=harm), plan=PLAN, key=KEY, capacity=40)


def test_a_repeated_decision_id_is_refused() -> None:
    ids = RISK.decision_ids.copy()
    ids[5] = ids[2]
    with pytest.raises(ContractError, match="row 5, column 'decision_ids'"):
        select_batch(replace(RISK, decision_ids=ids), plan=PLAN, key=KEY, capacity=40)


def test_an_unseen_stratum_is_selected_from_like_any_other() -> None:
    stratum = RISK.stratum.copy()
    stratum[:100] = "launched today"
    drawn = select_batch(replace(RISK, stratum=stratum), plan=PLAN, key=KEY, capacity=40)
    assert drawn.inclusion_probability[:100].min() > 0


def test_minimums_beyond_the_capacity_are_refused_by_how_much() -> None:
    with pytest.raises(CapacityError, match="need 7 audits, 2 more than the capacity of 5"):
        select_batch(RISK, plan=WITH_MINIMUMS, key=KEY, capacity=5)


def test_minimums_that_leave_others_no_chance_are_refused() -> None:
    with pytest.raises(CapacityError, match="no chance of an audit"):
        select_batch(RISK, plan=WITH_MINIMUMS, key=KEY, capacity=7)


def test_minimums_are_met_in_every_draw_and_are_given_as_the_reason() -> None:
    named = 0
    for number in range(200):
        drawn = select_batch(RISK, plan=WITH_MINIMUMS, key=key_of(number), capacity=12)
        assert np.sum(drawn.selected & (RISK.stratum == "c")) >= 4
        assert np.sum(drawn.selected & (RISK.stratum == "d")) >= 3
        named += int(np.sum(drawn.reason == "minimum"))
    assert named > 0


def test_a_stratum_smaller_than_its_minimum_is_taken_whole() -> None:
    rows = np.r_[np.flatnonzero(RISK.stratum == "d")[:2], np.flatnonzero(RISK.stratum == "a")]
    drawn = select_batch(rows_of(RISK, rows), plan=WITH_MINIMUMS, key=KEY, capacity=20)
    assert drawn.selected[:2].all()
    assert np.all(drawn.inclusion_probability[:2] == 1.0)


def test_hours_are_not_overspent_and_the_next_audit_would_not_fit() -> None:
    minutes = TIMED.risk.minutes
    assert minutes is not None
    plan = fit_plan(TIMED.risk, capacity=0, capacity_minutes=240.0, key_id="k")
    for number in range(50):
        drawn = select_batch(TIMED.risk, plan=plan, key=key_of(number), capacity=240.0)
        spent = float(minutes[drawn.selected].sum())
        after = int(np.flatnonzero(drawn.rank == drawn.selected.sum() + 1)[0])
        assert spent <= 240.0 < spent + minutes[after]


def test_an_audit_longer_than_the_hours_is_refused() -> None:
    plan = fit_plan(TIMED.risk, capacity=0, capacity_minutes=240.0, key_id="k")
    with pytest.raises(CapacityError, match="no chance of an audit"):
        select_batch(TIMED.risk, plan=plan, key=KEY, capacity=10.0)


def test_minutes_missing_from_the_frame_are_taken_from_the_plan() -> None:
    plan = fit_plan(TIMED.risk, capacity=0, capacity_minutes=240.0, key_id="k")
    drawn = select_batch(replace(TIMED.risk, minutes=None), plan=plan, key=KEY, capacity=240.0)
    assert 20 < drawn.selected.sum() < 100


def test_admission_decides_each_decision_alone() -> None:
    together = select_admission(RISK, plan=PLAN, key=KEY)
    alone = [
        select_admission(rows_of(RISK, np.array([row])), plan=PLAN, key=KEY) for row in range(60)
    ]
    assert [bool(one.selected[0]) for one in alone] == together.selected[:60].tolist()
    assert {one.uniform_probability for one in alone} == {together.uniform_probability}


def test_a_higher_threshold_admits_fewer() -> None:
    high = select_admission(RISK, plan=PLAN, key=KEY, threshold=2 * PLAN.threshold)
    assert high.selected.sum() < select_admission(RISK, plan=PLAN, key=KEY).selected.sum()


Draw = Callable[[SamplingKey], Selection]


def _modes() -> dict[str, tuple[np.ndarray, Draw]]:
    minutes = TIMED.risk.minutes
    assert minutes is not None
    hours = 40 * float(minutes.mean())
    timed = fit_plan(TIMED.risk, capacity=0, capacity_minutes=hours, key_id="k")
    both = fit_plan(
        TIMED.risk, capacity=0, capacity_minutes=hours, minimums={"c": 3, "d": 2}, key_id="k"
    )

    def batch(risk: RiskFrame, plan: Plan, capacity: float) -> Draw:
        return lambda key: select_batch(risk, plan=plan, key=key, capacity=capacity)

    modes: dict[str, tuple[np.ndarray, Draw]] = {}
    for size in (10, 20, 40, 80):
        modes[f"batch of {size}"] = (POPULATION.wrong, batch(RISK, PLAN, size))
        modes[f"batch of {size} with minimums"] = (
            POPULATION.wrong,
            batch(RISK, WITH_MINIMUMS, size),
        )
        modes[f"hours for {size}"] = (TIMED.wrong, batch(TIMED.risk, timed, hours * size / 40))
    modes["hours with minimums"] = (TIMED.wrong, batch(TIMED.risk, both, hours))
    modes["admission"] = (POPULATION.wrong, lambda k: select_admission(RISK, plan=PLAN, key=k))
    modes["admission with minimums"] = (
        POPULATION.wrong,
        lambda k: select_admission(RISK, plan=WITH_MINIMUMS, key=k),
    )
    modes["admission by minutes"] = (
        TIMED.wrong,
        lambda k: select_admission(TIMED.risk, plan=timed, key=k),
    )
    return modes


@pytest.mark.slow
@pytest.mark.parametrize("mode", _modes())
def test_weighted_totals_are_unbiased(mode: str) -> None:
    wrong, draw = _modes()[mode]
    sums = np.array([_sums(wrong, draw(key_of(number))) for number in range(REPETITIONS)])
    assert abs(z_score(sums[:, 0], wrong.sum())) < 4
    assert abs(z_score(sums[:, 1], len(wrong))) < 4
    assert abs(z_score(sums[:, 2], wrong.sum())) < 4
    for column, name in enumerate("abcd", start=3):
        size = np.sum(
            (TIMED if "hours" in mode or "minutes" in mode else POPULATION).stratum == name
        )
        assert abs(z_score(sums[:, column], float(size))) < 4


def _sums(wrong: np.ndarray, drawn: Selection) -> list[float]:
    taken = drawn.selected
    weight = 1.0 / drawn.inclusion_probability[taken]
    stratum = POPULATION.stratum  # the timed population has the same strata: same seed
    return [
        float(wrong[taken] @ weight),
        float(weight.sum()),
        float(wrong[drawn.random_audit].sum() / drawn.uniform_probability),
        *(float(weight[stratum[taken] == name].sum()) for name in "abcd"),
    ]


@pytest.mark.slow
def test_chances_add_up_to_the_capacity_on_average() -> None:
    sums = np.array(
        [
            select_batch(RISK, plan=PLAN, key=key_of(n), capacity=40).inclusion_probability.sum()
            for n in range(REPETITIONS)
        ]
    )
    assert abs(z_score(sums, 40.0)) < 4


@pytest.mark.slow
def test_the_variance_estimate_is_that_of_the_draws() -> None:
    residual = POPULATION.wrong - RISK.overturn_probability
    totals, estimates = [], []
    for number in range(3_000):
        drawn = select_batch(RISK, plan=PLAN, key=key_of(number), capacity=80)
        e, pi = residual[drawn.selected], drawn.inclusion_probability[drawn.selected]
        totals.append(np.sum(e / pi))
        estimates.append(np.sum((1 - pi) / pi**2 * e**2))
    assert 0.9 < np.mean(estimates) / np.var(totals) < 1.1


def test_a_threshold_that_looks_at_the_draw_itself_is_biased() -> None:
    """Negative control: the planned chance in a batch of another size must fail the test above."""
    price = bonus(PLAN, RISK.overturn_probability, RISK.stratum)
    planned = inclusion_probability(RISK.expected_harm, price, PLAN.threshold)
    sums = []
    for number in range(200):
        taken = select_batch(RISK, plan=PLAN, key=key_of(number), capacity=20).selected
        sums.append(np.sum(1 / planned[taken]))
    assert abs(z_score(np.array(sums), float(len(RISK)))) > 4
