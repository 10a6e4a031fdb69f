"""Work out machines and money for a number of decisions a day from what was measured.

``uv run python -m benchmarks.scale_estimate --service SERVICE.json --store STORE.json`` reads what
`benchmarks.scale_service` and `benchmarks.scale_store` wrote, and prints the table of
``docs/scale.md``: every decision ranked by the service in batches of 500 and kept for some days,
beside a nightly backlog of which the store keeps the selected alone. Assumptions are options.

Nothing is measured here, and what was measured was measured on small stores: that a store of many
times the memory costs no more for each decision is assumed, and told as such.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

_DAY_S = 86_400.0
_MONTH_DAYS = 30.0
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """What a million decisions cost.

    Attributes
    ----------
    service_s, postgres_s
        Processor seconds, by the service in batches of 500.
    store_gb
        Of tables and indexes.
    log_gb
        Of PostgreSQL's write-ahead log.
    delete_s
        Seconds of one session to delete and vacuum them.
    backlog_s
        Processor seconds to rank them as a backlog; null = not given.
    """

    service_s: float
    postgres_s: float
    store_gb: float
    log_gb: float
    delete_s: float
    backlog_s: float | None = None


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed.

    Attributes
    ----------
    peak
        The busiest hour over the mean one.
    selected_share
        Of all decisions; each is audited.
    kept_days
        Of offers that were not selected.
    busy_share
        Of a core, at the peak.
    copies
        Of the database, the standby among them.
    """

    decisions_a_day: float = 100e6
    peak: float = 3.0
    selected_share: float = 0.01
    kept_days: float = 30.0
    busy_share: float = 0.6
    copies: int = 2
    vcpu_hour: float = 0.05
    gb_month: float = 0.10


@dataclass(frozen=True, slots=True)
class Needed:
    """What one way to rank takes.

    Attributes
    ----------
    ranking_hours, postgres_hours, delete_hours
        Hours of one core a day.
    ranking_cores, postgres_cores
        To have standing, a spare among them.
    disk_gb
        Of one copy, when full.
    selected_gb_a_year
        By which the disk then grows, as the selected stay.
    """

    ranking_hours: float | None
    ranking_cores: int | None
    postgres_hours: float
    postgres_cores: int
    delete_hours: float
    disk_gb: float
    selected_gb_a_year: float
    log_gb_a_day: float
    log_mb_s_at_peak: float
    money_a_month: float | None


def by_service(cost: Measured, given: Assumed) -> Needed:
    """Return what it takes to rank every decision by the service and keep each for some days.

    Examples
    --------
    >>> cost = Measured(80.0, 60.0, 0.75, 1.1, 60.0)
    >>> told = by_service(cost, Assumed())
    >>> round(told.ranking_hours, 2), told.ranking_cores, told.disk_gb
    (2.22, 2, 2250.0)
    """
    millions = given.decisions_a_day / 1e6
    at_peak = given.peak * millions / _DAY_S / given.busy_share
    ranking_cores = ceil(at_peak * cost.service_s) + 1
    return _needed(cost, given, stored=millions, ranking=(millions * cost.service_s, ranking_cores))


def by_backlog(cost: Measured, given: Assumed, *, hours: float = 4.0) -> Needed:
    """Return what it takes to rank a night's backlog within so many hours and keep the selected."""
    millions = given.decisions_a_day / 1e6
    stored = millions * given.selected_share
    if cost.backlog_s is None:
        return _needed(cost, given, stored=stored, ranking=None)
    seconds = millions * cost.backlog_s
    cores = ceil(seconds / (hours * 3_600) / given.busy_share)
    return _needed(cost, given, stored=stored, ranking=(seconds, cores))


def _needed(
    cost: Measured, given: Assumed, *, stored: float, ranking: tuple[float, int] | None
) -> Needed:
    """Return what it takes where so many million decisions a day are stored."""
    at_peak = given.peak * stored / _DAY_S
    postgres_cores = ceil(at_peak * cost.postgres_s / given.busy_share) + 1
    selected = given.selected_share * given.decisions_a_day / 1e6
    disk_gb = stored * given.kept_days * cost.store_gb
    money = None
    if ranking is not None:
        cores = ranking[1] + given.copies * postgres_cores
        money = cores * 24 * _MONTH_DAYS * given.vcpu_hour + given.copies * disk_gb * given.gb_month
    return Needed(
        ranking_hours=ranking[0] / 3_600 if ranking else None,
        ranking_cores=ranking[1] if ranking else None,
        postgres_hours=stored * cost.postgres_s / 3_600,
        postgres_cores=postgres_cores,
        delete_hours=(stored - selected) * cost.delete_s / 3_600,
        disk_gb=disk_gb,
        selected_gb_a_year=365 * selected * cost.store_gb,
        log_gb_a_day=stored * cost.log_gb,
        log_mb_s_at_peak=1e3 * at_peak * cost.log_gb,
        money_a_month=money,
    )


def measured_of(
    service: dict[str, Any], store: dict[str, Any], *, backlog_s: float | None = None
) -> Measured:
    """Return what a million decisions cost, from the files of the two benchmarks."""
    run = next(each for each in service["speed"] if each["batch"] == _BATCH)
    held = store["postgres"]
    freed = held["retention"]
    deleted = freed["decisions_before"] - freed["decisions_after"]
    return Measured(
        service_s=run["service_cpu_ms"],
        postgres_s=run["postgres_cpu_ms"],
        store_gb=freed["bytes_before"] / held["decisions"] / 1e3,
        log_gb=run["wal_bytes"] / 1e3,
        delete_s=(freed["delete_s"] + freed["vacuum_s"]) * 1e6 / deleted,
        backlog_s=backlog_s,
    )


_ROWS = (
    ("ranking, core-hours a day", "ranking_hours", ".1f"),
    ("ranking, cores to have", "ranking_cores", "d"),
    ("PostgreSQL, core-hours a day", "postgres_hours", ".2f"),
    ("PostgreSQL, cores to have, each copy", "postgres_cores", "d"),
    ("deleting a day, hours of one session", "delete_hours", ".1f"),
    ("disk of one copy, GB", "disk_gb", ",.0f"),
    ("selected, kept for good, GB a year", "selected_gb_a_year", ",.0f"),
    ("log, GB a day", "log_gb_a_day", ",.1f"),
    ("log at the peak, MB/s", "log_mb_s_at_peak", ".2f"),
    ("money a month", "money_a_month", ",.0f"),
)


def table_of(cost: Measured, given: Assumed) -> str:
    """Return the two ways side by side, as Markdown."""
    ways = (by_service(cost, given), by_backlog(cost, given))
    lines = ["| | service, all kept | backlog, selected kept |", "|---|---|---|"]
    for title, name, form in _ROWS:
        cells = (getattr(way, name) for way in ways)
        told = ("not given" if value is None else format(value, form) for value in cells)
        lines.append(f"| {title} | {' | '.join(told)} |")
    return "\n".join(lines)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--service", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--backlog-s", type=float, help="processor seconds to rank a million")
    usual = Assumed()
    for name in Assumed.__slots__:
        value = getattr(usual, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Print what was measured, and the table."""
    read = parse(arguments)
    files = [json.loads(file.read_text()) for file in (read.service, read.store)]
    cost = measured_of(*files, backlog_s=read.backlog_s)
    given = Assumed(**{name: getattr(read, name) for name in Assumed.__slots__})
    print(cost, given, table_of(cost, given), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
