"""What audits taught, of each key in the order of time: what was known of a decision when it was.

The running sums of each record stand one after another in time, so that what was known of a
decision is one place in them, found by a search. Decisions are answered in blocks, and what is
said of one depends on no other: files and machines may share them out as they like.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.columns import AnyTable, Columns, Table, labels, like, times
from features.ordering import in_time, sorted_by
from features.record_rates import (
    KEYS,
    PARTS,
    RECORD_COLUMNS,
    Key,
    RecordSettings,
    event_sums,
    shrink,
)

_MOST_CELLS = 16
"""Cells of a table of states for each decision up to which it is quicker than a search."""
BLOCK = 65_536
"""Decisions at a time; what is worked out of them should lie near the processor."""
_MOST_NUMBERS = 2**22
"""Combinations of parts up to which each has a place in a table; beyond they are searched for."""


@dataclass(frozen=True, slots=True)
class _Timeline:
    """The records of one key.

    Attributes
    ----------
    known
        Combinations of parts that have a record, ascending; see `_combined`. The first has number
        1; 0 is the number of all that have none.
    number
        The number of each combination; null where there are too many for a table.
    at
        Number and moment of each running sum as one number, ascending. Each record begins with a
        sum of nothing, at moment 0.
    sums
        Running sums, as they come to at the epoch; shape (3, sums).
    since, of, place
        The moment of each event in the order of time, the number of its record, and the place of
        its sum.
    """

    known: np.ndarray
    number: np.ndarray | None
    at: np.ndarray
    sums: np.ndarray
    since: np.ndarray
    of: np.ndarray
    place: np.ndarray

    def numbers_of(self, combined: np.ndarray) -> np.ndarray:
        """Return the number of the record of each combination, 0 where it has none."""
        if self.number is not None:
            return np.asarray(self.number[combined])
        place = np.minimum(np.searchsorted(self.known, combined), len(self.known) - 1)
        return np.where(self.known[place] == combined, place + 1, 0)


@dataclass(frozen=True, slots=True)
class Timelines:
    """All that audits taught, as `timelines_of` makes it.

    Attributes
    ----------
    settings
        How the records are kept.
    moments
        When something became known, ascending, in microseconds.
    names
        Of each part, the number of each name that was audited, from 1.
    """

    settings: RecordSettings
    moments: np.ndarray
    names: Mapping[str, Mapping[str, int]]
    _of_key: tuple[_Timeline, ...]


def timelines_of(past: pd.DataFrame, settings: RecordSettings) -> Timelines:
    """Put events, as `features.track_record.events` gives them, in the order of time."""
    known = times(past, "known_at")
    order = np.argsort(known, kind="stable")
    moments, since = np.unique(known[order], return_inverse=True)
    sums = event_sums(past, known, settings)[:, order]
    parts = {name: labels(past, name) for name in PARTS}
    codes = {name: own[order] + 1 for name, (own, _) in parts.items()}
    names = {name: {text: n + 1 for n, text in enumerate(own)} for name, (_, own) in parts.items()}
    lines = [_timeline(key, codes, names, since + 1, sums) for key in KEYS]
    return Timelines(settings, moments, names, tuple(lines))


def records_at(decisions: Table, timelines: Timelines) -> Table:
    """Return the record of every decision as it was known when the decision was made.

    Parameters
    ----------
    decisions
        Rows with ``decided_at`` and the key columns, in any order.

    Returns
    -------
    Columns `features.record_rates.RECORD_COLUMNS`, in the order of `decisions`; null where the
    decision lacks a part of the key. What became known at the very moment counts.
    """
    found = np.empty((len(RECORD_COLUMNS), len(decisions)))

    def fill(rows: slice) -> None:
        found[:, rows] = _records_of(rows_of(decisions, rows), timelines)

    if len(decisions) <= BLOCK:
        list(map(fill, blocks(len(decisions))))
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(fill, blocks(len(decisions))))
    return table_of(found, decisions)


def blocks(rows: int) -> Iterator[slice]:
    """Yield the blocks in which a large table is worked through."""
    for start in range(0, rows, BLOCK):
        yield slice(start, start + BLOCK)


def rows_of(decisions: AnyTable, rows: slice) -> AnyTable:
    """Return what records are read from of some rows."""
    names = [name for name in ("decided_at", *PARTS) if name in decisions]
    if isinstance(decisions, Columns):
        return Columns.of({name: decisions[name][rows] for name in names})
    return decisions[names].iloc[rows]


def table_of(found: np.ndarray, decisions: Table) -> Table:
    """Return numbers in the order of `RECORD_COLUMNS` as a table like that of the decisions."""
    if isinstance(decisions, Columns):
        return like(decisions, dict(zip(RECORD_COLUMNS, found, strict=True)))
    columns = pd.Index(RECORD_COLUMNS)
    return pd.DataFrame(found.T, index=decisions.index, columns=columns, copy=False)


def _records_of(block: AnyTable, timelines: Timelines) -> np.ndarray:
    asked = times(block, "decided_at")
    until = np.searchsorted(timelines.moments, asked, side="right")
    order = in_time(until)
    parts = {name: _named(block, name, timelines.names[name]) for name in PARTS}
    sums = np.empty((3, len(KEYS), len(block)))
    for place, (key, line) in enumerate(zip(KEYS, timelines._of_key, strict=True)):
        combined = _combined(key, parts, timelines.names, len(block))
        number = line.numbers_of(combined)
        read = _places(line, number, until, len(timelines.moments) + 1, order)
        for own, running in zip(sums, line.sums, strict=True):
            np.take(running, read, out=own[place], mode="clip")
    absent = {name: own < 0 for name, own in parts.items()}
    return shrink(sums, asked, absent, timelines.settings)


def _places(
    line: _Timeline, number: np.ndarray, until: np.ndarray, span: int, order: np.ndarray | None
) -> np.ndarray:
    """Return the place of the last sum of each record up to a moment.

    Decisions made one after another see few events, and so few states of all records together:
    where these fit a table it is made, and else the sums are searched.
    """
    width = len(line.known) + 1
    first, last = int(until.min()), int(until.max())
    if (last - first + 1) * width <= _MOST_CELLS * len(until):
        states = _states(line, first, last, span)
        return np.asarray(np.take(states, (until - first) * width + number, mode="clip"))
    order = sorted_by(number, order)  # asked in ascending order, several times as quick
    places = np.empty(len(until), dtype=np.int64)
    asked = (number * span + until)[order]
    places[order] = np.searchsorted(line.at, asked, side="right") - 1
    return places


def _states(line: _Timeline, first: int, last: int, span: int) -> np.ndarray:
    """Return the place of the last sum of every record at each of these moments, in one row."""
    records = np.arange(len(line.known) + 1)
    states = np.zeros((last - first + 1, len(records)), dtype=np.int32)
    states[0] = np.searchsorted(line.at, records * span + first, side="right") - 1
    begin, end = np.searchsorted(line.since, (first, last), side="right")
    states[line.since[begin:end] - first, line.of[begin:end]] = line.place[begin:end]
    return np.maximum.accumulate(states, axis=0, out=states).ravel()


def _named(block: AnyTable, name: str, known: Mapping[str, int]) -> np.ndarray:
    """Return the number of each row's name: 0 where it was never audited, -1 where it is null."""
    codes, names = labels(block, name)
    number = np.array([*(known.get(each, 0) for each in names), -1], dtype=np.int64)
    return np.asarray(number[codes])


def _combined(
    key: Key,
    parts: Mapping[str, np.ndarray],
    names: Mapping[str, Mapping[str, int]],
    rows: int,
) -> np.ndarray:
    """Return one number for the parts of each row's key."""
    combined = np.zeros(rows, dtype=np.int64)
    for name in key.columns:
        combined = combined * (len(names[name]) + 1) + np.maximum(parts[name], 0)
    return combined


def _timeline(
    key: Key,
    parts: Mapping[str, np.ndarray],
    names: Mapping[str, Mapping[str, int]],
    since: np.ndarray,
    sums: np.ndarray,
) -> _Timeline:
    """Put the events of one key, which stand in the order of time, one record after another."""
    named = np.flatnonzero(np.all([parts[name] > 0 for name in key.columns], axis=0))
    if not key.columns:
        named = np.arange(len(since))
    combined = _combined(key, {name: own[named] for name, own in parts.items()}, names, len(named))
    known, dense = np.unique(combined, return_inverse=True)
    of, when = dense + 1, since[named]
    number = of[order := np.argsort(of, kind="stable")]
    # summed within a record: a difference of two large sums would lose the digits of a small one
    running = pd.DataFrame(sums[:, named[order]].T).groupby(number).cumsum().to_numpy().T
    span = int(since.max(initial=0)) + 1
    starts = np.arange(len(known) + 1) * span
    at = np.concatenate([starts, number * span + when[order]])
    by_place = np.argsort(at, kind="stable")
    place = np.empty(len(at), dtype=np.int64)
    place[by_place] = np.arange(len(at))
    place_of = np.empty(len(of), dtype=np.int64)
    place_of[order] = place[len(starts) :]
    began = np.zeros((3, len(starts)))
    running = np.ascontiguousarray(np.concatenate([began, running], axis=1)[:, by_place])
    table = _table(known, key, names)
    return _Timeline(known, table, at[by_place], running, when, of, place_of)


def _table(
    known: np.ndarray, key: Key, names: Mapping[str, Mapping[str, int]]
) -> np.ndarray | None:
    size = 1
    for name in key.columns:
        size *= len(names[name]) + 1
    if size > _MOST_NUMBERS and len(known):
        return None
    number = np.zeros(size, dtype=np.int64)
    number[known] = np.arange(len(known)) + 1
    return number
