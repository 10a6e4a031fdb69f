"""An id that came before is told, whatever came between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.once import Once


def again(*parts: list[str | None]) -> list[list[bool]]:
    once = Once()
    return [once.again(pd.Series(part, dtype="str")).tolist() for part in parts]


@given(st.lists(st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), max_size=9)))
def test_parts_tell_what_the_whole_would(parts: list[list[str | None]]) -> None:
    whole = pd.Series([name for part in parts for name in part], dtype="str")
    expected = (whole.duplicated() & whole.notna()).tolist()
    assert [mark for part in again(*parts) for mark in part] == expected


def test_ids_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def alike(texts: np.ndarray, **_: object) -> np.ndarray:
        return np.zeros(len(texts), dtype=np.uint64)

    monkeypatch.setattr(pd.util, "hash_array", alike)
    assert again(["a", "b"], ["c", "a"]) == [[False, False], [False, True]]


def test_text_of_dtype_object_is_taken_too() -> None:
    once = Once()
    once.again(pd.Series(["a", None], dtype=object))
    assert once.again(pd.Series([None, "a"], dtype=object)).tolist() == [False, True]
