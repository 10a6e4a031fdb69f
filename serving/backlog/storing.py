"""What is stored of a ranked backlog: all of it, or what was selected and the sums of all.

Either goes in one transaction: killed in the middle, nothing of it is stored. What was drawn names
the request, so that the same command again, after a kill or by mistake, adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from features import schema
from features.additions import OvertakenError, add_decisions, add_ranking, insert_ranking
from features.among import among
from features.errors import BadValue, StoreError
from features.kept_store import KeptBatch, Manner, add_kept, day_of
from features.kept_sums import SumsByKey
from features.rows import microseconds
from features.schema import CONTENT_COLUMNS
from features.store import Store
from models.arrays import Flags, Positions
from serving.backlog.desk import Desk
from serving.backlog.draw import Drawn
from serving.backlog.output import offered_columns

_LOOKED_AT = 5_000
"""Decisions among which the offers of an earlier run are looked for."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where and when a draw is stored.

    Attributes
    ----------
    keep_text
        Whether text and embedding are stored too.
    ready
        Called before what is stored is committed; if it raises, nothing is.
    """

    store: Store
    drawn: Drawn
    now: datetime
    keep_text: bool
    ready: Callable[[], object]

    def offers(self, rows: Positions, request_id: str) -> pd.DataFrame:
        """Return how some rows were selected, labelled by their position."""
        offers: pd.DataFrame = pa.table(offered_columns(self.drawn, rows)).to_pandas()
        told = offers.assign(request_id=request_id, selected_at=pd.Timestamp(self.now))
        return told.set_axis(rows)

    def decisions(self, part: pd.DataFrame) -> pd.DataFrame:
        """Return decisions as they are stored."""
        dropped = [] if self.keep_text else [name for name in CONTENT_COLUMNS if name in part]
        coded = [name for name in part if isinstance(part[name].dtype, pd.CategoricalDtype)]
        return part.drop(columns=dropped).astype(dict.fromkeys(coded, "str"))


def ledger_of(desk: Desk, drawn: Drawn, *, ready: Callable[[], object] = lambda: None) -> Ledger:
    """Return the ledger of a desk's store."""
    return Ledger(desk.store, drawn, desk.asked.now, desk.home.settings().keep_text, ready)


def keep_all(
    ledger: Ledger, parts: Iterable[pd.DataFrame], *, stored: Flags
) -> tuple[BadValue, ...]:
    """Store every decision and its offer; return the rows that were refused, by position.

    Parameters
    ----------
    parts
        The decisions, labelled by their position; iterated over anew where another writer was
        quicker.
    stored
        Which decisions the store held already.
    """
    request_id = f"file-{ledger.drawn.digest}"

    def add(connection: sa.Connection, *, trusting: bool) -> tuple[BadValue, ...]:
        again = _is_offered(connection, ledger.drawn, request_id)
        refused: list[BadValue] = []
        for part in parts:
            rows, decisions = part.index.to_numpy(), ledger.decisions(part)
            if again:
                refused += add_decisions(connection, decisions).refused
                continue
            is_new = trusting and not stored[rows].any()
            insert = insert_ranking if is_new else add_ranking
            refused += insert(connection, decisions, ledger.offers(rows, request_id)).refused
        return tuple(refused)

    return _settled(ledger, add)


def keep_selected(
    ledger: Ledger, chosen: Iterable[pd.DataFrame], sums: SumsByKey
) -> tuple[BadValue, ...]:
    """Store the selected decisions, their offers, and the sums of all; as `keep_all`.

    Raises
    ------
    StoreError
        If these decisions were kept so before and drawn otherwise: they would count twice.
    """
    drawn = ledger.drawn
    batch = KeptBatch(
        batch_id=f"backlog-{drawn.digest}",
        day=day_of(microseconds(ledger.now)),
        manner=Manner.RANKED,
        decisions=len(drawn),
        selected=len(drawn.selected),
        kept_at=microseconds(ledger.now),
    )

    def add(connection: sa.Connection, *, trusting: bool) -> tuple[BadValue, ...]:
        _refuse_other_draws(connection, drawn, batch.batch_id)
        if not add_kept(connection, batch, sums):
            return ()
        refused: list[BadValue] = []
        for part in chosen:
            offers = ledger.offers(part.index.to_numpy(), batch.batch_id)
            refused += add_ranking(connection, ledger.decisions(part), offers).refused
        return tuple(refused)

    return _settled(ledger, add)


def _settled(ledger: Ledger, add: Callable[..., tuple[BadValue, ...]]) -> tuple[BadValue, ...]:
    """Add in one transaction, anew where another writer stored the same ids meanwhile."""

    def added(*, trusting: bool) -> tuple[BadValue, ...]:
        with ledger.store.transaction() as connection:
            refused = add(connection, trusting=trusting)
            ledger.ready()
            return refused

    for trusting in (True, False):
        with suppress(OvertakenError):
            return added(trusting=trusting)
    return added(trusting=False)


def _is_offered(connection: sa.Connection, drawn: Drawn, request_id: str) -> bool:
    """Whether an earlier run stored this very draw."""
    offer = schema.selections.c
    query = sa.select(offer.selection_id).where(
        among(offer.decision_id, drawn.ids.slice(0, _LOOKED_AT).to_pylist()),
        offer.request_id == request_id,
    )
    return connection.scalar(query.limit(1)) is not None


def _refuse_other_draws(connection: sa.Connection, drawn: Drawn, batch_id: str) -> None:
    table = schema.kept_batches
    alike = table.c.batch_id.startswith(f"backlog-{drawn.of_decisions}-", autoescape=True)
    other = connection.scalar(
        sa.select(table.c.batch_id).where(alike, table.c.batch_id != batch_id)
    )
    if other is not None:
        raise StoreError(
            f"store: these decisions were ranked before, only the selected ones kept ({other}), "
            "under another model, plan or outcomes; expected decisions that were not ranked "
            "yet: in the sums they would count twice. The ranked file of then is valid"
        )
