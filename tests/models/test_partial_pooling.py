import numpy as np
import pytest

from features.errors import EstimateError
from models.partial_pooling import pool


def test_the_intervals_hold_the_true_rates_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(150):
        rates = rng.beta(18, 2, 15)
        trials = rng.integers(2, 60, 15).astype(float)
        found = pool(rng.binomial(trials.astype(int), rates).astype(float), trials)
        held += list((found.low <= rates) & (rates <= found.high))
    assert 0.93 <= np.mean(held) <= 0.985


def test_pooled_rates_are_nearer_the_truth_than_plain_shares() -> None:
    rng = np.random.default_rng(1)
    pooled, plain = [], []
    for _ in range(100):
        rates = rng.beta(18, 2, 15)
        hits = rng.binomial(10, rates).astype(float)
        found = pool(hits, np.full(15, 10.0))
        pooled.append(np.mean((found.rate - rates) ** 2))
        plain.append(np.mean((hits / 10 - rates) ** 2))
    assert np.mean(pooled) < 0.6 * np.mean(plain)


def test_who_has_answered_much_keeps_their_own_rate_and_who_has_not_is_like_all() -> None:
    hits = np.array([1_400.0, 95.0, 96.0, 94.0, 96.0, 0.0])
    trials = np.array([2_000.0, 100.0, 100.0, 100.0, 100.0, 0.0])
    found = pool(hits, trials)
    assert found.rate[0] == pytest.approx(0.7, abs=0.01)
    assert found.rate[-1] == pytest.approx(found.mean, abs=0.02)
    assert found.high[-1] - found.low[-1] > 3 * (found.high[1] - found.low[1])


def test_the_range_of_people_is_that_of_their_true_rates() -> None:
    rng = np.random.default_rng(2)
    rates = rng.beta(18, 2, 300)
    found = pool(rng.binomial(40, rates).astype(float), np.full(300, 40.0))
    lower, upper = np.quantile(rates, [0.1, 0.9])
    assert found.lower == pytest.approx(lower, abs=0.03)
    assert found.upper == pytest.approx(upper, abs=0.03)


def test_a_person_alone_has_a_rate_too() -> None:
    found = pool(np.array([9.0]), np.array([10.0]))
    assert 0.5 < found.low[0] < 0.9 < found.high[0] < 1


def test_the_order_of_people_does_not_matter() -> None:
    hits, trials = np.array([9.0, 3.0, 20.0]), np.array([10.0, 5.0, 22.0])
    first, turned = pool(hits, trials), pool(hits[::-1], trials[::-1])
    assert np.allclose(first.rate, turned.rate[::-1])


@pytest.mark.parametrize(
    ("hits", "trials"), [([], []), ([3.0], [2.0]), ([-1.0], [2.0]), ([1.0], [np.nan])]
)
def test_impossible_answers_are_refused(hits: list[float], trials: list[float]) -> None:
    with pytest.raises(EstimateError, match="successes outside 0 to their trials"):
        pool(np.array(hits), np.array(trials))
