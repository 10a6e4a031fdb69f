"""Days counted by the bins of the champion's profile: what is kept, so that none is counted twice.

A day's file holds numbers of decisions by policy, feature and bin, and nothing of any one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from features.errors import EstimateError, HomeError
from models.arrays import Positions
from monitoring.drift.found import ALL
from monitoring.drift.reference import Reference, scopes_of


@dataclass(frozen=True, slots=True)
class DayCounts:
    """One day of decisions, counted.

    Attributes
    ----------
    day
        As ``2026-01-31``, in UTC.
    fingerprint
        Of the reference by whose bins it is counted.
    rows
        Decisions counted, by scope: ``all`` and each policy.
    counts
        By scope and feature, one a bin. A feature that did not come is not in it.
    """

    day: str
    fingerprint: str
    rows: Mapping[str, int]
    counts: Mapping[str, Mapping[str, list[int]]]


def count_days(reference: Reference, sample: pd.DataFrame) -> tuple[DayCounts, ...]:
    """Count a sample of decisions by day.

    Parameters
    ----------
    sample
        Features of decisions with ``policy``, ``overturn_probability`` and ``day`` (as
        ``2026-01-31``). A row counts as one decision, so a day's rows should be a plain sample.

    Returns
    -------
    tuple of DayCounts
        In order of time.

    Raises
    ------
    EstimateError
        If it has no ``day``, or shares no feature with the reference.
    """
    if "day" not in sample:
        raise EstimateError("drift: the sample has no column day; expected one, as 2026-01-31")
    shared = [b for b in reference.bins if b.feature in sample]
    if not shared:
        raise EstimateError(
            "drift: no feature is held by both the training profile and the period; train and "
            "publish a model with this version"
        )
    scopes, scope = scopes_of(sample)
    day, days = pd.factorize(sample["day"].astype(str), sort=True)
    cell, cells = day * len(scopes) + scope, len(days) * len(scopes)
    tables = {
        b.feature: b.count(sample[b.feature], cell, cells).reshape(len(days), len(scopes), -1)
        for b in shared
    }
    rows = np.bincount(cell, minlength=cells).reshape(len(days), len(scopes))
    return tuple(
        _day_counts(str(name), reference, scopes, rows[k], {f: t[k] for f, t in tables.items()})
        for k, name in enumerate(days)
    )


def _day_counts(
    day: str,
    reference: Reference,
    scopes: list[str],
    rows: Positions,
    tables: Mapping[str, Positions],
) -> DayCounts:
    present = [k for k in range(len(scopes)) if rows[k]]
    by_scope = {ALL: {name: table.sum(axis=0).tolist() for name, table in tables.items()}}
    by_scope |= {
        scopes[k]: {name: table[k].tolist() for name, table in tables.items()} for k in present
    }
    sizes = {ALL: int(rows.sum())} | {scopes[k]: int(rows[k]) for k in present}
    return DayCounts(day, reference.fingerprint, sizes, by_scope)


def write_days(folder: Path, days: Iterable[DayCounts]) -> list[Path]:
    """Write a file a day, ``2026-01-31.json``; one of the same day is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for day in days:
        path = folder / f"{day.day}.json"
        path.write_bytes(msgspec.json.encode(day))
        paths.append(path)
    return paths


def read_days(folder: Path, reference: Reference) -> tuple[DayCounts, ...]:
    """Read the days counted by this reference, in order of time; those by another are left out.

    Raises
    ------
    HomeError
        If a file cannot be read.
    """
    days = (_read_day(path) for path in sorted(folder.glob("????-??-??.json")))
    return tuple(day for day in days if day.fingerprint == reference.fingerprint)


def _read_day(path: Path) -> DayCounts:
    try:
        return msgspec.json.decode(path.read_bytes(), type=DayCounts)
    except msgspec.MsgspecError as error:
        raise HomeError(
            f"drift: {path.name} cannot be read: {error}; delete it, and it is counted again"
        ) from error
