"""What a lead may be described by: the values of a few columns, never a person.

A value is left out where it is null or rare, and a team where fewer than `FEWEST_MODERATORS` people
decide in it: a figure of so few is a figure of persons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Flags, Floats, Positions, Texts
from monitoring.labels import labels_of
from monitoring.wording import words

COLUMNS = (
    "policy",
    "language",
    "action",
    "source",
    "moderator_team",
    "region",
    "content_type",
    "decided_by",
    "policy_version",
    "automated_score",
)
"""Columns that conditions are of; `moderator_id` and `auditor_id` never are."""
FEWEST_MODERATORS = 5
MOST_VALUES = 50
"""Values of a column that are looked at, those with the most decisions."""
SCORE_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_SMALLEST_SHARE = 0.001

Condition = tuple[str, str]
"""A column and the value that it has."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """One column as numbers.

    Attributes
    ----------
    column
        Of the contract.
    values
        What the numbers stand for.
    codes
        One a decision, shape (rows,); ``len(values)`` where no condition can be of its value.
    """

    column: str
    values: tuple[str, ...]
    codes: Positions

    @property
    def cells(self) -> int:
        """Number of codes, that of no value included."""
        return len(self.values) + 1


@dataclass(frozen=True, slots=True)
class Describable:
    """The decisions as conditions can describe them.

    Attributes
    ----------
    columns
        Those with two values or more.
    moderators
        Number of the moderator of each decision, -1 where it is automated; null where the
        decisions do not say who made them.
    small_teams
        Teams that are never named.
    """

    columns: tuple[Coded, ...]
    moderators: Positions | None
    small_teams: int

    def meets(self, conditions: tuple[Condition, ...]) -> Flags:
        """Return which decisions have all the values."""
        named = {coded.column: coded for coded in self.columns}
        rows = [
            named[column].codes == named[column].values.index(value) for column, value in conditions
        ]
        return np.asarray(np.logical_and.reduce(rows), dtype=bool)

    def tells_of_persons(self, rows: Flags) -> bool:
        """Return whether people decided these rows and they are too few to be spoken of."""
        if self.moderators is None:
            return False
        own = self.moderators[rows]
        people = np.unique(own[own >= 0])
        return 0 < len(people) < FEWEST_MODERATORS


def describable(table: pd.DataFrame) -> Describable:
    """Return what conditions can be of, from the decisions of a period.

    Examples
    --------
    >>> table = pd.DataFrame({"policy": ["spam", "hate"], "moderator_team": ["a", "b"],
    ...     "moderator_id": ["m1", "m2"]})
    >>> found = describable(table)
    >>> [coded.column for coded in found.columns], found.small_teams
    (['policy'], 2)
    """
    people = _moderators(table)
    coded, small_teams = [], 0
    for column in COLUMNS:
        if column not in table:
            continue
        labels = _labels(table, column)
        if column == "moderator_team":
            labels, small_teams = _without_small(labels, people)
        found = _code(column, labels)
        if len(found.values) > 1 or (column == "moderator_team" and found.values):
            coded.append(found)
    return Describable(tuple(coded), people, small_teams)


def in_order(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return conditions in the order of `COLUMNS`.

    Examples
    --------
    >>> in_order((("language", "hi"), ("policy", "hate")))
    (('policy', 'hate'), ('language', 'hi'))
    """
    return tuple(sorted(conditions, key=lambda condition: COLUMNS.index(condition[0])))


def in_words(conditions: tuple[Condition, ...]) -> str:
    """Return conditions as a reader reads them.

    Examples
    --------
    >>> in_words((("policy", "hate"), ("language", "hi")))
    'Policy hate · Language hi'
    """
    return " · ".join(
        f"{_TITLES.get(column, words(column))} {value}" for column, value in conditions
    )


_TITLES = {"moderator_team": "Team", "decided_by": "Decided by"}


def _labels(table: pd.DataFrame, column: str) -> Texts:
    if column == "automated_score":
        return _bands(table[column].to_numpy(dtype=float, na_value=np.nan))
    return labels_of(table[column])


def _bands(score: Floats) -> Texts:
    names = [
        f"{low:g} to {high:g}" for low, high in zip(SCORE_EDGES, SCORE_EDGES[1:], strict=False)
    ]
    place = np.clip(np.searchsorted(SCORE_EDGES, score, side="right") - 1, 0, len(names) - 1)
    bands = np.asarray(names, dtype=object)[place]
    bands[np.isnan(score)] = None
    return bands


def _moderators(table: pd.DataFrame) -> Positions | None:
    if "moderator_id" not in table:
        return None
    named = table["moderator_id"].where(table["moderator_id"] != "")
    return pd.factorize(named)[0].astype(np.int64)


def _without_small(teams: Texts, moderators: Positions | None) -> tuple[Texts, int]:
    """Take out teams that are too small to name; all where nobody knows how large they are."""
    known = ~pd.isna(teams)
    if moderators is None:
        return np.full(len(teams), None, dtype=object), len(np.unique(teams[known]))
    rows = known & (moderators >= 0)
    members = pd.Series(moderators[rows]).groupby(teams[rows]).nunique()
    named = set(members.index[members >= FEWEST_MODERATORS])
    kept = pd.Series(teams).isin(named).to_numpy()
    small = len(pd.unique(teams[known])) - len(named)
    return np.asarray(pd.Series(teams).where(kept, None), dtype=object), small


def _code(column: str, labels: Texts) -> Coded:
    """Return the column as numbers, 0 for the value of most decisions."""
    codes, names = pd.factorize(labels)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    order = order[counts[order] >= _SMALLEST_SHARE * len(labels)]
    number = np.full(len(names) + 1, len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return Coded(column, tuple(str(names[place]) for place in order), number[codes])
