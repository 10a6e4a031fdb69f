"""Where training reads from: the store, a team's files, or queries of a warehouse.

Files and queries come through the same mapping, contract and pseudonyms as what is loaded into the
store, so that a model learned from either scores alike. Nothing is written where it is read.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import sqlalchemy as sa

from features.batches import checked_batches
from features.contract import DECISIONS, OUTCOMES, Checked, Table, check
from features.errors import ContractError, SettingsError
from features.files import load_checked, rejected_path, write_table
from features.future import refuse_future
from features.home import Home
from features.mapping import Mapping, read_mapping
from features.pseudonym import pseudonymise
from features.reading import is_parquet
from features.store import open_store


@dataclass(frozen=True, slots=True)
class Source:
    """What to train on; the store of the home unless both tables are named.

    Attributes
    ----------
    decisions, outcomes
        Files in CSV or Parquet, folders of Parquet files, or ``.sql`` files that hold one query
        each.
    database
        SQLAlchemy URL that the queries are sent to; never shown, as it may hold a password.
    mapping
        TOML file that maps both tables to the contract.
    skip_bad
        Whether to train on the good rows where some are bad; the others go to a file beside.
    """

    decisions: Path | None = None
    outcomes: Path | None = None
    database: str | None = None
    mapping: Path | None = None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        """Refuse a source that is named by halves."""
        named = [path for path in (self.decisions, self.outcomes) if path is not None]
        if len(named) == 1:
            raise SettingsError(
                f"source: saw {str(named[0])!r} alone; expected decisions and outcomes, or neither "
                "to train on the store"
            )
        if any(map(_is_query, named)) and not self.database:
            raise SettingsError(
                "source: saw a query without a database; give its SQLAlchemy URL with --database "
                "or in SECONDLOOK_DATABASE"
            )
        if not named and (self.mapping or self.database):
            raise SettingsError(
                "source: saw a mapping or a database without tables; expected --decisions and "
                "--outcomes beside it"
            )


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Tables that keep the contract.

    Attributes
    ----------
    decisions, outcomes
        People under pseudonyms where the home says so; of outcomes those that none supersedes.
    origin
        Where they come from, in words.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    origin: str


@dataclass(frozen=True, slots=True)
class Border:
    """What a table comes in by, whichever it is and wherever it is read.

    Attributes
    ----------
    database
        As `Source.database`.
    mapping
        How tables are mapped to the contract; null = they have its names.
    now
        Rows of a later time are bad rows.
    pseudonym_key
        Key of the people's pseudonyms; null = they keep their ids. It is never shown.
    skip_bad
        As `Source.skip_bad`.
    """

    database: str | None = field(repr=False)
    mapping: Mapping | None
    now: dt.datetime
    pseudonym_key: bytes | None = field(repr=False)
    skip_bad: bool


class ReadTable(Protocol):
    """Reads a table of the contract from a file, a folder or a query."""

    def __call__(self, path: Path, table: Table, border: Border) -> pd.DataFrame:
        """Return its good rows, people under pseudonyms, numbered anew."""


def read_source(
    home: Home,
    source: Source,
    *,
    now: dt.datetime,
    until: dt.datetime | None = None,
    read_table: ReadTable | None = None,
) -> TrainingData:
    """Read decisions made before `until`, and what audits found of them.

    Parameters
    ----------
    read_table
        What reads each table that is not of the store; null = `read_table_here`.

    Raises
    ------
    SettingsError, MappingError
        If a file, the mapping or the database cannot be used.
    ContractError
        If a row is bad and bad ones are not to be skipped, or a table as a whole is.
    StoreError
        If the store cannot be read.
    """
    if source.decisions is None or source.outcomes is None:
        store = open_store(home.store_url())
        store.require_current()
        decisions = store.decisions(until=until, with_content=True)
        return TrainingData(decisions, store.outcomes(), "the store")
    mapping = read_mapping(source.mapping) if source.mapping else None
    border = Border(source.database, mapping, now, home.pseudonym_key(), source.skip_bad)
    read = read_table or read_table_here
    decisions = read(source.decisions, DECISIONS, border)
    outcomes = read(source.outcomes, OUTCOMES, border)
    if until is not None:
        decisions = decisions[decisions["decided_at"] < pd.Timestamp(until)]
    if "supersedes" in outcomes:
        outcomes = outcomes[~outcomes["audit_id"].isin(outcomes["supersedes"].dropna())]
    origin = f"{source.decisions.name} and {source.outcomes.name}"
    return TrainingData(decisions, outcomes, origin)


def read_table_here(path: Path, table: Table, border: Border) -> pd.DataFrame:
    """Read a table in this process; see `ReadTable`.

    Raises
    ------
    SettingsError, MappingError, ContractError
        As `read_source`.
    """
    checked = _checked(path, table, border)
    if not border.skip_bad:
        checked.require()
    elif checked.bad_values:
        write_table(checked.rejected, rejected_path(path))
    if checked.good.empty:
        raise ContractError(table.name, list(checked.bad_values))
    return pseudonymise(checked.good.reset_index(drop=True), border.pseudonym_key)


def _checked(path: Path, table: Table, border: Border) -> Checked:
    if _is_query(path):
        frame = query(border.database or "", _text(path))
        frame = border.mapping.apply(frame, table.name) if border.mapping else frame
        return refuse_future(check(frame, table), frame, now=border.now)
    if is_parquet(path):  # in parts: a large one would else be held twice, as given and as typed
        batches = checked_batches(path, table, mapping=border.mapping, now=border.now)
        return _joined([batch.checked for batch in batches])
    return load_checked(path, table, mapping=border.mapping, now=border.now)


def _joined(parts: Sequence[Checked]) -> Checked:
    """Return parts as one table, whose rows are counted through."""
    return Checked(
        parts[0].table,
        pd.concat([part.good for part in parts]),
        pd.concat([part.rejected for part in parts]),
        tuple(bad for part in parts for bad in part.bad_values),
    )


def query(database: str, statement: str) -> pd.DataFrame:
    """Return what a query gives, in a transaction that cannot write where the database has such.

    Raises
    ------
    SettingsError
        If the URL cannot be understood, its driver is not installed, or the database refuses; a
        password is not shown.

    Examples
    --------
    >>> query("sqlite://", "SELECT 1 AS views, 'spam' AS policy").to_dict("records")
    [{'views': 1, 'policy': 'spam'}]
    """
    try:
        engine = sa.create_engine(database)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:
        what = "driver" if isinstance(error, ImportError) else "URL"
        raise SettingsError(
            f"database: its {what} cannot be used ({type(error).__name__}); expected a SQLAlchemy "
            "URL, such as postgresql+psycopg://user@host/name, and its driver installed"
        ) from None
    name = engine.url.set(query={}).render_as_string(hide_password=True)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            elif engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            as_written = {"no_parameters": True}  # else a driver reads its % as a parameter
            result = connection.exec_driver_sql(statement, execution_options=as_written)
            if not result.returns_rows:
                raise SettingsError(f"database {name}: the statement gives no rows; write a SELECT")
            rows = [list(map(_plain, row)) for row in result.fetchall()]
            return pd.DataFrame(rows, columns=pd.Index(list(result.keys())))
    except sa.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        raise SettingsError(f"database {name}: {cause}") from None
    finally:
        engine.dispose()


def _plain(value: Any) -> Any:
    """Return a value of a database as the contract reads it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value.isoformat()
    return value


def _is_query(path: Path) -> bool:
    return path.suffix == ".sql"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"query {str(path)!r}: cannot be read: {error}") from error
