"""The risk that a watch holds on to: recalibrated once, on audits before the watch begins.

The figures of a report recalibrate each day on all earlier audits, which is best for them, and
wrong here: such a risk learns the change and the alarm would fall silent; and a change in one
segment would bend the risk of all others. So level and slope are fitted once, for the whole: on
audits of what was ranked before the period where there are enough, else on the period's first ones,
whose days are then not watched. A version of the model without enough audits before the period
takes over the recalibration of the version before it. What a segment's usual misfit is, the watch
learns itself (`monitoring.alarms.evidence`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Flags, Floats, Positions
from models.estimate import AuditedFrame
from models.recalibration import IDENTITY, Recalibration, fit_recalibration
from monitoring.ranked import Ranked
from monitoring.recalibrated import Recalibrated

LEAST_RISK = 1e-4
LARGEST_BASELINE = 1 / 3
"""Share of the period's days that the baseline may take at most."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Which days are watched.

    Attributes
    ----------
    days
        Day of each decision, from 0, by when it was made.
    first
        The date of day 0.
    watched_from
        The first day that is watched.
    """

    days: Positions
    first: np.datetime64
    watched_from: int

    @property
    def count(self) -> int:
        """Days from the first decision to the last."""
        return int(self.days.max()) + 1

    def date(self, day: int) -> str:
        """Return a day as 2026-01-31."""
        return str(self.first + np.timedelta64(day, "D"))


def find_baseline(watched: Recalibrated, *, audits: int) -> Baseline:
    """Return how the period's days are cut into baseline and watch.

    Parameters
    ----------
    audits
        That the baseline should hold.
    """
    moment = watched.table["decided_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    dates = moment.to_numpy().astype("datetime64[D]")
    days = (dates - dates.min()).astype(np.int64)
    first_version = _versions(watched.table)[0]
    earlier = watched.earlier
    if earlier is not None and _finished(earlier, first_version).sum() >= audits:
        return Baseline(days, dates.min(), 0)
    done = np.cumsum(np.bincount(days[watched.table["audited"].to_numpy(dtype=bool)]))
    enough = int(np.searchsorted(done, audits)) + 1
    most = int(LARGEST_BASELINE * (int(days.max()) + 1))
    return Baseline(days, dates.min(), min(enough, most))


def steady_risk(
    watched: Recalibrated, baseline: Baseline, *, audits: int, direction: str | None = None
) -> Floats:
    """Return each decision's risk under the recalibration that was fitted before the watch.

    Parameters
    ----------
    direction
        Of `features.contract.DIRECTIONS`; null = overturns of any direction.
    """
    frame = watched.ranked.audited_frame(direction)
    versions = watched.table["model_version"].to_numpy(dtype=object)
    held = IDENTITY
    risk = frame.overturn_probability.copy()
    for position, version in enumerate(_versions(watched.table)):
        fitted = _fit_earlier(watched.earlier, version, direction, audits=audits)
        if fitted is None and position == 0:
            fitted = _fit(frame, frame.audited & (baseline.days < baseline.watched_from))
        held = fitted if fitted is not None else held
        rows = versions == version
        risk[rows] = held.apply(risk[rows])
    return np.clip(risk, LEAST_RISK, 1 - LEAST_RISK)


def _fit_earlier(
    earlier: Ranked | None, version: str, direction: str | None, *, audits: int
) -> Recalibration | None:
    if earlier is None:
        return None
    done = _finished(earlier, version)
    return _fit(earlier.audited_frame(direction), done) if done.sum() >= audits else None


def _fit(frame: AuditedFrame, rows: Flags) -> Recalibration:
    return fit_recalibration(
        frame.overturn_probability[rows], frame.overturned[rows], frame.inclusion_probability[rows]
    )


def _finished(ranked: Ranked, version: str) -> Flags:
    own: Flags = (ranked.table["model_version"] == version).to_numpy(dtype=bool)
    done: Flags = own & ranked.table["audited"].to_numpy(dtype=bool)
    return done


def _versions(table: pd.DataFrame) -> list[str]:
    """Return the versions that ranked, the first to rank first."""
    first = table.groupby("model_version", sort=False)["selected_at"].min()
    return [str(version) for version in first.sort_values(kind="stable").index]
