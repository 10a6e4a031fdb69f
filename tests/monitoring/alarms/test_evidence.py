from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from monitoring.alarms.evidence import (
    Lattice,
    evidence_by_day,
    lattice,
    likely_change,
    sum_by_cell,
    tilted_gains,
)

GRID = lattice(misfit=0.25, shifts={0.5: 1.0, 1.0: 1.0, -0.7: 1.0})


def likelihood(
    rng: np.random.Generator,
    *,
    segments: int,
    days: int,
    audits: int = 20,
    change: tuple[int, float] | None = None,
    misfit: float = 0.25,
    grid: Lattice = GRID,
) -> np.ndarray:
    """Return that of segments with an ordinary misfit each, shifted from some day on."""
    shape = (segments, days, audits)
    f = rng.beta(1, 4, shape)
    tilt = np.clip(rng.normal(0, misfit, (segments, 1, 1)), -0.6, 0.6) * np.ones(shape)
    if change is not None:
        tilt[:, change[0] :] += change[1]
    y = (rng.random(shape) < expit(logit(f) + tilt)).astype(float)
    cells = np.arange(segments * days).repeat(audits)
    gains = tilted_gains(f.ravel(), y.ravel(), 1.0, grid.tilts)
    return sum_by_cell(gains, np.arange(f.size), cells, segments=segments, days=days)


def test_while_nothing_changes_the_evidence_reaches_a_limit_no_oftener_than_stated() -> None:
    limit, days, segments = 200.0, 40, 2_000
    found = likelihood(np.random.default_rng(0), segments=segments, days=days)
    evidence = evidence_by_day(found, GRID, limit=limit)
    reached = evidence.stands.any(axis=1).sum()
    allowed = segments * days / limit
    assert reached <= allowed + 3 * np.sqrt(allowed)


def test_while_nothing_changes_the_mean_evidence_is_the_number_of_days() -> None:
    grid = lattice(misfit=0.25, shifts={0.3: 1.0, -0.3: 1.0})
    found = likelihood(
        np.random.default_rng(1), segments=40_000, days=4, audits=4, misfit=0.25, grid=grid
    )
    evidence = evidence_by_day(found, grid, limit=1e9)
    assert evidence.ratio.mean(axis=0) == pytest.approx([1, 2, 3, 4], rel=0.05)


def test_a_doubling_of_the_odds_is_seen_and_dated() -> None:
    found = likelihood(np.random.default_rng(2), segments=50, days=20, audits=40, change=(10, 1.0))
    evidence = evidence_by_day(found, GRID, limit=1e4)
    assert evidence.stands[:, 9].sum() == 0
    assert evidence.stands[:, -1].mean() > 0.8
    dated = [likely_change(each, GRID).day for each in found]
    assert np.median(np.abs(np.array(dated) - 10)) <= 1


def test_a_fall_is_told_from_a_rise() -> None:
    found = likelihood(np.random.default_rng(3), segments=30, days=30, change=(10, -0.7))
    shifts = [likely_change(each, GRID).shift for each in found]
    assert np.mean(np.array(shifts) < 0) > 0.9


def test_the_order_of_segments_does_not_matter() -> None:
    found = likelihood(np.random.default_rng(4), segments=6, days=8)
    turned = evidence_by_day(found[::-1], GRID, limit=1e6).ratio[::-1]
    assert evidence_by_day(found, GRID, limit=1e6).ratio == pytest.approx(turned)


def test_the_evidence_of_a_day_does_not_change_with_later_days() -> None:
    found = likelihood(np.random.default_rng(5), segments=6, days=8, change=(4, 1.0))
    early = evidence_by_day(found[:, :5], GRID, limit=1e6).ratio
    assert evidence_by_day(found, GRID, limit=1e6).ratio[:, :5] == pytest.approx(early)


def changed_and_mended() -> np.ndarray:
    """Return 20 segments that change on day 10 and are as before again from day 30 on."""
    rng = np.random.default_rng(6)
    changed = likelihood(rng, segments=20, days=30, audits=40, change=(10, 1.5), misfit=0.05)
    well = likelihood(rng, segments=20, days=30, audits=40, misfit=0.05)
    return np.concatenate([changed, well], axis=1)


def test_an_alarm_stands_as_long_as_its_change_lasts() -> None:
    stands = evidence_by_day(changed_and_mended(), GRID, limit=1e4).stands
    assert stands[:, 20:30].all()


def test_an_alarm_ends_within_days_of_its_change_and_its_end_is_no_other_change() -> None:
    stands = evidence_by_day(changed_and_mended(), GRID, limit=1e4).stands
    assert stands[:, 36:].sum() == 0


def test_evidence_stays_finite_where_the_risk_is_wholly_wrong() -> None:
    f, y = np.full(5_000, 1e-4), np.ones(5_000)
    gains = tilted_gains(f, y, 1.0, GRID.tilts)
    cells = np.zeros(5_000, dtype=np.int64)
    found = sum_by_cell(gains, np.arange(5_000), cells, segments=1, days=1)
    assert np.isfinite(evidence_by_day(found, GRID, limit=1e6).ratio).all()
