"""Assignment: selected audits dealt out to the people on shift, with an order for each.

What is due comes first, then what has the highest priority; every rule of
`models.assignment.work` holds for whoever is given an audit. The relaxation says what could be
reached at best, so that each answer tells how near it came. There is an answer within the time
limit: without a solved relaxation audits are dealt out by worth alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats, Positions
from models.assignment.dealing import deal
from models.assignment.eligible import NOBODY, Eligible, find_eligible
from models.assignment.relaxation import Load, Relaxed, Room, relax
from models.assignment.sequence import Shift, lay_out
from models.assignment.unplaced import Unplaced, explain, used_by
from models.assignment.work import Auditor, Rules, Work, check_work

_ROUNDS = 3
_AGEING = 0.1
_DAY_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who audits what, and when.

    Attributes
    ----------
    person
        0-based number of each audit's person, -1 where it is not placed.
    starts
        Minutes from the start of the shift; null (NaN) where it is not placed.
    shifts
        Of each person, in order.
    unplaced
        What stopped each audit that is not placed.
    late
        Rows that are placed and end after they are due.
    weight, bound
        What the placed audits are worth together, and what no assignment can exceed.
    solved
        Whether the relaxation was solved in time.
    """

    person: Positions
    starts: Floats
    shifts: tuple[Shift, ...]
    unplaced: tuple[Unplaced, ...]
    late: tuple[int, ...]
    weight: float
    bound: float
    solved: bool

    @property
    def share_of_bound(self) -> float:
        """Worth of what is placed over the bound, 0 to 1; 1 where there is nothing to place."""
        return self.weight / self.bound if self.bound > 0 else 1.0


def assign(
    work: Work, auditors: Sequence[Auditor], rules: Rules, *, time_limit_s: float = 10.0
) -> Assignment:
    """Assign audits to people.

    Raises
    ------
    ContractError
        A number is null or out of range, or a person comes twice.

    Examples
    --------
    >>> def column(*values: object) -> np.ndarray:
    ...     return np.array(values, dtype=object)
    >>> none = column(None, None)
    >>> work = Work(column("d1", "d2"), np.array([0.3, 0.9]), np.array([4.0, 6.0]),
    ...     np.full(2, np.inf), np.array([0, 3]), column("en", "de"), column("spam", "abuse"),
    ...     column("ana", None), none, none, none)
    >>> people = [Auditor("ana", 60.0), Auditor("ben", 60.0, frozenset({"en"}), most_graphic=1)]
    >>> found = assign(work, people, Rules())
    >>> found.person.tolist(), found.unplaced
    ([1, 0], ())
    """
    check_work(work, auditors)
    weight = weights_of(work)
    if not len(work) or not auditors:
        return _nothing(work, auditors, rules, weight)
    load = Load(weight, work.minutes, rules.graphic(work))
    room = Room.of(auditors, graphic_minutes_an_hour=rules.graphic_minutes_an_hour)
    eligible = find_eligible(work, auditors, rules)
    relaxed = relax(load, room, eligible, time_limit_s=time_limit_s)
    person, shifts = _place(work, rules, load=load, room=room, eligible=eligible, relaxed=relaxed)
    starts = _starts(len(work), shifts)
    used = used_by(person, work, rules, people=len(auditors))
    waiting = np.flatnonzero(person == NOBODY)
    return Assignment(
        person=person,
        starts=starts,
        shifts=shifts,
        unplaced=tuple(
            explain(waiting, work, auditors, rules, eligible=eligible, room=room, used=used)
        ),
        late=tuple(np.flatnonzero((starts + work.minutes) / 60 > work.due_hours).tolist()),
        weight=float(weight[person != NOBODY].sum()),
        bound=relaxed.bound,
        solved=relaxed.solved,
    )


def weights_of(work: Work) -> Floats:
    """Return what placing each audit is worth: its value, and far more where it is due.

    An audit that is due within a day is worth more a minute than any that is not, and a tenth more
    for each day that it is overdue.
    """
    due = work.due_hours <= _DAY_HOURS
    if not due.any():
        return work.value
    most = float((work.value / work.minutes).max()) or 1.0
    ageing = 1 + _AGEING * np.maximum(-work.due_hours[due], 0.0) / _DAY_HOURS
    weight = work.value.copy()
    weight[due] += most * work.minutes[due] * ageing
    return weight


def _place(
    work: Work, rules: Rules, *, load: Load, room: Room, eligible: Eligible, relaxed: Relaxed
) -> tuple[Positions, tuple[Shift, ...]]:
    """Deal out and lay out, and deal anew what did not fit into a shift, to others."""
    person = deal(load, room, eligible, relaxed)
    shifts = _shifts(person, work, rules, room)
    for _ in range(_ROUNDS):
        waiting = np.flatnonzero(person == NOBODY)
        left = _left(person, shifts, work, rules, room)
        part = Load(load.weight[waiting], load.minutes[waiting], load.graphic[waiting])
        rest = replace(relaxed, bucket=relaxed.bucket[waiting], quota=np.zeros_like(relaxed.quota))
        tried = person.copy()
        tried[waiting] = deal(part, left, eligible.of(waiting), rest)
        laid_out = _shifts(tried, work, rules, room)
        if load.weight[tried != NOBODY].sum() <= load.weight[person != NOBODY].sum():
            break
        person, shifts = tried, laid_out
    return person, shifts


def _shifts(person: Positions, work: Work, rules: Rules, room: Room) -> tuple[Shift, ...]:
    """Lay out each person's shift; what does not fit is taken back from them."""
    shifts = []
    for number, minutes in enumerate(room.minutes):
        rows = np.flatnonzero(person == number)
        shift, left_over = lay_out(rows, work, rules, minutes=float(minutes))
        person[left_over] = NOBODY
        shifts.append(shift)
    return tuple(shifts)


def _left(person: Positions, shifts: Sequence[Shift], work: Work, rules: Rules, room: Room) -> Room:
    """Return what people have left after the shifts that are laid out, breaks included."""
    used = used_by(person, work, rules, people=len(shifts))
    ends = np.array([shift.now for shift in shifts])
    return replace(
        room,
        minutes=room.minutes - ends,
        graphic_minutes=room.graphic_minutes - used.graphic_minutes,
        graphic_items=room.graphic_items - used.graphic_items,
    )


def _starts(rows: int, shifts: Sequence[Shift]) -> Floats:
    starts = np.full(rows, np.nan)
    for shift in shifts:
        for turn in shift.turns:
            starts[turn.row] = turn.starts
    return starts


def _nothing(work: Work, auditors: Sequence[Auditor], rules: Rules, weight: Floats) -> Assignment:
    """Return the answer where there are no audits or no people."""
    room = Room.of(auditors, graphic_minutes_an_hour=rules.graphic_minutes_an_hour)
    person = np.full(len(work), NOBODY, dtype=np.int64)
    used = used_by(person, work, rules, people=len(auditors))
    none = Eligible(np.zeros(len(work), dtype=np.int64), np.zeros((1, 0), dtype=np.bool_), ())
    rows = np.arange(len(work))
    waiting = explain(rows, work, auditors, rules, eligible=none, room=room, used=used)
    shifts = tuple(Shift(auditor.minutes) for auditor in auditors)
    starts = np.full(len(work), np.nan)
    return Assignment(person, starts, shifts, tuple(waiting), (), 0.0, 0.0, solved=True)
