"""The order of a shift: graphic items are spaced, by others where there are any, else by breaks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.assignment_shifts import plain_work, texts, with_column
from models.assignment.sequence import lay_out
from models.assignment.work import Rules


def test_others_stand_between_graphic_items() -> None:
    work = with_column(plain_work([1.0] * 8), graphic_level=np.array([3] * 6 + [0] * 2))
    rules = Rules(most_in_a_row=2, graphic_minutes_an_hour=60.0)
    shift, left_over = lay_out(np.arange(8), work, rules, minutes=60.0)
    graphic = "".join("g" if turn.row < 6 else "o" for turn in shift.turns)
    assert (graphic, left_over, shift.breaks) == ("ggoggogg", [], 0)


def test_a_break_stands_where_no_other_item_is_left() -> None:
    work = plain_work([1.0] * 4, level=3)
    rules = Rules(most_in_a_row=2, break_minutes=7.0, graphic_minutes_an_hour=60.0)
    shift, _ = lay_out(np.arange(4), work, rules, minutes=60.0)
    assert [turn.starts for turn in shift.turns] == [0, 5, 17, 22]


def test_an_hour_that_is_full_is_waited_out() -> None:
    work = plain_work([1.0] * 4, level=3)
    rules = Rules(most_in_a_row=9, graphic_minutes_an_hour=10.0)
    shift, _ = lay_out(np.arange(4), work, rules, minutes=120.0)
    assert [turn.starts for turn in shift.turns] == [0, 5, 60, 65]


def test_what_does_not_fit_before_the_shift_ends_is_left_over() -> None:
    work = plain_work([3.0, 2.0, 1.0])
    shift, left_over = lay_out(np.arange(3), work, Rules(), minutes=12.0)
    assert ([turn.row for turn in shift.turns], left_over) == ([0, 1], [2])


def test_what_is_due_stands_first_by_when() -> None:
    work = with_column(plain_work([9.0, 1.0, 2.0]), due_hours=np.array([np.inf, 3.0, 2.0]))
    shift, _ = lay_out(np.arange(3), work, Rules(), minutes=60.0)
    assert [turn.row for turn in shift.turns] == [2, 1, 0]


def test_audits_alike_stand_together_by_language() -> None:
    work = with_column(plain_work([1.0] * 6), language=texts("de", "en", "de", "en", "de", "en"))
    shift, _ = lay_out(np.arange(6), work, Rules(), minutes=60.0)
    languages = [work.language[turn.row] for turn in shift.turns]
    switches = sum(a != b for a, b in zip(languages, languages[1:], strict=False))
    assert switches <= 3


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 4))
def test_every_audit_is_in_the_shift_or_left_over(levels: list[int], most: int) -> None:
    work = with_column(
        plain_work([1.0] * len(levels)), graphic_level=np.array(levels, dtype=np.int64)
    )
    shift, left_over = lay_out(
        np.arange(len(levels)), work, Rules(most_in_a_row=most), minutes=90.0
    )
    assert sorted([*(turn.row for turn in shift.turns), *left_over]) == list(range(len(levels)))
