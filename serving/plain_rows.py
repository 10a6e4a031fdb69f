"""Rows of a request straight to columns, where every value is plainly good.

Nearly every call is well formed: its texts are texts, its numbers numbers, its times written in
UTC. Such a call needs no DataFrame to be checked. Whatever is not plain - a number sent as text, a
date without a time, any broken rule - is left to `features.contract.check`, which reads more and
names what is wrong; a test holds that what is plain is read alike by both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np

from features.columns import Columns
from features.contract import Column, Table
from features.future import ALLOWANCE
from features.values import EARLIEST, LATEST
from serving.settings import Limits

_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z|\+00:00)")
_EXTRA_TEXT = Column("", "text", "an extra column")
_EXTRA_NUMBER = Column("", "number", "an extra column")
_LARGEST = 2.0**63  # beyond it a whole number is refused, and the contract tells the two apart


def plain_columns(
    rows: Sequence[Mapping[str, Any]], table: Table, limits: Limits, *, now: datetime
) -> Columns | None:
    """Return the rows as columns; null where any value is not plainly good.

    Examples
    --------
    >>> from features.contract import DECISIONS
    >>> noon = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    >>> row = {"decision_id": "d", "decided_at": "2026-03-01T09:30:00Z", "policy": "spam",
    ...        "action": "keep", "views": 7}
    >>> plain_columns([row], DECISIONS, Limits(), now=noon)["views"].tolist()
    [7.0]
    >>> plain_columns([{**row, "views": "7"}], DECISIONS, Limits(), now=noon) is None
    True
    """
    try:
        return Columns(len(rows), _columns(rows, table, limits, now))
    except (ValueError, OverflowError):
        return None


def _columns(
    rows: Sequence[Mapping[str, Any]], table: Table, limits: Limits, now: datetime
) -> dict[str, np.ndarray]:
    _require(0 < len(rows) <= limits.max_rows)
    names = dict.fromkeys(chain.from_iterable(rows))
    _require(all(c.name in names for c in table.columns if c.required))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        columns[name] = _read(values, table.by_name.get(name) or _extra(name, values, table))
    longest = limits.max_text_length
    for name, column in columns.items():
        if column.dtype == object and name != "embedding":
            _require(max(map(len, filter(None, column.tolist())), default=0) <= longest)
    latest = np.datetime64((now + ALLOWANCE).replace(tzinfo=None), "us").astype(np.int64)
    _require(bool((columns[_moment(table)] <= latest).all()))
    return columns


def _moment(table: Table) -> str:
    return next(c.name for c in table.columns if c.kind == "time" and c.required)


def _extra(name: str, values: list[Any], table: Table) -> Column:
    _require(table.admits(name))
    number = not name.startswith("group_") and {*map(type, values)} & {int, float}
    return _EXTRA_NUMBER if number else _EXTRA_TEXT


def _read(values: list[Any], column: Column) -> np.ndarray:
    kinds = {*map(type, values)}
    if column.kind == "number":
        return _numbers(values, kinds, column)
    if column.kind == "text":
        return _texts(values, kinds, column)
    return _times(values, kinds) if column.kind == "time" else _vectors(values, kinds)


def _numbers(values: list[Any], kinds: set[type], column: Column) -> np.ndarray:
    _require(kinds <= {int, float, type(None)})
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    outside = (numbers < low) | (numbers > high) | (np.abs(numbers) >= _LARGEST)
    if column.required or type(None) not in kinds:
        outside |= np.isnan(numbers)
    _require(not outside.any())
    return numbers


def _texts(values: list[Any], kinds: set[type], column: Column) -> np.ndarray:
    _require(kinds <= {str, type(None)})
    texts = np.empty(len(values), dtype=object)
    texts[:] = [value and value.strip() or None for value in values]
    whole = "".join(filter(None, values))
    _require("\0" not in whole and _is_unicode(whole))
    if column.required or column.unique or column.allowed:
        found = {*texts.tolist()}
        _require(None not in found or not column.required)
        _require(len(found) == len(values) or not column.unique)
        _require(column.allowed is None or found <= {*column.allowed, None})
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _times(values: list[Any], kinds: set[type]) -> np.ndarray:
    _require(kinds == {str})
    found = [_UTC_TIME.fullmatch(value) for value in values]
    moments = np.array([match[1] for match in found if match], dtype="datetime64[us]")
    times = moments.astype(np.int64)
    bounds = EARLIEST.value // 1000, LATEST.value // 1000
    _require(len(times) == len(values))
    _require(bool(((times >= bounds[0]) & (times < bounds[1])).all()))
    return times


def _vectors(values: list[Any], kinds: set[type]) -> np.ndarray:
    _require(kinds <= {list, type(None)})
    given = [value for value in values if value is not None]
    _require(len({*map(len, given)}) <= 1)
    _require({type(number) for vector in given for number in vector} <= {int, float})
    _require(bool(np.isfinite(np.array(given, dtype=np.float64)).all()))
    vectors = np.empty(len(values), dtype=object)
    vectors[:] = values
    return vectors


def _require(plain: bool) -> None:
    if not plain:
        raise ValueError("a value needs the contract's own reader")
