"""Whether the store can be written to now: found out by writing, and leaving no trace."""

from __future__ import annotations

from features import schema
from features.store import Store


def require_writable(store: Store) -> None:
    """Change a row and take it back.

    Raises
    ------
    StoreError
        If the store does not answer, is read-only, or another writer does not let it go.

    Examples
    --------
    >>> from features.store import open_store
    >>> store = open_store("sqlite://"); store.initialise()
    >>> require_writable(store)
    >>> with store.transaction() as connection:
    ...     _ = connection.exec_driver_sql("PRAGMA query_only = on")
    >>> require_writable(store)
    Traceback (most recent call last):
    features.errors.StoreError: store sqlite://: attempt to write a readonly database
    """
    table = schema.arrival_mark
    with store.transaction() as connection:
        connection.execute(table.update().values(last=table.c.last))
        connection.rollback()
