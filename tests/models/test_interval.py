import numpy as np
import pytest

import models.interval as module
from models.comparison import wilson_interval
from models.interval import Weights, interval, place_rows, sum_frame, sum_frame_exactly

RNG = np.random.default_rng(0)
ROWS = 30_000
DOMAIN = RNG.integers(0, 5, ROWS)
F = RNG.beta(0.6, 9, ROWS)
PI = np.clip(RNG.beta(1, 30, ROWS), 0.002, 1.0)


def test_the_histogram_equals_the_full_sums_within_a_millionth() -> None:
    weights = Weights.of(PI, RNG.choice([1.0, 3.0], ROWS))
    exact = sum_frame_exactly(DOMAIN, F, weights, domains=5)
    quick = sum_frame(place_rows(DOMAIN, F, domains=5), weights)
    assert np.allclose(quick.rate, exact.rate, rtol=1e-6)
    assert np.allclose(quick.variance, exact.variance, rtol=1e-5)
    # f**3 bends more, and the third moment changes its sign on the way
    largest = np.abs(exact.third).max(axis=1, keepdims=True)
    assert np.all(np.abs(quick.third - exact.third) <= 1e-5 * largest)


def test_bounds_from_the_histogram_equal_the_full_ones_within_a_millionth() -> None:
    weights = Weights.of(PI, np.ones(ROWS))
    figure, observed = np.full(5, 0.06), np.full(5, 1e-5)
    bounds = [
        interval(figure, sums, inflation=np.ones(5), observed_variance=observed, level=0.95)
        for sums in (
            sum_frame_exactly(DOMAIN, F, weights, domains=5),
            sum_frame(place_rows(DOMAIN, F, domains=5), weights),
        )
    ]
    assert np.allclose(bounds[0], bounds[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("found", [0, 1, 7, 50])
def test_equal_chances_and_a_constant_probability_give_wilsons_interval(
    found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_SKEWNESS", 0.0)
    rows, audits = 1_000_000, 200  # so large a frame that its being finite does not matter
    domain, f = np.zeros(rows, dtype=np.int64), np.full(rows, 0.05)
    weights = Weights.of(np.full(rows, audits / rows), np.ones(rows))
    sums = sum_frame(place_rows(domain, f, domains=1), weights)
    rate = np.array([found / audits])
    # the audits' number is random here and fixed in Wilson's, hence (q - f)**2 more variance
    given_number = sums.variance - (sums.rate - 0.05) ** 2 * (1 / audits - 1 / rows)
    fixed = module.FrameSums(sums.size, sums.rate, given_number, sums.third)
    low, high = interval(
        rate, fixed, inflation=np.ones(1), observed_variance=np.zeros(1), level=0.95
    )
    expected = wilson_interval(rate, np.array([float(audits)]))
    assert low[0] == pytest.approx(expected[0][0], abs=2e-3)
    assert high[0] == pytest.approx(expected[1][0], abs=2e-3)


def test_a_higher_level_gives_a_wider_interval() -> None:
    sums = sum_frame(place_rows(DOMAIN, F, domains=5), Weights.of(PI, np.ones(ROWS)))
    figure = np.full(5, 0.06)
    widths = []
    for level in (0.8, 0.95, 0.99):
        low, high = interval(
            figure, sums, inflation=np.ones(5), observed_variance=np.zeros(5), level=level
        )
        assert np.all((low >= 0) & (low <= figure) & (figure <= high) & (high <= 1))
        widths.append(high - low)
    assert np.all(widths[0] < widths[1])
    assert np.all(widths[1] < widths[2])
