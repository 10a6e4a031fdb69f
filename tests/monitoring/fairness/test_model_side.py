"""Calibration, capture and burden follow from estimates and counts."""

from __future__ import annotations

import pytest

from models.estimate import Estimate
from monitoring.fairness.model_side import burdens_of, calibration_of, capture_of


def estimate(name: str, rate: float, *, decisions: int = 10_000, audits: int = 500) -> Estimate:
    return Estimate(
        *(name, rate, 0.8 * rate, 1.25 * rate, 0.1 * rate),
        *(decisions, audits, round(rate * audits), float(audits), 0),
    )


def test_without_an_error_found_no_ratio_is_told() -> None:
    none = Estimate("da", 0.0, 0.0, 0.01, 0.002, 5_000, 300, 0, 290.0, 0)
    calibration = calibration_of(none, none, 0.005, compared=10)
    assert (calibration.ratio, calibration.high, calibration.low) == (None, None, 0.5)
    assert capture_of(none).share is None


def test_the_interval_of_the_ratio_turns_that_of_the_rate_around() -> None:
    calibration = calibration_of(estimate("hi", 0.1), estimate("hi", 0.1), 0.1, compared=4)
    assert calibration.ratio == pytest.approx(1.0)
    assert (calibration.low, calibration.high) == pytest.approx((0.8, 1.25))
    assert calibration.standing == "alike"


def test_audits_cannot_have_found_more_than_all_errors() -> None:
    found = Estimate("da", 0.01, 0.01, 0.02, 0.003, 1_000, 900, 10, 890.0, 0)
    assert capture_of(found).high == 1.0


def test_a_group_with_half_the_errors_and_a_tenth_of_the_audits_carries_a_fifth() -> None:
    burdens = burdens_of([estimate("a", 0.05, audits=100), estimate("b", 0.05, audits=900)])
    assert burdens[0].errors_share == pytest.approx(0.5)
    assert burdens[0].ratio == pytest.approx(0.2)


def test_shares_of_errors_are_null_where_there_are_none() -> None:
    clean = Estimate("a", 0.0, 0.0, 0.01, 0.001, 100, 50, 0, 40.0, 0)
    assert burdens_of([clean, clean])[0].errors_share is None
