"""What is plainly good is read as the contract reads it; anything else is left to the contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.columns import Columns, columns_of
from features.contract import DECISIONS, OUTCOMES
from features.errors import ContractError
from serving.incoming import read_decisions, read_rows
from serving.plain_rows import plain_columns
from serving.settings import Limits

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMITS = Limits(max_rows=20, max_text_length=40)
ROW: dict[str, Any] = {
    "decision_id": "d",
    "decided_at": "2026-03-01T09:30:00Z",
    "policy": "spam",
    "action": "keep",
}

TEXT = st.sampled_from([None, "", " ", "en", " en ", "7", "a\0b", "é", "x" * 41, "null"])
NUMBER: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, 0, 1, -1, 0.5, 100.0, 2**63, 2**70, True, "1", "", [], {}, "x"]),
    st.floats(allow_nan=False, allow_infinity=False),
)
TIME = st.sampled_from(
    [
        *("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.123456+00:00", "2026-02-31T09:30:00Z"),
        *("2026-03-01T09:30:00+02:00", "2026-03-01", "1989-12-31T23:59:59Z", "soon", "", None),
        *("2026-03-03T12:00:00Z", "2026-03-03T12:00:00.000001Z", "2099-01-01T00:00:00Z", 5, True),
    ]
)
VECTOR = st.one_of(
    st.none(), st.lists(st.sampled_from([0.5, 1, -2.0, None, "1", True]), max_size=3)
)
FIELDS: dict[str, Any] = {
    "decision_id": st.sampled_from(["a", "b", "c", " a", 7, None]),
    "decided_at": TIME,
    "policy": st.one_of(st.just("spam"), TEXT),
    "views": NUMBER,
    "automated_score": NUMBER,
    "language": TEXT,
    "embedding": VECTOR,
    "x_size": NUMBER,
    "x_word": TEXT,
    "group_age": st.one_of(TEXT, st.just(5)),
    "veiws": st.just(1),
}
OPTIONAL = st.fixed_dictionaries({}, optional=FIELDS).map(lambda fields: {**ROW, **fields})


def columns_equal(one: Columns, other: Columns) -> None:
    assert {*one} == {*other}
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def named(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return row if row["decision_id"] != "d" else {**row, "decision_id": f"d-{number}"}


@given(st.lists(OPTIONAL, min_size=1, max_size=4))
def test_what_is_plain_is_read_as_the_contract_reads_it(rows: list[dict[str, Any]]) -> None:
    rows = [named(number, row) for number, row in enumerate(rows)]
    plain = plain_columns(rows, DECISIONS, LIMITS, now=NOON)
    if plain is not None:
        good, bad = read_rows(rows, DECISIONS, LIMITS, now=NOON)
        assert bad == ()
        columns_equal(plain, columns_of(good))


def test_an_input_that_is_null_or_not_given_is_of_the_same_kind() -> None:
    rows = [named(0, ROW | {"x_size": None}), named(1, dict(ROW)), named(2, ROW | {"x_size": None})]
    plain = plain_columns(rows, DECISIONS, LIMITS, now=NOON)
    good, _ = read_rows(rows, DECISIONS, LIMITS, now=NOON)
    assert plain is not None
    columns_equal(plain, columns_of(good))


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": ""},
        {"policy": None},
        {"views": -1},
        {"views": "1"},
        {"views": True},
        {"views": 2**63},
        {"automated_score": 1.01},
        {"decided_at": "2026-03-01"},
        {"decided_at": "2026-02-31T09:30:00Z"},
        {"decided_at": "2026-03-03T12:00:00.000001Z"},
        {"language": "a\0b"},
        {"language": "\ud800"},
        {"language": "x" * 41},
        {"language": "x" * 40 + " "},
        {"language": ["en"]},
        {"embedding": [0.5, None]},
        {"x_size": [1]},
        {"group_age": 5},
        {"veiws": 1},
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_the_contract(fields: dict[str, Any]) -> None:
    assert plain_columns([ROW | fields], DECISIONS, LIMITS, now=NOON) is None


def test_a_well_formed_row_is_plain() -> None:
    row = ROW | {"views": 3, "language": " en ", "x_size": 1, "embedding": [0.5, 1], "text": "hi"}
    plain = plain_columns([row], DECISIONS, LIMITS, now=NOON)
    assert plain is not None
    assert plain["language"].tolist() == ["en"]
    assert plain["decided_at"].tolist() == [1_772_357_400_000_000]


def test_an_id_twice_a_missing_column_and_too_many_rows_are_not_plain() -> None:
    assert plain_columns([ROW, ROW], DECISIONS, LIMITS, now=NOON) is None
    bare = {name: value for name, value in ROW.items() if name != "policy"}
    assert plain_columns([bare], DECISIONS, LIMITS, now=NOON) is None
    many = [ROW | {"decision_id": str(number)} for number in range(21)]
    assert plain_columns(many, DECISIONS, LIMITS, now=NOON) is None
    assert plain_columns([], DECISIONS, LIMITS, now=NOON) is None


def test_a_closed_vocabulary_is_kept_to() -> None:
    row = {"audit_id": "a", "decision_id": "d", "audited_at": "2026-03-01T00:00:00Z"}
    assert plain_columns([row | {"verdict": "correct"}], OUTCOMES, LIMITS, now=NOON) is not None
    assert plain_columns([row | {"verdict": "fine"}], OUTCOMES, LIMITS, now=NOON) is None


def test_the_rows_that_are_left_keep_their_place_in_the_request() -> None:
    rows = [ROW | {"decision_id": "a", "views": -1}, ROW | {"decision_id": "b", "views": "3"}]
    came = read_decisions(rows, LIMITS, now=NOON)
    assert came.rows.tolist() == [1]
    assert came.decisions["views"].tolist() == [3.0]
    assert came.bad[0].row == 0
    with pytest.raises(ContractError, match="views"):
        read_decisions(rows[:1], LIMITS, now=NOON)
