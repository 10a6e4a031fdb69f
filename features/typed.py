"""Arrow columns of the store as a typed frame: text, categories, floats, times in UTC."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from features.contract import Table
from features.values import as_text

TEXT = pa.large_string()
WORDS = pa.dictionary(pa.int32(), pa.string())
"""Text of few values, each held once."""
_STR: Any = pd.StringDtype("pyarrow", na_value=np.nan)


def typed_frame(
    columns: pa.Table, table: Table | None, *, coded_extras: bool = False
) -> pd.DataFrame:
    """Return columns as the store's readers promise them.

    Parameters
    ----------
    columns
        Times as whole microseconds since 1970; JSON as text; text of few values as dictionaries,
        which become categories.
    table
        Of the contract: columns that are wholly null are left out unless required, and ``extras``
        become columns of their own.
    coded_extras
        Whether their text becomes categories.
    """
    frame: dict[str, Any] = {}
    extras = pd.DataFrame()
    while columns.num_columns:
        name, column = columns.column_names[0], columns.column(0)
        columns = columns.remove_column(0)  # so that it is not held twice for longer than it takes
        if name == "extras" and table is not None:
            extras = _expanded(column, coded=coded_extras)
        elif not _is_idle(name, column, table):
            frame[name] = _series(name, column, table)
    found = pd.DataFrame(frame, copy=False)
    return found.join(extras) if len(extras.columns) else found


def _is_idle(name: str, column: pa.ChunkedArray, table: Table | None) -> bool:
    known = None if table is None else table.by_name.get(name)
    return known is not None and not known.required and column.null_count == len(column)


def _series(name: str, column: pa.ChunkedArray, table: Table | None) -> Any:
    known = None if table is None else table.by_name.get(name)
    if name.endswith("_at") or (known is not None and known.kind == "time"):
        return _times(column)
    if known is not None and known.kind == "vector":
        return _decoded(column)
    if pa.types.is_dictionary(column.type):
        return _categories(column)
    if pa.types.is_large_string(column.type):
        return _STR.__from_arrow__(column)
    return column.to_numpy()


def _times(column: pa.ChunkedArray) -> pd.Series:
    whole = column.fill_null(np.iinfo(np.int64).min).to_numpy()
    return pd.Series(whole.view("datetime64[us]")).dt.tz_localize("UTC")


def _decoded(column: pa.ChunkedArray) -> np.ndarray:
    values = np.empty(len(column), dtype=object)
    values[:] = [None if v is None else msgspec.json.decode(v) for v in column.to_pylist()]
    return values


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Return the number of each value among the distinct ones, -1 where it is null."""
    one = column.unify_dictionaries().combine_chunks()
    if isinstance(one, pa.ChunkedArray):  # of no block
        return np.empty(0, dtype=np.int32), []
    return one.indices.fill_null(-1).to_numpy(), one.dictionary.to_pylist()


def _categories(column: pa.ChunkedArray) -> Any:
    codes, names = _codes(column)
    order = sorted(range(len(names)), key=names.__getitem__)
    kind = np.min_scalar_type(-len(names) - 1)
    places = np.append(np.argsort(order), -1).astype(kind)  # the last is what a null's -1 points to
    kinds: Any = pd.CategoricalDtype([names[each] for each in order])
    return pd.Categorical.from_codes(places[codes], dtype=kinds)


def _expanded(column: pa.ChunkedArray, *, coded: bool) -> pd.DataFrame:
    """Return ``group_*`` and ``x_*`` as columns; each distinct document is read once."""
    codes, documents = _codes(column)
    read: list[dict[str, Any]] = [msgspec.json.decode(each) or {} for each in documents]
    if not any(read):
        return pd.DataFrame(index=pd.RangeIndex(len(codes)))
    distinct = pd.DataFrame([*read, {}])  # the last is what a null's -1 points to
    columns = {str(name): _extra(distinct[name], coded=coded) for name in distinct}
    return pd.DataFrame({name: own.take(codes) for name, own in columns.items()}, copy=False)


def _extra(values: pd.Series, *, coded: bool) -> Any:
    if values.dtype.kind in "fib":
        return values.astype("float64").array
    text = as_text(values)[0]
    return pd.Categorical(text) if coded else text.array
