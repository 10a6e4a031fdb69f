"""Monitoring a period: drift of what the model reads, the quality of what was decided, and alarms.

The features of a day's sample are worked out once and kept, so that a run each night does so for
one day alone. The same run again changes nothing. Importing this module imports Evidently, which
takes seconds; only the command that runs it should.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from features.home import Home
from features.standing_alarms import Alarm
from features.store import Store, open_store
from models.bundle import Bundle
from models.publication import open_champion
from monitoring.alarms.find import find_alarms
from monitoring.alarms.limits import read_limits
from monitoring.alarms.tell import Told, tell_alarms
from monitoring.alarms.watched import Watched
from monitoring.auditors import auditors_of
from monitoring.drift.counted import read_days, write_days
from monitoring.drift.evidently_page import write_evidently_page
from monitoring.drift.found import PERIOD, Drift
from monitoring.drift.measure import counted_days, judge_days
from monitoring.drift.outcome import measure_outcomes
from monitoring.drift.page import write_drift
from monitoring.drift.reference import reference_of
from monitoring.drift.snapshots import Measured, write_snapshots
from monitoring.drift_recorded import drift_page
from monitoring.fairness.evidently_metrics import fairness_metrics
from monitoring.fairness.measure import measure_fairness
from monitoring.measured import promises_of
from monitoring.pages import Book
from monitoring.period import period_of
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import History, read_history
from monitoring.recalibrated import Recalibrated
from monitoring.record import (
    EVIDENTLY_PAGE,
    Figures,
    MonitorRecord,
    figures_of,
    write_record,
)
from monitoring.samples import sample_days


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """What monitoring found.

    Attributes
    ----------
    drift
        Of the model's inputs and of the predicted risk, over the whole period.
    quality, figures
        Of the period; null where no audit of it is finished yet.
    alarms
        That stand, the severe ones first.
    told
        What became of them; null where the period is over, so that nothing is told.
    record
        Where ``monitor.json`` lies; the pages lie beside it.
    """

    drift: Drift
    quality: Quality | None
    figures: Figures | None
    alarms: tuple[Alarm, ...]
    told: Told | None = field(compare=False)  # the second time nothing is new
    record: Path

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it: drift, figures, alarms, and where they lie."""
        return {
            "drift_share": self.drift.share,
            "drifted": list(self.drift.drifted),
            "not_compared": list(self.drift.not_compared),
            "quality": None if self.figures is None else asdict(self.figures),
            "alarms": [asdict(alarm) for alarm in self.alarms],
            "told": None
            if self.told is None
            else {"begun": self.told.begun, "over": self.told.over} | asdict(self.told.delivery),
            "record": str(self.record),
        }


def monitor(
    home: Home, *, since: datetime | None = None, until: datetime | None = None, now: datetime
) -> MonitorResult:
    """Measure drift and quality of what was ranked in a period, look for alarms, and tell them.

    Parameters
    ----------
    since, until
        Of the ranking, ``since <= selected_at < until``; null = from the first, to the last. Alarms
        of a period that is over are written into its record and told to nobody.
    now
        The moment that the record is dated with.

    Raises
    ------
    HomeError
        If no model serves yet, or nothing was ranked in the period.
    EstimateError
        If too few decisions were ranked to compare.
    SettingsError
        If ``alarms.toml`` cannot be read, or the webhook cannot be used; what was found is written
        before.
    """
    limits = read_limits(home.alarms_file)
    bundle = open_champion(home).bundle
    store = open_store(home.store_url())
    history = read_history(store, since=since, until=until)
    recalibrated = Recalibrated.of(history)
    period = period_of(history.ranked, since=since, until=until)
    folder = period.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    drift = _measure_drift(home, store, bundle, history, recalibrated, page=folder / EVIDENTLY_PAGE)
    quality = auditors = promise = figures = None
    if history.ranked.audits:
        quality = measure_quality(recalibrated)
        auditors = auditors_of(recalibrated, history.outcomes)
        promise = promises_of(store, recalibrated, quality)[0]
        figures = figures_of(quality, auditors)
        more = {PERIOD: fairness_metrics(measure_fairness(recalibrated))}
        drift = replace(drift, more=more)
    write_snapshots(home.evidently, drift)
    over = until is not None and until <= now
    watched = Watched(recalibrated, drift.history, auditors, promise)
    alarms = find_alarms(watched, limits, now=until if until is not None and over else now)
    record = MonitorRecord(now, period, drift.history, tuple(drift.outcomes), alarms, figures)
    path = write_record(folder, record)
    write_drift(Book(folder, period=period, now=now), drift_page(home, record))
    told = None if over else tell_alarms(home, alarms, limits.webhook, now=now)
    return MonitorResult(drift.history.period, quality, figures, alarms, told, path)


def _measure_drift(
    home: Home,
    store: Store,
    bundle: Bundle,
    history: History,
    recalibrated: Recalibrated,
    *,
    page: Path,
) -> Measured:
    """Count the days that are not counted yet, judge all, and write Evidently's page."""
    reference = reference_of(bundle.profile)
    sample = sample_days(store, bundle, history, folder=home.monitoring / "samples")
    folder = home.monitoring / "days"
    days = counted_days(reference, sample, read_days(folder, reference))
    write_days(folder, days)
    judged = judge_days(
        reference, days, since=str(sample["day"].min()), until=str(sample["day"].max())
    )
    write_evidently_page(bundle.profile, sample, judged.period, page=page)
    return Measured(reference, days, judged, measure_outcomes(recalibrated, bundle.profile))
