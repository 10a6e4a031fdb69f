"""Text of two tables as numbers: alike where the text is, however it is held."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.columns import AnyTable, Columns
from features.same_text import are_among, numbered, numbered_together

EARLIER, ASKED = ["a", None, "b", "c"], ["c", "a", None]


def held(words: list[str | None], kind: str) -> AnyTable:
    if kind == "columns":
        return Columns.of({"action": words})
    return pd.DataFrame({"action": pd.Series(words, dtype=kind)})


@pytest.mark.parametrize("earlier", ["columns", "str", "category"])
@pytest.mark.parametrize("asked", ["columns", "str", "category"])
def test_the_same_text_has_the_same_number_whatever_holds_it(earlier: str, asked: str) -> None:
    theirs, own = numbered(held(EARLIER, earlier), held(ASKED, asked), "action")
    assert theirs[0] == own[1] >= 0
    assert theirs[3] == own[0] >= 0
    assert own[0] != own[1]
    assert [theirs[1], theirs[2], own[2]] == [-1, -1, -1]


def test_a_column_that_is_not_there_is_null() -> None:
    table = held(ASKED, "str")
    assert [each.tolist() for each in numbered(table, table, "language")] == [[-1] * 3] * 2


def test_arrays_and_series_of_names_are_numbered_together() -> None:
    array = np.array(["x", "y", None], dtype=object)
    series = pd.Series(["y", "z"], dtype="str")
    numbers = numbered_together(array, series, series)
    assert [each.tolist() for each in numbers] == [[0, 1, -1], [1, 2], [1, 2]]


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_texts_are_among_others_whatever_either_holds(dtype: str) -> None:
    none = pd.Series([], dtype=dtype)
    some = pd.Series(["a", None, "b", "a"], dtype=dtype)
    assert are_among(some, pd.Series(["a", None])).tolist() == [True, False, False, True]
    assert are_among(some, none).tolist() == [False] * 4
    assert are_among(some[1:], some[:1]).tolist() == [False, False, True]
    assert are_among(none, some).tolist() == are_among(none, none).tolist() == []
    nobody = some[some == "z"]  # of dtype str it has no piece
    assert are_among(some, nobody).tolist() == [False] * 4
    assert are_among(nobody, nobody).tolist() == []
