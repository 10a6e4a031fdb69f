import json
from dataclasses import replace

import numpy as np
import pytest

from features.errors import CapacityError, ContractError, SettingsError
from models.plan import DIALS, Plan, RiskFrame, bonus, fit_plan, fitted_for, plan_for
from models.threshold import inclusion_probability, solve_threshold
from tests.models.drawing import make_population

RISK = make_population(4_000).risk


def chances(plan: Plan, risk: RiskFrame = RISK) -> np.ndarray:
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    return inclusion_probability(risk.expected_harm, price, plan.threshold)


@pytest.mark.parametrize("capacity", [20, 200, 1_000])
@pytest.mark.parametrize("ratio", DIALS.values())
def test_the_chances_add_up_to_the_capacity(capacity: int, ratio: float) -> None:
    pi = chances(fit_plan(RISK, capacity=capacity, ratio=ratio, key_id="k"))
    assert abs(pi.sum() - capacity) < 1e-3 * capacity
    assert pi.min() > 0
    assert pi.max() <= 1


def test_a_subsample_gives_the_dial_asked_for_on_the_whole_frame() -> None:
    risk = make_population(40_000).risk
    plan = fit_plan(risk, capacity=800, key_id="k", smoothing=0.0)
    pi = chances(plan, risk)
    variance = bonus(plan, risk.overturn_probability, risk.stratum) / plan.eta
    mean = risk.overturn_probability.mean()
    uniform = len(risk) * (len(risk) / 800 - 1) * mean * (1 - mean)
    assert np.sqrt(np.sum((1 / pi - 1) * variance) / uniform) == pytest.approx(1.5, rel=0.01)
    assert abs(pi.sum() - 800) < 0.8


def test_chances_fall_with_the_threshold_and_rise_with_harm_and_bonus() -> None:
    harm, price = np.full(50, 0.2), np.full(50, 0.01)
    assert np.all(np.diff(inclusion_probability(harm, price, np.linspace(0.1, 5, 50))) <= 0)
    assert np.all(np.diff(inclusion_probability(np.linspace(0, 2, 50), price, 1.5)) >= 0)
    assert np.all(np.diff(inclusion_probability(harm, np.linspace(0, 2, 50), 1.5)) >= 0)


def test_no_price_of_variance_is_greedy() -> None:
    harm = RISK.expected_harm
    price = 1e-12 * bonus(replace(_plan(), eta=1.0), RISK.overturn_probability, RISK.stratum)
    pi = inclusion_probability(harm, price, solve_threshold(harm, price, 100))
    assert set(np.argsort(-pi)[:95]) <= set(np.argsort(-harm)[:100])
    assert pi[np.argsort(-harm)[:95]].min() > 0.99


def test_a_boundless_price_of_variance_is_neyman_allocation() -> None:
    p = RISK.overturn_probability.clip(0.01, 0.9)
    plan = replace(_plan(), eta=1e9, rho=0.0, smoothing=0.0)
    price = bonus(plan, p, RISK.stratum)
    pi = inclusion_probability(RISK.expected_harm, price, solve_threshold(p, price, 50))
    share = pi / np.sqrt(p * (1 - p))
    assert share.std() / share.mean() < 1e-3


def test_a_plan_is_read_back_exactly() -> None:
    plan = fit_plan(RISK, capacity=50, minimums={"d": 4}, key_id="k")
    assert Plan.from_json(plan.to_json()) == plan


def test_the_version_follows_the_content() -> None:
    plan = _plan()
    assert plan.version == _plan().version
    assert plan.version != fit_plan(RISK, capacity=101, key_id="k").version


def test_the_order_of_the_frame_does_not_matter() -> None:
    risk = make_population(20_000).risk
    order = np.random.default_rng(1).permutation(len(risk))
    shuffled = RiskFrame(
        risk.decision_ids[order],
        risk.overturn_probability[order],
        risk.expected_harm[order],
        risk.stratum[order],
    )
    one, two = (fit_plan(frame, capacity=400, key_id="k") for frame in (risk, shuffled))
    assert one.eta == pytest.approx(two.eta, rel=1e-6)
    assert one.threshold == pytest.approx(two.threshold, rel=1e-6)


def test_a_plan_tampered_with_is_refused() -> None:
    content = json.loads(_plan().to_json()) | {"eta": 5.0}
    with pytest.raises(SettingsError, match="changed after it was fitted"):
        Plan.from_json(json.dumps(content))


def test_a_plan_of_before_bundles_were_told_keeps_its_version() -> None:
    plan = _plan()
    assert "bundle" not in json.loads(plan.to_json())
    assert plan.version != fitted_for(plan, "b1").version


def _stored(*plans: Plan) -> dict[str, str]:
    return {plan.version: plan.to_json() for plan in plans}


def test_a_bundle_selects_by_its_own_latest_plan() -> None:
    old, new = _plan(), fit_plan(RISK, capacity=50, key_id="k")
    first, again, other = fitted_for(old, "b1"), fitted_for(new, "b1"), fitted_for(new, "b2")
    stored = _stored(first, again, other)
    assert plan_for(stored, "b1") == again
    assert plan_for(stored, "b2") == other
    assert plan_for(stored, "b3") == other
    assert plan_for({}, "b1") is None


def test_a_plan_that_tells_no_bundle_is_taken_before_one_of_another() -> None:
    old, other = _plan(), fitted_for(_plan(), "b2")
    assert plan_for(_stored(old, other), "b1") == old
    assert plan_for(_stored(other, old), "b2") == old


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"strata": 3}'])
def test_what_is_not_a_plan_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="not a stored plan"):
        Plan.from_json(text)


def test_an_unknown_stratum_is_explored_like_a_middling_one() -> None:
    known = bonus(_plan(), np.array([0.05] * 4), np.array(["a", "b", "c", "d"], dtype=object))
    unknown = bonus(_plan(), np.array([0.05, 0.05]), np.array(["new", None], dtype=object))
    assert known.min() < unknown[0] < known.max()
    assert unknown[0] == unknown[1]


def test_a_stratum_without_risk_keeps_a_chance() -> None:
    risk = RiskFrame(
        np.arange(200).astype(str),
        np.r_[np.zeros(100), np.full(100, 0.3)],
        np.r_[np.zeros(100), np.full(100, 0.3)],
        np.repeat(["calm", "wild"], 100),
    )
    assert chances(fit_plan(risk, capacity=10, key_id="k"), risk).min() > 0


def test_a_dial_out_of_reach_gives_the_narrowest_design_and_says_so() -> None:
    plan = fit_plan(RISK, capacity=100, ratio=0.2, key_id="k")
    assert plan.ratio == 0.2
    assert plan.anticipated_ratio is not None
    assert plan.anticipated_ratio > 0.5


def test_minimums_beyond_the_capacity_are_refused_by_how_much() -> None:
    with pytest.raises(CapacityError, match="need 60 audits, 10 more than the capacity of 50"):
        fit_plan(RISK, capacity=50, minimums={"a": 30, "b": 30}, key_id="k")


def test_a_minimum_is_expected_under_admission_too() -> None:
    plan = fit_plan(RISK, capacity=50, minimums={"d": 9}, key_id="k")
    own = plan.strata["d"].threshold
    assert own is not None
    assert own < plan.threshold
    rows = RISK.stratum == "d"
    price = bonus(plan, RISK.overturn_probability, RISK.stratum)
    pi = inclusion_probability(RISK.expected_harm, price, np.where(rows, own, plan.threshold))
    assert pi[rows].sum() == pytest.approx(9, rel=1e-6)
    assert pi.sum() == pytest.approx(50, rel=1e-6)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("overturn_probability", np.nan),
        ("overturn_probability", -0.1),
        ("overturn_probability", 1.1),
        ("expected_harm", np.nan),
        ("expected_harm", -1.0),
        ("expected_harm", np.inf),
    ],
)
def test_an_impossible_risk_is_refused_with_its_row(column: str, value: float) -> None:
    spoilt = getattr(RISK, column).copy()
    spoilt[17] = value
    with pytest.raises(ContractError, match=f"row 17, column '{column}'"):
        fit_plan(replace(RISK, **{column: spoilt}), capacity=50, key_id="k")


@pytest.mark.parametrize("setting", [{"capacity": 0}, {"ratio": 0.0}, {"rho": 2.0}])
def test_a_setting_out_of_range_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="cannot be fitted"):
        fit_plan(RISK, **({"capacity": 50, "key_id": "k"} | setting))  # type: ignore[arg-type]


def test_minutes_without_minutes_per_decision_are_refused() -> None:
    with pytest.raises(SettingsError, match="no minutes per decision"):
        fit_plan(RISK, capacity=0, capacity_minutes=100.0, key_id="k")


def test_expected_minutes_add_up_to_the_hours() -> None:
    risk = make_population(4_000, minutes=True).risk
    assert risk.minutes is not None
    plan = fit_plan(risk, capacity=0, capacity_minutes=600.0, key_id="k")
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    pi = inclusion_probability(risk.expected_harm, price, plan.threshold * risk.minutes)
    assert pi @ risk.minutes == pytest.approx(600.0, rel=1e-6)
    assert plan.strata["a"].minutes == pytest.approx(risk.minutes[risk.stratum == "a"].mean())


def test_a_capacity_beyond_the_frame_needs_no_threshold() -> None:
    assert fit_plan(RISK, capacity=10_000, key_id="k").threshold == 0.0


def _plan() -> Plan:
    return fit_plan(RISK, capacity=100, key_id="k")
