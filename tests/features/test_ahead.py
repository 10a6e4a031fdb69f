"""Items come in their order, one made ahead, and what goes wrong comes where it would."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from features.ahead import ahead


def test_the_next_item_is_made_while_the_present_one_is_used() -> None:
    made = threading.Event()

    def making() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    items = ahead(making())
    assert next(items) == 1
    assert made.wait(timeout=10)
    assert list(items) == [2]


def test_no_more_than_one_is_made_ahead() -> None:
    made: list[int] = []
    items = ahead(made.append(number) or number for number in range(9))  # type: ignore[func-returns-value]
    next(items)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert made == [0, 1, 2]


def test_what_is_raised_comes_after_the_items_before_it() -> None:
    def making() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = ahead(making())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_nothing_made_is_nothing_yielded() -> None:
    assert list(ahead(iter(()))) == []
