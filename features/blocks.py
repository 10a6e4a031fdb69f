"""What a query finds, as typed columns: read in blocks, no value of more than one a Python object.

PostgreSQL sends the rows as CSV (``COPY ... TO STDOUT``), which Arrow parses; SQLite has only rows
to give, and a block of them becomes Arrow columns before the next is fetched. Either way the frame
is the same, and times, numbers and text are exactly those that are stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa

from features.contract import Table
from features.typed import TEXT, WORDS, typed_frame

ROWS_A_BLOCK = 20_000
"""Rows of SQLite that are Python objects at one time."""
BYTES_A_BLOCK = 8_000_000
"""CSV of PostgreSQL that is parsed at one time."""


def read_blocks(
    connection: sa.Connection,
    query: sa.Select[Any],
    table: Table | None,
    *,
    coded: Collection[str] = (),
) -> pd.DataFrame:
    """Return what a query finds as a typed frame.

    Parameters
    ----------
    table
        Of the contract: columns that are wholly null are left out unless required, and extras
        become columns of their own; null = the columns as they are stored.
    coded
        Columns of text that become categories, in the order of their names: those of few values.
        ``extras`` among them stands for the text of all extras.

    Examples
    --------
    >>> engine = sa.create_engine("sqlite://")
    >>> words = sa.select(sa.literal("spam").label("policy"), sa.literal(0).label("made_at"))
    >>> with engine.connect() as connection:
    ...     frame = read_blocks(connection, words, None, coded=["policy"])
    >>> frame.dtypes.astype(str).tolist()
    ['category', 'datetime64[us, UTC]']
    """
    kinds = pa.schema(
        [(column.name, _kind(column, table, coded)) for column in query.selected_columns]
    )
    read = _copied if connection.dialect.name == "postgresql" else _fetched
    blocks = pa.Table.from_batches(list(read(connection, query, kinds)), schema=kinds)
    return typed_frame(blocks, table, coded_extras="extras" in coded)


def _kind(column: Any, table: Table | None, coded: Collection[str]) -> pa.DataType:
    """Return how a column is held: times as whole microseconds, JSON as its text."""
    known = table.by_name.get(column.name) if table is not None else None
    if isinstance(column.type, sa.JSON):
        return WORDS if column.name == "extras" else TEXT
    if isinstance(column.type, sa.Boolean):
        return pa.bool_()
    if isinstance(column.type, sa.Double) or (known is not None and known.kind == "number"):
        return pa.float64()
    if isinstance(column.type, sa.Integer):
        return pa.int64()
    return WORDS if column.name in coded else TEXT


def _fetched(
    connection: sa.Connection, query: sa.Select[Any], kinds: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield the driver's own rows: SQLAlchemy's would take as long again to make."""
    with connection.execute(query) as result:
        while rows := result.cursor.fetchmany(ROWS_A_BLOCK):
            columns = zip(*rows, strict=True)
            arrays = [_array(own, kind) for own, kind in zip(columns, kinds.types, strict=True)]
            yield pa.record_batch(arrays, schema=kinds)


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(kind):  # SQLite has 1 and 0
        return pa.array(values, pa.int8()).cast(kind)
    return pa.array(values, kind)


def _copied(
    connection: sa.Connection, query: sa.Select[Any], kinds: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield what PostgreSQL copies out; what the driver says becomes what SQLAlchemy says."""
    compiled = query.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    statement = f"COPY ({compiled}) TO STDOUT (FORMAT csv)"
    driver: Any = connection.dialect.dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy(statement, compiled.params) as copy:
            for block, rows in _gathered(copy):
                yield from _parsed(block, rows, kinds)
    except driver.Error as error:
        raise sa.exc.DBAPIError(statement, None, error) from error
    finally:
        cursor.close()


def _gathered(copy: Any) -> Iterator[tuple[bytes, int]]:
    """Gather rows, which the server sends one by one, into blocks; with the number of rows."""
    block, rows = bytearray(), 0
    for line in copy:
        block += line
        rows += 1
        if len(block) >= BYTES_A_BLOCK:
            yield bytes(block), rows
            block, rows = bytearray(), 0
    if rows:
        yield bytes(block), rows


def _parsed(block: bytes, rows: int, kinds: pa.Schema) -> list[pa.RecordBatch]:
    """Parse whole rows of CSV, in which null is unquoted and empty text is not."""
    found = pa_csv.read_csv(
        pa.BufferReader(block),
        read_options=pa_csv.ReadOptions(
            column_names=kinds.names, use_threads=False, block_size=len(block) + 1
        ),
        parse_options=pa_csv.ParseOptions(newlines_in_values=block.count(b"\n") != rows),
        convert_options=pa_csv.ConvertOptions(
            column_types=kinds,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return list(found.to_batches())
