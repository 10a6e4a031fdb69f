"""Orders by digits are those of a stable sort."""

from __future__ import annotations

import numpy as np
import pytest

from features.ordering import in_time, sorted_by


@pytest.mark.parametrize("largest", [1, 2**16 - 1, 2**16, 2**33, 2**62])
def test_the_order_is_that_of_a_stable_sort(largest: int) -> None:
    rng = np.random.default_rng(0)
    number = rng.integers(0, largest, 2_000, endpoint=True) // 7 * 7
    np.testing.assert_array_equal(sorted_by(number), np.argsort(number, kind="stable"))
    stood = rng.permutation(2_000)
    expected = stood[np.argsort(number[stood], kind="stable")]
    np.testing.assert_array_equal(sorted_by(number, stood), expected)


def test_what_stands_in_the_order_of_time_needs_no_order() -> None:
    assert in_time(np.array([1, 1, 2])) is None
    assert in_time(np.array([2, 1, 1])).tolist() == [1, 2, 0]  # type: ignore[union-attr]
    assert in_time(np.array([], dtype=np.int64)) is None
