"""Settling: what a killed command began is finished or undone before another begins.

Nothing that it does decides what serves: that is ``champion.json``, and the plan of the bundle that
it names. The store's latest plan, the registry and the journal are brought into line with it, and
scratch is removed; each step may be done twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from features.errors import HomeError
from features.home import Home
from features.store import open_store
from models.plan import plan_for
from training.exclusive import exclusively, remove_dead_scratch
from training.journal import Entry, champion, entry_of_champion, log, logged
from training.learn import Progress
from training.planning import make_current
from training.registry import follow


def settle(home: Home, *, wait: bool = True) -> bool:
    """Finish or undo what was begun; without waiting, only where nobody is at work.

    Returns
    -------
    Whether it was settled; false where another command is at work.
    """
    with exclusively(home, wait=wait) as held:
        if held:
            _settle(home)
        return held


@contextmanager
def settled(home: Home, *, progress: Progress = lambda _: None) -> Iterator[None]:
    """Hold the lock of a home in which nothing is half done."""
    with exclusively(home, progress=progress):
        _settle(home)
        yield


def finish(home: Home, entry: Entry) -> str | None:
    """Tell the registry and the journal what serves now; needs the lock of the home.

    Returns
    -------
    Why the registry could not be told, so that the next command has to; null = all is told.
    """
    newly = all(known.id != entry.id for known in logged(home))
    try:
        follow(home, entry, newly=newly)
    except HomeError as error:
        return str(error)
    if newly:
        log(home, entry)
    return None


def _settle(home: Home) -> None:
    remove_dead_scratch(home)
    _keep_plan(home)
    entry = entry_of_champion(home)
    if entry is not None:
        finish(home, entry)


def _keep_plan(home: Home) -> None:
    """Make the champion's plan the latest of the store, where one of another bundle is."""
    served = champion(home)
    if served is None:
        return
    store = open_store(home.store_url())
    documents = store.plan_documents()
    plan = plan_for(documents, served.bundle)
    if plan is not None and plan.version != next(reversed(documents)):
        make_current(store, plan, datetime.now(UTC))
