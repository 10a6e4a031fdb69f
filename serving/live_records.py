"""What the running service knows of decisions before it scores them.

Track records stand in memory and follow the store; the history is read from the store and from the
batch itself, whose decisions have not been stored when they are scored.
"""

from __future__ import annotations

import logging

import pandas as pd

from features.answers import Acknowledge
from features.columns import Table
from features.errors import StoreError
from features.history import with_batch
from features.known import with_history
from features.store import Added, Store
from features.track_record import RecordSettings
from serving.followed_records import FollowedRecords

_log = logging.getLogger("secondlook.records")


class LiveRecords:
    """The track records of one store, and the history behind them.

    Of the history nothing is kept: services beside this one store decisions too.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followed = FollowedRecords(store)

    def keep(self, settings: RecordSettings) -> None:
        """Keep track records in this way from now on, made from all that the store holds."""
        self._followed.keep(settings)

    def catch_up(self) -> None:
        """Take in the outcomes that anyone has added to the store; for whoever has the time."""
        self._followed.catch_up(at_leisure=True)

    def lag_s(self) -> float:
        """Return how long ago, in seconds, the track records held all that the store did."""
        return self._followed.lag_s()

    def look_up(self, decisions: Table, settings: RecordSettings) -> Table:
        """Return what is known of decisions now; `keep` must have been called.

        The columns are those of `features.known.known_before`. Where the store holds one of the
        decisions already, what it holds counts for the others.
        """
        records = self._followed.look_up(decisions, settings)
        stored = self._store.history(decisions, looks=settings.earlier_looks)
        return with_history(records, decisions, with_batch(stored, decisions), settings)

    def add_outcomes(
        self, outcomes: pd.DataFrame, *, acknowledge: Acknowledge | None = None
    ) -> Added:
        """Store outcomes, and take in what is new once they are committed.

        `acknowledge` is as for `features.store.Store.add_outcomes`.
        """
        added = self._store.add_outcomes(outcomes, acknowledge=acknowledge)
        if added.ids:
            try:
                self._followed.catch_up()
            except StoreError as error:  # they are committed, and the follower tries again
                _log.warning("outcomes are stored but not taken in yet: %s", error)
        return added
