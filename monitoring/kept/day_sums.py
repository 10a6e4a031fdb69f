"""A day of ranking as sums and audited rows, from every row of it.

Retention keeps just this of a day; `secondlook accuracy` makes it of days whose rows are there, so
that a day gives the same figure before its rows are dropped and after. Unfinished audits lower the
chances by day (`models.nonresponse`): by policy and third of the day's risk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.kept_sums import OVERTURN, WHOLE, KeptSums, SumKey, SumsByKey
from features.ranked_day import RankedDay
from models.arrays import Flags, Floats
from models.kept_sums import Labelled, RankedRows, harm_if_wrong, labels_of_rows, sum_rows
from monitoring.ranked import Ranked, join_ranked

RISKS = (*DIRECTIONS, OVERTURN)


@dataclass(frozen=True, slots=True)
class DaySums:
    """What a day, or a part of it, gives to a figure.

    Attributes
    ----------
    day
        Of ranking, UTC, counted from 1970.
    sums
        Of all its decisions.
    finished_share
        By which the summed chances are still to be lowered, above 0 to 1.
    audits
        The finished audits, one a row: ``decision_id``, ``ranked_on`` (the day),
        ``model_version``, `RISKS`, ``inclusion_probability`` (lowered), ``harm``, ``verdict``, and
        a column of text for each that sums are kept by.
    """

    day: int
    sums: SumsByKey
    finished_share: float
    audits: pd.DataFrame


def ranked_of_day(read: RankedDay) -> Ranked:
    """Return a day's decisions as a report over that day has them."""
    wanted = read.decisions["decision_id"].isin(read.offers["decision_id"])
    return join_ranked(read.offers, read.decisions[wanted], read.outcomes)


def sum_day(ranked: Ranked, day: int, *, columns: Iterable[str] | None = None) -> DaySums:
    """Sum a day.

    Parameters
    ----------
    columns
        To sum by; null = all.
    """
    table = ranked.table
    labels = labels_of_rows(table)
    harm = harm_of(table, labels)
    chance = ranked.audited_frame().inclusion_probability
    wanted = labels.keys() if columns is None else {WHOLE, *columns} & labels.keys()
    sums: dict[SumKey, KeptSums] = {}
    models, versions = pd.factorize(table["model_version"])
    for model, version in enumerate(versions):
        rows = np.flatnonzero(models == model)
        sums |= sum_rows(
            RankedRows(
                model_version=str(version),
                labels={c: (labels[c][0][rows], labels[c][1]) for c in labels if c in wanted},
                risk={name: table[name].to_numpy(dtype=float)[rows] for name in RISKS},
                inclusion_probability=chance[rows],
                harm=harm[rows],
            )
        )
    audited = table["audited"].to_numpy(dtype=bool)
    audits = audits_of(table.assign(inclusion_probability=chance, harm=harm), audited, day=day)
    return DaySums(day, sums, 1.0, audits)


def harm_of(table: pd.DataFrame, labels: Mapping[str, Labelled]) -> Floats:
    """Return the harm of each decision if it is wrong, in the unit of the policies file."""
    expected = table["expected_harm"].to_numpy(dtype=float)
    return harm_if_wrong(expected, table[OVERTURN].to_numpy(dtype=float), labels[WHOLE][0])


def audits_of(table: pd.DataFrame, audited: Flags, *, day: int) -> pd.DataFrame:
    """Return the audited rows of a table as `DaySums` has them."""
    rows = table[audited]
    own = {
        column: np.array([*names, None], dtype=object)[numbers]
        for column, (numbers, names) in labels_of_rows(rows).items()
    }
    given = ("decision_id", "model_version", *RISKS, "inclusion_probability", "harm", "verdict")
    kept = {name: rows[name].to_numpy() for name in given}
    return pd.DataFrame({**kept, **own, "ranked_on": day})
