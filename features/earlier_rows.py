"""Earlier rows of a label before a moment: put in order once for a label, and then counted.

Questions are asked in the order in which the rows stand, for out of it most of the time would go
into waiting for memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.ordering import in_time, sorted_by

_LARGEST = 2**62
_FEW = 1_000
"""Questions up to which their order does not matter."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Times of earlier rows, and the moments that decisions ask about.

    Attributes
    ----------
    times
        Of the rows, in microseconds.
    ordered
        The same, ascending.
    ranks
        How many rows are before each of them.
    order, asked_order
        Of the rows, and of the decisions, by time; null where they stand in it.
    """

    times: np.ndarray
    ordered: np.ndarray
    ranks: np.ndarray
    order: np.ndarray | None
    asked_order: np.ndarray | None

    def rank(self, moments: np.ndarray) -> np.ndarray:
        """Return how many rows are before each decision's moment."""
        return _searched(self.ordered, moments, self.asked_order)

    def by_label(self, *parts: np.ndarray) -> Labelled:
        """Put the rows in order by label and time.

        A label has a number in each part, of the rows first and then of the decisions; a negative
        one is no label.
        """
        rows, span = len(self.times), len(self.times) + 1
        label, null = parts[0], parts[0] < 0
        for part in parts[1:]:
            label = _joined(label, part, limit=_LARGEST // span)
            null = null | (part < 0)
        label = np.where(null, -1, label)
        order = sorted_by(label[:rows] + 1, self.order)
        is_many = len(label) - rows > _FEW
        asked_order = sorted_by(label[rows:] + 1, self.asked_order) if is_many else None
        keys = label * span
        return Labelled((keys[:rows] + self.ranks)[order], order, keys[rows:], asked_order)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows in order by label and time.

    Attributes
    ----------
    keys
        Label and rank of each row as one number, ascending.
    order
        Which row it is of.
    asked
        The label that each decision asks about, likewise; negative = none.
    asked_order
        Of the decisions by label and time; null = as they stand.
    """

    keys: np.ndarray
    order: np.ndarray
    asked: np.ndarray
    asked_order: np.ndarray | None

    def before(self, ranks: np.ndarray) -> np.ndarray:
        """Return the place of the first row of each decision's label that is not before a rank.

        Without a label it is of no meaning.
        """
        return _searched(self.keys, self.asked + ranks, self.asked_order)

    def count(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Count the rows of each label from one rank on to before another; 0 without a label."""
        return np.where(self.asked < 0, 0, self.before(last) - self.before(first))


def clock_of(times: np.ndarray, asked: np.ndarray) -> Clock:
    """Return a clock of rows, and of decisions made at other times."""
    order = in_time(times)
    ordered = times if order is None else times[order]
    ranks = _searched(ordered, times, order)
    return Clock(times, ordered, ranks, order, in_time(asked))


def _searched(ordered: np.ndarray, asked: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    if order is None:
        return ordered.searchsorted(asked)
    found = np.empty(len(asked), dtype=np.int64)
    found[order] = ordered.searchsorted(asked[order])
    return found


def _joined(label: np.ndarray, part: np.ndarray, *, limit: int) -> np.ndarray:
    """Return one number for each pair, below the limit if there are fewer pairs than that."""
    numbers = int(part.max(initial=0)) + 1
    if (int(label.max(initial=0)) + 1) * numbers <= limit:
        return np.asarray(label * numbers + part)
    dense = np.unique(label, return_inverse=True)[1]
    return np.asarray(np.unique(dense * numbers + part, return_inverse=True)[1])
