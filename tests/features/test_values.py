"""Text is read alike whether or not it is clean, and by category as by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.plain_text import is_clean
from features.values import as_text, as_time

TEXTS = st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=5)))


def one_by_one(texts: list[str | None]) -> list[str | None]:
    stripped = [text if text is None or "\0" in text else text.strip() for text in texts]
    return [None if not text or "\0" in text else text for text in stripped]


def plain(values: pd.Series) -> list[str | None]:
    return list(values.astype(object).where(values.notna(), None))


@given(TEXTS)
def test_text_is_read_as_python_would_strip_it(texts: list[str | None]) -> None:
    read, unread = as_text(pd.Series(texts, dtype="str"))
    assert plain(read) == one_by_one(texts)
    assert unread.tolist() == [text is not None and "\0" in text for text in texts]


@given(TEXTS)
def test_text_that_is_called_clean_needs_no_reading(texts: list[str | None]) -> None:
    values = pd.Series(texts, dtype="str")
    if is_clean(values):
        assert plain(values) == one_by_one(texts)


@given(TEXTS)
def test_categories_are_read_as_their_rows_would_be(texts: list[str | None]) -> None:
    values = pd.Series(texts, dtype=object, index=range(3, 3 + len(texts)))
    rows, categories = as_text(values), as_text(values.astype("category"))
    pd.testing.assert_series_equal(categories[0], rows[0])
    assert categories[1].tolist() == rows[1].tolist()


@pytest.mark.parametrize("kind", ["int64", "float64", "datetime64[us]"])
def test_categories_that_are_no_text_are_read_as_their_rows_would_be(kind: str) -> None:
    values = pd.Series([3, 1, 3], dtype=kind)
    read, _ = as_text(values.astype("category"))
    assert read.tolist() == as_text(values)[0].tolist()


def test_a_slice_of_a_clean_column_is_clean_by_its_own_texts() -> None:
    values = pd.Series([" a", "b", None, "c", "d "], dtype="str")
    assert is_clean(values.iloc[1:4])
    assert not is_clean(values.iloc[1:])


@given(st.lists(st.from_regex(r"\A[\s\v]?(\d{4}-\d{2}-\d{2}|\d{8}T|now)[T\d:]{0,6}\Z")))
def test_times_in_a_column_of_text_are_read_as_one_by_one(texts: list[str]) -> None:
    column, values = (as_time(pd.Series(texts, dtype=kind)) for kind in ("str", object))
    pd.testing.assert_series_equal(column[0], values[0])
    assert column[1].tolist() == values[1].tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_time_far_from_ours_is_not_read_whatever_its_unit(unit: str, zone: str | None) -> None:
    far = "200000-01-01" if unit == "us" else "400000-01-01"
    given = pd.Series(np.array(["2026-03-01", far, "1500-01-01", "NaT"], f"datetime64[{unit}]"))
    times, unread = as_time(given.dt.tz_localize(zone))
    assert times.dtype == "datetime64[us, UTC]"
    assert times.isna().tolist() == [False, True, True, True]
    assert times[0] == pd.Timestamp("2026-03-01", tz="UTC")
    assert unread.tolist() == [False, True, True, False]
