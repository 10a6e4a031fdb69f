"""The search for segments whose errors are more than the rest lets expect, on some of the audits.

Segments have one to three conditions. Those of one and two are all looked at, those of three grow
out of the forty best of two (beam search). The best is taken, conditions that add nothing are
dropped from it, its decisions are set aside, and the rest is searched again: so each segment found
is worse beyond those before it. Sums come from ``bincount`` over numbered values and shrink as
decisions are set aside; no decision is gone through in Python.

Nothing found here is a lead yet: the best of thousands looks bad by chance alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.arrays import Flags, Floats, Positions
from models.estimate import AuditedFrame
from monitoring.leads.conditions import Coded, Condition, Describable, in_order

MOST_CANDIDATES = 8
LEAST_AUDITS, LEAST_OVERTURNS = 10, 3
"""Of a segment, among the audits searched."""
LEAST_SURPRISE = 2.5
"""Standard errors by which a segment is worse than the rest before it is looked at further."""
LEAST_ADDED = 2.5
"""Standard errors by which a condition must make a segment worse than without it."""
LEAST_TIMES = 1.25
"""Times the rate of the rest, below which more errors are not worth a lead."""
_BEAM = 40
_TRIED = 25
_SIZE, _PREDICTED, _NULL, _CORRECTION, _OBSERVED, _AUDITS, _OVERTURNS = range(7)
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Sums:
    """What each decision adds to the sums of a segment.

    Attributes
    ----------
    predicted, null
        Recalibrated probability f, and the variance of an audit's correction under it; (rows,).
    audited
        Places of the audited decisions.
    correction, observed, overturned
        ``(y - f) / pi``, its variance estimate, and the finding; one an audit.
    """

    predicted: Floats
    null: Floats
    audited: Positions
    correction: Floats
    observed: Floats
    overturned: Floats

    @staticmethod
    def of(frame: AuditedFrame) -> Sums:
        """Work them out of the difference estimator's frame."""
        f, pi = frame.overturn_probability, frame.inclusion_probability
        audited = np.flatnonzero(frame.audited).astype(np.int64)
        y, chance = frame.overturned[audited], pi[audited]
        residual = y - f[audited]
        return Sums(
            predicted=f,
            null=(1 / pi - 1) * f * (1 - f),
            audited=audited,
            correction=residual / chance,
            observed=(1 - chance) / chance**2 * residual**2,
            overturned=y,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of the decisions: their places, and which of the audits are theirs."""

    rows: Positions
    audits: Positions

    @staticmethod
    def of(sums: Sums, rows: Flags) -> _Part:
        return _Part(np.flatnonzero(rows), np.flatnonzero(rows[sums.audited]))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment that looked bad in the search.

    Attributes
    ----------
    conditions
        That describe it.
    surprise
        Standard errors by which its rate was above that of the rest.
    """

    conditions: tuple[Condition, ...]
    surprise: float


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found.

    Attributes
    ----------
    candidates
        In the order found; each is meant without the decisions of those before it.
    segments
        Number of segments that had enough audits to be looked at.
    """

    candidates: tuple[Candidate, ...]
    segments: int


def search(frame: AuditedFrame, described: Describable, half: Flags) -> Searched:
    """Search one half of the decisions.

    Parameters
    ----------
    frame, described
        Of the whole period, a row each.
    half
        Which rows to search.
    """
    state = _Search(Sums.of(frame), described, half)
    found: list[Candidate] = []
    segments = state.segments()
    while len(found) < MOST_CANDIDATES:
        best = state.best()
        if best is None:
            break
        found.append(best)
        state.set_aside(described.meets(best.conditions))
    return Searched(tuple(found), segments)


def surprise_of(sums: Sums, rows: Flags, left: Flags) -> float:
    """Return how many standard errors above the rest of `left` a segment is; 0 if it is not worse.

    Parameters
    ----------
    rows
        Of the segment.
    left
        Decisions that are not set aside.
    """
    total, own = _tally(sums, left), _tally(sums, rows & left)
    return float(_surprise(own[:, None], total)[0])


class _Search:
    """Tables of sums by one and two columns, over the decisions that are left."""

    def __init__(self, sums: Sums, described: Describable, half: Flags) -> None:
        self.sums, self.described = sums, described
        self.left = half.copy()
        self.total = _tally(sums, self.left)
        part = _Part.of(sums, self.left)
        self.tables = {
            columns: _table(sums, columns, part)
            for size in (1, 2)
            for columns in combinations(described.columns, size)
        }

    def segments(self) -> int:
        """Count the segments of one and two conditions with enough audits."""
        return sum(int(_enough(table).sum()) for table in self.tables.values())

    def best(self) -> Candidate | None:
        """Return the most surprising segment in its shortest description; null where none is."""
        for surprise, conditions in sorted(self._surprising(), reverse=True)[:_TRIED]:
            if surprise < LEAST_SURPRISE:
                return None
            shortest = self._shortest(conditions)
            rows = self.described.meets(shortest)
            if self.described.tells_of_persons(rows):
                continue
            surprise = surprise_of(self.sums, rows, self.left)
            if surprise >= LEAST_SURPRISE:
                return Candidate(in_order(shortest), surprise)
        return None

    def set_aside(self, rows: Flags) -> None:
        """Take decisions out of all tables."""
        gone = _Part.of(self.sums, rows & self.left)
        self.left &= ~rows
        self.total = _tally(self.sums, self.left)
        for columns, table in self.tables.items():
            table -= _table(self.sums, columns, gone)

    def _surprising(self) -> Iterator[tuple[float, tuple[Condition, ...]]]:
        found = [
            (float(surprise[cell]), columns, int(cell))
            for columns, table in self.tables.items()
            for surprise in [_surprise(table, self.total)]
            for cell in np.argsort(-surprise, kind="stable")[:_BEAM]
            if surprise[cell] > 1.0
        ]
        found.sort(key=lambda each: -each[0])
        for surprise, columns, cell in found:
            yield surprise, _conditions(columns, cell)
        pairs = [(columns, cell) for _, columns, cell in found if len(columns) == 2]
        for columns, cell in pairs[:_BEAM]:
            yield from self._grown(_conditions(columns, cell), columns)

    def _grown(
        self, conditions: tuple[Condition, ...], columns: tuple[Coded, ...]
    ) -> Iterator[tuple[float, tuple[Condition, ...]]]:
        """Yield the segments with one condition more."""
        part = _Part.of(self.sums, self.described.meets(conditions) & self.left)
        for coded in self.described.columns:
            if coded not in columns:
                surprise = _surprise(_table(self.sums, (coded,), part), self.total)
                cell = int(np.argmax(surprise))
                yield float(surprise[cell]), (*conditions, *_conditions((coded,), cell))

    def _shortest(self, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        """Drop the condition that adds least, until each adds enough."""
        while len(conditions) > 1:
            shorter = [
                conditions[:place] + conditions[place + 1 :] for place in range(len(conditions))
            ]
            added = [self._added(conditions, parent) for parent in shorter]
            least = int(np.argmin(added))
            if added[least] >= LEAST_ADDED:
                break
            conditions = shorter[least]
        return conditions

    def _added(self, conditions: tuple[Condition, ...], parent: tuple[Condition, ...]) -> float:
        """Return how many standard errors a segment is worse than the rest of its parent."""
        rows = self.described.meets(conditions)
        return surprise_of(self.sums, rows, self.described.meets(parent) & self.left)


def _conditions(columns: tuple[Coded, ...], cell: int) -> tuple[Condition, ...]:
    places = np.unravel_index(cell, tuple(coded.cells for coded in columns))
    return tuple(
        (coded.column, coded.values[int(place)])
        for coded, place in zip(columns, places, strict=True)
    )


def _table(sums: Sums, columns: tuple[Coded, ...], part: _Part) -> Floats:
    """Return sums by value or pair of values, shape (sums, cells); 0 where a value is missing."""
    cells = int(np.prod([coded.cells for coded in columns]))
    own = _numbered(columns, part.rows)
    audits = _numbered(columns, sums.audited[part.audits])
    table = np.array(
        [
            np.bincount(own, minlength=cells),
            np.bincount(own, sums.predicted[part.rows], cells),
            np.bincount(own, sums.null[part.rows], cells),
            np.bincount(audits, sums.correction[part.audits], cells),
            np.bincount(audits, sums.observed[part.audits], cells),
            np.bincount(audits, minlength=cells),
            np.bincount(audits, sums.overturned[part.audits], cells),
        ],
        dtype=np.float64,
    )
    shaped = table.reshape((len(table), *(coded.cells for coded in columns)))
    for axis in range(len(columns)):
        np.moveaxis(shaped, axis + 1, 1)[:, -1] = 0.0
    return table


def _numbered(columns: tuple[Coded, ...], rows: Positions) -> Positions:
    code = columns[0].codes[rows]
    for coded in columns[1:]:
        code = code * coded.cells + coded.codes[rows]
    return code


def _tally(sums: Sums, rows: Flags) -> Floats:
    """Return the sums of one segment, shape (sums,)."""
    part = _Part.of(sums, rows)
    return np.array(
        [
            len(part.rows),
            sums.predicted[part.rows].sum(),
            sums.null[part.rows].sum(),
            sums.correction[part.audits].sum(),
            sums.observed[part.audits].sum(),
            len(part.audits),
            sums.overturned[part.audits].sum(),
        ],
        dtype=np.float64,
    )


def _enough(table: Floats) -> Flags:
    enough: Flags = (table[_AUDITS] >= LEAST_AUDITS) & (table[_OVERTURNS] >= LEAST_OVERTURNS)
    return enough


def _surprise(table: Floats, total: Floats) -> Floats:
    """Return how many standard errors each segment is above the rest; 0 where audits are too few.

    Beside the error of the audits, the scatter of decisions counts, as in `monitoring.standing`.
    """
    rest = total[:, None] - table
    rates, variances = zip(*(_rate(part) for part in (table, rest)), strict=True)
    expected = np.clip(rates[1], 0, 1)
    scatter = (
        expected
        * (1 - expected)
        * (1 / np.maximum(table[_SIZE], 1) + 1 / np.maximum(rest[_SIZE], 1))
    )
    spread = np.sqrt(variances[0] + variances[1] + scatter)
    surprise = (rates[0] - rates[1]) / np.maximum(spread, _TINY)
    worth = _enough(table) & (rest[_SIZE] > 0.5) & (rates[0] >= LEAST_TIMES * expected)
    return np.where(worth, np.maximum(surprise, 0.0), 0.0)


def _rate(table: Floats) -> tuple[Floats, Floats]:
    """Return the difference estimate and its variance, as expected or observed, the larger."""
    size = np.maximum(table[_SIZE], 1)
    rate = (table[_PREDICTED] + table[_CORRECTION]) / size
    return rate, np.maximum(table[_NULL], table[_OBSERVED]) / size**2
