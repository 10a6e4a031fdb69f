"""A challenger that looks on: it scores what the champion ranked, and never answers.

It works in a thread of its own, behind a queue of bounded length; what does not fit is left out and
counted. Whatever goes wrong there is logged and counted, and no answer waits for it or fails by it.
Its scores are stored by request and decision, to be compared with the champion's once audits are in
(`secondlook shadow --report`). It knows what the champion knew, unless its model keeps track
records in another way: then it looks them up itself, some moments later.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from features import schema
from features.bulk import insert_columns
from features.columns import Columns, texts
from features.contract import DIRECTIONS
from features.errors import SecondLookError
from features.home import Home
from features.rows import microseconds
from features.store import Store
from features.track_record import RecordSettings
from models.publication import Published, open_shadow
from models.scoring import score
from serving.live_records import LiveRecords

MOST_ROWS = 20_000
"""Rows that may wait to be scored."""
RETRY_S = 5.0
_TOLD_EVERY_S = 60.0
_NICENESS = 10

_log = logging.getLogger("secondlook.shadow")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the champion ranked.

    Attributes
    ----------
    known
        What was known of the decisions, as the champion's model wants it.
    settings
        How its track records are kept.
    """

    request_id: str
    decisions: Columns
    known: Columns
    settings: RecordSettings


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """Rows that were scored, left out because too many waited, and failed."""

    scored: int = 0
    dropped: int = 0
    failed: int = 0


class Onlooker(Protocol):
    """Who may look on."""

    counts: ShadowCounts

    def offer(self, seen: Seen) -> None:
        """Show what was ranked; returns at once and never raises."""

    def refresh(self) -> None:
        """Look whether another challenger is to look on."""


class Nobody:
    """Nobody looks on."""

    counts = ShadowCounts()

    def offer(self, seen: Seen) -> None:
        """Do nothing."""

    def refresh(self) -> None:
        """Do nothing."""


class Shadow:
    """The challenger of a home, where there is one.

    Parameters
    ----------
    most_rows
        Rows that may wait to be scored.
    """

    def __init__(
        self, home: Home, store: Store, records: LiveRecords, *, most_rows: int = MOST_ROWS
    ) -> None:
        self.counts = ShadowCounts()
        self._home = home
        self._store = store
        self._records = records
        self._most_rows = most_rows
        self._challenger: Published | None = None
        self._mark = ""
        self._retry_at: float | None = None
        self._waiting: deque[Seen] = deque()
        self._waiting_rows = 0
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._told_at = -_TOLD_EVERY_S

    def offer(self, seen: Seen) -> None:
        """Show what was ranked; returns at once and never raises."""
        if self._challenger is None:
            return
        rows = len(seen.decisions)
        with self._news:
            if self._waiting_rows + rows > self._most_rows:
                self._count(dropped=rows)
                return
            self._waiting.append(seen)
            self._waiting_rows += rows
            self._news.notify()

    def refresh(self) -> None:
        """Look whether another challenger is to look on; one that does not check out does not."""
        mark = self._published()
        retry = self._retry_at is not None and time.monotonic() >= self._retry_at
        if mark == self._mark and not retry:
            return
        self._mark, self._retry_at = mark, None
        try:
            challenger = open_shadow(self._home)
            if challenger is not None:
                self._records.keep(challenger.bundle.record_settings)
        except SecondLookError as error:
            challenger, self._retry_at = None, time.monotonic() + RETRY_S
            if not retry:
                _log.error("the challenger does not look on: %s", error)
        self._challenger = challenger
        if challenger is not None and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
            self._thread.start()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits to be scored; false where it takes longer."""
        with self._news:
            return self._news.wait_for(lambda: self._waiting_rows == 0, timeout_s)

    def _published(self) -> str:
        try:
            return self._home.shadow_file.read_text(encoding="utf-8")
        except OSError:
            return ""

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # answers come first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting)
                seen, challenger = self._waiting.popleft(), self._challenger
            rows = len(seen.decisions)
            try:
                if challenger is not None:
                    self._score(challenger, seen)
            except Exception as error:  # its messages may hold content
                with self._news:
                    self._count(failed=rows)
                self._tell(f"the challenger failed: {type(error).__name__}")
            else:
                with self._news:
                    self._count(scored=rows if challenger is not None else 0)
            with self._news:
                self._waiting_rows -= rows
                self._news.notify_all()

    def _score(self, challenger: Published, seen: Seen) -> None:
        bundle, known = challenger.bundle, seen.known
        if bundle.record_settings != seen.settings:
            known = self._records.look_up(seen.decisions, bundle.record_settings)
        scores = score(bundle, seen.decisions, known)
        rows = len(seen.decisions)
        columns = {
            "request_id": [seen.request_id] * rows,
            "decision_id": texts(seen.decisions, "decision_id").tolist(),
            "scored_at": [microseconds(datetime.now(UTC))] * rows,
            "bundle_version": [bundle.fingerprint] * rows,
            **{
                name: np.asarray(share, dtype=float).tolist()
                for name, share in zip(DIRECTIONS, scores.by_direction.T, strict=True)
            },
            "overturn_probability": scores.overturn_probability.tolist(),
            "expected_harm": np.asarray(scores.expected_harm, dtype=float).tolist(),
        }
        with self._store.transaction() as connection:
            insert_columns(connection, schema.shadow_scores, columns)

    def _count(self, *, scored: int = 0, dropped: int = 0, failed: int = 0) -> None:
        held = self.counts
        self.counts = ShadowCounts(
            held.scored + scored, held.dropped + dropped, held.failed + failed
        )
        if dropped:
            self._tell("the challenger is behind; rows are left out")

    def _tell(self, what: str) -> None:
        """Log at most once a minute."""
        now = time.monotonic()
        if now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            _log.warning("%s (%s)", what, self.counts)
