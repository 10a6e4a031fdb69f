"""Answers to requests that named themselves, kept beside what they acknowledge.

An answer is committed in the transaction of the rows that it tells of: either both are there or
neither. Of two writers with one key the second fails, so that its rows are not stored either.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from features import schema
from features.additions import Added
from features.errors import StoreError
from features.rows import microseconds

KEPT_FOR = timedelta(hours=48)
"""How long an answer is kept at least."""
ANSWERS_A_PURGE = 1_000


class AnsweredMeanwhileError(StoreError):
    """Another writer stored an answer under the same key between the look and the writing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is to be answered once, as its caller named it.

    Attributes
    ----------
    access_key_id
        Who asked: each access key has its own names for requests.
    idempotency_key
        The caller's name of the request.
    digest
        Of all that the answer depends on: two requests with one digest are the same.
    """

    access_key_id: str
    idempotency_key: str
    digest: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer to keep, as it went over the wire."""

    asked: Asked
    content: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """What was answered under a key.

    Attributes
    ----------
    digest
        Of the request that was answered.
    """

    digest: str
    content: bytes


Acknowledge = Callable[[Added], KeptAnswer | None]
"""Makes of what became of rows the answer that is committed with them; null where none is kept."""


def keep_answer(connection: sa.Connection, answer: KeptAnswer) -> None:
    """Insert an answer.

    Raises
    ------
    AnsweredMeanwhileError
        If there is one under its key; the transaction must not be committed.
    """
    row = {
        "access_key_id": answer.asked.access_key_id,
        "idempotency_key": answer.asked.idempotency_key,
        "digest": answer.asked.digest,
        "content": zlib.compress(answer.content, level=1),
        "made_at": microseconds(answer.made_at),
    }
    try:
        connection.execute(schema.answers.insert(), row)
    except sa.exc.IntegrityError as error:
        raise AnsweredMeanwhileError("answers: the same request was answered just now") from error


def earlier_answer(connection: sa.Connection, asked: Asked) -> EarlierAnswer | None:
    """Return what was answered under the key of a request; null where nothing was."""
    table = schema.answers
    query = sa.select(table.c.digest, table.c.content).where(
        table.c.access_key_id == asked.access_key_id,
        table.c.idempotency_key == asked.idempotency_key,
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else EarlierAnswer(row.digest, zlib.decompress(row.content))


def purge_answers(connection: sa.Connection, now: datetime) -> int:
    """Delete some of the answers older than `KEPT_FOR`, and return how many.

    Those that another process is deleting at the moment are left to it.
    """
    table = schema.answers
    key = (table.c.access_key_id, table.c.idempotency_key)
    old = (
        sa.select(*key)
        .where(table.c.made_at < microseconds(now - KEPT_FOR))
        .order_by(table.c.made_at)
        .limit(ANSWERS_A_PURGE)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(table.delete().where(sa.tuple_(*key).in_(old))).rowcount
