"""Calibration: the quick error is the published one, and chance passes its bound as promised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.bootstrap import interval, sample_of
from training.calibration import binned_error, bins_of, chance_error, log_ratio_draws
from training.evaluate import calibration_error


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    predicted = rng.beta(1, 12, count)
    return predicted, (rng.random(count) < predicted).astype(float), rng.uniform(1, 20, count)


def test_the_quick_error_is_the_published_one() -> None:
    predicted, overturned, weight = drawn(733, 0)
    quick = binned_error(predicted, overturned, weight, bins_of(predicted))
    assert quick == pytest.approx(calibration_error(predicted, overturned, weight))


def test_predictions_that_are_true_pass_the_bound_of_chance_seldom() -> None:
    passed = 0
    for seed in range(60):
        predicted, overturned, weight = drawn(600, seed)
        bound = chance_error(predicted, weight, np.arange(600), seed=seed)
        passed += calibration_error(predicted, overturned, weight) > bound
    assert passed <= 5  # 1.5 in expectation


def test_near_duplicates_that_fall_alike_leave_more_to_chance() -> None:
    predicted, _, weight = drawn(600, 1)
    predicted = np.repeat(predicted[::20], 20)
    alone = chance_error(predicted, weight, np.arange(600), seed=0)
    assert chance_error(predicted, weight, np.repeat(np.arange(30), 20), seed=0) > 2 * alone


def test_a_segment_without_an_overturn_still_has_a_ratio() -> None:
    rows = pd.DataFrame({"group": range(400), "inclusion": 0.5, "language": ["en", "de"] * 200})
    overturned = np.where(rows["language"] == "en", 0.0, np.arange(400) % 8 == 1)
    sample = sample_of(rows, ("language",))
    log_ratio = log_ratio_draws(sample, np.full(400, 0.1), overturned)
    english = interval(log_ratio[:, sample.segments.index("language = en")])
    assert np.isfinite(log_ratio).all()
    assert english.low > np.log(2)  # 20 were due, none was found
