"""The logistic model read feature by feature says what its wide matrix does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.frame import FEATURES
from models.arrays import Floats
from models.encoding import Encoder, fit_encoder
from models.linear import LinearParts, linear_parts

ROWS = 5_000
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Features of every kind, a fifth of each null; one has no category, one is always null."""
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {}
    for feature in FEATURES:
        null = rng.random(ROWS) < 0.2
        if feature.kind == "number":
            wide = rng.random(ROWS) if feature.high == 1 else 30 * rng.normal(size=ROWS) ** 3
            columns[feature.name] = np.where(null, np.nan, wide)
        else:
            words = np.array(["red", "green", "blue"])[rng.integers(0, 3, ROWS)]
            columns[feature.name] = pd.Series(words, dtype="str").mask(null)
    nothing = {"site": pd.Series([None] * ROWS, dtype="str"), "skips": np.full(ROWS, np.nan)}
    return pd.DataFrame(columns | nothing)


@pytest.fixture(scope="module")
def encoder(frame: pd.DataFrame) -> Encoder:
    return fit_encoder(frame[:3_000])


@pytest.fixture(scope="module")
def coefficients(encoder: Encoder) -> Floats:
    return np.random.default_rng(1).normal(size=len(encoder.owner))


@pytest.fixture(scope="module")
def linear(encoder: Encoder, coefficients: Floats) -> LinearParts:
    return linear_parts(encoder, coefficients)


def test_the_parts_of_each_feature_are_those_of_its_columns(
    frame: pd.DataFrame, encoder: Encoder, coefficients: Floats, linear: LinearParts
) -> None:
    odd = frame.copy()
    odd.loc[::9, "policy"] = "never met"
    wide = encoder.linear_matrix(odd) * coefficients
    parts = linear.of(encoder.tree_matrix(odd))
    for position in range(len(FEATURES)):
        own = wide[:, encoder.owner == position].sum(axis=1)
        assert np.abs(parts[:, position] - own).max() < ROUNDING


def test_the_total_is_the_sum_of_the_parts(
    frame: pd.DataFrame, encoder: Encoder, coefficients: Floats, linear: LinearParts
) -> None:
    matrix = encoder.tree_matrix(frame)
    total = linear.total(matrix)
    assert np.abs(total - linear.of(matrix).sum(axis=1)).max() < ROUNDING
    assert np.abs(total - encoder.linear_matrix(frame) @ coefficients).max() < ROUNDING


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 2_047, 2_048, 2_049])
def test_the_total_of_a_row_does_not_depend_on_the_batch(
    frame: pd.DataFrame, encoder: Encoder, linear: LinearParts, rows: int
) -> None:
    matrix = encoder.tree_matrix(frame)
    part = encoder.tree_matrix(frame[1_000 : 1_000 + rows])
    assert np.array_equal(linear.total(part), linear.total(matrix)[1_000 : 1_000 + rows])


def test_the_order_in_memory_changes_nothing(
    frame: pd.DataFrame, encoder: Encoder, linear: LinearParts
) -> None:
    matrix = encoder.tree_matrix(frame)
    assert np.array_equal(linear.total(np.ascontiguousarray(matrix)), linear.total(matrix))


def test_no_rows_add_up_to_nothing(encoder: Encoder, linear: LinearParts) -> None:
    matrix = np.empty((0, len(FEATURES)))
    assert linear.total(matrix).shape == (0,)
    assert linear.of(matrix).shape == matrix.shape
