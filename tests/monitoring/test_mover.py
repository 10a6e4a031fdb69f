from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.estimate import Estimate
from monitoring.mover import combine

RATES = st.tuples(*[st.floats(0.0, 1.0)] * 3).map(sorted)


def estimate(low: float, rate: float, high: float) -> Estimate:
    return Estimate("x", rate, low, high, (high - low) / 4, 1_000, 100, 5, 90.0, 0)


def test_a_difference_of_wilson_intervals_is_newcombe_s() -> None:
    """Newcombe 1998, method 10, of 56/70 less 48/80: 0.0524 to 0.3339."""
    first, second = estimate(0.4904, 0.6, 0.7003), estimate(0.6918, 0.8, 0.8769)
    found = combine([first, second], [-1, 1])
    assert found.figure == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-4)


@given(RATES, RATES)
def test_turning_a_difference_round_turns_its_interval_round(
    one: list[float], two: list[float]
) -> None:
    first, second = estimate(*one), estimate(*two)
    forth, back = combine([first, second], [-1, 1]), combine([second, first], [-1, 1])
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    assert forth.low <= forth.figure <= forth.high


@given(RATES)
def test_one_estimate_keeps_its_own_interval(one: list[float]) -> None:
    found = combine([estimate(*one)], [1.0])
    assert (found.low, found.figure, found.high) == pytest.approx(tuple(one))


def test_a_mean_of_many_is_surer_than_each() -> None:
    parts = [estimate(0.02, 0.05, 0.09)] * 16
    found = combine(parts, [1 / 16] * 16)
    assert found.figure == pytest.approx(0.05)
    assert found.high - found.figure == pytest.approx(0.01)
