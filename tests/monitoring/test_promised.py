from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from models.estimate import estimate_overturn_rate
from models.plan import Plan, RiskFrame, fit_plan
from models.planner import achieved
from monitoring.promised import measure_promises
from monitoring.ranked import Ranked
from monitoring.recalibrated import recalibrated_frame
from tests.monitoring.periods import make_period


def plan_at(ratio: float) -> Plan:
    risk = np.random.default_rng(0).beta(1, 15, 2_000)
    ids = np.arange(2_000).astype(str)
    frame = RiskFrame(ids, risk, risk, np.full(2_000, "spam", dtype=object))
    return fit_plan(frame, capacity=100, ratio=ratio, key_id="k1")


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    return make_period(seed=1).ranked


def test_the_period_s_ratio_stands_beside_the_one_anticipated(ranked: Ranked) -> None:
    plan, frame = plan_at(1.5), recalibrated_frame(ranked)
    overall = estimate_overturn_rate(frame)
    versions = np.full(len(frame), plan.version, dtype=object)
    whole, alone = measure_promises(
        frame, versions, {plan.version: plan.to_json()}, overall=overall
    )
    assert whole.achieved == achieved(overall, plan)
    assert (alone.plan_version, alone.estimate.audits) == (plan.version, overall.audits)


def test_each_plan_is_held_to_its_own_promise(ranked: Ranked) -> None:
    one, two, frame = plan_at(1.25), plan_at(2.0), recalibrated_frame(ranked)
    versions = np.where(np.arange(len(frame)) % 4 == 0, one.version, two.version).astype(object)
    documents = {plan.version: plan.to_json() for plan in (one, two)}
    whole, *each = measure_promises(
        frame, versions, documents, overall=estimate_overturn_rate(frame)
    )
    told = {p.plan_version: p.achieved.anticipated_ratio for p in each if p.achieved is not None}
    assert told == pytest.approx({one.version: 1.25, two.version: 2.0}, abs=1e-3)
    assert [p.plan_version for p in each] == [two.version, one.version]
    assert whole.achieved is not None
    expected = math.sqrt(0.25 * 1.25**2 + 0.75 * 2.0**2)
    assert whole.achieved.anticipated_ratio == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("documents", [{}, {"p1": "not a plan"}])
def test_a_plan_that_cannot_be_read_has_no_promise_but_what_came_out(
    ranked: Ranked, documents: dict[str, str]
) -> None:
    frame = recalibrated_frame(ranked)
    versions = ranked.table["plan_version"].to_numpy(dtype=object)
    whole, _ = measure_promises(frame, versions, documents, overall=estimate_overturn_rate(frame))
    assert whole.achieved is not None
    assert math.isnan(whole.achieved.anticipated_ratio)
    assert whole.achieved.achieved_ratio > 0


def test_too_few_audits_is_an_answer(ranked: Ranked) -> None:
    frame = recalibrated_frame(ranked)
    rare = pd.Series("p1", index=ranked.table.index).where(ranked.table.index >= 20, "p0")
    promises = measure_promises(
        frame, rare.to_numpy(dtype=object), {}, overall=estimate_overturn_rate(frame)
    )
    assert {p.plan_version: p.achieved is None for p in promises}["p0"]
