"""From a team's file into the store: read, mapped, checked, pseudonymised, stored once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from features.contract import DECISIONS, OUTCOMES, Checked, Table
from features.errors import BadValue, ContractError
from features.files import load_checked, rejected_path, write_table
from features.home import Home
from features.mapping import read_mapping
from features.pseudonym import pseudonymise
from features.store import Added, Store, open_store


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file.

    Attributes
    ----------
    new, unchanged
        Rows that were stored, and rows that were there already, alike.
    refused
        What was wrong with the others.
    rejected_file
        Where the other rows are; null where there are none.
    """

    table: str
    new: int
    unchanged: int
    refused: tuple[BadValue, ...]
    rejected_file: Path | None


def take_decisions(
    home: Home,
    path: Path,
    *,
    mapping: Path | None = None,
    skip_bad: bool = False,
    now: datetime | None = None,
) -> Taken:
    """Load a file of decisions.

    Parameters
    ----------
    now
        Rows of a time more than a day later are bad rows; null = any time will do.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set: nothing is loaded then.
    """
    return _take(home, _read(path, DECISIONS, mapping, now), path, skip_bad=skip_bad)


def take_outcomes(
    home: Home,
    path: Path,
    *,
    mapping: Path | None = None,
    skip_bad: bool = False,
    now: datetime | None = None,
) -> Taken:
    """Load a file of outcomes; see `take_decisions`."""
    return _take(home, _read(path, OUTCOMES, mapping, now), path, skip_bad=skip_bad)


def add_decisions(home: Home, decisions: pd.DataFrame) -> Added:
    """Pseudonymise and store decisions that were checked already."""
    return open_store(home.store_url()).add_decisions(pseudonymise(decisions, home.pseudonym_key()))


def add_outcomes(home: Home, outcomes: pd.DataFrame) -> Added:
    """Pseudonymise and store outcomes that were checked already."""
    return open_store(home.store_url()).add_outcomes(pseudonymise(outcomes, home.pseudonym_key()))


def _read(path: Path, table: Table, mapping: Path | None, now: datetime | None) -> Checked:
    return load_checked(path, table, mapping=read_mapping(mapping) if mapping else None, now=now)


def _take(home: Home, checked: Checked, path: Path, *, skip_bad: bool) -> Taken:
    table = DECISIONS if checked.table == DECISIONS.name else OUTCOMES
    good = checked.good if skip_bad else checked.require()
    store = open_store(home.store_url())
    store.require_current()
    if not skip_bad:
        _require_storable(store, good, table)
    add = add_decisions if table is DECISIONS else add_outcomes
    added = add(home, good)
    refused = (*checked.bad_values, *added.refused)
    place = rejected_path(path) if refused else None
    if place is not None:
        write_table(_rejected(checked, added), place)
    return Taken(table.name, len(added.ids), added.unchanged, refused, place)


def _require_storable(store: Store, good: pd.DataFrame, table: Table) -> None:
    """Refuse outcomes of unknown decisions before anything is stored."""
    if table is DECISIONS:
        return
    known = store.known_decisions(good["decision_id"])
    missing = good.loc[~good["decision_id"].isin(known), "decision_id"]
    bad = [
        BadValue(row, "decision_id", repr(value), "a decision that the store holds; load it first")
        for row, value in zip(missing.index.tolist(), missing, strict=True)
    ]
    if bad:
        raise ContractError(table.name, bad)


def _rejected(checked: Checked, added: Added) -> pd.DataFrame:
    problems = {bad.row: f"{bad.column}: {bad.seen}; {bad.expected}" for bad in added.refused}
    refused = checked.good.loc[list(problems)].assign(problem=list(problems.values()))
    return pd.concat([checked.rejected, refused]).sort_index()
