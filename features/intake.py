"""From a team's file into the store: read, mapped, checked, pseudonymised, stored once.

A file may be of any length: it goes by in batches, and while the database takes one the next is
read and checked. All of them are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from features.additions import KNOWN_DECISION, orphans
from features.ahead import ahead
from features.batches import checked_batches
from features.contract import DECISIONS, OUTCOMES, Checked, Table
from features.errors import BadValue
from features.files import rejected_path
from features.home import Home
from features.loading import DecisionLoader, Loader, OutcomeLoader, count_anew, one_transaction
from features.mapping import read_mapping
from features.pseudonym import pseudonymise
from features.reading import ROWS_A_PART
from features.refused import Refused
from features.row_file import growing_csv
from features.store import Added, Store, open_store

_LOADERS: dict[str, Callable[[sa.Connection], Loader]] = {
    DECISIONS.name: DecisionLoader,
    OUTCOMES.name: OutcomeLoader,
}
_LARGE = 10_000
"""New rows from which what the database knows of a table's size is counted anew."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file.

    Attributes
    ----------
    new, unchanged
        Rows that were stored, and rows that were there already, alike.
    refused
        What was wrong with the others; where it is much, the first of it.
    refused_count
        How many values were refused in all.
    rejected_file
        Where the other rows are; null where there are none.
    """

    table: str
    new: int
    unchanged: int
    refused: tuple[BadValue, ...]
    refused_count: int
    rejected_file: Path | None


def take_decisions(
    home: Home,
    path: Path,
    *,
    mapping: Path | None = None,
    skip_bad: bool = False,
    now: datetime | None = None,
    rows: int = ROWS_A_PART,
) -> Taken:
    """Load decisions: a CSV, a Parquet file or a folder of them.

    Parameters
    ----------
    now
        Rows of a time more than a day later are bad rows; null = any time will do.
    rows
        At most so many go in one batch.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set: nothing is loaded then.
    """
    reading = _Reading(path, DECISIONS, mapping, now, rows)
    return _take(home, reading, skip_bad=skip_bad)


def take_outcomes(
    home: Home,
    path: Path,
    *,
    mapping: Path | None = None,
    skip_bad: bool = False,
    now: datetime | None = None,
    rows: int = ROWS_A_PART,
) -> Taken:
    """Load outcomes; see `take_decisions`."""
    reading = _Reading(path, OUTCOMES, mapping, now, rows)
    return _take(home, reading, skip_bad=skip_bad)


def add_decisions(home: Home, decisions: pd.DataFrame) -> Added:
    """Pseudonymise and store decisions that were checked already."""
    return open_store(home.store_url()).add_decisions(pseudonymise(decisions, home.pseudonym_key()))


def add_outcomes(home: Home, outcomes: pd.DataFrame) -> Added:
    """Pseudonymise and store outcomes that were checked already."""
    return open_store(home.store_url()).add_outcomes(pseudonymise(outcomes, home.pseudonym_key()))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Which file is read, and how."""

    path: Path
    table: Table
    mapping: Path | None
    now: datetime | None
    rows: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch as it was checked, and its good rows as they are stored."""

    checked: Checked
    hidden: pd.DataFrame


def _parts(reading: _Reading, key: bytes | None) -> Iterator[_Part]:
    mapping = read_mapping(reading.mapping) if reading.mapping else None
    batches = checked_batches(
        reading.path, reading.table, mapping=mapping, now=reading.now, rows=reading.rows
    )
    for batch in batches:
        yield _Part(batch.checked, pseudonymise(batch.checked.good, key))


def _take(home: Home, reading: _Reading, *, skip_bad: bool) -> Taken:
    store = open_store(home.store_url())
    try:
        store.require_current()
        parts = ahead(_parts(reading, home.pseudonym_key()))
        return _load(store, parts, reading, skip_bad=skip_bad)
    finally:
        store.engine.dispose()


def _load(store: Store, parts: Iterator[_Part], reading: _Reading, *, skip_bad: bool) -> Taken:
    table, place = reading.table.name, rejected_path(reading.path)
    refused = Refused(table)
    with growing_csv(place) as reject:
        with one_transaction(store) as connection:
            load = _Load(_LOADERS[table](connection), refused, reject)
            whole = load.all_of(parts) if skip_bad else load.all_or_none(parts)
            if not whole:
                connection.rollback()
            elif load.new >= _LARGE:
                count_anew(connection, table)
        if not whole:
            _look_on(store, parts, refused)
            refused.raise_if_any()
    told = place if refused.count else None
    return Taken(table, load.new, load.unchanged, refused.told, refused.count, told)


class _Load:
    """The batches of one file on their way into the store, and what became of them."""

    def __init__(
        self, loader: Loader, refused: Refused, reject: Callable[[pd.DataFrame], None]
    ) -> None:
        self._loader, self._refused, self._reject = loader, refused, reject
        self.new = self.unchanged = 0

    def all_of(self, parts: Iterator[_Part]) -> bool:
        """Store what can be stored, and write the rest to the file of rejected rows."""
        for part in parts:
            self._refused.note(part.checked.bad_values)
            self._note(part.checked, self._loader.add(part.hidden))
        self._finish()
        return True

    def all_or_none(self, parts: Iterator[_Part]) -> bool:
        """Store rows until one is bad, and return whether none was."""
        for part in parts:
            added = None if part.checked.bad_values else self._loader.add(part.hidden)
            bad = part.checked.bad_values if added is None else _unknown(added)
            self._refused.note(bad)
            if bad or added is None:
                return False
            self._note(part.checked, added)
        self._finish()
        return True

    def _finish(self) -> None:
        """Store what had to wait for the last batch."""
        waited = self._loader.finish()
        if waited is not None:
            rows, added = waited
            self._count(added)
            self._reject(_refused_rows(rows, added))

    def _note(self, checked: Checked, added: Added) -> None:
        self._count(added)
        self._reject(pd.concat([checked.rejected, _refused_rows(checked.good, added)]).sort_index())

    def _count(self, added: Added) -> None:
        self._refused.note(added.refused)
        self.new += len(added.ids)
        self.unchanged += added.unchanged


def _unknown(added: Added) -> tuple[BadValue, ...]:
    """Return outcomes of decisions that the store does not hold, with the mend."""
    return tuple(_with_mend(bad) for bad in added.refused if bad.expected == KNOWN_DECISION)


def _with_mend(bad: BadValue) -> BadValue:
    return replace(bad, expected=f"{bad.expected}; load it first")


def _look_on(store: Store, parts: Iterator[_Part], refused: Refused) -> None:
    """Note what else is bad in a file that is not loaded."""
    for part in parts:
        refused.note(part.checked.bad_values)
        if refused.table == OUTCOMES.name:
            known = store.known_decisions(part.hidden["decision_id"])
            refused.note([_with_mend(bad) for bad in orphans(part.hidden, known)])


def _refused_rows(rows: pd.DataFrame, added: Added) -> pd.DataFrame:
    problems = {bad.row: f"{bad.column}: {bad.seen}; {bad.expected}" for bad in added.refused}
    return rows.loc[list(problems)].assign(problem=list(problems.values()))
