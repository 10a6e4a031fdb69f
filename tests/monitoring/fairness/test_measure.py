"""The fairness of a period: every group of every column, of moderation and of the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.estimate import estimate_by
from monitoring.fairness.found import Comparison, Fairness
from monitoring.fairness.measure import measure_fairness
from monitoring.labels import labels_of
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL
from tests.monitoring.fairness.frames import fully_audited, grouped_period
from tests.monitoring.periods import Made, make_period


@pytest.fixture(scope="module")
def made() -> Made:
    return grouped_period(decisions_a_day=1_000)


@pytest.fixture(scope="module")
def found(made: Made) -> Fairness:
    return measure_fairness(Recalibrated(made.ranked))


def of(found: Fairness, column: str) -> Comparison:
    return next(each for each in found.comparisons if each.column == column)


def test_every_column_with_two_values_is_compared(found: Fairness) -> None:
    assert [each.column for each in found.comparisons] == [
        *("policy", "language", "decided_by", "moderator_team", "tenure", "group_vendor")
    ]


def test_rates_are_those_of_the_estimates_by_group(found: Fairness, made: Made) -> None:
    period = Recalibrated(made.ranked)
    expected = estimate_by(
        period.frame(direction="over_enforcement", column="language"),
        labels_of(made.ranked.table["language"]),
        level=LEVEL,
    )
    groups = {group.name: group.over.estimate for group in of(found, "language").groups}
    assert groups == {estimate.domain: estimate for estimate in expected}


def test_each_kind_of_error_in_each_group_counts_as_looked_at(found: Fairness) -> None:
    assert found.compared == 3 * found.groups == 3 * sum(len(c.groups) for c in found.comparisons)


def test_decisions_without_a_value_are_in_the_rest_and_in_no_group(
    found: Fairness, made: Made
) -> None:
    teams = of(found, "moderator_team")
    assert {group.name for group in teams.groups} == {"north", "south"}
    assert teams.unlabelled == int(made.ranked.table["moderator_team"].isna().sum()) > 0
    assert sum(group.burden.audits_share for group in teams.groups) < 1


def test_a_language_whose_decisions_are_worse_stands_out_and_the_vendor_does_not() -> None:
    made = make_period(seed=5, decisions_a_day=1_500, chance=0.2)
    table = made.ranked.table
    rng = np.random.default_rng(9)
    spoilt = (table["language"] == "da").to_numpy() & (rng.random(len(table)) < 0.12)
    hit = spoilt & table["audited"].to_numpy()
    verdict = table["verdict"].mask(hit, "over_enforcement")
    table = table.assign(
        verdict=verdict,
        overturned=table["overturned"].mask(hit, 1.0),
        group_vendor=rng.choice(["in-house", "vendor"], len(table)),
    )
    found = measure_fairness(Recalibrated(replace(made.ranked, table=table)))
    worse = [g.name for g in of(found, "language").groups if g.overturn.gap.standing == "worse"]
    assert worse == ["da"]
    assert of(found, "group_vendor").apart == ()


def test_a_language_in_which_the_model_is_too_sure_is_miscalibrated_there_alone() -> None:
    made = make_period(seed=6, decisions_a_day=1_500, chance=0.2)
    table = made.ranked.table
    low = table["language"] == "hi"
    table = table.assign(**{name: table[name].mask(low, table[name] / 4) for name in _RISKS})
    found = measure_fairness(Recalibrated(replace(made.ranked, table=table)))
    standings = {
        group.name: group.calibration.standing
        for group in of(found, "language").groups
        if group.calibration is not None
    }
    assert standings == {"en": "alike", "da": "alike", "hi": "worse"}


def test_with_every_decision_audited_rates_are_plain_means() -> None:
    rng = np.random.default_rng(3)
    rows = 900
    table = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(rows)],
            "decided_at": pd.Timestamp("2026-01-05", tz="UTC"),
            "selected_at": pd.Timestamp("2026-01-06", tz="UTC"),
            "policy": "hate",
            "language": rng.choice(["da", "hi", "fr"], rows),
            "over_enforcement": 0.05,
            "under_enforcement": 0.05,
            "wrong_selection": 0.0,
            "overturn_probability": rng.uniform(0.0, 0.3, rows),
            "expected_harm": 0.1,
        }
    )
    verdict = pd.Series(rng.choice(["correct", "over_enforcement", "technical_error"], rows))
    found = measure_fairness(fully_audited(table, verdict))
    means = (verdict == "over_enforcement").groupby(table["language"]).mean()
    for group in of(found, "language").groups:
        estimate = group.over.estimate
        assert estimate.overturn_rate == pytest.approx(means[group.name], abs=1e-12)
        assert (estimate.low, estimate.high) == pytest.approx(
            (means[group.name], means[group.name]), abs=1e-12
        )
        assert group.capture is not None
        assert group.capture.share == pytest.approx(1.0)


def test_shares_of_audits_and_errors_add_up_to_one(found: Fairness) -> None:
    burdens = [group.burden for group in of(found, "language").groups]
    assert sum(burden.audits_share for burden in burdens) == pytest.approx(1)
    assert sum(burden.errors_share or 0.0 for burden in burdens) == pytest.approx(1)
    for burden in burdens:
        assert burden.errors_low is not None
        assert burden.errors_high is not None
        assert burden.errors_low < (burden.errors_share or 0.0) < burden.errors_high


def test_no_group_at_all_is_no_failure() -> None:
    made = make_period(seed=8, days=2, decisions_a_day=200)
    table = made.ranked.table.assign(language="en", policy="spam", decided_by="automation")
    found = measure_fairness(Recalibrated(replace(made.ranked, table=table)))
    assert (found.comparisons, found.compared) == ((), 0)


_RISKS = ("overturn_probability", "over_enforcement")


def test_before_any_audit_nothing_is_said_of_anybody() -> None:
    made = make_period(seed=9, days=2, decisions_a_day=300)
    table = made.ranked.table.assign(audited=False, overturned=np.nan)
    table["verdict"] = table["verdict"].where(table["audited"])
    found = measure_fairness(Recalibrated(replace(made.ranked, table=table)))
    groups = of(found, "language").groups
    assert [group.enough for group in groups] == [False] * 3
    assert {group.overturn.gap.standing for group in groups} == {"unknown"}
    assert [group.overturn.pooled for group in groups] == [None] * 3
    assert [group.calibration for group in groups] == [None] * 3


@pytest.mark.slow
def test_a_model_upside_down_in_one_language_leaves_its_intervals_true() -> None:
    held = []
    for seed in range(8):
        made = make_period(seed=seed, decisions_a_day=500, upside_down="hi", chance=0.2)
        found = measure_fairness(Recalibrated(made.ranked))
        truth = pd.Series(made.wrong.astype(float)).groupby(made.ranked.table["language"]).mean()
        for group in of(found, "language").groups:
            estimate = group.overturn.estimate
            held.append(estimate.low <= truth[group.name] <= estimate.high)
    # at exactly 95 %, four or more misses of 24 would happen 3 times in 100
    assert sum(held) >= len(held) - 3
