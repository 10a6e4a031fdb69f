"""The linear relaxation: how much audits of each kind each person should take, and at what price.

Audits of one kind and of much the same worth a minute are one bucket, of which any part may go to
anybody who has the skills. That is a linear programme (HiGHS; Huangfu & Hall 2018) whose dual
prices give an upper bound on what any assignment can be worth: for prices of the people's minutes,
graphic minutes and graphic items, no audit can bring more than its worth less the cheapest price
at which somebody may do it (Lagrange; Fisher 1981).

A small cost that rises with a person's share of work and of graphic minutes lets the programme
spread both evenly where that costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

from models.arrays import Flags, Floats, Positions, total_by
from models.assignment.eligible import Eligible
from models.assignment.work import Auditor

MOST_BUCKETS_A_KIND = 6
_STEPS = 4
"""Steps of the cost that evens out."""
_EVENNESS = 0.02
"""Cost of the last step, as a share of the mean worth of a minute."""


@dataclass(frozen=True, slots=True)
class Load:
    """What audits take from the people who do them, one row an audit.

    Attributes
    ----------
    weight
        What placing the audit is worth, 0 or more.
    minutes, graphic
        Its length, and whether it counts as graphic.
    """

    weight: Floats
    minutes: Floats
    graphic: Flags


@dataclass(frozen=True, slots=True)
class Room:
    """What people have left, one row a person: minutes, graphic minutes, graphic items."""

    minutes: Floats
    graphic_minutes: Floats
    graphic_items: Floats
    recent_graphic_minutes: Floats

    @staticmethod
    def of(auditors: Sequence[Auditor], *, graphic_minutes_an_hour: float) -> Room:
        """Return the room of people; what the hourly cap leaves of a shift binds as well."""
        minutes = np.array([auditor.minutes for auditor in auditors], dtype=np.float64)
        most = np.minimum(minutes, np.ceil(minutes / 60) * graphic_minutes_an_hour)
        graphic = np.array([auditor.graphic_minutes for auditor in auditors], dtype=np.float64)
        return Room(
            minutes=minutes,
            graphic_minutes=np.minimum(graphic, most),
            graphic_items=np.array([a.graphic_items for a in auditors], dtype=np.float64),
            recent_graphic_minutes=np.array(
                [a.recent_graphic_minutes for a in auditors], dtype=np.float64
            ),
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """What a minute, a graphic minute and a graphic item of each person are worth, 0 or more."""

    minute: Floats
    graphic_minute: Floats
    graphic_item: Floats

    @staticmethod
    def none(people: int) -> Prices:
        """Return prices of nothing: any bound from them holds, though it is loose."""
        return Prices(np.zeros(people), np.zeros(people), np.zeros(people))

    def of(self, minutes: float, graphic: bool) -> Floats:
        """Return what one audit costs with each person."""
        if not graphic:
            return self.minute * minutes
        return (self.minute + self.graphic_minute) * minutes + self.graphic_item


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The solved relaxation.

    Attributes
    ----------
    bucket
        0-based number of each audit's bucket.
    quota
        Audits of each bucket that each person should take, shape (buckets, people).
    prices
        Of the people.
    bound
        No assignment is worth more.
    solved
        Whether HiGHS finished; else prices and quotas are nought, and the bound is that of audits
        that anybody may do.
    """

    bucket: Positions
    quota: Floats
    prices: Prices
    bound: float
    solved: bool


def relax(load: Load, room: Room, eligible: Eligible, *, time_limit_s: float) -> Relaxed:
    """Solve the relaxation within a time limit."""
    people = len(room.minutes)
    bucket, kind = _buckets(load, eligible)
    buckets = len(kind)
    size = total_by(bucket, np.ones(len(bucket)), buckets)
    mean = _Means(
        weight=total_by(bucket, load.weight, buckets) / size,
        minutes=total_by(bucket, load.minutes, buckets) / size,
        graphic=total_by(bucket, load.graphic.astype(np.float64), buckets) > 0,
    )
    rows, persons = np.nonzero(eligible.may[kind])
    solution = _solve(mean, size, room, (rows, persons), time_limit_s=time_limit_s)
    quota = np.zeros((buckets, people))
    if solution is None:
        prices = Prices.none(people)
    else:
        quota[rows, persons], prices = solution
    bound = bound_at(prices, load, room, eligible)
    return Relaxed(bucket, quota, prices, bound, solved=solution is not None)


def bound_at(prices: Prices, load: Load, room: Room, eligible: Eligible) -> float:
    """Return the most that any assignment can be worth, at any prices that are 0 or more."""
    total = float(prices.minute @ room.minutes)
    for price, left in (
        (prices.graphic_minute, room.graphic_minutes),
        (prices.graphic_item, room.graphic_items),
    ):
        priced = price > 0  # what is not limited has no price
        total += float(price[priced] @ left[priced])
    for kind in range(len(eligible.may)):
        able = eligible.may[kind]
        rows = np.flatnonzero(eligible.kind == kind)
        if not able.any() or not len(rows):
            continue
        graphic = bool(load.graphic[rows[0]])
        minute = prices.minute[able] + (prices.graphic_minute[able] if graphic else 0.0)
        item = prices.graphic_item[able] if graphic else np.zeros(int(able.sum()))
        cost = np.min(load.minutes[rows, None] * minute[None, :] + item[None, :], axis=1)
        total += float(np.maximum(load.weight[rows] - cost, 0.0).sum())
    return total


@dataclass(frozen=True, slots=True)
class _Means:
    """An audit of each bucket, on average."""

    weight: Floats
    minutes: Floats
    graphic: Flags


def _buckets(load: Load, eligible: Eligible) -> tuple[Positions, Positions]:
    """Return each audit's bucket, and each bucket's kind: a kind by worth a minute."""
    worth = load.weight / load.minutes
    order = np.lexsort((-worth, eligible.kind))
    kinds = eligible.kind[order]
    starts = np.r_[0, np.flatnonzero(np.diff(kinds)) + 1]
    sizes = np.diff(np.r_[starts, len(kinds)])
    place = np.arange(len(kinds)) - np.repeat(starts, sizes)
    parts = np.minimum(MOST_BUCKETS_A_KIND, sizes)
    part = place * np.repeat(parts, sizes) // np.repeat(sizes, sizes)
    number = np.repeat(np.cumsum(parts) - parts, sizes) + part
    bucket = np.empty(len(kinds), dtype=np.int64)
    bucket[order] = number
    return bucket, np.repeat(kinds[starts], parts)


def _solve(
    mean: _Means,
    size: Floats,
    room: Room,
    pairs: tuple[Positions, Positions],
    *,
    time_limit_s: float,
) -> tuple[Floats, Prices] | None:
    """Return the audits of each pair of bucket and person, and the prices of the people."""
    rows, persons = pairs
    people, buckets, taken = len(room.minutes), len(size), len(rows)
    minutes, graphic = mean.minutes[rows], mean.graphic[rows]
    typical = float((mean.weight * size).sum() / (mean.minutes * size).sum())
    steps, costs = _even_steps(mean, size, room, typical)
    limits = [
        _by(rows, np.ones(taken), buckets),
        _by(persons, minutes, people),
        _by(persons, np.where(graphic, minutes, 0.0), people),
        _by(persons, graphic.astype(np.float64), people),
    ]
    each_step = _by(np.tile(np.arange(people), _STEPS), np.ones(people * _STEPS), people)
    nothing = [csr_array((limit.shape[0], people * _STEPS)) for limit in limits]
    top = [_beside(limit, none) for limit, none in zip(limits, nothing, strict=True)]
    even = [_beside(limits[1], _beside(-each_step, 0 * each_step)),
            _beside(limits[2], _beside(0 * each_step, -each_step))]  # fmt: skip
    wide = [_beside(limit, csr_array((limit.shape[0], people * _STEPS))) for limit in top]
    right = np.concatenate(
        [size, room.minutes, room.graphic_minutes, room.graphic_items, np.zeros(2 * people)]
    )
    binding = np.isfinite(right)
    matrix = _stack([*wide, *even])[np.flatnonzero(binding)]
    found = linprog(  # type: ignore[call-overload]  # its stubs know no sparse matrix
        np.concatenate([-mean.weight[rows], costs]),
        A_ub=matrix,
        b_ub=right[binding],
        bounds=np.column_stack(
            [np.zeros(taken + len(steps)), np.r_[np.full(taken, np.inf), steps]]
        ),
        method="highs",
        options={"time_limit": time_limit_s},
    )
    if found.status != 0:
        return None
    dual = np.zeros(len(right))
    dual[binding] = np.maximum(-found.ineqlin.marginals, 0.0)
    ends = np.cumsum([buckets, people, people, people])
    _, minute, graphic_minute, graphic_item, _ = np.split(dual, ends)
    return found.x[:taken], Prices(minute, graphic_minute, graphic_item)


def _even_steps(mean: _Means, size: Floats, room: Room, typical: float) -> tuple[Floats, Floats]:
    """Return the widths and costs of the steps of work and of graphic minutes, a person each.

    A step of work is a quarter of a person's minutes. A step of graphic minutes is a quarter of
    twice what an even deal would give; whoever had more of late starts on a higher one.
    """
    people = len(room.minutes)
    work = np.tile(room.minutes / _STEPS, _STEPS)
    rise = np.repeat(np.arange(_STEPS) / _STEPS, people)
    graphic = float((mean.minutes * size)[mean.graphic].sum())
    share = max(2 * graphic / max(people, 1) / _STEPS, 1e-9)
    late = room.recent_graphic_minutes / max(float(room.recent_graphic_minutes.max()), 1e-9)
    shown = np.full(people * _STEPS, share)
    shown[-people:] = np.inf
    costs = _EVENNESS * typical * np.concatenate([rise, rise + np.tile(late, _STEPS)])
    work[-people:] = np.inf
    return np.concatenate([work, shown]), costs


def _by(rows: Positions, values: Floats, count: int) -> csr_array:
    columns = np.arange(len(rows))
    return coo_array((values, (rows, columns)), shape=(count, len(rows))).tocsr()


def _beside(left: csr_array, right: csr_array) -> csr_array:
    return csr_array(hstack([left, right]))


def _stack(parts: Sequence[csr_array]) -> csr_array:
    return csr_array(vstack(list(parts)))
