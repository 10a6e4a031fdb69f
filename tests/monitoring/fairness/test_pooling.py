"""Small groups drawn towards the others: nearer the truth, and no surer than they may be."""

from __future__ import annotations

import numpy as np
import pytest

from models.estimate import Estimate
from monitoring.fairness.pooling import pool_rates

GROUPS = 25


def made(rng: np.random.Generator, *, spread: float) -> tuple[np.ndarray, list[Estimate]]:
    """Groups of very different numbers of audits, from a family of rates."""
    truth = np.clip(rng.normal(0.10, spread, GROUPS), 0.005, 0.5)
    audits = rng.integers(15, 900, GROUPS)
    estimates = []
    for rate, n in zip(truth, audits, strict=True):
        error = float(np.sqrt(rate * (1 - rate) / n))
        found = float(np.clip(rng.normal(rate, error), 0.0, 1.0))
        low, high = max(0.0, found - 1.96 * error), min(1.0, found + 1.96 * error)
        overturns = round(found * n)
        estimates.append(
            Estimate("g", found, low, high, error, 20_000, int(n), overturns, float(n), 0)
        )
    return truth, estimates


def test_pooled_rates_are_nearer_the_truth_than_those_found() -> None:
    rng = np.random.default_rng(1)
    raw, pooled = [], []
    for _ in range(40):
        truth, estimates = made(rng, spread=0.02)
        guesses, _ = pool_rates(estimates)
        raw += [(e.overturn_rate - true) ** 2 for e, true in zip(estimates, truth, strict=True)]
        pooled += [
            (guess.rate - true) ** 2
            for guess, true in zip(guesses, truth, strict=True)
            if guess is not None
        ]
    assert len(pooled) == len(raw)
    assert np.mean(pooled) < np.mean(raw)


def test_their_intervals_hold_the_truth_nineteen_times_in_twenty_over_the_groups() -> None:
    rng = np.random.default_rng(2)
    held = []
    for _ in range(60):
        truth, estimates = made(rng, spread=0.02)
        guesses, _ = pool_rates(estimates)
        held += [
            guess.low <= true <= guess.high
            for guess, true in zip(guesses, truth, strict=True)
            if guess is not None
        ]
    assert np.mean(held) > 0.93


def test_the_spread_between_groups_is_found() -> None:
    rng = np.random.default_rng(3)
    spreads = [pool_rates(made(rng, spread=0.03)[1])[1] for _ in range(30)]
    assert np.mean([spread for spread in spreads if spread is not None]) == pytest.approx(
        0.03, rel=0.2
    )


def test_a_well_known_group_keeps_its_own_figure_and_a_small_one_does_not() -> None:
    _, estimates = made(np.random.default_rng(4), spread=0.04)
    guesses, _ = pool_rates(estimates)
    order = np.argsort([estimate.audits for estimate in estimates])
    shares = [guess.own_share for n in order if (guess := guesses[n]) is not None]
    assert shares[-1] > 0.85 > shares[0]


def test_two_groups_are_not_pooled() -> None:
    _, estimates = made(np.random.default_rng(5), spread=0.02)
    assert pool_rates(estimates[:2]) == ([None, None], None)


def test_a_group_without_an_audit_has_no_pooled_figure() -> None:
    _, estimates = made(np.random.default_rng(6), spread=0.02)
    empty = Estimate("none", 0.1, 0.0, 1.0, 0.3, 50, 0, 0, 0.0, 10)
    guesses, _ = pool_rates([*estimates, empty])
    assert guesses[-1] is None
    assert all(guess is not None for guess in guesses[:-1])


def test_a_group_in_which_no_error_was_found_is_not_taken_for_perfect() -> None:
    _, estimates = made(np.random.default_rng(7), spread=0.02)
    clean = Estimate("clean", 0.0, 0.0, 0.09, 1e-9, 900, 40, 0, 40.0, 0)
    guesses, _ = pool_rates([*estimates, clean])
    assert guesses[-1] is not None
    assert guesses[-1].rate > 0.02
