"""The figures of a trial, on rows whose answer can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.evaluate import by_segment, calibration_bins, capture, metrics

RISK = np.array([0.9, 0.8, 0.3, 0.2, 0.1])
WRONG = np.array([1.0, 0.0, 1.0, 0.0, 0.0])


def test_capture_counts_errors_among_the_riskiest() -> None:
    found = capture(RISK, WRONG, np.ones(5), np.array([0.0, 0.2, 0.4, 0.6, 1.0]))
    assert found.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]


def test_capture_weighs_an_audit_by_its_inclusion_probability() -> None:
    weight = np.array([1.0, 1.0, 4.0, 1.0, 1.0])
    assert capture(RISK, WRONG, weight, np.array([1 / 8])).tolist() == [0.2]


def test_a_perfect_ranking_has_auroc_one_and_an_inverted_one_zero() -> None:
    risk = np.linspace(0.1, 0.9, 20)
    wrong = (risk > 0.5).astype(float)
    assert metrics(risk, wrong, np.ones(20))["auroc"] == 1.0
    assert metrics(1 - risk, wrong, np.ones(20))["auroc"] == 0.0


def test_calibration_error_is_the_gap_of_an_overconfident_model() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 0.4, 200_000)
    wrong = (rng.random(200_000) < truth).astype(float)
    assert metrics(truth, wrong, np.ones(200_000))["calibration_error"] < 0.005
    doubled = metrics(2 * truth, wrong, np.ones(200_000))["calibration_error"]
    assert doubled == pytest.approx(0.2, abs=0.005)


def test_calibration_bins_have_equal_counts() -> None:
    bins = calibration_bins(np.linspace(0, 1, 1000), np.zeros(1000), np.ones(1000))
    assert bins["weight"].tolist() == [100.0] * 10


def test_a_segment_with_few_overturns_has_no_ranking_figure() -> None:
    rng = np.random.default_rng(0)
    segment = pd.Series(["big"] * 400 + ["small"] * 20)
    risk = rng.random(420)
    wrong = (rng.random(420) < risk).astype(float)
    wrong[400:] = 0
    table = by_segment(segment, risk, wrong, np.ones(420))
    assert table["segment"].tolist() == ["big", "small"]
    assert table["audits"].tolist() == [400, 20]
    assert table["auroc"].isna().tolist() == [False, True]
