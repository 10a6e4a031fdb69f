"""Rows of a request straight to columns, where every value is plainly good.

Nearly every call is well formed: its texts are texts, its numbers numbers, its times written in
UTC. Such a call needs no DataFrame to be checked. Whatever is not plain - a number sent as text, a
date without a time, any broken rule - is left to `features.contract.check`, which reads more and
names what is wrong; a test holds that what is plain is read alike by both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np

from features.columns import Columns
from features.contract import Column, Table
from features.future import ALLOWANCE
from features.values import EARLIEST, LATEST, Kind
from serving.settings import Limits

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)"
_UTC_TIMES = re.compile(rf"{_TIME}(?:\n{_TIME})*")
_LARGEST = 2.0**63  # beyond it a whole number is refused, and the contract tells the two apart

_Given = list[tuple[Column, list[Any]]]
_Read = dict[str, np.ndarray]


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
    except (TypeError, ValueError, OverflowError):  # a list among texts has no hash
        return None


def _columns(
    rows: Sequence[Mapping[str, Any]], table: Table, limits: Limits, now: datetime
) -> _Read:
    _require(0 < len(rows) <= limits.max_rows)
    came = set[str]().union(*rows)
    _require(all(column.name in came for column in table.columns if column.required))
    given: dict[Kind, _Given] = {kind: [] for kind in _READERS}
    for name in sorted(came):
        values = [row.get(name) for row in rows]
        column = table.by_name.get(name) or _extra(name, values, table)
        given[column.kind].append((column, values))
    columns: _Read = {}
    for kind, alike in given.items():
        if alike:
            columns |= _READERS[kind](alike, limits)
    latest = np.datetime64((now + ALLOWANCE).replace(tzinfo=None), "us").astype(np.int64)
    _require(bool((columns[_moment(table)] <= latest).all()))
    return columns


def _moment(table: Table) -> str:
    return next(c.name for c in table.columns if c.kind == "time" and c.required)


def _extra(name: str, values: list[Any], table: Table) -> Column:
    """Describe an extra column by its first value; its reader refuses values of another kind."""
    _require(table.admits(name))
    first = next((value for value in values if value is not None), None)
    number = not name.startswith("group_") and type(first) in (int, float)
    return Column(name, "number" if number else "text", "an extra column")


def _numbers(given: _Given, limits: Limits) -> _Read:
    columns, values = zip(*given, strict=True)
    _require({*map(type, chain.from_iterable(values))} <= {int, float, type(None)})
    numbers = np.array(values, dtype=np.float64).T  # None becomes NaN
    low = [-np.inf if column.low is None else column.low for column in columns]
    high = [np.inf if column.high is None else column.high for column in columns]
    outside = (numbers < low) | (numbers > high) | (np.abs(numbers) >= _LARGEST)
    outside |= np.isnan(numbers) & [column.required for column in columns]
    _require(not outside.any())
    return {column.name: own for column, own in zip(columns, numbers.T, strict=True)}


def _texts(given: _Given, limits: Limits) -> _Read:
    """Read texts, each that repeats but once."""
    distinct = {*chain.from_iterable(values for _, values in given)} - {None}
    _require({*map(type, distinct)} <= {str})
    whole = "".join(distinct)
    _require("\0" not in whole and _is_unicode(whole))
    _require(max(map(len, distinct), default=0) <= limits.max_text_length)
    meant = {value: value.strip() or None for value in distinct}
    read = {}
    for column, values in given:
        texts = [*map(meant.get, values)]
        if column.required or column.unique or column.allowed:
            found = {*texts}
            _require(None not in found or not column.required)
            _require(len(found) == len(values) or not column.unique)
            _require(column.allowed is None or found <= {*column.allowed, None})
        read[column.name] = np.array(texts, dtype=object)
    return read


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _times(given: _Given, limits: Limits) -> _Read:
    return {column.name: _moments(values) for column, values in given}


def _moments(values: list[Any]) -> np.ndarray:
    _require({*map(type, values)} == {str})
    whole = "\n".join(values)
    _require(_UTC_TIMES.fullmatch(whole) is not None)
    plain = whole.replace("+00:00", "").replace("Z", "").split("\n")
    times = np.array(plain, dtype="datetime64[us]").astype(np.int64)
    _require(bool((times >= EARLIEST.value // 1000).all() and (times < LATEST.value // 1000).all()))
    return times


def _vectors(given: _Given, limits: Limits) -> _Read:
    return {column.name: _embedded(values) for column, values in given}


def _embedded(values: list[Any]) -> np.ndarray:
    _require({*map(type, values)} <= {list, type(None)})
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


_READERS: dict[Kind, Callable[[_Given, Limits], _Read]] = {
    "text": _texts,
    "number": _numbers,
    "time": _times,
    "vector": _vectors,
}
