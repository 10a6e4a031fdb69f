"""In which order outcomes came into the store, so that every process can follow them.

Each transaction that adds outcomes takes the next number and holds it until it is committed: the
numbers become visible in their order, and who has read up to one has missed none before it. Some
changes cannot be added to sums: an outcome that supersedes another, or an offer of a decision whose
outcome was weighed without it. They are marked, and whoever follows makes its sums anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from features import schema
from features.among import among
from features.bulk import insert_columns

_IDS_A_QUERY = 5_000
_LOCK = "hashtext('secondlook.arrivals ' || current_schema())"
"""Names the lock of one programme: several may share a database, each in a schema of its own."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the arrivals go.

    Attributes
    ----------
    last
        Number of the last arrival.
    remade
        Number of the last arrival that cannot be added to sums.
    reweighed
        Number of the last after which an outcome may weigh otherwise, where weights differ at all.
    """

    last: int = 0
    remade: int = 0
    reweighed: int = 0


def note_outcomes(connection: sa.Connection, audit_ids: Sequence[str], *, remake: bool) -> None:
    """Give outcomes that were added in this transaction their number.

    Parameters
    ----------
    remake
        Whether one of them supersedes another.
    """
    if not audit_ids:
        return
    _lock(connection, shared=False)
    number = _next(connection, *(("remade",) if remake else ()))
    columns = {"number": [number] * len(audit_ids), "audit_id": audit_ids}
    insert_columns(connection, schema.arrivals, columns)


def note_offers(connection: sa.Connection, decision_ids: Sequence[str]) -> None:
    """Mark offers of decisions that were offered or decided before and may have outcomes by now.

    An outcome without a chance of audit of its own weighs as the largest chance that its decision
    was offered with, so a later offer can change what it weighs. Must follow the adding of the
    offers, in its transaction.
    """
    if not decision_ids:
        return
    _lock(connection, shared=True)  # no outcome can come in between this look and the commit
    table = schema.outcomes
    for part in _parts(decision_ids):
        query = sa.select(table.c.audit_id).where(
            among(table.c.decision_id, part), table.c.inclusion_probability.is_(None)
        )
        if connection.scalar(query.limit(1)) is not None:
            _next(connection, "reweighed")
            return


def read_mark(connection: sa.Connection) -> Mark:
    """Return how far the arrivals go now."""
    table = schema.arrival_mark
    row = connection.execute(sa.select(table.c.last, table.c.remade, table.c.reweighed)).one()
    return Mark(row.last, row.remade, row.reweighed)


def arrived(connection: sa.Connection, *, after: int, until: int | None = None) -> list[str]:
    """Return the ids of outcomes that came after one number and, if given, not after another."""
    table = schema.arrivals
    query = sa.select(table.c.audit_id).where(table.c.number > after).order_by(table.c.number)
    if until is not None:
        query = query.where(table.c.number <= until)
    return list(connection.scalars(query))


def _next(connection: sa.Connection, *marks: str) -> int:
    """Take the next number, and mark it; nobody else can until this transaction ends."""
    table = schema.arrival_mark
    connection.execute(table.update().values(dict.fromkeys(("last", *marks), table.c.last + 1)))
    return int(connection.execute(sa.select(table.c.last)).scalar_one())


def _lock(connection: sa.Connection, *, shared: bool) -> None:
    """Keep offers and outcomes from being committed past each other; SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        manner = "_shared" if shared else ""
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock{manner}({_LOCK})"))


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    every = list(ids)
    for start in range(0, len(every), _IDS_A_QUERY):
        yield every[start : start + _IDS_A_QUERY]
