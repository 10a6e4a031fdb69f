"""Sums of ranked decisions from which any later figure can be made.

A row of risk p lies at ``x = logit p``. Each of its weights is shared among the four nearest nodes,
1/64 apart, by cubic interpolation: the nodes then have the row's weight, mean, second and third
moment of x. Whatever smooth function of x a figure sums over decisions (a recalibrated probability,
a variance under any shift) it is the sum over nodes but for a fourth difference, relatively
about 1e-9 times the fourth power of the recalibration's slope.

Sums add up: of parts, of replicas, of days, in any order but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import logit

from features.columns import AnyTable, labels, times
from features.contract import DIRECTIONS
from features.kept_sums import (
    DAY,
    GROUPED_BY,
    OVERTURN,
    SEVERITY,
    KeptSums,
    SumKey,
    SumsByKey,
    kinds_of_risk,
)
from models.arrays import Floats, Positions
from models.interval import cubic_shares
from models.recalibration import LEAST_PROBABILITY

NODES_A_UNIT = 64
"""Nodes to one of log-odds; node 0 stands for even odds."""
_ROWS_A_BLOCK = 65_536
_LEAST_HARM = 1e-6
"""Share of the mean harm that a decision whose error costs nothing counts for."""
_DAY_US = 86_400_000_000

Labelled: TypeAlias = tuple[Positions, Sequence[str]]
"""A number for each row, -1 where it is null, and the labels."""


@dataclass(frozen=True, slots=True)
class RankedRows:
    """Ranked decisions of one day and model, or a part of them; one a row.

    Attributes
    ----------
    model_version
        As stored with each offer.
    labels
        By column, of `features.kept_sums.GROUPED_BY` or named ``group_*``.
    risk
        ``overturn_probability`` and each of `features.contract.DIRECTIONS`, 0 to 1.
    inclusion_probability
        In (0, 1].
    harm
        Of the decision if it is wrong, above 0, in one unit for all parts (`harm_if_wrong`).
    """

    model_version: str
    labels: Mapping[str, Labelled]
    risk: Mapping[str, Floats]
    inclusion_probability: Floats
    harm: Floats


def labels_of_rows(decisions: AnyTable) -> dict[str, Labelled]:
    """Return the labels by which sums are kept, of decisions that keep the contract.

    Examples
    --------
    >>> decisions = pd.DataFrame({"policy": ["spam"], "moderator_id": [None],
    ...     "decided_at": pd.to_datetime(["2026-01-31T23:00Z"])})
    >>> {column: names for column, (_, names) in labels_of_rows(decisions).items()}
    {'policy': ['spam'], 'decided_by': ['automation', 'people'], 'day': ['2026-01-31']}
    """
    groups = sorted(name for name in map(str, decisions) if name.startswith("group_"))
    found: dict[str, Labelled] = {}
    for column in (*GROUPED_BY, *groups):
        if column == "decided_by":
            found[column] = _decided_by(decisions)
        elif column == DAY:
            found[column] = days_of(times(decisions, "decided_at"))
        elif column in decisions:
            found[column] = _labels(decisions, column)
    return found


def days_of(moments: Positions) -> Labelled:
    """Return the date of each moment, UTC.

    Parameters
    ----------
    moments
        Microseconds since 1970.
    """
    numbers, days = pd.factorize(moments // _DAY_US)
    return numbers, np.asarray(days).astype("datetime64[D]").astype(str).tolist()


def harm_if_wrong(expected_harm: Floats, overturn_probability: Floats, policy: Positions) -> Floats:
    """Return the harm of each decision if it is wrong, above 0.

    Parameters
    ----------
    policy
        Number of its policy, whose mean stands for a decision that the model gives no chance of
        being wrong.

    Examples
    --------
    >>> harm_if_wrong(np.array([0.1, 0.3]), np.array([0.1, 0.1]), np.array([0, 1])).tolist()
    [1.0, 2.9999999999999996]
    """
    known = overturn_probability > 0
    harm = np.full(len(known), np.nan)
    harm[known] = expected_harm[known] / overturn_probability[known]
    if not known.all():
        told = pd.Series(harm)
        told = told.fillna(told.groupby(policy).transform("mean")).fillna(told.mean())
        harm = told.to_numpy(dtype=float)
    mean = float(harm.mean()) if len(harm) else 0.0
    return np.maximum(harm, _LEAST_HARM * mean) if mean > 0 else np.ones(len(harm))


def sum_rows(rows: RankedRows) -> dict[SumKey, KeptSums]:
    """Sum decisions by each label of each column.

    Examples
    --------
    >>> rows = RankedRows("1", {"policy": (np.array([0, 0]), ["spam"])},
    ...     dict.fromkeys(("overturn_probability", *DIRECTIONS), np.array([0.1, 0.2])),
    ...     inclusion_probability=np.array([0.5, 1.0]), harm=np.ones(2))
    >>> sums = sum_rows(rows)[SumKey("1", "policy", "spam", "overturn_probability")]
    >>> sums.decisions, round(float(sums.sums[1].sum()), 12)  # of 1 / pi
    (2.0, 3.0)
    """
    found: dict[SumKey, KeptSums] = {}
    for what in (OVERTURN, *DIRECTIONS, SEVERITY):
        columns = {c: own for c, own in rows.labels.items() if what in kinds_of_risk(c)}
        found |= _summed(rows, what, columns)
    return found


def add_sums(parts: Iterable[SumsByKey]) -> dict[SumKey, KeptSums]:
    """Add up sums of parts that have no decision in common, key by key."""
    by_key: dict[SumKey, list[KeptSums]] = {}
    for part in parts:
        for key, sums in part.items():
            by_key.setdefault(key, []).append(sums)
    return {key: total(each) for key, each in by_key.items()}


def total(parts: Sequence[KeptSums]) -> KeptSums:
    """Return the sums of all parts together.

    Examples
    --------
    >>> one = KeptSums(4, np.ones((3, 2)), 2.0, 0.5)
    >>> other = KeptSums(5, np.ones((3, 2)), 2.0, 0.25)
    >>> total([one, other]).sums[0].tolist(), total([one, other]).predicted
    ([1.0, 2.0, 1.0], 0.75)
    """
    if len(parts) == 1:
        return parts[0]
    first = min(part.first_node for part in parts)
    end = max(part.first_node + part.sums.shape[1] for part in parts)
    sums = np.zeros((len(parts[0].sums), end - first))
    for part in parts:
        start = part.first_node - first
        sums[:, start : start + part.sums.shape[1]] += part.sums
    decisions = sum(part.decisions for part in parts)
    return KeptSums(first, sums, decisions, sum(part.predicted for part in parts))


def _labels(decisions: AnyTable, column: str) -> Labelled:
    numbers, names = labels(decisions, column)
    return numbers, [str(name) for name in names]


def _decided_by(decisions: AnyTable) -> Labelled:
    numbers, names = labels(decisions, "moderator_id")
    nobody = [place for place, name in enumerate(names) if name == ""]
    people = (numbers >= 0) & ~np.isin(numbers, nobody)
    return people.astype(np.int64), ["automation", "people"]


def _summed(rows: RankedRows, what: str, columns: Mapping[str, Labelled]) -> dict[SumKey, KeptSums]:
    """Sum by all columns at once: a row is read once, and added to each of its labels."""
    owners: list[tuple[str, str | None]] = []
    members = np.empty((len(rows.inclusion_probability), len(columns)), dtype=np.int64)
    for place, (column, (numbers, names)) in enumerate(columns.items()):
        members[:, place] = len(owners) + np.where(numbers < 0, len(names), numbers)
        owners += [(column, name) for name in names] + [(column, None)]
    risk = rows.risk[OVERTURN if what == SEVERITY else what]
    severity = rows.harm if what == SEVERITY else None
    weights = _weights(rows.inclusion_probability, severity)
    predicted = risk if severity is None else risk * severity
    sums = _at_nodes(risk, weights, np.column_stack([predicted, np.ones(len(risk))]), members)
    return {SumKey(rows.model_version, *owners[owner], what): kept for owner, kept in sums.items()}


def _weights(pi: Floats, severity: Floats | None) -> Floats:
    """Return what is summed of each row, a column a kind, in the order of `KeptSums`."""
    inverse = 1.0 / pi
    if severity is None:
        return np.column_stack([np.ones(len(pi)), inverse, inverse**2])
    square, cube = severity**2, severity**3
    return np.column_stack(
        [severity, square * inverse, cube * inverse**2, square, cube, cube * inverse]
    )


def _at_nodes(
    risk: Floats, weights: Floats, plain: Floats, members: Positions
) -> dict[int, KeptSums]:
    """Sum weights at nodes, and plain values in one, by each owner that has a row."""
    if not len(risk):
        return {}
    cell, part = _place(risk)
    lowest = int(cell.min())
    cell -= lowest
    span, kinds = int(cell.max()) + 1, weights.shape[1]
    owners = int(members.max()) + 1
    held = np.zeros((owners * span, 4 * kinds + plain.shape[1]))
    for start in range(0, len(risk), _ROWS_A_BLOCK):
        block = slice(start, start + _ROWS_A_BLOCK)
        shared = weights[block, :, None] * np.column_stack(cubic_shares(part[block]))[:, None, :]
        values = np.hstack([shared.reshape(len(shared), -1), plain[block]])
        held += _scattered(members[block] * span + cell[block, None], values, owners * span)
    held = held.reshape(owners, span, -1)
    return {
        owner: _kept(held[owner], lowest - 1, kinds)
        for owner in range(owners)
        if held[owner, :, -1].any()
    }


def _place(risk: Floats) -> tuple[Positions, Floats]:
    """Return the node below each row, and how far it lies from it to the next, 0 to 1."""
    clipped = np.clip(risk, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    place = logit(clipped) * NODES_A_UNIT
    below = np.floor(place)
    return below.astype(np.int64), place - below


def _scattered(places: Positions, values: Floats, size: int) -> Floats:
    """Add each row of values to each of its places."""
    rows, each = places.shape
    ends = np.arange(0, rows * each + 1, each, dtype=np.int32)
    ones = np.ones(rows * each)
    spread = sparse.csc_array((ones, places.ravel().astype(np.int32), ends), shape=(size, rows))
    added: Floats = spread @ values
    return added


def _kept(held: Floats, first_node: int, kinds: int) -> KeptSums:
    """Bring the four shares of each cell to their nodes, and leave empty nodes at the ends out."""
    shared = held[:, : 4 * kinds].reshape(len(held), kinds, 4)
    nodes = np.zeros((kinds, len(held) + 3))
    for offset in range(4):
        nodes[:, offset : offset + len(held)] += shared[:, :, offset].T
    occupied = np.flatnonzero(nodes.any(axis=0))
    start, end = occupied[0], occupied[-1] + 1
    predicted, decisions = held[:, 4 * kinds :].sum(axis=0)
    return KeptSums(
        first_node + int(start), nodes[:, start:end].copy(), float(decisions), float(predicted)
    )
