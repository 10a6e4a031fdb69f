from __future__ import annotations

import json

import numpy as np
import pytest

from monitoring.bands import Band, measure_bands
from monitoring.page_charts import calibration, capture, captured_bounds
from monitoring.recalibrated import Recalibrated
from tests.monitoring.periods import Made, make_period


def bands_of(made: Made) -> list[Band]:
    period = Recalibrated(made.ranked)
    return measure_bands(period.frame(), period.table["overturn_probability"].to_numpy())


def true_capture(made: Made, share: float) -> float:
    risk = made.ranked.table["overturn_probability"].to_numpy()
    riskiest = np.argsort(-risk, kind="stable")[: round(share * len(risk))]
    return float(made.wrong[riskiest].sum() / made.wrong.sum())


def test_the_share_captured_lies_within_its_bounds_and_they_within_0_and_1() -> None:
    bands = bands_of(make_period(seed=1))
    for band, (low, high) in zip(bands, captured_bounds(bands), strict=True):
        assert band.captured is not None
        assert 0 <= low <= band.captured + 1e-9
        assert band.captured - 1e-9 <= high <= 1


@pytest.mark.slow
def test_the_bounds_hold_the_true_share_in_about_95_of_100_periods() -> None:
    held = 0
    for seed in range(120):
        made = make_period(seed=seed, days=6, decisions_a_day=600)
        bands = bands_of(made)
        bounds = dict(zip((b.to_share for b in bands), captured_bounds(bands), strict=True))
        low, high = bounds[0.1]
        held += low <= true_capture(made, 0.1) <= high
    assert held / 120 >= 0.9


def test_specs_are_json_without_an_impossible_number() -> None:
    bands = bands_of(make_period(seed=2, days=3, decisions_a_day=80))
    for spec in (calibration(bands), capture(bands)):
        json.dumps(spec, allow_nan=False)


def test_the_curve_starts_at_nothing_and_ends_at_all() -> None:
    spec = capture(bands_of(make_period(seed=2)))
    curve = spec["layer"][2]["data"]["values"]
    assert (curve[0]["decisions"], curve[0]["errors"]) == (0, 0)
    assert (curve[-1]["decisions"], curve[-1]["errors"]) == (1, pytest.approx(1))
