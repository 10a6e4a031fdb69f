"""A calibration session: everybody rates the same decisions, to find where they read policy unlike.

It serves the talk about the rules. Its ratings come as outcomes with the source ``calibration``,
count for nobody's skill and enter no estimate; no person's figure is given. Decisions stand here by
their ids alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.errors import EstimateError
from models.agreement import AlphaInterval, alpha_interval
from models.arrays import Texts
from models.golden import spread_over
from models.sampling_key import SamplingKey, uniform_numbers

MOST_DISPUTED = 10


@dataclass(frozen=True, slots=True)
class Disputed:
    """A decision on which ratings differ.

    Attributes
    ----------
    decision_id, ratings
        Which, and by how many people.
    verdicts
        Each verdict with how many gave it, the commonest first.
    differing
        Share of the pairs of people who differ, 0 to 1.
    """

    decision_id: str
    ratings: int
    verdicts: tuple[tuple[str, int], ...]
    differing: float


@dataclass(frozen=True, slots=True)
class Confused:
    """Two verdicts that are given for the same decision, and of all pairs of ratings the share."""

    one: str
    other: str
    share: float


@dataclass(frozen=True, slots=True)
class CalibrationSession:
    """What a session found.

    Attributes
    ----------
    people, decisions, ratings
        Counts, of decisions that two people or more rated.
    finished
        Share of the ratings that would be there if everybody had rated everything.
    alpha
        Krippendorff's, on the verdict.
    overturn_alpha
        The same on whether the decision is overturned at all: the lower one of the two tells
        whether people differ on the outcome or on its name.
    agreement
        Share of the pairs of people with one verdict, all decisions alike.
    disputed
        Decisions with most disagreement first; none on which all agree.
    confused
        Pairs of verdicts, the most often confused first.
    """

    people: int
    decisions: int
    ratings: int
    finished: float
    alpha: AlphaInterval
    overturn_alpha: AlphaInterval
    agreement: float
    disputed: tuple[Disputed, ...]
    confused: tuple[Confused, ...]


def choose_for_session(
    decision_ids: Texts, policy: Texts, *, size: int, name: str, key: SamplingKey
) -> Sequence[str]:
    """Return the decisions of a session, spread over policies; the same for the same name.

    Examples
    --------
    >>> key = SamplingKey("2026-11", bytes(32))
    >>> ids, policy = np.array(["d1", "d2", "d3", "d4"]), np.array(["a", "a", "a", "b"])
    >>> sorted(choose_for_session(ids, policy, size=2, name="March", key=key))
    ['d3', 'd4']
    """
    number = uniform_numbers([f"calibration\x1f{name}\x1f{each}" for each in decision_ids], key)
    return [str(decision_ids[row]) for row in spread_over(policy, number)[:size]]


def measure_session(
    outcomes: pd.DataFrame, *, most: int = MOST_DISPUTED, seed: int = 0
) -> CalibrationSession:
    """Measure how far people agree in a session.

    Parameters
    ----------
    outcomes
        Of the session's days; only those with the source ``calibration`` and an auditor count, and
        of each person's ratings of a decision the latest.
    most
        Decisions with most disagreement to name.
    seed
        Of the intervals.

    Raises
    ------
    EstimateError
        No decision was rated by two people.
    """
    given = outcomes.reindex(
        columns=["decision_id", "auditor_id", "verdict", "audited_at", "source"]
    )
    given = given[(given["source"] == "calibration") & given["auditor_id"].notna()]
    given = given.sort_values("audited_at", kind="stable")
    given = given.drop_duplicates(["decision_id", "auditor_id"], keep="last")
    table = pd.crosstab(given["decision_id"], given["verdict"])
    table = table[table.sum(axis=1) > 1]
    if table.empty:
        raise EstimateError(
            f"calibration: {len(given):,} ratings, and no decision that two people rated; send "
            "them as outcomes with the source `calibration` and the auditor's id"
        )
    kept = given[given["decision_id"].isin(table.index)]
    people = int(kept["auditor_id"].nunique())
    ids, verdicts = (kept[name].to_numpy(dtype=object) for name in ("decision_id", "verdict"))
    overturned = np.isin(verdicts.astype(str), DIRECTIONS)
    return CalibrationSession(
        people=people,
        decisions=len(table),
        ratings=len(kept),
        finished=len(kept) / (people * len(table)),
        alpha=alpha_interval(ids, verdicts, seed=seed),
        overturn_alpha=alpha_interval(ids, overturned, seed=seed),
        agreement=1.0 - float(_differing(table).mean()),
        disputed=_disputed(table, most),
        confused=_confused(table),
    )


def _differing(table: pd.DataFrame) -> pd.Series:
    """Return the share of pairs that differ, for each decision."""
    counts = table.to_numpy(dtype=np.float64)
    size = counts.sum(axis=1)
    alike = (counts * (counts - 1.0)).sum(axis=1) / (size * (size - 1.0))
    return pd.Series(1.0 - alike, index=table.index)


def _disputed(table: pd.DataFrame, most: int) -> tuple[Disputed, ...]:
    differing = _differing(table)
    worst = differing[differing > 0].sort_values(ascending=False, kind="stable").index[:most]
    found = []
    for decision in worst:
        counts = table.loc[decision]
        named = counts[counts > 0].sort_values(ascending=False, kind="stable")
        verdicts = tuple((str(name), int(count)) for name, count in named.items())
        share = float(differing.loc[decision])
        found.append(Disputed(str(decision), int(counts.sum()), verdicts, share))
    return tuple(found)


def _confused(table: pd.DataFrame) -> tuple[Confused, ...]:
    counts = table.to_numpy(dtype=np.float64)
    size = counts.sum(axis=1)
    pairs = (counts / (size * (size - 1.0))[:, None]).T @ counts / len(table)
    names = [str(name) for name in table.columns]
    found = [
        Confused(names[one], names[other], float(2.0 * pairs[one, other]))
        for one in range(len(names))
        for other in range(one + 1, len(names))
        if pairs[one, other] > 0
    ]
    return tuple(sorted(found, key=lambda each: -each.share))
