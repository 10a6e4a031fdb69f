"""The next item made while the present one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items in their order, each made by another thread while the one before it is used.

    What making an item raises is raised where that item would have come. Two items are held at a
    time: the present one and the next.

    Examples
    --------
    >>> list(ahead(number * number for number in range(4)))
    [0, 1, 4, 9]
    """
    making = iter(items)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(next, making, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, making, _END)
            yield item  # type: ignore[misc]  # the end is none of the items
