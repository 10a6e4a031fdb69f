"""Queries as typed columns, read in blocks: the same as the rows one by one, on both databases."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from features import blocks, schema
from features.contract import DECISIONS, check
from features.rows import as_frame
from features.store import Store

ODD_TEXTS = ["a,b", 'say "so"', "two\nlines", "cr\r\nlf", "\\N", "\\.", "NULL", "ünï \U0001f600"]
QUERY = sa.select(schema.decisions).order_by(schema.decisions.c.decision_id)


def odd_decisions() -> pd.DataFrame:
    """Decisions with all that CSV, dictionaries and blocks could get wrong."""
    rows = len(ODD_TEXTS)
    start = pd.Timestamp("2026-03-01T00:00:00.000001", tz="UTC")
    return check(
        pd.DataFrame(
            {
                "decision_id": [f"d{row}" for row in range(rows)],
                "decided_at": start + pd.to_timedelta(np.arange(rows), unit="us"),
                "policy": ODD_TEXTS,
                "action": ["keep", "remove"] * (rows // 2),
                "language": [None, "en"] * (rows // 2),
                "views": [None, 0.1, 1e-300, 1e300, 1 / 3, 123456789.123456789, 0.0, 2.0**53],
                "group_vendor": [None, "b", "a", "b"] * (rows // 4),
                "x_score": [1.5, None] * (rows // 2),
            }
        ),
        DECISIONS,
    ).require()


@pytest.fixture
def filled(store: Store) -> Store:
    """A store of these decisions."""
    store.add_decisions(odd_decisions())
    return store


def read(store: Store, *, coded: Collection[str] = ()) -> pd.DataFrame:
    return store.read(QUERY, DECISIONS, coded=coded)


def rows_of(store: Store) -> pd.DataFrame:
    with store.transaction() as connection:
        result = connection.execute(QUERY)
        return as_frame(list(result.keys()), result.fetchall(), DECISIONS)


def test_blocks_hold_what_the_rows_hold(filled: Store) -> None:
    pd.testing.assert_frame_equal(read(filled), rows_of(filled), check_exact=True)


def test_what_was_stored_comes_back_exactly(filled: Store) -> None:
    given, found = odd_decisions(), read(filled)
    pd.testing.assert_frame_equal(found, given[list(found)], check_exact=True)


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_of_a_block_changes_nothing(
    filled: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = read(filled, coded=["policy", "language", "extras"])
    monkeypatch.setattr(blocks, "ROWS_A_BLOCK", size)
    monkeypatch.setattr(blocks, "BYTES_A_BLOCK", 100 * size)
    pd.testing.assert_frame_equal(read(filled, coded=["policy", "language", "extras"]), whole)


def test_text_of_few_values_becomes_categories_in_the_order_of_names(filled: Store) -> None:
    plain, found = read(filled), read(filled, coded=["policy", "language", "extras"])
    assert found["policy"].cat.categories.tolist() == sorted(ODD_TEXTS)
    assert found["group_vendor"].cat.categories.tolist() == ["a", "b"]
    assert found["action"].dtype == "str"
    for name in ("policy", "language", "group_vendor"):
        pd.testing.assert_series_equal(found[name].astype("str"), plain[name])


def test_truths_counts_and_times_keep_their_kinds(filled: Store) -> None:
    offer = {c.name: 0.5 for c in schema.selections.columns if isinstance(c.type, sa.Double)}
    text = {c.name: "" for c in schema.selections.columns if isinstance(c.type, sa.Text)}
    own = {"decision_id": "d0", "selected_at": 7, "selected": True, "random_audit": False}
    with filled.transaction() as connection:
        connection.execute(schema.selections.insert(), {**offer, **text, "rank": 1, **own})
    found = filled.selections().iloc[0]
    assert (found["selected"], found["random_audit"], found["rank"]) == (True, False, 1)
    assert (found["selected_at"].value, found["reason"]) == (7_000, "")


def test_no_rows_make_a_typed_frame_without_rows(store: Store) -> None:
    found = read(store, coded=["policy", "extras"])
    assert found.empty
    assert str(found["decided_at"].dtype) == "datetime64[us, UTC]"
    assert str(found["policy"].dtype) == "category"


def test_parameters_of_a_query_are_kept(filled: Store) -> None:
    query = QUERY.where(schema.decisions.c.policy.in_(["a,b", "100%", "it's"]))
    assert filled.read(query, DECISIONS)["decision_id"].tolist() == ["d0"]
