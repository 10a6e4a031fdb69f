"""What old offers take on PostgreSQL, what is asked of them, and what deleting them gives back.

First which columns are wide, and what the questions cost that admission asks of the last day. Then
a day of offers is taken away in two ways, from copies of the table: deleted and vacuumed, or
dropped with the partition that holds it. Last, decisions and offers older than the last days are
deleted where nobody selected or audited them, the largest part of what `secondlook retain` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import psutil

from benchmarks.scale_postgres import Gauge
from features.store import Store
from features.track_record import RecordSettings
from serving.live_records import LiveRecords

KEPT_DAYS = 5
_ASKED_IDS = 500
_DAY_US = 24 * 3_600_000_000
_LATER_US = 30 * _DAY_US
_SAMPLED = 10_000
_AGES = 20


def measure(store: Store, gauge: Gauge) -> dict[str, Any]:
    """Measure all of it; what is stored is deleted by and by."""
    first, last = _days(gauge)
    told: dict[str, Any] = {
        "column_bytes": {name: column_bytes(gauge, name) for name in ("decisions", "selections")},
        "asked_by_admission": asked_by_admission(store, first, last),
        "records": records_made(store),
        "foreign_key": foreign_key_cost(gauge),
        "a_day": drop_a_day(gauge, first, last),
    }
    told["retention"] = retain(gauge, last - KEPT_DAYS * _DAY_US)
    return told


def _days(gauge: Gauge) -> tuple[int, int]:
    """Return the start of the first day and the end of the last, in microseconds."""
    (row,) = gauge.rows("SELECT min(selected_at) AS a, max(selected_at) AS b FROM selections")
    return row["a"] // _DAY_US * _DAY_US, -(-row["b"] // _DAY_US) * _DAY_US


def column_bytes(gauge: Gauge, table: str) -> dict[str, float]:
    """Return bytes of each column for a row, null as 0, from a sample."""
    names = [row["column_name"] for row in gauge.rows(_COLUMNS_OF.format(table=table))]
    sums = ", ".join(f'avg(coalesce(pg_column_size("{name}"), 0)) AS "{name}"' for name in names)
    sample = f"(SELECT * FROM {table} LIMIT {_SAMPLED}) AS sample"
    (row,) = gauge.rows(f"SELECT {sums} FROM {sample}")
    found = {name: float(size) for name, size in row.items()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


_COLUMNS_OF = (
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND table_name = '{table}'"
)


def asked_by_admission(store: Store, first: int, last: int) -> list[dict[str, Any]]:
    """Time what `serving.admission` asks of a past day, where the day had so many offers."""
    found = []
    for share in (0.25, 1.0):
        since, until = _time(first), _time(round(first + share * (last - first)))
        began = perf_counter()
        offers = store.count_offers(since, until)
        counted = perf_counter()
        store.ranked_sample(since, until, most=_SAMPLED)
        found.append(
            {
                "offers": offers,
                "count_s": counted - began,
                "count_and_sample_s": perf_counter() - counted,
            }
        )
    return found


def _time(since_1970_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=since_1970_us)


def records_made(store: Store) -> dict[str, float]:
    """Time what a worker does first: make its track records of all outcomes of the store."""
    process, outcomes = psutil.Process(), len(store.outcomes())
    before, began = process.memory_info().rss, perf_counter()
    LiveRecords(store).keep(RecordSettings())
    seconds = perf_counter() - began
    grown = (process.memory_info().rss - before) / 2**20
    return {"outcomes": outcomes, "seconds": seconds, "grown_mb": grown}


def foreign_key_cost(gauge: Gauge) -> dict[str, float]:
    """Time the storing of offers with and without the check that their decision is stored."""
    sample = f"SELECT * FROM selections LIMIT {10 * _SAMPLED}"
    gauge.run("CREATE TABLE checked (LIKE selections INCLUDING ALL)")
    free_s = gauge.run(f"INSERT INTO checked {sample}")
    key = "FOREIGN KEY (decision_id) REFERENCES decisions"
    gauge.run("TRUNCATE checked", f"ALTER TABLE checked ADD {key}")
    checked_s = gauge.run(f"INSERT INTO checked {sample}")
    gauge.run("DROP TABLE checked")
    rows = min(10 * _SAMPLED, gauge.count("selections"))
    return {"rows": rows, "unchecked_s": free_s, "checked_s": checked_s}


def drop_a_day(gauge: Gauge, first: int, last: int) -> dict[str, Any]:
    """Take the first day of offers away by DELETE and VACUUM, and by DROP of its partition."""
    day_ends = first + _DAY_US
    told: dict[str, Any] = {"filled_s": _copies(gauge, range(first, last, _DAY_US))}
    told["offers"] = gauge.count(f"flat WHERE selected_at < {day_ends}")
    told["looked_up_ms"] = {name: _look_up_ms(gauge, name) for name in ("flat", "parted")}
    told["bytes_before"] = {name: gauge.bytes_of(name) for name in ("flat", "parted")}
    for name, statements in (
        ("delete", [f"DELETE FROM flat WHERE selected_at < {day_ends}"]),
        ("vacuum", ["VACUUM flat"]),
        ("drop", [f"DROP TABLE parted_{first // _DAY_US}"]),
    ):
        before = gauge.read()
        told[f"{name}_s"] = gauge.run(*statements)
        told[f"{name}_wal_bytes"] = gauge.since(before).wal_bytes
    told["bytes_after"] = {name: gauge.bytes_of(name) for name in ("flat", "parted")}
    gauge.run("DROP TABLE flat, parted")
    return told


def _copies(gauge: Gauge, days: Sequence[int]) -> dict[str, float]:
    """Copy the offers into one table and into a partition for each day; return the seconds.

    Of a partitioned table the primary key must hold the day, which is why no key of it can say that
    a decision or offer is there but once.
    """
    gauge.run(
        "CREATE TABLE flat (LIKE selections INCLUDING ALL)",
        "CREATE TABLE parted (LIKE selections INCLUDING DEFAULTS) PARTITION BY RANGE (selected_at)",
        "ALTER TABLE parted ADD PRIMARY KEY (selection_id, selected_at)",
        "CREATE INDEX ON parted (decision_id)",
        "CREATE INDEX ON parted (selected_at)",
        "CREATE INDEX ON parted (selected_at) WHERE selected",
        *(
            f"CREATE TABLE parted_{day // _DAY_US} PARTITION OF parted "
            f"FOR VALUES FROM ({day}) TO ({day + _DAY_US})"
            for day in days
        ),
    )
    ordered = "SELECT * FROM selections ORDER BY selection_id"
    filled = {name: gauge.run(f"INSERT INTO {name} {ordered}") for name in ("flat", "parted")}
    gauge.run("VACUUM (ANALYZE) flat", "VACUUM (ANALYZE) parted")
    return filled


def _look_up_ms(gauge: Gauge, table: str) -> float:
    """Return milliseconds to find the first offers of some decisions, as every ranking asks."""
    ids = f"ARRAY(SELECT decision_id FROM selections ORDER BY random() LIMIT {_ASKED_IDS})"
    gauge.run(f"CREATE TABLE asked AS SELECT {ids} AS ids")
    (row,) = gauge.rows("SELECT ids FROM asked")
    names = ", ".join(f"'{name}'" for name in row["ids"])
    query = (
        f"SELECT min(selection_id) FROM {table} WHERE decision_id = ANY(ARRAY[{names}]) "
        "GROUP BY decision_id"
    )
    gauge.run(query)
    taken_s = [gauge.run(query) for _ in range(_AGES)]
    gauge.run("DROP TABLE asked")
    return 1e3 * sorted(taken_s)[_AGES // 2]


def retain(gauge: Gauge, until: int) -> dict[str, Any]:
    """Delete what was offered before a time and not selected, and what nothing then refers to."""
    held = gauge.schema_bytes()
    old = f"selected_at < {until}"
    told: dict[str, Any] = {"bytes_before": held, "offers_before": gauge.count("selections")}
    told["decisions_before"] = gauge.count("decisions")
    _set_aside(gauge, until)
    before = gauge.read()
    told["delete_s"] = gauge.run(
        f"DELETE FROM selections WHERE {old} AND NOT selected",
        f"DELETE FROM contents c USING decisions d {_UNUSED.format(until=until)} "
        "AND c.decision_id = d.decision_id",
        f"DELETE FROM decisions d {_UNUSED.format(until=until)}",
    )
    told["delete_wal_bytes"] = gauge.since(before).wal_bytes
    told["offers_after"], told["decisions_after"] = map(gauge.count, ("selections", "decisions"))
    told["vacuum_s"] = gauge.run(*(f"VACUUM (ANALYZE) {name}" for name in _EMPTIED))
    told["dead_after_vacuum"] = gauge.rows(_DEAD)
    told["tables_after_vacuum"] = _in_use(gauge)
    told["refilled"] = _refill(gauge)
    told["tables_after_refill"] = _in_use(gauge)
    for when in ("vacuum", "refill"):
        told[f"bytes_after_{when}"] = sum(told[f"tables_after_{when}"].values())
    return told


def _set_aside(gauge: Gauge, until: int) -> None:
    """Copy what will be deleted, to be stored once more as decisions of a later time."""
    gauge.run(
        f"CREATE TABLE aside_selections AS SELECT * FROM selections "
        f"WHERE selected_at < {until} AND NOT selected",
        "CREATE TABLE aside_decisions AS SELECT d.* FROM decisions d "
        f"JOIN aside_selections USING (decision_id) WHERE decided_at < {until}",
    )


def _in_use(gauge: Gauge) -> dict[str, int]:
    held = gauge.relations()
    return {name: size for name, size in held.items() if not name.startswith("aside_")}


def _refill(gauge: Gauge) -> int:
    """Store what was set aside under ids of its own and at a later time; return how many."""
    later = {
        "decision_id": "'~' || substr(decision_id, 2)",
        "decided_at": f"decided_at + {_LATER_US}",
        "selected_at": f"selected_at + {_LATER_US}",
    }
    gauge.run(
        "DELETE FROM aside_selections s WHERE NOT EXISTS "
        "(SELECT FROM aside_decisions d WHERE d.decision_id = s.decision_id)"
    )
    for table in ("decisions", "selections"):
        names = [row["column_name"] for row in gauge.rows(_COLUMNS_OF.format(table=table))]
        names = [name for name in names if name != "selection_id"]
        told = ", ".join(f'"{name}"' for name in names)
        read = ", ".join(later.get(name, f'"{name}"') for name in names)
        gauge.run(f"INSERT INTO {table} ({told}) SELECT {read} FROM aside_{table}")
    return gauge.count("aside_selections")


_EMPTIED = ("selections", "contents", "decisions")
_DEAD = """
SELECT relname AS "table", n_dead_tup AS rows FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND n_dead_tup > 0
"""
"""Rows that VACUUM could not take away, as while another session has an old transaction open."""
_UNUSED = """
WHERE d.decided_at < {until}
AND NOT EXISTS (SELECT FROM selections s WHERE s.decision_id = d.decision_id)
AND NOT EXISTS (SELECT FROM outcomes o WHERE o.decision_id = d.decision_id)
"""
