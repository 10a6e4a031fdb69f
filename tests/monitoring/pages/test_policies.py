from __future__ import annotations

import numpy as np
import pytest

from models.estimate import estimate_by, estimate_overturn_rate
from models.plan import RiskFrame, fit_plan
from monitoring.page_charts import errors_by_policy
from monitoring.policies import PolicyTable, measure_policies
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import make_period


@pytest.fixture(scope="module")
def period() -> Recalibrated:
    return Recalibrated(make_period(seed=5, days=10, decisions_a_day=500).ranked)


@pytest.fixture(scope="module")
def policies(period: Recalibrated) -> PolicyTable:
    return measured(period, minimums={"spam": 10, "hate": 300})


def measured(period: Recalibrated, minimums: dict[str, int] | None) -> PolicyTable:
    overall = estimate_overturn_rate(period.frame()).overturn_rate
    plan = None
    if minimums is not None:
        table = period.table.iloc[:2000]
        risk = RiskFrame(
            table["decision_id"].to_numpy(dtype=object),
            table["overturn_probability"].to_numpy(),
            table["expected_harm"].to_numpy(),
            table["policy"].to_numpy(dtype=object),
        )
        plan = fit_plan(risk, capacity=900, minimums=minimums, key_id="k1")
    return measure_policies(period, plan, overall=overall, compared=2)


def test_each_policy_has_the_estimator_s_figure(
    period: Recalibrated, policies: PolicyTable
) -> None:
    labels = period.table["policy"].to_numpy(dtype=object)
    direct = {e.domain: e for e in estimate_by(period.frame(column="policy"), labels)}
    assert {row.name: row.estimate for row in policies.rows} == direct


def test_the_most_harm_comes_first_and_shares_add_up(policies: PolicyTable) -> None:
    harm = [row.harm for row in policies.rows]
    assert harm == sorted(harm, reverse=True)
    assert sum(row.harm_share or 0 for row in policies.rows) == pytest.approx(1)


def test_harm_of_errors_that_are_alike_is_their_number(
    period: Recalibrated, policies: PolicyTable
) -> None:
    """Each decision of this period would do the same harm, so that harm counts errors."""
    for row in policies.rows:
        assert row.harm == pytest.approx(row.estimate.decisions * row.estimate.overturn_rate)


def test_a_minimum_is_met_or_not_by_the_audits_of_a_day(policies: PolicyTable) -> None:
    met = {row.name: row.minimum_met for row in policies.rows}
    assert met == {"spam": True, "hate": False}


def test_without_a_plan_nothing_is_promised(period: Recalibrated) -> None:
    for row in measured(period, None).rows:
        assert (row.minimum_a_day, row.minimum_met) == (None, None)


def test_a_period_beyond_a_week_is_told_by_week(policies: PolicyTable) -> None:
    assert policies.step == "week"
    for row in policies.rows:
        assert [step.domain for step in row.steps] == ["2026-W02", "2026-W03"]
        assert sum(step.decisions for step in row.steps) == row.estimate.decisions


def test_the_chart_draws_each_policy_and_direction_once(policies: PolicyTable) -> None:
    values = errors_by_policy(policies.rows)["data"]["values"]
    assert len({(v["policy"], v["error"]) for v in values}) == len(values) == 6
    assert all(np.isfinite(v["figure"]) for v in values if v["figure"] is not None)
