"""Typed frames to rows of the store and back, and what differs between two of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import schema
from features.contract import DECISIONS
from features.rows import as_frame, as_stored, first_difference, microseconds


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"decision_id": ["a", "b"]} | columns)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)))
def test_a_time_is_the_same_after_there_and_back(time: datetime) -> None:
    given_time = time.replace(tzinfo=UTC)
    back = as_frame(["decided_at"], [(microseconds(given_time),)], None)["decided_at"]
    assert back.iloc[0].to_pydatetime() == given_time


def test_any_zone_is_counted_in_utc_and_none_is_taken_as_utc() -> None:
    east = datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert microseconds(east) == microseconds(datetime(1970, 1, 1)) == 0


def test_rows_hold_plain_values_and_none_for_null() -> None:
    given_frame = frame(
        decided_at=pd.to_datetime(["1970-01-01T00:00:01", "NaT"], utc=True).as_unit("us"),
        views=[1.5, np.nan],
        language=pd.Series(["en", None], dtype="str"),
    )
    assert as_stored(given_frame, schema.decisions) == {
        "decision_id": ["a", "b"],
        "decided_at": [1_000_000, None],
        "views": [1.5, None],
        "language": ["en", None],
        "extras": [None, None],
    }


def test_whole_numbers_and_truths_stay_what_they_are() -> None:
    given_frame = pd.DataFrame({"rank": [1, 2], "selected": [True, False]})
    stored = as_stored(given_frame, schema.selections)
    assert {type(each) for each in stored["rank"]} == {int}
    assert {type(each) for each in stored["selected"]} == {bool}


def test_extras_go_into_one_document_and_unknown_columns_nowhere() -> None:
    given_frame = frame(x_a=[1.0, np.nan], group_b=["g", None], other=[1, 2])
    stored = as_stored(given_frame, schema.decisions)
    assert stored["extras"] == ['{"x_a":1.0,"group_b":"g"}', "{}"]
    assert "other" not in stored


def test_no_rows_make_a_typed_frame_without_rows() -> None:
    empty = as_frame(["decision_id", "decided_at", "views"], [], DECISIONS)
    assert empty.empty
    assert str(empty["decided_at"].dtype) == "datetime64[us, UTC]"


def differences(one: pd.DataFrame, other: pd.DataFrame) -> list[tuple[object, str, str]]:
    return list(first_difference(one, other, "decision_id"))


def test_the_same_rows_in_another_order_do_not_differ() -> None:
    one = frame(views=[1.0, np.nan], language=pd.Series(["en", None], dtype="str"))
    assert differences(one, one[::-1]) == []


def test_each_row_that_differs_is_named_once_with_its_first_column() -> None:
    one = frame(views=[1.0, 2.0], language=["en", "de"]).set_axis([7, 8])
    other = frame(views=[1.0, 3.0], language=["en", "fr"])
    assert differences(one, other) == [(8, "b", "language")]


@pytest.mark.parametrize("side", [0, 1])
def test_null_differs_from_a_value_and_a_missing_column_is_null(side: int) -> None:
    pair = [frame(views=[1.0, np.nan]), frame()]
    assert differences(pair[side], pair[1 - side]) == [(0, "a", "views")]


def test_content_is_not_compared() -> None:
    assert differences(frame(text=["one", "two"]), frame(text=["three", "four"])) == []


def test_nothing_given_differs_in_nothing() -> None:
    assert differences(frame().head(0), frame().head(0)) == []
