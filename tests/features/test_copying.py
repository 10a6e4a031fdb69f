"""Tables come into the store alike, by Arrow's CSV or value by value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features import copying, schema
from features.columns import columns_of
from features.copying import as_arrow, insert_rows
from features.rows import as_stored
from features.store import Store

AWKWARD = [
    "plain",
    'a "quote"',
    "comma, and\nline",
    "\\.",
    "a\n\\.\nb",
    "\r\n",
    "ß漢😀",
    "null",
    "{}",
]


def awkward() -> pd.DataFrame:
    count = len(AWKWARD)
    return pd.DataFrame(
        {
            "decision_id": pd.Series(reversed([f"{n}{text}" for n, text in enumerate(AWKWARD)])),
            "decided_at": pd.date_range("2026-03-01", periods=count, freq="1us", tz="UTC"),
            "policy": "spam",
            "action": "keep",
            "language": pd.Series([None, *AWKWARD[1:]], dtype="str"),
            "views": [None, 0.1, 1e300, 3.0, *([1 / 3] * (count - 4))],
            "text": AWKWARD,
            "embedding": pd.Series([None, *([[0.1, 2.0]] * (count - 1))], dtype=object),
            "group_age": pd.Series([None, *AWKWARD[1:]], dtype="str"),
            "x_size": [None, None, *(n / 7 for n in range(2, count))],
            'x_"odd"': pd.Series(AWKWARD, dtype="str"),
        }
    )


def texts_of(store: Store, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    table, content = schema.decisions, schema.contents
    rows = frame.sort_values("decision_id")
    with store.transaction() as connection:
        insert_rows(connection, table, rows.drop(columns=["text", "embedding"]))
        insert_rows(connection, content, rows[["decision_id", "text", "embedding"]])
        found = [
            *connection.execute(sa.select(table).order_by(table.c.decision_id)),
            *connection.execute(sa.select(content).order_by(content.c.decision_id)),
        ]
        connection.rollback()
    return [tuple(row) for row in found]


def test_awkward_values_come_in_by_arrow_as_they_do_one_by_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = texts_of(store, awkward())
    monkeypatch.setattr(copying, "_FRAMES_FROM", 1)
    assert texts_of(store, awkward()) == one_by_one


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "group_age": st.one_of(st.none(), st.text(st.characters(codec="utf-8"))),
                "x_size": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            }
        ),
        min_size=1,
    )
)
def test_extras_are_the_same_objects_as_those_of_the_encoder(extras: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(extras).astype({"group_age": "str", "x_size": "float64"})
    arrow = as_arrow(frame, schema.decisions)["extras"].to_pylist()
    stored = as_stored(frame, schema.decisions)["extras"]
    assert list(map(json.loads, arrow)) == list(map(json.loads, stored))


def test_extras_are_null_where_no_such_column_came() -> None:
    frame = pd.DataFrame({"decision_id": ["a"]})
    assert as_arrow(frame, schema.decisions)["extras"].to_pylist() == [None]


def test_every_column_is_stored_as_its_values_one_by_one_would_be() -> None:
    frame = awkward().astype({"policy": "category"})
    arrow, stored = as_arrow(frame, schema.decisions), as_stored(frame, schema.decisions)
    assert arrow.to_pydict() == stored


def test_a_repeated_id_undoes_the_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_FRAMES_FROM", 1)
    twice = awkward().drop(columns=["text", "embedding"]).assign(decision_id="a")
    with store.engine.connect() as connection:
        with pytest.raises(sa.exc.IntegrityError):
            insert_rows(connection, schema.decisions, twice)
        connection.rollback()
    assert store.decisions().empty


def test_columns_of_arrays_come_in_too(store: Store) -> None:
    frame = awkward().drop(columns=["text", "embedding"])
    with store.transaction() as connection:
        insert_rows(connection, schema.decisions, columns_of(frame))
    assert len(store.decisions()) == len(frame)


def test_rows_go_in_the_order_of_their_key() -> None:
    frame = awkward().drop(columns=["text", "embedding"])
    stored = copying._by_key(as_arrow(frame, schema.decisions), schema.decisions)
    assert stored["decision_id"].to_pylist() == sorted(frame["decision_id"])
    assert np.array_equal(
        copying._by_key(stored, schema.decisions)["decided_at"], stored["decided_at"]
    )
