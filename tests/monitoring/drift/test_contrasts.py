from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from monitoring.drift.contrasts import Contrasts, contrasts_of, critical
from monitoring.drift.reference import bins_of


def compared(before: np.ndarray, *now: np.ndarray) -> Contrasts:
    """Compare samples of one feature with its reference."""
    bins = bins_of("x_input", pd.Series(before))
    sides = [
        bins.count(pd.Series(side), np.zeros(len(side), dtype=np.int64), 1)[0]
        for side in (before, *now)
    ]
    return contrasts_of(bins, sides[0], np.array(sides[1:]), repeats=1.0)


def effect(found: Contrasts, name: str) -> float:
    return float(found.effects[0, found.names.index(name)])


def test_a_level_moves_by_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    found = compared(rng.normal(10, 3, 20_000), rng.normal(10.6, 3, 20_000))
    assert effect(found, "level") == pytest.approx(0.2, abs=0.03)


def test_a_wider_spread_leaves_the_level() -> None:
    rng = np.random.default_rng(1)
    found = compared(rng.normal(0, 1, 20_000), rng.normal(0, 1.2, 20_000))
    assert abs(effect(found, "level")) < 0.03
    assert effect(found, "spread") > 0.2


def test_values_that_get_lost_move_the_share_not_known_only() -> None:
    rng = np.random.default_rng(2)
    before, now = rng.normal(0, 1, 20_000), rng.normal(0, 1, 20_000)
    found = compared(before, np.where(rng.random(20_000) < 0.1, np.nan, now))
    assert effect(found, "not known") > 0.5
    assert abs(effect(found, "level")) < 0.03


def test_without_a_change_each_effect_scatters_by_one_over_the_rows() -> None:
    rng = np.random.default_rng(3)
    before = rng.gamma(2, 1, 1_000_000)
    found = compared(before, *(rng.gamma(2, 1, 500) for _ in range(400)))
    inner = [k for k, name in enumerate(found.names) if "below" not in name and "above" not in name
             and name != "not known"]  # fmt: skip
    scatter = found.effects[:, inner].std(axis=0) * np.sqrt(500)
    assert scatter == pytest.approx(np.ones(len(inner)), abs=0.15)


def test_the_ways_of_a_feature_share_one_risk() -> None:
    rng = np.random.default_rng(4)
    number = compared(rng.normal(0, 1, 500), rng.normal(0, 1, 500))
    category = compared(rng.choice(["a", "b"], 500), rng.choice(["a", "b"], 500))
    assert number.alpha.sum() == pytest.approx(1.0)
    assert category.alpha.sum() == pytest.approx(1.0)
    assert number.alpha[number.names.index("level")] == pytest.approx(0.5)


def test_skewed_values_in_small_samples_are_given_more_room() -> None:
    alpha, rows = np.array([1e-5]), np.array([50.0])
    plain, skewed = (critical(alpha, np.array([skew]), rows) for skew in (0.0, 3.0))
    assert skewed > plain
    assert critical(alpha, np.array([3.0]), rows * 1000) == pytest.approx(plain, rel=0.05)


def test_a_constant_feature_has_no_level_to_move() -> None:
    found = compared(np.ones(500), np.ones(500))
    assert "level" not in found.names
    assert np.nanmax(np.abs(found.effects)) < 0.05
