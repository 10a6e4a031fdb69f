"""The logistic model read feature by feature, without its wide matrix.

A category adds what a table holds for its code. A number adds its standardised value times its
coefficient, and what knowing it adds; where it is null, only what that adds. So a few hundred
linear columns are never made, and a row's sum is the same alone as in any batch: it is added up in
the order of the features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Positions
from models.encoding import WIDEST, Encoder, is_share, share_log_odds

_ROWS_AT_ONCE = 2_048  # what is worked on stays in the processor's cache
_FEW_ROWS = 64  # below it a running sum of all is quicker than one addition after another


@dataclass(frozen=True, slots=True)
class LinearParts:
    """What each feature adds to the log-odds, by its value; numbers first, then categories.

    Attributes
    ----------
    numbers, categories
        Positions of the features of either kind.
    shares
        Which of the numbers are read as log-odds.
    mean, scale, weight
        Of each number's value, shape (numbers, 1).
    known, null
        What each number adds by being known, or null; same shape.
    table
        What each code of each category adds, and after these what any other does, in turn.
    first, other
        Place in the table of each category's first code, and of what is no code of it; shape
        (categories, 1).
    """

    numbers: Positions
    categories: Positions
    shares: Positions
    mean: Floats
    scale: Floats
    weight: Floats
    known: Floats
    null: Floats
    table: Floats
    first: Positions
    other: Positions

    def total(self, matrix: Floats) -> Floats:
        """Return what all features of a tree matrix add up to, shape (rows,)."""
        return np.concatenate([np.empty(0), *map(_added_up, self._parts(matrix))])

    def of(self, matrix: Floats) -> Floats:
        """Return what each feature adds, shape (rows, features)."""
        order = np.concatenate([self.numbers, self.categories])
        parts = np.empty(matrix.shape)
        for rows, each in zip(_spans(len(matrix)), self._parts(matrix), strict=True):
            parts[rows, order] = each.T
        return parts

    def _parts(self, matrix: Floats) -> Iterator[Floats]:
        for rows in _spans(len(matrix)):
            yield self._of_span(matrix[rows].T)

    def _of_span(self, columns: Floats) -> Floats:
        """Return shape (features, rows), the numbers first."""
        parts = np.empty(columns.shape)
        figures, looked_up = np.split(parts, [len(self.numbers)])
        np.take(columns, self.numbers, axis=0, out=figures, mode="clip")
        null = np.isnan(figures)
        figures[self.shares] = share_log_odds(figures[self.shares])
        figures -= self.mean
        figures /= self.scale
        np.clip(figures, -WIDEST, WIDEST, out=figures)
        figures *= self.weight
        figures += self.known
        np.copyto(figures, self.null, where=null)
        code = columns.take(self.categories, axis=0)
        place = np.where(np.isnan(code), self.other, code + self.first).astype(np.int64)
        np.take(self.table, place, out=looked_up, mode="clip")
        return parts


def linear_parts(encoder: Encoder, coefficients: Floats) -> LinearParts:
    """Lay out what each feature adds under the coefficients of an encoder's linear columns."""
    kinds = np.array([feature.kind == "category" for feature in encoder.features])
    numbers, categories = np.flatnonzero(~kinds), np.flatnonzero(kinds)
    shares = [is_share(encoder.features[position]) for position in numbers]
    value = np.searchsorted(encoder.owner, numbers)  # the owners are in order
    empty = value + 1
    unlike = -encoder.mean[empty] / encoder.scale[empty] * coefficients[empty]
    tables = [_table(encoder, coefficients, int(position)) for position in categories]
    ends = np.cumsum([0, *map(len, tables)])
    return LinearParts(
        numbers,
        categories,
        np.flatnonzero(shares),
        encoder.mean[value, None],
        encoder.scale[value, None],
        coefficients[value, None],
        unlike[:, None],
        (unlike + coefficients[empty] / encoder.scale[empty])[:, None],
        np.concatenate([np.empty(0), *tables]),
        ends[:-1, None],
        ends[1:, None] - 1,
    )


def _table(encoder: Encoder, coefficients: Floats, position: int) -> Floats:
    """Return what each code of a category adds, and last what any other does."""
    own = slice(*np.searchsorted(encoder.owner, [position, position + 1]))
    scale, weight = encoder.scale[own], coefficients[own]
    other = -(encoder.mean[own] / scale * weight).sum()
    return np.append(other + weight / scale, other)


def _added_up(parts: Floats) -> Floats:
    """Add up parts one after another; numpy's sum of one row alone would take another order."""
    if parts.shape[1] < _FEW_ROWS:
        return np.asarray(np.add.accumulate(parts, axis=0)[-1])
    total: Floats = parts[0].copy()
    for each in parts[1:]:
        total += each
    return total


def _spans(rows: int) -> Iterator[slice]:
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield slice(start, start + _ROWS_AT_ONCE)
