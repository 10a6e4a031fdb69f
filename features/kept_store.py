"""Sums of decisions that are not kept as rows, in the store: added a batch at a time, and read.

A batch is what one ranking, or one run of retention, kept of one day. Its id is stored with its
sums in one transaction, so that the same batch again adds nothing; batches of a day add up.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
import sqlalchemy as sa

from features import schema
from features.kept_sums import KeptSums, SumKey, SumsByKey

_FLOATS = "<f8"
_FIRST_DAY = date(1970, 1, 1)


class Manner(StrEnum):
    """How a batch came to be kept as sums."""

    RANKED = "ranked"
    """From the beginning; its selected offers carry its id as their request."""
    RETAINED = "retained"
    """Its rows were dropped later; the audits that count are in ``kept_audits``."""


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """Ranked decisions of one day that are kept as sums.

    Attributes
    ----------
    batch_id
        Given once and never again.
    day
        Of ranking, UTC, counted from 1970.
    manner
        Of `Manner`.
    decisions, selected
        How many, and how many of them were selected for audit.
    kept_at
        Microseconds since 1970.
    """

    batch_id: str
    day: int
    manner: str
    decisions: int
    selected: int
    kept_at: int


def add_kept(connection: sa.Connection, batch: KeptBatch, sums: SumsByKey) -> bool:
    """Store a batch with its sums; tell whether it is new, and change nothing where it is not.

    Both are of the caller's transaction, in which the rows that they stand for are left out or
    dropped.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If another writer stores the same batch at this moment.
    """
    table = schema.kept_batches
    known = sa.select(table.c.batch_id).where(table.c.batch_id == batch.batch_id)
    if connection.scalar(known) is not None:
        return False
    connection.execute(table.insert(), asdict(batch))
    rows = [_stored(batch.batch_id, key, each) for key, each in sums.items()]
    if rows:
        connection.execute(schema.kept_sums.insert(), rows)
    return True


def read_batches(
    connection: sa.Connection, *, since: int | None = None, until: int | None = None
) -> list[KeptBatch]:
    """Return the batches with ``since <= day < until``, by day and id."""
    table = schema.kept_batches
    query = sa.select(table).order_by(table.c.day, table.c.batch_id)
    if since is not None:
        query = query.where(table.c.day >= since)
    if until is not None:
        query = query.where(table.c.day < until)
    return [KeptBatch(**row._mapping) for row in connection.execute(query)]


def read_sums(
    connection: sa.Connection, batch_id: str, *, column: str, what: str
) -> dict[SumKey, KeptSums]:
    """Return the sums of a batch by one column, of one kind."""
    table = schema.kept_sums
    query = sa.select(table).where(
        table.c.batch_id == batch_id, table.c.grouped_by == column, table.c.what == what
    )
    return dict(_read(row) for row in connection.execute(query))


def kept_columns(connection: sa.Connection, batch_ids: Sequence[str]) -> set[str]:
    """Return the columns by which any of the batches has sums."""
    table = schema.kept_sums
    query = (
        sa.select(table.c.grouped_by).distinct().where(table.c.batch_id == sa.bindparam("batch"))
    )
    found: set[str] = set()
    for batch in batch_ids:
        found.update(connection.scalars(query, {"batch": batch}))
    return found


def day_of(moment_us: int) -> int:
    """Return the day of a moment in microseconds since 1970, UTC, counted from 1970."""
    return moment_us // 86_400_000_000


def date_of(day: int) -> date:
    """Return the date of a day counted from 1970.

    Examples
    --------
    >>> date_of(1).isoformat()
    '1970-01-02'
    """
    return _FIRST_DAY + timedelta(days=day)


def _stored(batch_id: str, key: SumKey, sums: KeptSums) -> dict[str, object]:
    return {
        "batch_id": batch_id,
        "model_version": key.model_version,
        "grouped_by": key.column,
        "label": key.label,
        "what": key.what,
        "first_node": sums.first_node,
        "kinds": len(sums.sums),
        "decisions": sums.decisions,
        "predicted": sums.predicted,
        "sums": zlib.compress(np.ascontiguousarray(sums.sums, dtype=_FLOATS).tobytes()),
    }


def _read(row: sa.Row[tuple[object, ...]]) -> tuple[SumKey, KeptSums]:
    kept = row._mapping
    key = SumKey(kept["model_version"], kept["grouped_by"], kept["label"], kept["what"])
    sums = np.frombuffer(zlib.decompress(kept["sums"]), dtype=_FLOATS)
    return key, KeptSums(
        kept["first_node"],
        sums.reshape(kept["kinds"], -1).astype(np.float64),
        kept["decisions"],
        kept["predicted"],
    )
