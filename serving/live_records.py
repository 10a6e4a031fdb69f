"""Track records of the running service: read for every ranking, renewed by every outcome."""

from __future__ import annotations

import threading

import pandas as pd
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS
from features.errors import StoreError
from features.rows import as_frame
from features.store import Added, Store
from features.track_record import RecordSettings, TrackRecord, events

_IDS_A_QUERY = 5_000


class LiveRecords:
    """The track records of one store, in memory, for each way in which a model wants them kept.

    Outcomes are stored and taken in one at a time, so that each counts once; reading waits only
    for the short moment in which sums are added. An outcome that supersedes another cannot be
    added to sums: the records are then made anew from the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._intake = threading.Lock()
        self._reading = threading.Lock()
        self._records: dict[RecordSettings, TrackRecord] = {}

    def keep(self, settings: RecordSettings) -> None:
        """Keep records in this way from now on, made from all that the store holds."""
        with self._intake:
            if settings not in self._records:
                self._make_anew({settings, *list(self._records)[-1:]})

    def look_up(self, decisions: pd.DataFrame, settings: RecordSettings) -> pd.DataFrame:
        """Return the records of decisions as they stand now; `keep` must have been called."""
        with self._reading:
            return self._records[settings].look_up(decisions)

    def add_outcomes(self, outcomes: pd.DataFrame) -> Added:
        """Store outcomes, and take in those that are new once they are committed."""
        with self._intake:
            added = self._store.add_outcomes(outcomes)
            new = outcomes[outcomes["audit_id"].isin(added.ids)]
            if "supersedes" in new and new["supersedes"].notna().any():
                self._make_anew(set(self._records))
            elif len(new):
                past = events(_decisions(self._store, list(new["decision_id"])), new)
                with self._reading:
                    for record in self._records.values():
                        record.update(past)
        return added

    def _make_anew(self, ways: set[RecordSettings]) -> None:
        outcomes = self._store.outcomes()
        fresh = {settings: TrackRecord(settings) for settings in ways}
        if len(outcomes):
            past = events(_audited_decisions(self._store), outcomes)
            for record in fresh.values():
                record.update(past)
        with self._reading:
            self._records = fresh


def _decisions(store: Store, ids: list[str]) -> pd.DataFrame:
    table = schema.decisions
    chunks = [ids[start : start + _IDS_A_QUERY] for start in range(0, len(ids), _IDS_A_QUERY)]
    return _read(store, [sa.select(table).where(table.c.decision_id.in_(c)) for c in chunks])


def _audited_decisions(store: Store) -> pd.DataFrame:
    table = schema.decisions
    audited = sa.select(schema.outcomes.c.decision_id)
    return _read(store, [sa.select(table).where(table.c.decision_id.in_(audited))])


def _read(store: Store, queries: list[sa.Select[tuple[object, ...]]]) -> pd.DataFrame:
    try:
        with store.engine.begin() as connection:
            rows = [row for query in queries for row in connection.execute(query)]
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"store: decisions cannot be read: {type(error).__name__}") from error
    return as_frame(schema.decisions.columns.keys(), rows, DECISIONS)
