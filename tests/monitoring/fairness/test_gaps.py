"""Gaps between groups: their intervals hold together, and say when they cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from models.estimate import AuditedFrame, Estimate, estimate_by
from monitoring.fairness.found import Gap
from monitoring.fairness.gaps import exact_bounds, gaps_to_rest
from monitoring.standing import LEVEL, stricter_level

GROUPS = 12


def sampled(
    rates: np.ndarray, *, seed: int, size: int = 1_500, chance: float = 0.15
) -> tuple[AuditedFrame, np.ndarray]:
    """Groups of decisions with a model that knows a part of their risk."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(rates)), size)
    risk = np.clip(rates[group] * rng.gamma(1.0, 1.0, len(group)), 0.001, 0.95)
    wrong = rng.random(len(group)) < risk
    pi = np.clip(chance * np.sqrt(risk / risk.mean()), 0.03, 1.0)
    audited = rng.random(len(group)) < pi
    labels = np.array([f"g{n:02d}" for n in range(len(rates))], dtype=object)[group]
    frame = AuditedFrame(risk, pi, audited, np.where(audited, wrong.astype(float), np.nan))
    return frame, labels


def gaps_of(frame: AuditedFrame, labels: np.ndarray, *, compared: int) -> list[Gap]:
    level = stricter_level(compared)
    found, strict = (estimate_by(frame, labels, level=each) for each in (LEVEL, level))
    return gaps_to_rest(found, strict, level=level)


def test_where_no_group_differs_one_stands_out_in_at_most_one_of_twenty_looks() -> None:
    looks = 60
    rates = np.full(GROUPS, 0.06)
    wrongly = sum(
        any(
            gap.standing in ("worse", "better")
            for gap in gaps_of(*sampled(rates, seed=seed), compared=GROUPS)
        )
        for seed in range(looks)
    )
    # 5 % promised; with 60 looks, 7 or more would happen 3 times in 100 at exactly that
    assert wrongly <= 6


def test_each_gap_lies_in_its_interval_at_all_groups_together() -> None:
    rates = np.linspace(0.02, 0.12, GROUPS)
    truth = rates - (rates.sum() - rates) / (GROUPS - 1)
    missed = 0
    for seed in range(40):
        gaps = gaps_of(*sampled(rates, seed=seed), compared=GROUPS)
        missed += any(
            not gap.low <= true <= gap.high for gap, true in zip(gaps, truth, strict=True)
        )
    assert missed <= 5


def test_a_group_with_three_times_the_errors_stands_out_as_worse() -> None:
    rates = np.full(GROUPS, 0.05)
    rates[3] = 0.15
    gaps = gaps_of(*sampled(rates, seed=1), compared=GROUPS)
    assert [n for n, gap in enumerate(gaps) if gap.standing == "worse"] == [3]


def test_the_more_groups_are_looked_at_the_wider_the_interval() -> None:
    frame, labels = sampled(np.full(4, 0.06), seed=2)
    few, many = (gaps_of(frame, labels, compared=each)[0] for each in (4, 400))
    assert many.high - many.low > few.high - few.low


def test_a_fully_audited_handful_is_not_told_apart_by_one_error() -> None:
    """Its rate has no sampling error; that it is 10 % can be chance all the same."""
    wrong = np.zeros(3_010)
    wrong[:60] = 1.0
    wrong[-1] = 1.0
    labels = np.array(["many"] * 3_000 + ["few"] * 10, dtype=object)
    frame = AuditedFrame(np.full(3_010, 0.02), np.ones(3_010), np.ones(3_010, bool), wrong)
    few = gaps_of(frame, labels, compared=2)[0]
    assert few.difference == pytest.approx(0.08)
    assert few.standing == "alike"
    assert few.low < 0 < few.high


def test_too_few_audits_is_an_answer() -> None:
    frame, labels = sampled(np.full(3, 0.06), seed=4)
    level = stricter_level(3)
    found = estimate_by(frame, labels, level=LEVEL)
    found[1] = replace(found[1], audits_needed=7)
    gaps = gaps_to_rest(found, estimate_by(frame, labels, level=level), level=level)
    assert [gap.standing for gap in gaps] == ["alike", "unknown", "alike"]


def test_the_only_group_has_no_rest_to_differ_from() -> None:
    only = Estimate("all", 0.1, 0.08, 0.12, 0.01, 5_000, 500, 50, 490.0, 0)
    assert gaps_to_rest([only], [only], level=LEVEL)[0].standing == "unknown"


@pytest.mark.parametrize(("events", "size"), [(0, 7), (3, 40), (40, 40)])
def test_exact_bounds_are_those_of_clopper_and_pearson(events: int, size: int) -> None:
    low, high = exact_bounds(np.array([float(events)]), np.array([float(size)]), level=0.99)
    theirs = binomtest(events, size).proportion_ci(0.99, method="exact")
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high))
