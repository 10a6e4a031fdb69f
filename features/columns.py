"""Columns as plain arrays: a table for the way from a request to its answer.

A batch of a few decisions would spend most of its time in a DataFrame's bookkeeping. What scores
decisions reads either kind of table through the three readers below, so that there is one
definition of each feature, and training and serving cannot part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Columns:
    """Named arrays of one length, with the part of a DataFrame's manner that scoring needs.

    Attributes
    ----------
    rows
        Their length.
    arrays
        Text as objects, null = None; numbers as 64-bit floats, null = NaN; times as whole
        microseconds since 1970 in UTC; vectors as objects.

    Examples
    --------
    >>> table = Columns.of({"policy": ["spam", None], "views": [1.0, 2.0]})
    >>> len(table), "views" in table, table.take([1])["views"].tolist()
    (2, True, [2.0])
    """

    rows: int
    arrays: Mapping[str, np.ndarray]

    @staticmethod
    def of(columns: Mapping[str, Any]) -> Columns:
        """Return columns of lists or arrays; lists that are not all numbers become objects."""
        arrays = {name: _array(values) for name, values in columns.items()}
        return Columns(len(next(iter(arrays.values()), ())), arrays)

    def __len__(self) -> int:
        return self.rows

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return self.rows == 0

    def take(self, rows: Any) -> Columns:
        """Return the rows at these positions."""
        places = np.asarray(rows, dtype=np.int64)
        return Columns(len(places), {name: own[places] for name, own in self.arrays.items()})

    def assign(self, **columns: Any) -> Columns:
        """Return the table with columns added or replaced; a single value stands in every row."""
        more = {name: _spread(values, self.rows) for name, values in columns.items()}
        return Columns(self.rows, {**self.arrays, **more})

    def without(self, *names: str) -> Columns:
        """Return the table without these columns."""
        return Columns(self.rows, {n: own for n, own in self.arrays.items() if n not in names})


Table = TypeVar("Table", pd.DataFrame, Columns)
AnyTable = pd.DataFrame | Columns


def like(table: Table, columns: Mapping[str, Any]) -> Table:
    """Return columns as a table of the same kind, and with the same row labels.

    Columns are arrays; those of a frame may be pandas' own arrays too.

    Examples
    --------
    >>> like(pd.DataFrame({"a": [1]}, index=[7]), {"b": np.array([2.0])}).index.tolist()
    [7]
    """
    if isinstance(table, Columns):
        return Columns(len(table), columns)
    return pd.DataFrame(
        {
            name: pd.Series(values, index=table.index, dtype="str")
            if values.dtype == object
            else values
            for name, values in columns.items()
        },
        index=table.index,
    )


def columns_of(frame: pd.DataFrame) -> Columns:
    """Return a frame that keeps the contract as columns; row labels are left behind."""
    readers = {"M": times, "f": numbers, "i": numbers}
    return Columns(
        len(frame),
        {name: readers.get(frame[name].dtype.kind, texts)(frame, name) for name in map(str, frame)},
    )


def frame_of(columns: Columns) -> pd.DataFrame:
    """Return columns as a frame; those named ``*_at`` become times.

    Examples
    --------
    >>> frame_of(Columns.of({"decided_at": [0], "policy": [None]})).dtypes.astype(str).tolist()
    ['datetime64[us, UTC]', 'str']
    """
    found: dict[str, Any] = {}
    for name in columns:
        values = columns[name]
        if name.endswith("_at"):
            found[name] = pd.to_datetime(values.astype(np.int64), unit="us", utc=True).as_unit("us")
        elif values.dtype == object and not any(isinstance(each, list) for each in values):
            found[name] = pd.Series(values, dtype="str")
        else:
            found[name] = values
    return pd.DataFrame(found)


def side_by_side(*tables: Table) -> Table:
    """Return tables of the same rows, no column in two of them, as one."""
    first = tables[0]
    if isinstance(first, Columns):
        return Columns(len(first), {name: each[name] for each in tables for name in each})
    return pd.concat(tables, axis=1)


def texts(table: AnyTable, name: str) -> np.ndarray:
    """Return a column of text as objects; None where it is null or there is no such column."""
    if isinstance(table, Columns):
        own = table.arrays.get(name)
        return np.full(table.rows, None, dtype=object) if own is None else own
    if name not in table:
        return np.full(len(table), None, dtype=object)
    values = table[name]
    return np.asarray(values.astype(object).where(values.notna(), None).to_numpy(dtype=object))


def numbers(table: AnyTable, name: str) -> np.ndarray:
    """Return a column of numbers as floats; NaN where it is null or there is no such column."""
    if isinstance(table, Columns):
        own = table.arrays.get(name)
        return np.full(table.rows, np.nan) if own is None else np.asarray(own, dtype=np.float64)
    if name not in table:
        return np.full(len(table), np.nan)
    values = table[name]
    return np.asarray(values.to_numpy(dtype=float, na_value=np.nan))


def times(table: AnyTable, name: str) -> np.ndarray:
    """Return a column of times as whole microseconds since 1970 in UTC."""
    values = table[name]
    if isinstance(values, np.ndarray):
        return values
    return np.asarray(values.dt.as_unit("us").astype("int64"))


def is_null(values: np.ndarray) -> np.ndarray:
    """Return where text is null."""
    return np.asarray(values == None)  # noqa: E711, an array compares element by element


def lacks(table: AnyTable, name: str) -> np.ndarray:
    """Return where a column of text is null; everywhere, where there is no such column.

    Examples
    --------
    >>> lacks(pd.DataFrame({"policy": ["spam", None]}), "policy").tolist()
    [False, True]
    """
    if isinstance(table, Columns) or name not in table:
        return is_null(texts(table, name))
    return np.asarray(table[name].isna().to_numpy(dtype=bool))


def codes(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return a number for each text, -1 where it is null, and the texts in order of appearance.

    Examples
    --------
    >>> codes(np.array(["b", None, "a", "b"], dtype=object))[0].tolist()
    [0, -1, 1, 0]
    """
    names = [name for name in dict.fromkeys(values.tolist()) if name is not None]
    return positions(values, {name: number for number, name in enumerate(names)}), names


def labels(table: AnyTable, name: str) -> tuple[np.ndarray, list[str]]:
    """Return a column of text as `codes` does, without a Python object for each row of a frame.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": pd.Series(["spam", None, "spam"], dtype="category")})
    >>> numbers, names = labels(frame, "policy")
    >>> numbers.tolist(), names
    ([0, -1, 0], ['spam'])
    """
    if name not in table:
        return np.full(len(table), -1, dtype=np.int64), []
    values = table[name]
    if isinstance(values, np.ndarray):
        return codes(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(dtype=np.int64), values.cat.categories.tolist()
    numbers, names = pd.factorize(values)
    return numbers, names.tolist()


def looked_up(values: np.ndarray, table: Mapping[str, float], otherwise: float) -> np.ndarray:
    """Return the number that a table holds for each text; `otherwise` where it holds none.

    Examples
    --------
    >>> looked_up(np.array(["spam", None], dtype=object), {"spam": 2.0}, 0.5).tolist()
    [2.0, 0.5]
    """
    found = map(table.get, values.tolist(), repeat(otherwise))
    return np.fromiter(found, dtype=np.float64, count=len(values))


def looked_up_in(
    table: AnyTable, name: str, known: Mapping[str, float], *, otherwise: float
) -> np.ndarray:
    """Return what `looked_up` does of a column of text; of a frame each text is looked up once.

    Examples
    --------
    >>> frame = pd.DataFrame({"policy": ["spam", None, "fraud"]})
    >>> looked_up_in(frame, "policy", {"spam": 2.0}, otherwise=0.5).tolist()
    [2.0, 0.5, 0.5]
    """
    if isinstance(table, Columns):
        return looked_up(texts(table, name), known, otherwise)
    place, names = labels(table, name)
    found = np.array([*(known.get(each, otherwise) for each in names), otherwise], dtype=float)
    return np.asarray(found[place])


def positions(values: np.ndarray, vocabulary: Mapping[str, int]) -> np.ndarray:
    """Return the place of each text in a vocabulary; -1 where it is not there or null."""
    found = map(vocabulary.get, values.tolist(), repeat(-1))
    return np.fromiter(found, dtype=np.int64, count=len(values))


def _array(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    if all(type(value) in (int, float) for value in values):
        return np.array(values, dtype=np.float64)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _spread(values: Any, rows: int) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    if isinstance(values, str) or values is None:
        return np.full(rows, values, dtype=object)
    if isinstance(values, (int, float, bool, np.generic)):
        return np.full(rows, values)
    return _array(values)
