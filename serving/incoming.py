"""Rows of a request to a typed table, the bad ones named and set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from features.columns import Columns, columns_of
from features.contract import DECISIONS, Table, check
from features.errors import BadValue, ContractError
from features.future import refuse_future
from serving.plain_rows import plain_columns
from serving.settings import Limits

_LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Incoming:
    """Decisions as they came, the bad ones set aside.

    Attributes
    ----------
    rows
        Position in the request of each good one, shape (decisions,).
    """

    decisions: Columns
    rows: np.ndarray
    bad: tuple[BadValue, ...] = ()


def read_decisions(rows: Sequence[dict[str, Any]], limits: Limits, *, now: datetime) -> Incoming:
    """Return the good decisions of a request, and what is bad; raises as `read_rows` does.

    Examples
    --------
    >>> noon = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    >>> row = {"decision_id": "d", "decided_at": "2026-03-01", "policy": "spam", "action": "keep"}
    >>> wrong = {**row, "decision_id": "e", "views": -1}
    >>> incoming = read_decisions([wrong, row], Limits(), now=noon)
    >>> incoming.rows.tolist(), incoming.bad[0].column
    ([1], 'views')
    """
    plain = plain_columns(rows, DECISIONS, limits, now=now)
    if plain is not None:
        return Incoming(plain, np.arange(len(plain)))
    good, bad = read_rows(rows, DECISIONS, limits, now=now)
    return Incoming(columns_of(good), good.index.to_numpy(), bad)


def read_rows(
    rows: Sequence[dict[str, Any]], table: Table, limits: Limits, *, now: datetime
) -> tuple[pd.DataFrame, tuple[BadValue, ...]]:
    """Return the good rows, labelled by their position in the request, and what is bad.

    A row dated more than a day after `now` is bad: it comes of a wrong clock or a swapped date.

    Raises
    ------
    ContractError
        If no row is good, a column is missing from all or not known, or there are too many rows.

    Examples
    --------
    >>> from features.contract import OUTCOMES
    >>> row = {"audit_id": "a", "decision_id": "d", "audited_at": "2026-03-01",
    ...        "verdict": "correct"}
    >>> wrong = {**row, "audit_id": "b", "verdict": "fine"}
    >>> noon = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    >>> good, bad = read_rows([wrong, row], OUTCOMES, Limits(), now=noon)
    >>> list(good.index), bad[0].row, bad[0].seen
    ([1], 0, "'fine'")
    """
    if len(rows) > limits.max_rows:
        seen, expected = f"{len(rows):,} rows", f"at most {limits.max_rows:,} rows a call"
        raise ContractError.of(table.name, -1, table.name, seen=seen, expected=expected)
    bad = [value for row, values in enumerate(rows) for value in _unfit(row, values, table, limits)]
    broken = {value.row for value in bad}
    kept = np.array([row for row in range(len(rows)) if row not in broken], dtype=np.int64)
    if not len(kept):
        raise ContractError(table.name, bad)
    names = dict.fromkeys(name for row in kept for name in rows[row])
    # What a row lacks is null like what it gives as null: else a column of both would be numbers.
    frame = pd.DataFrame([{name: rows[row].get(name) for name in names} for row in kept])
    checked = refuse_future(check(frame, table), frame, now=now)
    bad += [replace(value, row=int(kept[value.row])) for value in checked.bad_values]
    bad.sort(key=lambda value: (value.row, value.column))
    if checked.good.empty:
        raise ContractError(table.name, bad)
    return checked.good.set_axis(kept[checked.good.index]), tuple(bad)


def _unfit(row: int, values: dict[str, Any], table: Table, limits: Limits) -> Iterator[BadValue]:
    """Yield the values that no table can hold, whatever their column."""
    for name, value in values.items():
        if isinstance(value, str):
            if len(value) > limits.max_text_length:
                allowed = f"at most {limits.max_text_length:,} characters"
                yield BadValue(row, name, f"{len(value):,} characters", allowed)
            elif "\0" in value:
                yield BadValue(row, name, "a text with a null character", "a text without it")
        elif isinstance(value, (list, dict)):
            known = table.by_name.get(name)
            if known is None or known.kind != "vector" or isinstance(value, dict):
                expected = known.expected if known else "a text or a finite number"
                yield BadValue(row, name, f"a {type(value).__name__}", expected)
        elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            yield BadValue(row, name, "a whole number of over 64 bits", "one of at most 64 bits")
