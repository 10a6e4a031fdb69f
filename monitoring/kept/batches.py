"""What a stored batch of sums gives to a figure, with the audits that came in of it.

Of a retained day the audits were fixed when its rows were dropped, and its chances lowered then; an
audit that came later has no part in it. Of a ranking that was kept as sums from the beginning every
audit counts, and the chances are lowered by the share of its selected decisions that are audited by
now: one share for the batch, as its other decisions cannot be told by policy and risk any more.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from features.kept_store import KeptBatch, Manner, read_sums
from features.kept_sums import WHOLE, KeptSums, SumKey
from features.ranked_day import read_kept_audits, read_selected
from features.store import Store
from models.kept_sums import labels_of_rows
from monitoring.kept.day_sums import DaySums, audits_of, harm_of


def read_batch(store: Store, batch: KeptBatch, wanted: Iterable[tuple[str, str]]) -> DaySums:
    """Read a batch with its audits, and its sums by columns and of kinds of risk.

    Parameters
    ----------
    wanted
        Column and kind. Where the batch has no sums by a column, its decisions have no label, and
        those of the whole are read.
    """
    found: dict[SumKey, KeptSums] = {}
    with store.transaction() as connection:
        for column, what in wanted:
            sums = read_sums(connection, batch.batch_id, column=column, what=what)
            found |= sums or read_sums(connection, batch.batch_id, column=WHOLE, what=what)
    audits, share = batch_audits(store, batch)
    return DaySums(batch.day, found, share, audits)


def batch_audits(store: Store, batch: KeptBatch) -> tuple[pd.DataFrame, float]:
    """Return a batch's finished audits, and the share of them by which its chances are lowered.

    A batch without any finished audit is taken as the model has it: nothing is lowered.
    """
    if batch.manner == Manner.RETAINED:
        table = _latest(read_kept_audits(store, batch))
        return audits_of(table, table["verdict"].notna().to_numpy(), day=batch.day), 1.0
    table = _latest(read_selected(store, batch))
    table = table.assign(harm=harm_of(table, labels_of_rows(table)))
    audited = table["verdict"].notna().to_numpy()
    share = float(audited.mean()) if audited.any() else 1.0
    chance = table["inclusion_probability"] * share
    return audits_of(table.assign(inclusion_probability=chance), audited, day=batch.day), share


def _latest(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a decision: what its latest audit found."""
    ordered = table.sort_values("audited_at", kind="stable")
    return ordered.drop_duplicates("decision_id", keep="last", ignore_index=True)
