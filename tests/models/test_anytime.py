import numpy as np
import pytest

from features.errors import EstimateError
from models.anytime import Looks, confidence_sequence
from models.comparison import wald_interval

LOOKS, EACH, PI, RATE = 20, 1_000, 0.05, 0.06


def simulate(seed: int) -> tuple[np.ndarray, Looks]:
    """Twenty looks at an accumulating sample; the truth is that of the frame up to then."""
    rng = np.random.default_rng(seed)
    y = (rng.random(LOOKS * EACH) < RATE).astype(float)
    residual = np.where(rng.random(len(y)) < PI, (y - RATE) / PI, 0.0)
    ends = np.arange(1, LOOKS + 1) * EACH
    total = np.cumsum(residual)[ends - 1] + RATE * ends
    variance = np.cumsum((1 - PI) * residual**2)[ends - 1]
    looks = Looks(total / ends, variance / ends**2, ends.astype(float))
    return np.cumsum(y)[ends - 1] / ends, looks


def test_it_holds_at_all_looks_together_where_daily_intervals_do_not() -> None:
    planned = LOOKS * EACH * (1 / PI - 1) * RATE * (1 - RATE)
    missed, missed_daily = 0, 0
    for seed in range(600):
        truth, looks = simulate(seed)
        low, high = confidence_sequence(looks, planned_variance=planned)
        missed += bool(np.any((truth < low) | (truth > high)))
        low, high = wald_interval(looks.rate, looks.variance)
        missed_daily += bool(np.any((truth < low) | (truth > high)))
    assert missed / 600 < 0.07
    assert missed_daily / 600 > 0.2


def test_it_is_wider_than_a_single_look() -> None:
    _, looks = simulate(0)
    low, high = confidence_sequence(looks, planned_variance=1e4)
    single = wald_interval(looks.rate, looks.variance)
    assert np.all(high - low > single[1] - single[0])


@pytest.mark.parametrize("planned", [0.0, -1.0, float("nan")])
def test_no_planned_variance_is_refused(planned: float) -> None:
    with pytest.raises(EstimateError, match="planned for"):
        confidence_sequence(simulate(0)[1], planned_variance=planned)
