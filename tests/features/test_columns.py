"""Columns of text read the same of a frame, of categories and of plain columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.columns import AnyTable, Columns, codes, labels, lacks, like, looked_up_in

WORDS = ["spam", None, "fraud", "spam"]
TABLES: dict[str, AnyTable] = {
    "columns": Columns.of({"policy": WORDS}),
    "text": pd.DataFrame({"policy": pd.array(WORDS, dtype="str")}, index=[7, 7, 3, 1]),
    "objects": pd.DataFrame({"policy": pd.Series(WORDS, dtype=object)}),
    "categories": pd.DataFrame(
        {"policy": pd.Categorical(WORDS, categories=["unused", "spam", "fraud"])}
    ),
}
KINDS = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


@KINDS
def test_a_text_is_looked_up_in_every_kind_of_table(table: AnyTable) -> None:
    found = looked_up_in(table, "policy", {"spam": 2.0}, otherwise=-1.0)
    assert found.tolist() == [2.0, -1.0, -1.0, 2.0]


@KINDS
def test_a_column_that_is_not_there_holds_nothing(table: AnyTable) -> None:
    assert looked_up_in(table, "queue", {"spam": 2.0}, otherwise=0.5).tolist() == [0.5] * 4
    assert lacks(table, "queue").tolist() == [True] * 4


@KINDS
def test_null_is_lacking_in_every_kind_of_table(table: AnyTable) -> None:
    assert lacks(table, "policy").tolist() == [False, True, False, False]


@KINDS
def test_labels_name_every_text(table: AnyTable) -> None:
    place, names = labels(table, "policy")
    assert [None if each < 0 else names[each] for each in place.tolist()] == WORDS


def test_codes_are_in_the_order_of_appearance() -> None:
    place, names = codes(np.array(WORDS, dtype=object))
    assert (place.tolist(), names) == ([0, -1, 1, 0], ["spam", "fraud"])


def test_a_frame_keeps_categories_that_it_is_given() -> None:
    made = like(pd.DataFrame(index=[5, 5]), {"policy": pd.Categorical(["spam", None])})
    assert made["policy"].dtype == "category"
    assert made.index.tolist() == [5, 5]
