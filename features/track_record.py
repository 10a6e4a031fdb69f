"""Track records: how often audits overturned a moderator, a policy's action, a team, before now.

A record is three sums over the audits known at a moment: weights, weights of overturns, and
squared weights. An audit weighs one over its inclusion probability up to a cap, which by default
makes all weigh alike, and counts half after every half-life. As the sums are kept at one fixed
epoch, they only add up: outcomes may arrive in any order. There is one definition and two
executions: `replay` for whole tables, `TrackRecord` for the running service; a test holds the two
equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat

import numpy as np
import pandas as pd

from features.columns import AnyTable, Table, is_null, labels, texts, times
from features.contract import DIRECTIONS
from features.record_rates import KEYS as KEYS
from features.record_rates import PARTS, RECORD_COLUMNS, event_sums, shrink
from features.record_rates import Key as Key
from features.record_rates import RecordSettings as RecordSettings
from features.same_text import are_among
from features.timelines import BLOCK, blocks, records_at, rows_of, table_of, timelines_of

_NOWHERE = 0  # row of the sums of what has no record: all 0
_MANY = 2_000
"""Rows from which it is worth while to look for those that are alike."""

_Label = tuple[str | None, ...]


def events(decisions: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return what audits taught: key columns, ``known_at``, ``overturned`` and ``weight``.

    Only outcomes of the source ``audit`` count (null counts as audit): appeals are self-selected,
    golden and calibration items are not decisions of the day. An unknown inclusion probability
    weighs 1.
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index))
    audits = outcomes[source.fillna("audit") == "audit"].astype({"decision_id": "str"})
    present = [name for name in PARTS if name in decisions]
    # few of many, and so joined after
    audited = are_among(decisions["decision_id"], audits["decision_id"])
    joined = audits.merge(decisions.loc[audited, ["decision_id", *present]], on="decision_id")
    inclusion = joined.get("inclusion_probability", pd.Series(1.0, index=joined.index))
    return pd.DataFrame(
        {name: _part(joined, name) for name in PARTS}
        | {
            "known_at": joined["audited_at"],
            "overturned": joined["verdict"].isin(DIRECTIONS).astype(float),
            "weight": 1.0 / inclusion.fillna(1.0),
        }
    )


def replay(decisions: Table, past: pd.DataFrame, settings: RecordSettings) -> Table:
    """Return the record of every decision as it was known when the decision was made.

    Parameters
    ----------
    decisions
        Rows with ``decided_at`` and the key columns.
    past
        Events as `events` gives them, in any order; those with ``known_at <= decided_at`` count.

    Returns
    -------
    Columns ``<key>_rate`` (0 to 1, shrunk towards the parent) and ``<key>_audits`` (effective
    number), in the order of `decisions`; null where the decision lacks a part of the key.

    Examples
    --------
    >>> decisions = pd.DataFrame({"policy": ["spam"], "action": ["keep"],
    ...     "decided_at": pd.to_datetime(["2026-01-03"], utc=True)})
    >>> past = pd.DataFrame({"policy": ["spam"], "action": ["keep"], "overturned": [1.0],
    ...     "weight": [1.0], "known_at": pd.to_datetime(["2026-01-02"], utc=True)})
    >>> rates = replay(decisions, past, RecordSettings())
    >>> round(float(rates["policy_rate"].iloc[0]), 3)
    0.247
    """
    return records_at(decisions, timelines_of(past, settings))


class TrackRecord:
    """The records as they stand now, in memory, for the service.

    Examples
    --------
    >>> record = TrackRecord(RecordSettings())
    >>> record.size
    0
    """

    def __init__(self, settings: RecordSettings) -> None:
        self.settings = settings
        self._rows: dict[_Label, int] = {}
        self._sums = np.zeros((3, _NOWHERE + 1))

    @property
    def size(self) -> int:
        """Number of records held."""
        return len(self._rows)

    def update(self, past: pd.DataFrame) -> None:
        """Take in events as `events` gives them; each event must be given once."""
        sums = event_sums(past, times(past, "known_at"), self.settings)
        asked, place, _ = _labels(past)
        rows = np.fromiter(map(self._row_of, asked), dtype=np.int64)[place].ravel()
        grown = np.zeros((3, len(self._rows) + 1))
        grown[:, : self._sums.shape[1]] = self._sums
        for own, added in zip(grown, sums, strict=True):
            np.add.at(own, rows, np.tile(added, len(KEYS)))
        grown[:, _NOWHERE] = 0
        self._sums = grown

    def _row_of(self, label: _Label) -> int:
        """Return the row of a label, a new one where it has none."""
        return _NOWHERE if None in label else self._rows.setdefault(label, len(self._rows) + 1)

    def look_up(self, decisions: Table) -> Table:
        """Return the records of decisions, in the columns and order of `replay`."""
        if len(decisions) <= BLOCK:
            return table_of(self._look_up(decisions), decisions)
        found = np.empty((len(RECORD_COLUMNS), len(decisions)))
        for rows in blocks(len(decisions)):
            found[:, rows] = self._look_up(rows_of(decisions, rows))
        return table_of(found, decisions)

    def _look_up(self, decisions: AnyTable) -> np.ndarray:
        asked, place, absent = _labels(decisions)
        found = np.fromiter(map(self._rows.get, asked, repeat(_NOWHERE)), dtype=np.int64)
        sums = np.take(self._sums, found[place], axis=1)
        return shrink(sums, times(decisions, "decided_at"), absent, self.settings)


def _labels(table: AnyTable) -> tuple[Iterable[_Label], np.ndarray, dict[str, np.ndarray]]:
    """Return the labels of all rows, key after key: the key's name, and its parts.

    Returns
    -------
    Labels, which may come again where there are few rows; the place among them of each key's and
    row's, shape (keys, rows); and where each part is null.
    """
    if len(table) > _MANY:
        return _distinct_labels(table)
    parts = {name: texts(table, name) for name in PARTS}
    lists = {name: own.tolist() for name, own in parts.items()}
    each = chain.from_iterable(
        zip(repeat(key.name, len(table)), *(lists[name] for name in key.columns), strict=True)
        for key in KEYS
    )
    place = np.arange(len(KEYS) * len(table)).reshape(len(KEYS), len(table))
    return each, place, {name: is_null(own) for name, own in parts.items()}


def _distinct_labels(table: AnyTable) -> tuple[list[_Label], np.ndarray, dict[str, np.ndarray]]:
    """Return what `_labels` does, each label once, without an object for each row."""
    parts = {name: labels(table, name) for name in PARTS}
    each: list[_Label] = []
    place = np.empty((len(KEYS), len(table)), dtype=np.int64)
    for key, own in zip(KEYS, place, strict=True):
        combined = np.zeros(len(table), dtype=np.int64)
        for name in key.columns:
            codes, names = parts[name]
            combined = combined * (len(names) + 1) + codes + 1
        number, distinct = pd.factorize(combined)
        own[:] = number + len(each)
        each += zip(*_parts_of(distinct, key, parts), strict=True)
    return each, place, {name: codes < 0 for name, (codes, _) in parts.items()}


def _parts_of(
    combined: np.ndarray, key: Key, parts: dict[str, tuple[np.ndarray, list[str]]]
) -> list[list[str | None]]:
    """Return the key's name, and the names of each part, for numbers of combined codes."""
    columns: list[list[str | None]] = []
    for name in reversed(key.columns):
        names = [None, *parts[name][1]]
        combined, code = np.divmod(combined, len(names))
        columns.append([names[number] for number in code.tolist()])
    return [[key.name] * len(combined), *reversed(columns)]


def _part(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="str")
