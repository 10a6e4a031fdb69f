"""Track records in memory that follow the store, whoever added the outcomes.

Several processes hold the records of one store: workers beside each other, replicas on other
machines, a command that loads a file. Each follows the numbers under which outcomes arrived
(`features.arrivals`) and adds what is new. What cannot be added to sums makes it read all outcomes
again. Either way the records come to what they would be if they were made of the store now.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from features.arrivals import Mark, arrived, read_mark
from features.columns import Table
from features.known_in_store import events_in_store
from features.store import Store
from features.track_record import RecordSettings, TrackRecord, events

QUICK_S = 0.5
"""Records that are made anew within this time are made so at once, by whoever finds it needed."""
PAUSE = 4.0
"""Others are made anew by the follower alone, and rest for so many times as long as it took."""
_KEPT_WAYS = 3


class FollowedRecords:
    """The track records of one store, for each way in which a model wants them kept.

    Parameters
    ----------
    clock
        Seconds that only go up.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._making = threading.Lock()
        self._adding = threading.Lock()
        self._reading = threading.Lock()
        self._records: dict[RecordSettings, TrackRecord] = {}
        self._taken = Mark()
        self._made_at = self._level_at = clock()
        self._took_s = 0.0

    def keep(self, settings: RecordSettings) -> None:
        """Keep records in this way from now on, made from all that the store holds.

        The ways that were asked for before are kept for requests on their way, the last two.
        """
        with self._making:
            if settings not in self._records:
                self._make_anew([*list(self._records)[1 - _KEPT_WAYS :], settings])

    def look_up(self, decisions: Table, settings: RecordSettings) -> Table:
        """Return the records of decisions as they stand; `keep` must have been called."""
        with self._reading:
            return self._records[settings].look_up(decisions)

    def held(self, settings: RecordSettings) -> TrackRecord:
        """Return the records themselves, for one who looks up much and lets nothing catch up."""
        return self._records[settings]

    def catch_up(self, *, at_leisure: bool = False) -> None:
        """Take in what has arrived since the last time.

        Parameters
        ----------
        at_leisure
            Whether nobody waits for it: then records are made anew also where it takes long.

        Raises
        ------
        StoreError
            If the store does not answer; what was taken in stays.
        """
        now = self._clock()
        with self._adding:
            mark = self._read_mark()
            self._give(self._records, self._events_between(self._taken.last, mark.last))
            self._taken = replace(self._taken, last=mark.last)
            owed = self._is_owed(mark)
        if owed and self._may_make_anew(at_leisure):
            with self._making:
                if self._is_owed(mark):
                    self._make_anew(list(self._records))
            owed = False
        if not owed:
            self._level_at = now

    def lag_s(self) -> float:
        """Return how long ago, in seconds, the records held all that the store did."""
        return self._clock() - self._level_at

    def _is_owed(self, mark: Mark) -> bool:
        """Whether something arrived that cannot be added to the sums."""
        reweighed = mark.reweighed > self._taken.reweighed
        return mark.remade > self._taken.remade or (
            reweighed and any(settings.weighs_by_chance for settings in self._records)
        )

    def _may_make_anew(self, at_leisure: bool) -> bool:
        rested = self._clock() - self._made_at >= PAUSE * self._took_s
        return self._took_s <= QUICK_S or (at_leisure and rested)

    def _make_anew(self, ways: list[RecordSettings]) -> None:
        """Make the records of all outcomes, while the old ones go on being read and added to."""
        started = self._clock()
        mark = self._read_mark()
        fresh = {settings: TrackRecord(settings) for settings in ways}
        self._give(fresh, self._events_until(mark.last))
        with self._adding:
            now = self._read_mark()
            self._give(fresh, self._events_between(mark.last, now.last))
            with self._reading:
                self._records = fresh
            self._taken = replace(mark, last=now.last)
        self._made_at = self._clock()
        self._took_s = self._made_at - started

    def _give(self, records: dict[RecordSettings, TrackRecord], past: pd.DataFrame | None) -> None:
        if past is not None:
            with self._reading:
                for record in records.values():
                    record.update(past)

    def _read_mark(self) -> Mark:
        with self._store.transaction() as connection:
            return read_mark(connection)

    def _events_between(self, after: int, until: int) -> pd.DataFrame | None:
        """Return what audits taught that arrived after one number and not after another."""
        if until <= after:
            return None
        with self._store.transaction() as connection:
            ids = arrived(connection, after=after, until=until)
        return self._events(self._store.outcomes(audit_ids=ids))

    def _events_until(self, number: int) -> pd.DataFrame:
        """Return what audits taught up to an arrival.

        What arrived later is told after the outcomes were read, so that none is missed in between.
        """
        outcomes = self._store.outcomes()
        with self._store.transaction() as connection:
            later = arrived(connection, after=number)
        known = outcomes[~outcomes["audit_id"].isin(later)] if later else outcomes
        return events_in_store(self._store, known)

    def _events(self, outcomes: pd.DataFrame) -> pd.DataFrame:
        """Return what audits taught, as the store tells it: it knows their chance of audit."""
        decisions = self._store.decisions(decision_ids=list(outcomes["decision_id"].unique()))
        return events(decisions, outcomes)
