"""The features of a sample of each day's decisions: made once a day, and kept for later looks.

What is kept holds features and the risk alone: no id of a decision, a person or an item, and no
content. A day is sampled anew where its number of decisions has changed, or another model serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from features.known_in_store import events_in_store, known_in_store
from features.latest_decisions import decisions_in_order
from features.store import Store
from models.arrays import Positions
from models.bundle import Bundle
from models.scoring import features_of
from monitoring.ranked import History
from monitoring.recalibrated import ranked_days

MOST_ROWS = 5_000
"""Decisions a day whose features are compared."""


def sample_days(store: Store, bundle: Bundle, history: History, *, folder: Path) -> pd.DataFrame:
    """Return the features of at most `MOST_ROWS` decisions of each day of ranking, in its order.

    Parameters
    ----------
    folder
        Where samples are kept; those that are there are read and not made again.

    Returns
    -------
    DataFrame
        Columns of the bundle's profile, and ``day`` as 2026-01-31. Of content that is not kept the
        second opinion is null.
    """
    own = folder / bundle.fingerprint[:16]
    own.mkdir(parents=True, exist_ok=True)
    days = ranked_days(history.ranked.table)
    asked = dict(_by_day(days, own))
    missing = [path for path in asked if not path.is_file()]
    if missing:
        _make(store, bundle, history, {path: asked[path] for path in missing})
    found = [pd.read_parquet(path).assign(day=path.name[:10]) for path in sorted(asked)]
    return pd.concat(found, ignore_index=True)


def _by_day(days: Positions, folder: Path) -> Iterator[tuple[Path, Positions]]:
    """Yield the file of each day, named by its decisions, with the rows drawn from it."""
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        name = f"{np.datetime64(int(day), 'D')}_{len(rows)}.parquet"
        if len(rows) > MOST_ROWS:
            rows = np.random.default_rng(int(day)).choice(rows, MOST_ROWS, replace=False)
        yield folder / name, np.sort(rows)


def _make(store: Store, bundle: Bundle, history: History, asked: dict[Path, Positions]) -> None:
    rows = history.ranked.table.iloc[np.concatenate(list(asked.values()))]
    frame = features_as_ranked(store, bundle, history, rows)
    edges = np.cumsum([len(each) for each in asked.values()])[:-1]
    for path, part in zip(asked, np.split(np.arange(len(frame)), edges), strict=True):
        for stale in path.parent.glob(f"{path.name[:10]}_*.parquet"):
            stale.unlink()
        unfinished = path.with_suffix(".unfinished")
        frame.iloc[part].to_parquet(unfinished, index=False)
        unfinished.replace(path)


def features_as_ranked(
    store: Store, bundle: Bundle, history: History, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return the features of ranked decisions as the model took them, with the risk it gave."""
    ids, risk = rows["decision_id"], rows["overturn_probability"].to_numpy(dtype=float)
    decisions = decisions_in_order(store, ids, with_content=bundle.opinion is not None)
    past = events_in_store(store, history.outcomes)
    records = known_in_store(store, decisions, past, bundle.record_settings)
    return features_of(bundle, decisions, records).assign(overturn_probability=risk)
