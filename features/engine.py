"""The engine of a store: SQLite or PostgreSQL, set up so that no writer holds up the others.

Whoever waits for another writer, or for a server that cannot be reached, gives up within seconds
and is told so; it may ask again.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from features.errors import StoreError


def open_engine(url: str) -> sa.Engine:
    """Return the engine of a SQLAlchemy URL; nothing is connected to before it is used.

    Raises
    ------
    StoreError
        If the URL is of a database that is not supported.

    Examples
    --------
    >>> open_engine("nothing://host/db")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    features.errors.StoreError: store URL: it cannot be used; expected sqlite:///FILE or ...
    """
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=not url.startswith("sqlite"),
            json_deserializer=msgspec.json.decode,  # several times as fast as json.loads
        )
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError):
        raise StoreError(
            "store URL: it cannot be used; expected sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST:PORT/DATABASE"
        ) from None  # the cause may show a password
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise StoreError(f"store URL: saw {engine.dialect.name}; expected sqlite or postgresql")
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
    else:
        sa.event.listen(engine, "do_connect", _bound_postgres)
        sa.event.listen(engine, "connect", _set_up_postgres)
    return engine


def for_reading(engine: sa.Engine) -> sa.Engine:
    """Return the engine for reading alone: on PostgreSQL each query is a transaction of its own.

    That saves the two journeys to the server that begin and end one; SQLite needs none.

    Examples
    --------
    >>> engine = open_engine("postgresql+psycopg://host/db")
    >>> for_reading(engine).get_execution_options()["isolation_level"]
    'AUTOCOMMIT'
    >>> for_reading(engine).pool is engine.pool
    True
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Let readers go on beside a writer, and make a commit outlive a loss of power."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _bound_postgres(
    _dialect: object, _record: object, _words: object, options: dict[str, Any]
) -> None:
    """Give up a server that cannot be reached within seconds; what the URL says comes first."""
    for name, value in (
        ("connect_timeout", 5),
        ("keepalives_idle", 10),
        ("keepalives_interval", 5),
        ("keepalives_count", 3),
        ("tcp_user_timeout", 25_000),
    ):
        options.setdefault(name, value)


def _set_up_postgres(connection: Any, _record: object) -> None:
    """Wait for other writers as long as on SQLite, and let none of them hold the others up."""
    for setting, value in (("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")):
        connection.execute(f"SET {setting} = '{value}'")
    connection.commit()
