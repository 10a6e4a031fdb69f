"""Typed frames to rows of the store, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features.bulk import as_json
from features.columns import AnyTable
from features.contract import Table
from features.values import as_text


def microseconds(time: datetime) -> int:
    """Return a time as the store keeps it: microseconds since 1970 in UTC.

    Examples
    --------
    >>> from datetime import UTC
    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return pd.Timestamp(time).value // 1000


def as_stored(given: AnyTable, table: sa.Table) -> dict[str, list[Any]]:
    """Return a table as columns of the store; what has no column of its own goes into ``extras``.

    JSON is written as text.
    """
    stored: dict[str, list[Any]] = {}
    for name, is_json in _columns(table):
        if name in given or name == "extras":
            values = _extras(given) if name == "extras" else _plain(given[name])
            stored[name] = as_json(values) if is_json else values
    return stored


@cache
def _columns(table: sa.Table) -> list[tuple[str, bool]]:
    """Return the name of each column, and whether it holds JSON."""
    return [(column.name, isinstance(column.type, sa.JSON)) for column in table.columns]


def as_frame(names: Iterable[str], rows: Sequence[Any], table: Table | None) -> pd.DataFrame:
    """Return rows of the store as a typed frame: for a few, `features.blocks` for many.

    With a table of the contract, columns that are wholly null are left out unless required, and
    extras become columns of their own.
    """
    names = list(names)
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    frame = pd.DataFrame(
        {
            name: _typed(name, list(values), table)
            for name, values in zip(names, columns, strict=True)
        }
    )
    if table is None:
        return frame
    if "extras" in frame:
        extras = [extra or {} for extra in frame.pop("extras")]
        frame = frame.join(_expand(extras)) if any(extras) else frame
    idle = [n for n in frame if n in table.by_name and not table.by_name[n].required]
    return frame.drop(columns=[n for n in idle if frame[n].isna().all()])


def first_difference(
    given: pd.DataFrame, stored: pd.DataFrame, key: str
) -> Iterator[tuple[Any, str, str]]:
    """Yield (row, id, column) of each given row that differs from the stored one of its id."""
    if given.empty:
        return
    stored = stored.set_index(key).reindex(given[key])
    names = {*map(str, given), *map(str, stored)} - {key, "text", "embedding"}
    differs = pd.DataFrame(index=given.index)
    for name in sorted(names):
        differs[name] = _unequal(*_alike(_column(given, name), _column(stored, name)))
    for row in given.index[differs.any(axis=1)]:
        yield row, str(given.at[row, key]), str(differs.loc[row].idxmax())


def _alike(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write both columns as text where only one is: an extra may come as 1 and as "1"."""
    worded = [any(isinstance(value, str) for value in values) for values in (one, other)]
    if worded[0] == worded[1]:
        return one, other
    first, second = (as_text(pd.Series(v, dtype=object))[0].to_numpy() for v in (one, other))
    return first, second


def _unequal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    both_null = pd.isna(one) & pd.isna(other)
    return np.asarray(~(both_null | (one == other)))


def _column(frame: pd.DataFrame, name: str) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), None, dtype=object)
    values = frame[name]
    return np.asarray(values.astype(object).where(values.notna(), None))


def _plain(values: pd.Series | np.ndarray) -> list[Any]:
    """Return a column as Python values, null as None and time in microseconds."""
    if isinstance(values, np.ndarray):
        plain: list[Any] = values.tolist()
        if values.dtype.kind in "biO" or not isnan(sum(plain)):  # with one NaN the sum is NaN
            return plain
        return [None if v != v else v for v in plain]
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        whole = values.dt.as_unit("us").astype("int64").tolist()
        return [None if null else v for v, null in zip(whole, values.isna(), strict=True)]
    plain = values.tolist()
    if values.dtype.kind in "bi":
        return plain
    return [None if null else v for v, null in zip(plain, values.isna().tolist(), strict=True)]


def _extras(given: AnyTable) -> list[dict[str, Any] | None]:
    names = [name for name in map(str, given) if name.startswith(("group_", "x_"))]
    if not names:
        return [None] * len(given)
    columns = [_plain(given[name]) for name in names]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _typed(name: str, values: list[Any], table: Table | None) -> pd.Series:
    known = table.by_name.get(name) if table else None
    if (known is not None and known.kind == "time") or name.endswith("_at"):
        whole = pd.array(values, dtype="Int64")
        return pd.Series(pd.to_datetime(whole, unit="us", utc=True)).astype("datetime64[us, UTC]")
    if known is not None and known.kind == "text":
        return pd.Series(values, dtype="str")
    if known is not None and known.kind == "number":
        return pd.Series(values, dtype="float64")
    return pd.Series(values)


def _expand(extras: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(extras)
    return pd.DataFrame(
        {
            name: frame[name].astype("float64")
            if frame[name].dtype.kind in "fib"
            else as_text(frame[name])[0]
            for name in frame
        }
    )
