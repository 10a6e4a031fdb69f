"""Many rows into a table at once, the quickest way that each database has.

PostgreSQL takes them by COPY, SQLite by one prepared statement; a broken constraint undoes the
whole in either. Values are plain already: text, numbers, null as None, JSON as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from features.errors import StoreError

_ENCODER = msgspec.json.Encoder()
_COPY_FROM = 20
"""Rows from which COPY is quicker than a statement for each row."""


def insert_columns(
    connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Insert rows given as columns of one length; nothing where there is no row.

    Rows that come with their key go in its order: two writers in two orders could wait on each
    other.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If a row breaks a constraint, as a repeated id.

    Examples
    --------
    >>> engine = sa.create_engine("sqlite://")
    >>> table = sa.Table("words", sa.MetaData(), sa.Column("word", sa.Text))
    >>> with engine.begin() as connection:
    ...     table.create(connection)
    ...     insert_columns(connection, table, {"word": ["one", "two"]})
    ...     connection.scalar(sa.select(sa.func.count()).select_from(table))
    2
    """
    rows = list(zip(*columns.values(), strict=True))
    if not rows:
        return
    for key in table.primary_key.columns.keys() & columns.keys():
        rows.sort(key=itemgetter(list(columns).index(key)))
    names = ", ".join(f'"{name}"' for name in columns)
    place = f"{table.name} ({names})"
    if connection.dialect.name == "postgresql" and len(rows) >= _COPY_FROM:
        _copy_rows(connection, f"COPY {place} FROM STDIN", rows)
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {place} VALUES ({marks})", rows)


def copy_blocks(
    connection: sa.Connection, statement: str, blocks: Iterable[memoryview | bytes]
) -> None:
    """Copy rows in that are written in the format of the statement already.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If a row breaks a constraint, as a repeated id.
    """
    with _copying(connection, statement) as copy:
        for block in blocks:
            copy.write(block)


def _copy_rows(connection: sa.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with _copying(connection, statement) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _copying(connection: sa.Connection, statement: str) -> Iterator[Any]:
    """Open a COPY; what the driver says becomes what SQLAlchemy says of a statement."""
    driver: Any = connection.dialect.dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            yield copy
    except driver.IntegrityError as error:
        raise sa.exc.IntegrityError(statement, None, error) from error
    except driver.Error as error:
        raise sa.exc.DBAPIError(statement, None, error) from error
    finally:
        cursor.close()


def as_json(values: Sequence[Any]) -> list[str | None]:
    """Return each value as JSON text; null stays null.

    Raises
    ------
    StoreError
        If one holds what JSON has not.

    Examples
    --------
    >>> as_json([{"x_a": 1.0}, None, [0.5]])
    ['{"x_a":1.0}', None, '[0.5]']
    """
    try:
        lines = _ENCODER.encode_lines(values).decode().split("\n")
    except (TypeError, UnicodeEncodeError) as error:
        raise StoreError(f"a value cannot be written as JSON: {error}") from error
    return [None if value is None else line for value, line in zip(values, lines, strict=False)]
