"""Homes to measure the commands of monitoring on, filled in bulk.

``uv run --group bench python -m benchmarks.monitoring_home FOLDER --rows 100000`` makes a home in
which a model was learned and so many decisions were ranked, at a twentieth a day over 20 days, and
audited at 5 %: a few of the audits are left undone, as in life.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.monitoring_programme import (
    MODEL,
    RANKED_AFTER,
    Programme,
    make_programme,
    ranked_days,
)
from features.contract import DECISIONS, OUTCOMES, check
from features.home import Home, make_home
from features.store import Store, open_store
from models.bundle import save_bundle
from models.publication import publish

RANKED_DAYS = 20
LEARNED_DAYS = 5
FEWEST_LEARNED = 5_000
"""Audits to learn from, whatever the rows: 5 % of five small days would be too few."""
UNDONE_SHARE = 0.03


def make_ranked_home(path: Path, *, rows: int, seed: int = 0) -> Home:
    """Make a home with so many ranked decisions.

    Parameters
    ----------
    rows
        Decisions ranked, to the nearest `RANKED_DAYS`.
    """
    a_day = max(rows // RANKED_DAYS, 1)
    programme = make_programme(
        days=LEARNED_DAYS + RANKED_DAYS,
        learned_days=LEARNED_DAYS,
        decisions_per_day=a_day,
        learned_share=min(max(FEWEST_LEARNED / (LEARNED_DAYS * a_day), 0.05), 1.0),
        seed=seed,
    )
    home = make_home(path)
    store = open_store(home.store_url())
    store.initialise()
    _publish(home, programme)
    _add_past(store, programme)
    _add_ranked(store, programme)
    store.engine.dispose()
    return home


def _publish(home: Home, programme: Programme) -> None:
    with TemporaryDirectory() as folder:
        save_bundle(programme.bundle, Path(folder) / "new")
        publish(home, Path(folder) / "new", MODEL)


def _add_past(store: Store, programme: Programme) -> None:
    past = programme.world.rows(0, programme.learned_days)
    store.add_decisions(check(programme.world.decisions.iloc[past], DECISIONS).require())
    store.add_outcomes(check(programme.audits, OUTCOMES).require())


def _add_ranked(store: Store, programme: Programme) -> None:
    world, first = programme.world, programme.learned_days
    at = world.start_of(first) + RANKED_AFTER - timedelta(hours=1)
    store.add_plan(programme.plan.version, programme.plan.to_json(), at)
    until = first + RANKED_DAYS
    for day in ranked_days(programme, world, outcomes=programme.audits, first=first, until=until):
        decisions = check(day.decisions, DECISIONS).require()
        store.add_ranking(decisions, day.offers, none_stored=True)
        store.add_outcomes(check(_done(day.audits, day.day), OUTCOMES).require())


def _done(audits: pd.DataFrame, day: int) -> pd.DataFrame:
    done = np.random.default_rng(day).random(len(audits)) >= UNDONE_SHARE
    return audits[done].reset_index(drop=True)


def main(arguments: list[str]) -> int:
    """Make one home."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where to make it; must not hold one yet")
    parser.add_argument("--rows", type=int, required=True, help="decisions ranked")
    parser.add_argument("--seed", type=int, default=0)
    read = parser.parse_args(arguments)
    make_ranked_home(read.folder, rows=read.rows, seed=read.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
