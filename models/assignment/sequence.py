"""The order of one person's shift: what is due first, then by value, graphic items spaced.

After so many graphic items in a row another item follows, or a break where there is none left; no
clock hour of the shift holds more graphic minutes than its cap. What does not fit before the shift
ends is left over. Audits of a language stand together where little else tells them apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from models.arrays import Positions
from models.assignment.work import Rules, Work

_HOUR = 60.0
_SLACK = 1e-9
_SHIFT_HOURS = 24.0
_TIERS = 4


@dataclass(frozen=True, slots=True)
class Turn:
    """One audit of a shift: its row, and when it begins, in minutes from the start."""

    row: int
    starts: float


@dataclass(slots=True)
class Shift:
    """A shift as it is laid out.

    Attributes
    ----------
    minutes
        Of the shift.
    turns
        In order.
    now
        When the last turn or break ends.
    run
        Graphic items since the last other item or break.
    hours
        Graphic minutes by clock hour.
    breaks
        Number of breaks that stand for items.
    """

    minutes: float
    turns: list[Turn] = field(default_factory=list)
    now: float = 0.0
    run: int = 0
    hours: dict[int, float] = field(default_factory=dict)
    breaks: int = 0

    def add(self, row: int, minutes: float, graphic: bool) -> None:
        """Put an audit at the end."""
        self.turns.append(Turn(row, self.now))
        for hour, part in _by_hour(self.now, minutes):
            self.hours[hour] = self.hours.get(hour, 0.0) + (part if graphic else 0.0)
        self.now += minutes
        self.run = self.run + 1 if graphic else 0

    def rest(self, until: float) -> None:
        """Break until a time."""
        self.now, self.run = until, 0
        self.breaks += 1

    def hour_has_room(self, minutes: float, most: float) -> bool:
        """Whether a graphic item that begins now keeps every hour within its cap."""
        return all(
            self.hours.get(hour, 0.0) + part <= most + _SLACK
            for hour, part in _by_hour(self.now, minutes)
        )


def lay_out(
    rows: Positions, work: Work, rules: Rules, *, minutes: float
) -> tuple[Shift, list[int]]:
    """Return the shift that holds a person's audits, and the rows that did not fit.

    Examples
    --------
    >>> none = np.full(4, None, dtype=object)
    >>> work = Work(np.array(list("abcd"), dtype=object), np.array([4.0, 3, 2, 1]), np.full(4, 5.0),
    ...     np.full(4, np.inf), np.array([3, 3, 3, 0]), *[none] * 6)
    >>> shift, left_over = lay_out(np.arange(4), work, Rules(most_in_a_row=2), minutes=60)
    >>> [turn.row for turn in shift.turns], left_over
    ([0, 1, 3, 2], [])
    """
    graphic = rules.graphic(work)
    order = _preferred(rows, work)
    waiting = {
        True: deque(row for row in order if graphic[row]),
        False: deque(row for row in order if not graphic[row]),
    }
    place = {row: number for number, row in enumerate(order)}
    shift, left_over = Shift(minutes), list[int]()
    while waiting[True] or waiting[False]:
        kind = _next_kind(shift, waiting, place, work, rules)
        if kind is None:
            if not _rest(shift, float(work.minutes[waiting[True][0]]), rules):
                left_over += waiting[True]
                waiting[True].clear()
            continue
        row = waiting[kind].popleft()
        length = float(work.minutes[row])
        if shift.now + length > minutes + _SLACK:
            left_over.append(row)
        else:
            shift.add(row, length, kind)
    return shift, left_over


def _next_kind(
    shift: Shift,
    waiting: dict[bool, deque[int]],
    place: dict[int, int],
    work: Work,
    rules: Rules,
) -> bool | None:
    """Return whether a graphic item comes next; null where only a break lets it."""
    others = waiting[False]
    if not waiting[True]:
        return False
    length = float(work.minutes[waiting[True][0]])
    fits = shift.run < rules.most_in_a_row and shift.hour_has_room(
        length, rules.graphic_minutes_an_hour
    )
    if not fits:
        return False if others else None
    if not others:
        return True
    scarce = len(waiting[True]) > rules.most_in_a_row * len(others)
    return scarce or place[waiting[True][0]] < place[others[0]]


def _rest(shift: Shift, length: float, rules: Rules) -> bool:
    """Break until a graphic item fits; false where none would before the shift ends."""
    if length > rules.graphic_minutes_an_hour + _SLACK:
        return False
    until = shift.now + rules.break_minutes
    if shift.run < rules.most_in_a_row:  # it is the hour that is full
        until = max(until, (shift.now // _HOUR + 1) * _HOUR)
    if until + length > shift.minutes + _SLACK:
        return False
    shift.rest(until)
    return True


def _preferred(rows: Positions, work: Work) -> list[int]:
    """Return rows: what is due within the shift by when, the rest by tier of value and language."""
    due = np.minimum(work.due_hours[rows], _SHIFT_HOURS)
    tier = np.argsort(np.argsort(-work.value[rows])) * _TIERS // max(len(rows), 1)
    language = np.array([str(work.language[row]) for row in rows], dtype=object)
    keys = np.lexsort((-work.value[rows], language.astype(str), tier, due))
    return [int(row) for row in rows[keys]]


def _by_hour(start: float, minutes: float) -> Iterable[tuple[int, float]]:
    """Yield the clock hours that an item touches, with its minutes in each."""
    end = start + minutes
    while start < end - _SLACK:
        hour = int(start // _HOUR)
        edge = min(end, (hour + 1) * _HOUR)
        yield hour, edge - start
        start = edge
