"""The QA lead's report: a folder of pages that open offline, print and can be mailed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from features.home import Home
from features.store import Store, open_store
from models.publication import open_champion
from monitoring.attention import find_attention
from monitoring.audit_hours import measure_hours
from monitoring.auditors import auditors_of
from monitoring.exports import (
    write_auditors_table,
    write_period_tables,
    write_plan_tables,
    write_quality_tables,
    write_readings,
    write_workload_tables,
)
from monitoring.model_card import card_of
from monitoring.outlook import PlanOutlook, look_ahead
from monitoring.pages import Book, write_contents
from monitoring.period import period_of
from monitoring.policies import measure_policies
from monitoring.predecessor import predecessor_of
from monitoring.promised import Promise, measure_promises, readable_plan
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import History, read_history
from monitoring.readings import read_in_other_ways
from monitoring.recalibrated import Recalibrated, recalibrated_frame
from monitoring.record import (
    ReportRecord,
    figures_of,
    read_record,
    read_reports,
    write_report_record,
)
from monitoring.report_pages import (
    Overview,
    write_auditors,
    write_methods,
    write_model,
    write_overview,
    write_plan,
    write_policies,
)
from monitoring.trend import measure_trends
from monitoring.workload import measure_workload


def write_report(
    home: Home, *, since: datetime | None = None, until: datetime | None = None, now: datetime
) -> Path:
    """Write the report of what was ranked in a period and return its first page.

    The folder is named for the period, so the same period again replaces its pages. What
    `monitoring.monitor` found for the period is shown where it has run. The list of all reports is
    renewed.

    Parameters
    ----------
    since, until
        Of the ranking, ``since <= selected_at < until``; null = from the first, to the last.
    now
        The moment that the pages are dated with.

    Raises
    ------
    HomeError
        If nothing was ranked in the period.
    EstimateError
        If no audit of it is finished.
    """
    store = open_store(home.store_url())
    history = read_history(store, since=since, until=until)
    quality, auditors = measure_quality(history.ranked, history.earlier), auditors_of(history)
    promises, outlook = _promises(store, history, quality), _outlook(store, history, quality)
    readings = read_in_other_ways(quality, auditors)
    period = period_of(history.ranked, since=since, until=until)
    folder = period.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    record = read_record(folder)
    drift = None if record is None else record.drift
    recalibrated = Recalibrated(history.ranked, history.earlier)
    plan, table = outlook.plan, history.ranked.table
    trends, hours = measure_trends(recalibrated), measure_hours(table, history.outcomes, plan)
    policies = measure_policies(
        recalibrated, plan, overall=quality.overall.overturn_rate, compared=quality.compared
    )
    workload = measure_workload(table, history.outcomes)
    book = Book(folder, period=period, now=now)
    write_policies(book, quality, policies)
    _write_model(home, store, book, quality)
    book.write_drift(drift)
    write_plan(book, outlook, promises)
    write_auditors(book, auditors, workload, hours)
    write_methods(book)
    found = Overview(
        quality=quality,
        trends=trends,
        hours=hours,
        readings=readings,
        findings=find_attention(quality, drift, promise=promises[0]),
        drift_measured=drift is not None,
    )
    overview = write_overview(book, found)
    write_period_tables(trends, policies, hours, folder)
    write_workload_tables(workload, folder)
    write_quality_tables(quality, folder)
    write_readings(readings, folder)
    write_auditors_table(auditors, folder)
    write_plan_tables(outlook, promises, folder)
    write_report_record(folder, ReportRecord(now, period, figures_of(quality, auditors)))
    write_contents(home.reports, read_reports(home.reports))
    return overview


def _write_model(home: Home, store: Store, book: Book, quality: Quality) -> Path:
    if not home.champion_file.is_file():
        return write_model(book, quality, None, None)
    published = open_champion(home)
    return write_model(book, quality, card_of(published), predecessor_of(home, store, published))


def _promises(store: Store, history: History, quality: Quality) -> tuple[Promise, ...]:
    frame = recalibrated_frame(history.ranked, history.earlier)
    versions = history.ranked.table["plan_version"].to_numpy(dtype=object)
    return measure_promises(frame, versions, store.plan_documents(), overall=quality.overall)


def _outlook(store: Store, history: History, quality: Quality) -> PlanOutlook:
    document = store.plan_document()
    policies = [
        segment.estimate
        for grouping in quality.groupings
        if grouping.column == "policy"
        for segment in grouping.segments
    ]
    plan = None if document is None else readable_plan(document)
    return look_ahead(history.ranked, plan, overall=quality.overall, policies=policies)
