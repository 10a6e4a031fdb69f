"""Monitoring a period: drift of what the model reads, and the quality of what was decided.

Importing this module imports Evidently, which takes seconds; only the command that runs it should.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.home import Home
from features.known import known_before
from features.store import Store, open_store
from models.bundle import Bundle
from models.publication import open_champion
from models.scoring import features_of
from monitoring.auditors import auditors_of
from monitoring.drift.evidently_page import SAMPLED_ROWS, measure_drift
from monitoring.drift.found import Drift
from monitoring.pages import write_drift_page
from monitoring.period import period_of
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import History, read_history
from monitoring.record import EVIDENTLY_PAGE, Figures, MonitorRecord, figures_of, write_record


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """What monitoring found.

    Attributes
    ----------
    drift
        Of the model's inputs and of the predicted risk.
    quality, figures
        Of the period; null where no audit of it is finished yet.
    record
        Where ``monitor.json`` lies; the pages lie beside it.
    """

    drift: Drift
    quality: Quality | None
    figures: Figures | None
    record: Path

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it: drift, the figures of quality, and where they lie."""
        return {
            "drift_share": self.drift_share,
            "drifted": list(self.drifted),
            "not_compared": list(self.drift.not_compared),
            "quality": None if self.figures is None else asdict(self.figures),
            "record": str(self.record),
        }

    @property
    def drift_share(self) -> float:
        """Share of the compared inputs that drifted, 0 to 1."""
        return self.drift.share

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the inputs that drifted, the largest change first."""
        return self.drift.drifted


def monitor(
    home: Home, *, since: datetime | None = None, until: datetime | None = None, now: datetime
) -> MonitorResult:
    """Measure drift and quality of what was ranked in a period, and write both down.

    Parameters
    ----------
    since, until
        Of the ranking, ``since <= selected_at < until``; null = from the first, to the last.
    now
        The moment that the record is dated with.

    Raises
    ------
    HomeError
        If no model serves yet, or nothing was ranked in the period.
    EstimateError
        If too few decisions were ranked to compare.
    """
    bundle = open_champion(home).bundle
    store = open_store(home.store_url())
    history = read_history(store, since=since, until=until)
    period = period_of(history.ranked, since=since, until=until)
    folder = period.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    current = current_features(store, bundle, history)
    drift = measure_drift(bundle.profile, current, page=folder / EVIDENTLY_PAGE)
    quality = figures = None
    if history.ranked.audits:
        quality = measure_quality(history.ranked, history.earlier)
        figures = figures_of(quality, auditors_of(history))
    record = write_record(folder, MonitorRecord(now, period, drift, figures))
    write_drift_page(folder, period=period, drift=drift, now=now)
    return MonitorResult(drift, quality, figures, record)


def current_features(store: Store, bundle: Bundle, history: History) -> pd.DataFrame:
    """Return the features of a sample of the period, with the risk as it was ranked.

    Content is not always kept. Where there is none, the second opinion is null, and drift is not
    measured of it.
    """
    table = history.ranked.table
    if len(table) > SAMPLED_ROWS:
        chosen = np.random.default_rng(0).choice(len(table), SAMPLED_ROWS, replace=False)
        table = table.iloc[np.sort(chosen)]
    rows = _with_content(store, table) if bundle.opinion is not None else table
    records = known_before(rows, history.decisions, history.outcomes, bundle.record_settings)
    frame = features_of(bundle, rows, records)
    return frame.assign(overturn_probability=rows["overturn_probability"].to_numpy(dtype=float))


def _with_content(store: Store, table: pd.DataFrame) -> pd.DataFrame:
    until = table["decided_at"].max() + pd.Timedelta(microseconds=1)
    stored = store.decisions(since=table["decided_at"].min(), until=until, with_content=True)
    held = ["decision_id", *(name for name in ("text", "embedding") if name in stored)]
    return table.merge(stored[held], on="decision_id", how="left", validate="one_to_one")
