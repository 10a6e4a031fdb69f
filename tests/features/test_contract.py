"""The contract: each bad value is reported where it stands, and good rows beside it are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, VERDICTS, Checked, Table, check
from features.errors import BadValue, ContractError


def decisions(rows: int = 2, **columns: object) -> pd.DataFrame:
    required = {
        "decision_id": [f"d{row}" for row in range(rows)],
        "decided_at": ["2026-03-01T09:30:00Z"] * rows,
        "policy": ["spam"] * rows,
        "action": ["remove"] * rows,
    }
    return pd.DataFrame(required | columns)


def outcomes(**columns: object) -> pd.DataFrame:
    required = {
        "audit_id": ["a0", "a1"],
        "decision_id": ["d0", "d1"],
        "audited_at": ["2026-03-02"] * 2,
        "verdict": ["correct"] * 2,
    }
    return pd.DataFrame(required | columns)


def only_bad_value(frame: pd.DataFrame, table: Table = DECISIONS) -> BadValue:
    (bad,) = check(frame, table).bad_values
    return bad


def test_a_missing_column_is_named_with_what_it_should_hold() -> None:
    with pytest.raises(ContractError) as caught:
        check(decisions().drop(columns=["policy", "decided_at"]), DECISIONS)
    assert [(b.row, b.column, b.seen) for b in caught.value.bad_values] == [
        (-1, "decided_at", "no such column"),
        (-1, "policy", "no such column"),
    ]
    assert "UTC date and time" in caught.value.bad_values[0].expected


def test_an_unknown_column_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ContractError, match=r"'langauge'.*did you mean 'language'\?.*x_langauge"):
        check(decisions(langauge="en"), DECISIONS)


def test_outcomes_take_no_extra_columns_and_the_hint_offers_none() -> None:
    with pytest.raises(ContractError) as caught:
        check(outcomes(x_mood=[1, 2]), OUTCOMES)
    assert "name an extra input" not in str(caught.value)


def test_a_column_that_came_twice_is_refused() -> None:
    twice = pd.concat([decisions(), decisions()[["policy"]]], axis=1)
    with pytest.raises(ContractError, match="'policy': saw the column twice"):
        check(twice, DECISIONS)


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(ContractError, match="saw no rows; expected at least one row"):
        check(decisions().head(0), DECISIONS)


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "now",
        "today",
        "2026",
        "20260301",
        "1767225600",
        "2026-13-01",
        "2026-02-30",
        "01.03.2026",
        "2026-03-01T25:00:00Z",
        "1989-12-31",
        "2100-01-01",
        "9999-12-31",
        "0001-01-01",
    ],
)
def test_a_wrong_date_is_reported_where_it_stands(value: str) -> None:
    bad = only_bad_value(decisions(decided_at=["2026-03-01", value]))
    assert (bad.row, bad.column, bad.seen) == (1, "decided_at", repr(value))
    assert "2026-03-01T09:30:00Z" in bad.expected


def test_bare_numbers_are_no_times_for_they_do_not_say_their_unit() -> None:
    assert len(check(decisions(decided_at=[1767225600, 2.5]), DECISIONS).bad_values) == 2
    mixed = pd.Series([1767225600, "2026-03-01"], dtype=object)
    assert only_bad_value(decisions(decided_at=mixed)).row == 0


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("2026-03-01T09:30:00", 9),
        ("2026-03-01 09:30", 9),
        ("2026-03-01T09:30:00Z", 9),
        ("2026-03-01T09:30:00+02:00", 7),
        ("2026-03-01T09:30:00-0500", 14),
        ("20260301T093000Z", 9),
        (datetime(2026, 3, 1, 9, 30), 9),
        (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), 9),
        (pd.Timestamp("2026-03-01 09:30", tz="Asia/Tokyo"), 0),
        (np.datetime64("2026-03-01T09:30"), 9),
    ],
)
def test_a_time_without_a_zone_is_utc_and_any_other_zone_is_converted(
    value: object, hour: int
) -> None:
    good = check(decisions(rows=1, decided_at=[value]), DECISIONS).require()
    time = good["decided_at"].iloc[0]
    assert (time.hour, time.minute, str(time.tz)) == (hour, 30, "UTC")


def test_times_of_several_zones_in_one_column_are_told_apart() -> None:
    times = ["2026-03-01T09:30:00+02:00", "2026-03-01T09:30:00", "2026-03-01T09:30:00.123456Z"]
    good = check(decisions(rows=3, decided_at=times), DECISIONS).require()
    assert good["decided_at"].diff().tolist()[1:] == [
        timedelta(hours=2),
        timedelta(microseconds=123456),
    ]


def test_dates_from_parquet_without_a_time_are_midnight() -> None:
    good = check(decisions(rows=1, decided_at=[date(2026, 3, 1)]), DECISIONS).require()
    assert good["decided_at"].iloc[0] == pd.Timestamp("2026-03-01", tz="UTC")


def test_a_repeated_id_is_reported_but_its_first_row_is_kept() -> None:
    checked = check(decisions(rows=3, decision_id=["a", "b", " a "]), DECISIONS)
    assert checked.good["decision_id"].tolist() == ["a", "b"]
    (bad,) = checked.bad_values
    assert (bad.row, bad.column, bad.seen) == (2, "decision_id", "'a' again")
    assert bad.expected == "each value once"


@pytest.mark.parametrize("nothing", [None, "", "   ", float("nan"), pd.NaT])
def test_nothing_in_a_required_column_is_reported_as_null(nothing: object) -> None:
    policy = pd.Series(["spam", nothing], dtype=object)
    bad = only_bad_value(decisions(policy=policy))
    assert (bad.row, bad.column, bad.seen) == (1, "policy", "null")


def test_null_ids_are_reported_as_null_and_not_as_repeated() -> None:
    bad = check(decisions(rows=3, decision_id=[None, None, "a"]), DECISIONS).bad_values
    assert [(b.row, b.seen) for b in bad] == [(0, "null"), (1, "null")]
    assert {b.expected for b in bad} == {"a text that is not empty"}


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_nothing_in_an_optional_column_is_null(nothing: str | None) -> None:
    frame = decisions(moderator_id=["m", nothing], views=["1", nothing], embedding=[[1.0], nothing])
    good = check(frame, DECISIONS).require()
    assert good[["moderator_id", "views", "embedding"]].isna().to_numpy().tolist() == [
        [False] * 3,
        [True] * 3,
    ]


def test_a_null_in_a_required_time_is_reported() -> None:
    assert only_bad_value(decisions(decided_at=["", "2026-03-01"])).seen == "null"


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "-inf", "1e400", "many", "1,5", "1_000", np.inf, 1j, [1], 10**400, b"x"],
)
def test_what_is_no_finite_number_is_reported(value: object) -> None:
    bad = only_bad_value(decisions(views=pd.Series([1, value], dtype=object)))
    assert (bad.row, bad.column) == (1, "views")
    assert bad.expected == "a finite number of at least 0"


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2026-01-01", "2026-01-02"]),
        pd.to_timedelta([1, 2], unit="s"),
        np.array([1j, 2j]),
    ],
)
def test_a_column_of_another_kind_is_no_number(values: object) -> None:
    assert len(check(decisions(views=values), DECISIONS).bad_values) == 2


@pytest.mark.parametrize(
    ("column", "low", "high"), [("automated_score", 0, 1), ("graphic_level", 0, 3)]
)
def test_a_number_out_of_range_is_reported_and_the_ends_are_in(
    column: str, low: float, high: float
) -> None:
    values = [low, high, low - 0.01, high + 0.01]
    checked = check(decisions(rows=4).assign(**{column: values}), DECISIONS)
    assert [b.row for b in checked.bad_values] == [2, 3]
    assert checked.bad_values[0].expected == f"a finite number from {low} to {high}"


@pytest.mark.parametrize("column", ["views", "reports", "skips", "handle_seconds"])
def test_counts_and_times_are_not_negative(column: str) -> None:
    assert only_bad_value(decisions().assign(**{column: [0, -1]})).row == 1


def test_an_unknown_verdict_is_reported_with_the_vocabulary() -> None:
    bad = only_bad_value(outcomes(verdict=["correct", "Overturned"]), OUTCOMES)
    assert (bad.row, bad.column, bad.seen) == (1, "verdict", "'Overturned'")
    assert all(verdict in bad.expected for verdict in VERDICTS)


def test_an_unknown_source_of_an_outcome_is_reported_and_null_is_none() -> None:
    assert only_bad_value(outcomes(source=[None, "hunch"]), OUTCOMES).row == 1


@pytest.mark.parametrize("value", [0, -0.1, 1.0001])
def test_an_inclusion_probability_is_above_zero_and_at_most_one(value: float) -> None:
    assert only_bad_value(outcomes(inclusion_probability=[1, value]), OUTCOMES).row == 1


def test_a_technical_error_is_a_verdict_but_no_overturn() -> None:
    assert "technical_error" in set(VERDICTS) - set(DIRECTIONS)


@pytest.mark.parametrize(
    "ids",
    [
        np.array([7, 8]),
        np.array([7.0, 8.0]),
        pd.array([7, 8], dtype="Int64"),
        pd.Categorical([7, 8]),
        pd.Series(["7", 8.0], dtype=object),
        pd.Series([b"7", b"8"], dtype=object),
    ],
)
def test_ids_that_came_as_numbers_are_the_same_ids(ids: object) -> None:
    good = check(decisions(decision_id=ids), DECISIONS).require()
    assert good["decision_id"].tolist() == ["7", "8"]


def test_ids_beside_a_null_do_not_turn_into_fractions() -> None:
    good = check(decisions(item_id=[12.0, np.nan]), DECISIONS).require()
    assert good["item_id"].iloc[0] == "12"


def test_categories_with_nulls_are_read_like_their_values() -> None:
    frame = decisions(language=pd.Categorical(["en", None]), views=pd.Categorical(["12", None]))
    good = check(frame, DECISIONS).require()
    assert good["language"].tolist()[0] == "en"
    assert good["views"].tolist()[0] == 12.0
    assert good[["language", "views"]].iloc[1].isna().all()


@pytest.mark.parametrize("value", ["a\0b", "\ud800", b"\xff", ["a"], {"a": 1}])
def test_text_that_no_database_can_hold_is_reported(value: object) -> None:
    bad = only_bad_value(decisions(language=pd.Series(["en", value], dtype=object)))
    assert (bad.row, bad.column, bad.expected) == (1, "language", "a text")


@pytest.mark.parametrize("value", ["a secret\0", ["a secret"], b"a secret\xff"])
def test_content_is_never_echoed(value: object) -> None:
    frame = decisions(text=pd.Series(["fine", value], dtype=object))
    with pytest.raises(ContractError) as caught:
        check(frame, DECISIONS).require()
    assert "secret" not in str(caught.value)
    assert caught.value.bad_values[0].seen == f"a value of type {type(value).__name__}"


def test_a_long_value_is_shortened_in_the_report() -> None:
    assert len(only_bad_value(decisions(decided_at=["2026-03-01", "x" * 5_000])).seen) < 70


@pytest.mark.parametrize("odd", [[1.0], [1.0, np.nan], [1.0, np.inf], ["a", "b"], "[1, 2]", 3.0])
def test_an_embedding_is_finite_and_as_long_as_the_others(odd: object) -> None:
    vectors = pd.Series([[1, 2], np.array([3.0, 4.0]), odd, None], dtype=object)
    checked = check(decisions(rows=4, embedding=vectors), DECISIONS)
    assert [(b.row, b.column) for b in checked.bad_values] == [(2, "embedding")]
    assert checked.good["embedding"].tolist()[:2] == [[1.0, 2.0], [3.0, 4.0]]


def test_extras_are_numbers_or_categories_as_they_came_and_groups_are_text() -> None:
    frame = decisions(x_risk=[1, 2], x_kind=["a", "b"], group_age=[20, 30])
    good = check(frame, DECISIONS).require()
    assert good["x_risk"].tolist() == [1.0, 2.0]
    assert good["x_kind"].tolist() == ["a", "b"]
    assert good["group_age"].tolist() == ["20", "30"]


def test_an_infinite_extra_is_reported() -> None:
    assert only_bad_value(decisions(x_risk=[1.0, np.inf])).column == "x_risk"


def test_good_rows_are_kept_and_the_others_come_back_as_given_with_the_problem() -> None:
    frame = decisions(rows=4, views=["1", "many", "3", "4"], policy=["a", "", "c", ""])
    checked = check(frame, DECISIONS)
    assert checked.good["decision_id"].tolist() == ["d0", "d2"]
    assert checked.rejected["views"].tolist() == ["many", "4"]
    assert checked.rejected["problem"].iloc[0] == (
        "policy: saw null; expected a text that is not empty; "
        "views: saw 'many'; expected a finite number of at least 0"
    )


def test_rows_are_counted_by_position_whatever_the_index() -> None:
    frame = decisions(views=["1", "many"]).set_axis([7, 7])
    assert only_bad_value(frame).row == 1


def test_the_table_given_is_left_alone() -> None:
    frame = decisions(views=["1", "many"], language=["", "en"])
    before = frame.copy(deep=True)
    check(frame, DECISIONS)
    pd.testing.assert_frame_equal(frame, before)


def test_a_good_table_checked_again_is_the_same() -> None:
    frame = decisions(views=["1", ""], language=["", "en"], x_risk=[1, 2])
    once = check(frame, DECISIONS).require()
    pd.testing.assert_frame_equal(check(once, DECISIONS).require(), once)


def test_columns_may_stand_in_any_order() -> None:
    frame = decisions(views=[1, 2])
    turned = check(frame[frame.columns[::-1]], DECISIONS).require()
    pd.testing.assert_frame_equal(turned[frame.columns], check(frame, DECISIONS).require())


def test_many_bad_values_are_counted_and_the_first_are_shown() -> None:
    with pytest.raises(ContractError) as caught:
        check(decisions(rows=2_000, views=["many"] * 2_000), DECISIONS).require()
    lines = str(caught.value).splitlines()
    assert lines[0] == "decisions: 2,000 values break the contract."
    assert (len(lines), lines[-1]) == (12, "  ... and 1,990 more")


@pytest.mark.parametrize("name", ["convabuse", "mhc", "toxic_spans"])
def test_real_datasets_pass_whole(real_data: Path, name: str) -> None:
    for table in (DECISIONS, OUTCOMES):
        frame = pd.read_parquet(real_data / name / f"{table.name}.parquet")
        assert len(check(frame, table).require()) == len(frame)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.text(st.characters(), max_size=4)
    | st.binary(max_size=4)
    | st.complex_numbers()
    | st.datetimes()
    | st.dates()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.sampled_from(["2026-03-01", "correct", "audit", "", "0.5", pd.NA, pd.NaT])
)
VALUES = SCALARS | st.lists(st.floats() | st.text(max_size=3), max_size=3)
NAMES = st.sampled_from([*DECISIONS.by_name, *OUTCOMES.by_name, "x_one", "group_one", "other"])


@st.composite
def arbitrary_frames(draw: Callable[[st.SearchStrategy[object]], object]) -> pd.DataFrame:
    names: list[str] = draw(st.lists(NAMES, unique=True, max_size=6))  # type: ignore[assignment]
    rows: int = draw(st.integers(0, 4))  # type: ignore[assignment]
    named = {n: pd.Series(["2026-03-01", "correct", "p", "q"][:rows], dtype=object) for n in names}
    required = [c.name for c in DECISIONS.columns if c.required] if draw(st.booleans()) else []
    for name in required:
        named.setdefault(name, pd.Series([f"2026-03-0{r + 1}" for r in range(rows)], dtype=object))
    for name in names:
        values = [draw(VALUES) for _ in range(rows)]
        named[name] = pd.Series(values, dtype=object)
    return pd.DataFrame(named)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(arbitrary_frames(), st.sampled_from([DECISIONS, OUTCOMES]))
def test_a_check_raises_nothing_but_contract_errors_and_parts_the_rows(
    frame: pd.DataFrame, table: Table
) -> None:
    try:
        checked: Checked = check(frame, table)
    except ContractError:
        return
    positions = sorted([*checked.good.index, *checked.rejected.index])
    assert positions == list(range(len(frame)))
    assert {b.row for b in checked.bad_values} == set(checked.rejected.index)
    if len(checked.good):
        assert not check(checked.good, table).bad_values
