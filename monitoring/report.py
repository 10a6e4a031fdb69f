"""The QA lead's report: a folder of pages that open offline, print and can be mailed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from features.home import Home
from features.store import open_store
from models.bundle import open_champion
from monitoring.attention import find_attention
from monitoring.exports import write_quality_tables
from monitoring.model_card import card_of
from monitoring.pages import Book, write_contents
from monitoring.period import period_of
from monitoring.quality import measure_quality
from monitoring.ranked import read_history
from monitoring.record import (
    ReportRecord,
    figures_of,
    read_record,
    read_reports,
    write_report_record,
)


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
    history = read_history(open_store(home.store_url()), since=since, until=until)
    quality = measure_quality(history.ranked, history.earlier)
    period = period_of(history.ranked, since=since, until=until)
    folder = period.folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    record = read_record(folder)
    drift = None if record is None else record.drift
    card = card_of(open_champion(home)) if home.champion_file.is_file() else None
    book = Book(folder, period=period, now=now)
    overview = book.write_overview(quality, find_attention(quality, drift), drift)
    book.write_quality(quality)
    book.write_model(quality, card)
    book.write_drift(drift)
    book.write_methods()
    write_quality_tables(quality, folder)
    write_report_record(folder, ReportRecord(now, period, figures_of(quality)))
    write_contents(home.reports, read_reports(home.reports))
    return overview
