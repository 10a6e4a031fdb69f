from __future__ import annotations

import numpy as np
import pytest

from models.estimate import Estimate
from models.plan import DIALS, Plan, RiskFrame, fit_plan
from models.planner import sample_size, what_if
from monitoring.outlook import CHANGES, PlanOutlook, look_ahead
from monitoring.ranked import Ranked
from tests.monitoring.periods import make_period

OVERALL = Estimate("all", 0.05, 0.04, 0.06, 0.005, 4_000, 400, 50, 100.0, 0)
DAYS, A_DAY = 8, 500


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    return make_period(seed=1, days=DAYS, decisions_a_day=A_DAY).ranked


def risk_of(ranked: Ranked) -> RiskFrame:
    table = ranked.table
    return RiskFrame(
        table["decision_id"].to_numpy(dtype=object),
        table["overturn_probability"].to_numpy(dtype=float),
        table["expected_harm"].to_numpy(dtype=float),
        table["policy"].to_numpy(dtype=object),
    )


@pytest.fixture(scope="module")
def plan(ranked: Ranked) -> Plan:
    return fit_plan(risk_of(ranked), capacity=400, ratio=1.5, key_id="k1")


@pytest.fixture(scope="module")
def outlook(ranked: Ranked, plan: Plan) -> PlanOutlook:
    return look_ahead(ranked, plan, overall=OVERALL, policies=[])


def test_capacity_is_told_for_a_day(outlook: PlanOutlook) -> None:
    assert outlook.capacity_now == pytest.approx(400 / DAYS)
    capacities = {round(row.capacity) for row in outlook.rows}
    assert {25, 50, 75, 100} <= capacities
    assert (min(capacities), max(capacities)) == (25, 100)


def test_every_position_of_the_dial_is_there_and_the_present_one_is_marked(
    outlook: PlanOutlook,
) -> None:
    assert {row.dial for row in outlook.rows} == set(DIALS)
    (now,) = [row for row in outlook.rows if row.is_now]
    assert (now.dial, round(now.capacity)) == ("default", 50)


def test_a_day_s_figures_are_a_share_of_the_period_s(ranked: Ranked, plan: Plan) -> None:
    outlook = look_ahead(ranked, plan, overall=OVERALL, policies=[])
    (now,) = [row for row in outlook.rows if row.is_now]
    (whole,) = what_if(risk_of(ranked), [400], plan=plan, dials={"default": 1.5})
    assert now.errors_found == pytest.approx(whole.overall.errors_found / DAYS, rel=0.01)
    assert now.half_width_period == pytest.approx(whole.overall.interval_width / 2, rel=0.01)
    assert now.half_width_day == pytest.approx(now.half_width_period * np.sqrt(DAYS))


def test_more_audits_find_more_and_make_the_figure_surer(outlook: PlanOutlook) -> None:
    rows = [row for row in outlook.rows if row.dial == "default"]
    found = [row.errors_found for row in rows]
    widths = [row.half_width_period for row in rows]
    assert found == sorted(found)
    assert widths == sorted(widths, reverse=True)


def test_the_policies_of_a_row_add_up_to_it(outlook: PlanOutlook) -> None:
    for row in outlook.rows:
        parts = [p for p in outlook.by_policy if (p.dial, p.capacity) == (row.dial, row.capacity)]
        assert sum(p.errors_found for p in parts) == pytest.approx(row.errors_found)


def test_the_policies_are_told_at_the_present_capacity(outlook: PlanOutlook) -> None:
    assert set(outlook.policies_now) == {"spam", "hate"}
    for rows in outlook.policies_now.values():
        assert [row.dial for row in rows] == list(DIALS)
        assert {round(row.capacity) for row in rows} == {50}


def test_sample_sizes_are_at_the_efficiency_of_the_period(outlook: PlanOutlook) -> None:
    (size,) = outlook.sizes
    expected = tuple(sample_size(0.05, change, ratio=2.0) for change in CHANGES)
    assert size.needed == expected  # 400 audits are as sure as 100 uniform ones: twice as wide


def test_a_rate_of_nought_has_a_sample_size_too(ranked: Ranked, plan: Plan) -> None:
    none = Estimate("spam", 0.0, 0.0, 0.01, 0.001, 1_000, 50, 0, 50.0, 0)
    outlook = look_ahead(ranked, plan, overall=OVERALL, policies=[none])
    assert outlook.sizes[1].rate == 0.0
    assert min(outlook.sizes[1].needed) > 0


def test_capacity_in_hours_is_told_in_hours(ranked: Ranked) -> None:
    risk = risk_of(ranked)
    timed = RiskFrame(
        risk.decision_ids,
        risk.overturn_probability,
        risk.expected_harm,
        risk.stratum,
        minutes=np.where(risk.stratum == "spam", 2.0, 6.0),
    )
    plan = fit_plan(timed, capacity=1, capacity_minutes=1_600.0, ratio=1.5, key_id="k1")
    outlook = look_ahead(ranked, plan, overall=OVERALL, policies=[])
    assert outlook.in_hours
    assert outlook.capacity_now == pytest.approx(1_600 / 60 / DAYS)
    (now,) = [row for row in outlook.rows if row.is_now]
    policies = {name: rows[2].audits for name, rows in outlook.policies_now.items()}
    spent = 2.0 * policies["spam"] + 6.0 * policies["hate"]
    assert spent == pytest.approx(1_600 / DAYS, rel=0.01)
    assert now.audits == pytest.approx(sum(policies.values()))


def test_without_a_plan_the_table_is_for_what_was_selected(ranked: Ranked) -> None:
    outlook = look_ahead(ranked, None, overall=OVERALL, policies=[])
    assert outlook.capacity_now == pytest.approx(ranked.selected / DAYS)
    assert not any(row.is_now for row in outlook.rows)
    assert set(outlook.policies_now) == {"spam", "hate"}


def test_minimums_that_no_capacity_can_hold_are_told(ranked: Ranked) -> None:
    risk = risk_of(ranked)
    minimums = {"spam": 900, "hate": 900}
    plan = fit_plan(risk, capacity=1_900, ratio=1.5, key_id="k1", minimums=minimums)
    small = Ranked(ranked.table.iloc[:400], 0, ranked.nonresponse)
    outlook = look_ahead(small, plan, overall=OVERALL, policies=[])
    assert outlook.rows == ()
    assert "minimum" in outlook.refusal
