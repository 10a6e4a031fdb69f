"""The programme as it stands: opened when it can be, renewed when a model or plan is published.

So it is when the sampling key is rotated, or the capacity in the settings changes.

The service never answers less safely than before. A bundle or plan that does not check out is
refused, told in the log, the metrics and ``GET /v1/model``, and the old one goes on serving. While
there is none at all, or the store does not answer, the service is not ready and says why.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from features.errors import SecondLookError, ServiceError, StoreError
from features.home import Home
from features.store import Store, open_store
from features.writable import require_writable
from models.compiled import open_serving
from models.plan import Plan, plan_for
from serving.admission import DailyCapacity, Thresholds
from serving.live_records import LiveRecords
from serving.programme import Programme
from serving.ranker import ChampionRanker, Ranker
from serving.rulebook import Rulebook
from serving.sampling_keys import key_ring
from serving.settings import Limits
from serving.shadow import Shadow

REFRESH_S = 1.0
"""Time between two looks at what is published."""
RETRY_S = 5.0
"""Time after which what was refused is looked at again though it has not changed: a bundle whose
files are still being copied, or that were put back."""

_log = logging.getLogger("secondlook.standing")


class Publication(Protocol):
    """Where models and plans are published."""

    def mark(self) -> str:
        """Return something that changes when another model is published."""

    def home_mark(self) -> str:
        """Return something that changes when the keys or the settings do."""

    def ranker(self) -> Ranker:
        """Open the model that is published."""

    def first(self, ranker: Ranker, plan: Plan) -> Programme:
        """Return the programme that answers with them."""

    def renewed(self, programme: Programme) -> Programme:
        """Return a programme with the sampling keys and the capacity of now."""


class HomePublication:
    """The models that a home folder publishes, and the store and keys that go with them."""

    def __init__(self, home: Home, store: Store, limits: Limits) -> None:
        self._home = home
        self._store = store
        self._limits = limits

    def mark(self) -> str:
        """Return what ``champion.json`` says; empty where there is none."""
        try:
            return self._home.champion_file.read_text(encoding="utf-8")
        except OSError:
            return ""

    def home_mark(self) -> str:
        """Return when and as what the files of keys and settings were written."""
        return " ".join(map(_written, (self._home.secrets_file, self._home.settings_file)))

    def ranker(self) -> Ranker:
        """Open the champion."""
        return ChampionRanker(open_serving(self._home))

    def first(self, ranker: Ranker, plan: Plan) -> Programme:
        """Return the programme of the home, its track records made from the store."""
        self._store.require_current()
        records = LiveRecords(self._store)
        records.keep(ranker.record_settings)
        return Programme(
            store=self._store,
            ranker=ranker,
            plan=plan,
            records=records,
            keys=key_ring(self._home.secrets()),
            thresholds=Thresholds(self._store),
            pseudonym_key=self._home.pseudonym_key(),
            capacity=DailyCapacity.of(self._home.settings()),
            keep_text=self._home.settings().keep_text,
            limits=self._limits,
            shadow=Shadow(self._home, self._store, records),
            rulebook=Rulebook.of(self._home),
        )

    def renewed(self, programme: Programme) -> Programme:
        """Return a programme with the sampling keys and the capacity that the home holds now."""
        return replace(
            programme,
            keys=key_ring(self._home.secrets()),
            capacity=DailyCapacity.of(self._home.settings()),
        )


@dataclass(frozen=True, slots=True)
class _Marks:
    """What tells one publication from another: of the model, of the home, and the plan itself."""

    model: str
    home: str
    plan: str | None


class Standing:
    """The programme that answers now.

    Parameters
    ----------
    publication
        Where models come from.
    store
        Where plans come from.
    clock
        Seconds that only go up.
    """

    def __init__(
        self,
        publication: Publication,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publication = publication
        self._store = store
        self._clock = clock
        self._renewing = threading.Lock()
        self._looked_at: float | None = None
        self._marks: _Marks | None = None
        self._programme: Programme | None = None
        self._refused: str | None = None
        self._unready: str | None = None
        self._refused_marks: _Marks | None = None
        self._retry_at = 0.0

    @property
    def current(self) -> Programme | None:
        """The programme that answers, without a look at what is published; null = none yet."""
        return self._programme

    @property
    def refused_update(self) -> str | None:
        """Why what was published last is not taken up; null where it is."""
        return self._refused

    def programme(self) -> Programme:
        """Return the programme that answers now.

        Raises
        ------
        ServiceError
            If there is none yet; the message says what is missing.
        """
        self._renew()
        if self._programme is None:
            raise ServiceError(f"The service cannot answer yet: {self._refused or 'starting'}")
        return self._programme

    def is_ready(self) -> bool:
        """Whether rankings can be answered and stored; never raises."""
        try:
            self.programme()
            require_writable(self._store)
            if self._store.plan_document() is None:
                raise ServiceError("the store holds no plan; run `secondlook promote`")
            self._tell_unready(None)
            return True
        except SecondLookError as error:
            self._tell_unready(str(error))
        except Exception as error:
            self._tell_unready(f"a fault of the service: {type(error).__name__}")
        return False

    def _tell_unready(self, reason: str | None) -> None:
        """Log why the service is not ready when that changes; null = it is."""
        if reason is not None and reason != self._unready:
            _log.warning("not ready: %s", reason)
        elif reason is None and self._unready is not None:
            _log.info("ready again")
        self._unready = reason

    def refresh(self) -> None:
        """Take up what is published now; requests meanwhile are answered with what is held."""
        with self._renewing:
            self._take_up()
            self._looked_at = self._clock()

    def _renew(self) -> None:
        """Take up what is published since the last look; one thread at a time."""
        waits = self._programme is None  # then all callers wait for the first programme
        if not self._renewing.acquire(blocking=waits):
            return
        try:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= REFRESH_S:
                self._take_up()
                self._looked_at = self._clock()
        finally:
            self._renewing.release()

    def _take_up(self) -> None:
        try:
            marks = self._read_marks()
            if not self._is_known(marks):
                self._programme = self._published(marks)
                self._marks, self._refused_marks = marks, None
                self._refused = None
        except StoreError as error:
            self._refused = self._refused if self._programme else str(error)
        except SecondLookError as error:
            self._refuse(marks, str(error))
        except Exception as error:
            _log.exception("publication cannot be read")
            self._refuse(marks, f"a fault of the service: {type(error).__name__}")

    def _read_marks(self) -> _Marks:
        publication = self._publication
        return _Marks(publication.mark(), publication.home_mark(), self._store.plan_document())

    def _is_known(self, marks: _Marks) -> bool:
        """Whether what is published answers already, or was refused a moment ago."""
        if marks == self._marks:
            self._refused, self._refused_marks = None, None
            return True
        return marks == self._refused_marks and self._clock() < self._retry_at

    def _refuse(self, marks: _Marks, reason: str) -> None:
        if reason != self._refused:
            _log.error("publication refused: %s", reason)
        self._refused, self._refused_marks = reason, marks
        self._retry_at = self._clock() + RETRY_S

    def _published(self, marks: _Marks) -> Programme:
        current, before = self._programme, self._marks
        if marks.plan is None:
            raise ServiceError("the store holds no plan; run `secondlook promote`")
        if current is None or before is None:
            ranker = self._publication.ranker()
            return self._publication.first(ranker, self._plan_of(ranker, marks.plan))
        ranker = current.ranker if marks.model == before.model else self._publication.ranker()
        plan = self._plan_of(ranker, marks.plan)
        current.records.keep(ranker.record_settings)
        programme = replace(current, ranker=ranker, plan=plan)
        return programme if marks.home == before.home else self._publication.renewed(programme)

    def _plan_of(self, ranker: Ranker, latest: str) -> Plan:
        """Return the plan of the model that answers, not of one that is about to."""
        documents = self._store.plan_documents()
        return plan_for(documents, ranker.bundle_version) or Plan.from_json(latest)


def _written(file: Path) -> str:
    """Return something that changes when a file is written; empty where there is none."""
    try:
        seen = file.stat()
    except OSError:
        return ""
    return f"{seen.st_mtime_ns}-{seen.st_ino}-{seen.st_size}"


def open_standing(home: Home, limits: Limits) -> tuple[Standing, Store]:
    """Return the standing of a home and its store; nothing is opened before it is asked."""
    store = open_store(home.store_url())
    return Standing(HomePublication(home, store, limits), store), store
