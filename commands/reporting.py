"""The commands of the QA lead: drift, quality, alarms, and the report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from commands.options import DEFAULT_HOME, HomeOption, SinceOption, UntilOption, errors, out, utc
from features.errors import SettingsError
from features.home import open_home

DaysOption = Annotated[
    int | None,
    typer.Option("--days", min=1, help="Only the last N days, today included; not with --since."),
]


def monitor(
    home: HomeOption = DEFAULT_HOME,
    since: SinceOption = None,
    until: UntilOption = None,
    days: DaysOption = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="End with status 0 where an alarm stands, too.")
    ] = False,
) -> None:
    """Measure drift and quality of what was ranked, and look for alarms."""
    from monitoring.alarms.alarm import exit_status
    from monitoring.monitor import monitor as run

    now = datetime.now(UTC)
    result = run(open_home(home), since=_since(since, days, now), until=utc(until), now=now)
    out.print_json(json.dumps(result.document()))
    for alarm in result.alarms:
        errors.print(
            f"[bold]{escape(alarm.title)}[/] ({alarm.severity})  {escape(alarm.next_step)}",
            highlight=False,
            soft_wrap=True,
        )
    if result.told is not None and result.told.delivery.failure:
        errors.print(escape(result.told.delivery.failure), highlight=False, soft_wrap=True)
    if not exit_zero:
        raise typer.Exit(exit_status(result.alarms))


def report(
    home: HomeOption = DEFAULT_HOME,
    since: SinceOption = None,
    until: UntilOption = None,
    days: DaysOption = None,
    against_since: Annotated[
        datetime | None,
        typer.Option(help="Start of an earlier period to compare with; default: the one before."),
    ] = None,
    against_until: Annotated[
        datetime | None, typer.Option(help="End of the earlier period; with --against-since.")
    ] = None,
) -> None:
    """Write the QA lead's report; it opens offline."""
    from monitoring.report import write_report

    now = datetime.now(UTC)
    page = write_report(
        open_home(home),
        since=_since(since, days, now),
        until=utc(until),
        against=_against(utc(against_since), utc(against_until)),
        now=now,
    )
    out.print(f"Report: {page.as_uri()}")


def accuracy(
    home: HomeOption = DEFAULT_HOME,
    since: SinceOption = None,
    until: UntilOption = None,
    by: Annotated[
        str | None,
        typer.Option(help="day, week, month, policy, language, ... or a group_* column."),
    ] = None,
    what: Annotated[
        str,
        typer.Option(help="overturn_probability (any error), a direction of error, or severity."),
    ] = "overturn_probability",
    to: Annotated[
        Path | None, typer.Option("--to", help="Also write the figures: CSV, Parquet or JSON.")
    ] = None,
) -> None:
    """Publish accuracy with intervals, from rows and from days kept as sums (`retain`)."""
    from features.store import open_store
    from monitoring.kept.accuracy import measure_accuracy
    from monitoring.kept.table import table_of, write_figures

    store = open_store(open_home(home).store_url())
    store.require_current()
    found = measure_accuracy(store, since=utc(since), until=utc(until), by=by, what=what)
    figures = table_of(found)
    if to is not None:
        write_figures(figures, to)
    out.print(figures.to_string(index=False), highlight=False, soft_wrap=True, markup=False)
    if found.kept_days:
        errors.print(f"Days of ranking read from sums: {found.kept_days}", highlight=False)


def _since(since: datetime | None, days: int | None, now: datetime) -> datetime | None:
    """Return the start of the period that was asked for; a number of days begins at midnight."""
    if days is None:
        return utc(since)
    if since is not None:
        raise SettingsError("--days: saw it with --since; expected one of them")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days - 1)


def _against(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime] | None:
    if since is None and until is None:
        return None
    if since is None or until is None or since >= until:
        raise SettingsError(
            "--against-since, --against-until: expected both, the start before the end"
        )
    return since, until
