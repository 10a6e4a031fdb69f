"""Tables into the store without a Python object for each value, where the database allows it.

PostgreSQL reads CSV as it is written by Arrow; SQLite, and tables of a few rows, go by `bulk`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import sqlalchemy as sa

from features.bulk import as_json, copy_blocks, insert_columns
from features.columns import AnyTable, Columns
from features.rows import as_stored

_FRAMES_FROM = 1_000
"""Rows from which a table is worth the trouble of Arrow's."""
_ROWS_A_BLOCK = 16_384


def insert_rows(connection: sa.Connection, table: sa.Table, rows: AnyTable) -> None:
    """Insert rows of a typed table; what has no column of its own goes into ``extras``.

    Rows that come with their key go in its order: two writers in two orders could wait on each
    other.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If a row breaks a constraint, as a repeated id.
    """
    by_arrow = connection.dialect.name == "postgresql" and len(rows) >= _FRAMES_FROM
    if isinstance(rows, Columns):
        insert_columns(connection, table, as_stored(rows, table))
        return
    if not by_arrow:
        for start in range(0, len(rows), _ROWS_A_BLOCK):
            part = rows.iloc[start : start + _ROWS_A_BLOCK]
            insert_columns(connection, table, as_stored(part, table))
        return
    stored = _by_key(as_arrow(rows, table), table)
    names = ", ".join(f'"{name}"' for name in stored.column_names)
    statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
    copy_blocks(connection, statement, _csv_blocks(stored))


def as_arrow(frame: pd.DataFrame, table: sa.Table) -> pa.Table:
    """Return a typed frame as columns of the store, as `as_stored` does: JSON is text.

    Examples
    --------
    >>> from features import schema
    >>> frame = pd.DataFrame({"decision_id": ["a"], "x_size": [2.0], "group_age": ["20"]})
    >>> as_arrow(frame, schema.decisions).to_pylist()
    [{'decision_id': 'a', 'extras': '{"x_size":2.0,"group_age":"20"}'}]
    """
    stored: dict[str, pa.Array | pa.ChunkedArray] = {}
    for column in table.columns:
        if column.name == "extras":
            stored["extras"] = _extras(frame)
        elif column.name in frame and isinstance(column.type, sa.JSON):
            vectors = frame[column.name]
            stored[column.name] = pa.array(as_json(vectors.where(vectors.notna(), None).tolist()))
        elif column.name in frame:
            stored[column.name] = _plain(frame[column.name])
    return pa.table(stored)


def _plain(values: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return a column as Arrow's, null where it is missing and time in microseconds."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return pa.array(values.dt.as_unit("us").astype("int64"), mask=values.isna().to_numpy())
    return pa.array(values, from_pandas=True)


def _extras(frame: pd.DataFrame) -> pa.Array | pa.ChunkedArray:
    """Return the extra columns of each row as one JSON object, without those that are null."""
    names = [name for name in map(str, frame) if name.startswith(("group_", "x_"))]
    if not names:
        return pa.nulls(len(frame), pa.large_string())
    joined = pc.binary_join_element_wise(*(_members(frame[name]) for name in names), _text(""))
    return pc.binary_join_element_wise(
        _text("{"), pc.utf8_slice_codeunits(joined, 1), _text("}"), _text("")
    )


def _members(values: pd.Series) -> pa.Array:
    """Return ``,"name":value`` in JSON for each value, nothing for null; each is written once."""
    codes, distinct = pd.factorize(values)
    name = as_json([str(values.name)])[0]
    texts = [*(f",{name}:{value}" for value in as_json(distinct.tolist())), ""]
    return pa.array(texts, pa.large_string()).take(pa.array(codes % len(texts)))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _by_key(stored: pa.Table, table: sa.Table) -> pa.Table:
    """Return rows in the order of the key that they come with."""
    key = next(iter(table.primary_key.columns)).name
    if key not in stored.column_names:
        return stored
    ids = stored[key].combine_chunks()
    in_order = pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py()
    return stored if in_order else stored.take(pc.sort_indices(ids))


def _csv_blocks(stored: pa.Table) -> Iterator[memoryview]:
    """Yield rows as CSV: text in quotation marks, null as nothing."""
    options = pyarrow.csv.WriteOptions(include_header=False, batch_size=_ROWS_A_BLOCK)
    for start in range(0, len(stored), _ROWS_A_BLOCK):
        block = pa.BufferOutputStream()
        pyarrow.csv.write_csv(stored.slice(start, _ROWS_A_BLOCK), block, options)
        yield memoryview(block.getvalue())
