"""The QA lead's report: a folder of pages that open offline, print and can be mailed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from features.golden_panel import read_panel
from features.home import Home
from features.standing_alarms import read_alarms
from features.store import Store, open_store
from models.publication import Published, open_champion
from monitoring.alarms.tables import write_alarms_table
from monitoring.attention import find_attention
from monitoring.auditor_day_tables import write_auditor_day_tables
from monitoring.auditor_skill_tables import write_skill_tables
from monitoring.compared_found import Compared
from monitoring.compared_page import write_comparison
from monitoring.drift.page import write_drift
from monitoring.drift_recorded import drift_page
from monitoring.dsa import dsa_table
from monitoring.dsa_files import write_dsa
from monitoring.early_tables import write_early_table
from monitoring.exports import (
    write_auditors_table,
    write_period_tables,
    write_plan_tables,
    write_quality_tables,
    write_readings,
    write_workload_tables,
)
from monitoring.fairness.page import write_fairness
from monitoring.fairness.tables import write_fairness_tables
from monitoring.leads.page import write_leads
from monitoring.leads.tables import write_lead_tables
from monitoring.measured import Measured, measure_period
from monitoring.model_card import card_of
from monitoring.pages import Book, write_contents
from monitoring.period import period_of
from monitoring.period_before import compare_with, compare_with_before
from monitoring.predecessor import predecessor_of
from monitoring.ranked import History, read_history
from monitoring.record import (
    MonitorRecord,
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


def write_report(
    home: Home,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    against: tuple[datetime, datetime] | None = None,
    now: datetime,
) -> Path:
    """Write the report of what was ranked in a period and return its first page.

    The folder is named for the period, so the same period again replaces its pages. What
    `monitoring.monitor` found for the period is shown where it has run. The list of all reports is
    renewed.

    Parameters
    ----------
    since, until
        Of the ranking, ``since <= selected_at < until``; null = from the first, to the last.
    against
        Bounds of an earlier period to compare with; null = the one of the same length before it,
        where `since` is given.
    now
        The moment that the pages are dated with.

    Raises
    ------
    HomeError
        If nothing was ranked in the period.
    EstimateError
        If no audit of it is finished.
    SettingsError
        If ``wellbeing.toml`` or ``policies.toml`` cannot be read.
    """
    store = open_store(home.store_url())
    history = read_history(store, since=since, until=until)
    period = period_of(history.ranked, since=since, until=until)
    published = open_champion(home) if home.champion_file.is_file() else None
    found = measure_period(
        store,
        history,
        bundle=None if published is None else published.bundle,
        panel=read_panel(home),
        limits=home.wellbeing(),
        policies=home.policies(),
        now=now,
    )
    compared = _compared(history, found, since=since, until=until or now, against=against)
    folder = period.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    record = read_record(folder)
    book = Book(folder, period=period, now=now)
    write_drift(book, drift_page(home, record))
    _write_pages(book, found)
    if compared is not None:
        write_comparison(book, compared)
    _write_model(home, store, book, found, published)
    overview = write_overview(book, _overview(found, record))
    _write_tables(found, folder)
    write_alarms_table(read_alarms(home.standing_alarms_file), folder)
    write_dsa(dsa_table(found.recalibrated, history.outcomes, period=period), folder, period=period)
    figures = figures_of(found.quality, found.auditors)
    write_report_record(folder, ReportRecord(now, period, figures))
    write_contents(home.reports, read_reports(home.reports))
    return overview


def _compared(
    history: History,
    found: Measured,
    *,
    since: datetime | None,
    until: datetime,
    against: tuple[datetime, datetime] | None,
) -> Compared | None:
    if against is None:
        return compare_with_before(history, found.recalibrated, since=since, until=until)
    return compare_with(history, found.recalibrated, since=against[0], until=against[1])


def _overview(found: Measured, record: MonitorRecord | None) -> Overview:
    return Overview(
        quality=found.quality,
        trends=found.trends,
        hours=found.hours,
        readings=found.readings,
        findings=find_attention(found.quality, promise=found.promises[0]),
        alarms=() if record is None else record.alarms,
        early=found.early,
        drift_measured=record is not None,
    )


def _write_pages(book: Book, found: Measured) -> None:
    write_policies(book, found.quality, found.policies)
    write_fairness(book, found.fairness)
    write_leads(book, found.leads)
    write_plan(book, found.outlook, found.promises)
    write_auditors(
        book,
        found.auditors,
        found.skill,
        workload=found.workload,
        hours=found.hours,
        days=found.days,
    )
    write_methods(book)


def _write_model(
    home: Home, store: Store, book: Book, found: Measured, published: Published | None
) -> None:
    if published is None:
        write_model(book, found.quality, None, None)
    else:
        before = predecessor_of(home, store, published)
        write_model(book, found.quality, card_of(published), before)


def _write_tables(found: Measured, folder: Path) -> None:
    write_quality_tables(found.quality, folder)
    write_readings(found.readings, folder)
    write_auditors_table(found.auditors, folder)
    write_skill_tables(found.skill, folder)
    write_plan_tables(found.outlook, found.promises, folder)
    write_period_tables(found.trends, found.policies, found.hours, folder)
    write_workload_tables(found.workload, folder)
    write_auditor_day_tables(found.days, folder)
    write_fairness_tables(found.fairness, folder)
    write_lead_tables(found.leads, folder)
    write_early_table(found.early, folder)
