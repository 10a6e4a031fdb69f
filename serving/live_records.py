"""What the running service knows of decisions before it scores them.

Track records stand in memory and are renewed by every outcome; the history is read from the store
and from the batch itself, whose decisions have not been stored when they are scored.
"""

from __future__ import annotations

import threading

import pandas as pd

from features.history import History, history_of, join_histories
from features.known import with_history
from features.store import Added, Store
from features.track_record import RecordSettings, TrackRecord, events


class LiveRecords:
    """The track records of one store, in memory, for each way in which a model wants them kept.

    Outcomes are stored and taken in one at a time, so that each counts once; reading waits only
    for the short moment in which sums are added. An outcome that supersedes another cannot be
    added to sums: the records are then made anew from the store. Of the history nothing is kept:
    services beside this one store decisions too.
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
        """Return what is known of decisions now; `keep` must have been called.

        The columns are those of `features.known.known_before`. Where the store holds one of the
        decisions already, what it holds counts for the others.
        """
        with self._reading:
            records = self._records[settings].look_up(decisions)
        stored = self._store.history(decisions, looks=settings.earlier_looks)
        history = join_histories([_unaudited(decisions), stored])
        return with_history(records, decisions, history, settings)

    def add_outcomes(self, outcomes: pd.DataFrame) -> Added:
        """Store outcomes, and take in those that are new once they are committed."""
        with self._intake:
            added = self._store.add_outcomes(outcomes)
            new = outcomes[outcomes["audit_id"].isin(added.ids)]
            if "supersedes" in new and new["supersedes"].notna().any():
                self._make_anew(set(self._records))
            elif len(new):
                past = self._events(audit_ids=list(new["audit_id"]))
                with self._reading:
                    for record in self._records.values():
                        record.update(past)
        return added

    def _make_anew(self, ways: set[RecordSettings]) -> None:
        fresh = {settings: TrackRecord(settings) for settings in ways}
        past = self._events(audit_ids=None)
        for record in fresh.values():
            record.update(past)
        with self._reading:
            self._records = fresh

    def _events(self, audit_ids: list[str] | None) -> pd.DataFrame:
        """Return what audits taught, as the store tells it: it knows their chance of audit."""
        outcomes = self._store.outcomes(audit_ids=audit_ids)
        decisions = self._store.decisions(decision_ids=list(outcomes["decision_id"].unique()))
        return events(decisions, outcomes)


def _unaudited(decisions: pd.DataFrame) -> History:
    """Return the history that decisions make of which no audit is known yet."""
    columns = {"decision_id": "str", "verdict": "str", "audited_at": "datetime64[us, UTC]"}
    nothing = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return history_of(decisions, nothing)
