"""Dealing audits out: whole audits to people, near the relaxation and never over a limit.

The audits worth most beyond their price go first. Each goes to whoever may do it and has room, and
of those to the person whom the relaxation gave most of such audits that are still to come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Positions
from models.assignment.eligible import NOBODY, Eligible
from models.assignment.relaxation import Load, Relaxed, Room

_SLACK = 1e-9


@dataclass(slots=True)
class Left:
    """What people have left while audits are dealt out."""

    minutes: Floats
    graphic_minutes: Floats
    graphic_items: Floats

    @staticmethod
    def of(room: Room) -> Left:
        """Return all of the room."""
        return Left(room.minutes.copy(), room.graphic_minutes.copy(), room.graphic_items.copy())

    def fits(self, minutes: float, graphic: bool) -> np.ndarray:
        """Return who has room for one audit."""
        fits = self.minutes >= minutes - _SLACK
        if graphic:
            fits &= (self.graphic_minutes >= minutes - _SLACK) & (self.graphic_items >= 1)
        return fits

    def take(self, person: int, minutes: float, graphic: bool) -> None:
        """Give one audit to a person."""
        self.minutes[person] -= minutes
        if graphic:
            self.graphic_minutes[person] -= minutes
            self.graphic_items[person] -= 1


def deal(load: Load, room: Room, eligible: Eligible, relaxed: Relaxed) -> Positions:
    """Return the person of each audit, or ``NOBODY``."""
    person = np.full(len(load.weight), NOBODY, dtype=np.int64)
    left, quota = Left.of(room), relaxed.quota.copy()
    for row in dealing_order(load, eligible, relaxed):
        minutes, graphic = float(load.minutes[row]), bool(load.graphic[row])
        able = np.flatnonzero(eligible.people(row) & left.fits(minutes, graphic))
        if not len(able):
            continue
        wanted = quota[relaxed.bucket[row], able]
        chosen = int(able[np.argmax(wanted + _emptiest(left, room, able))])
        quota[relaxed.bucket[row], chosen] -= 1
        left.take(chosen, minutes, graphic)
        person[row] = chosen
    return person


def dealing_order(load: Load, eligible: Eligible, relaxed: Relaxed) -> Positions:
    """Return the audits, those first that are worth most a minute beyond their cheapest price."""
    beyond = np.empty(len(load.weight))
    for row in range(len(load.weight)):
        able = eligible.may[eligible.kind[row]]
        costs = relaxed.prices.of(float(load.minutes[row]), bool(load.graphic[row]))[able]
        beyond[row] = load.weight[row] - (costs.min() if len(costs) else np.inf)
    worth = load.weight / load.minutes
    order: Positions = np.lexsort((-worth, -np.round(beyond / load.minutes, 12)))
    return order


def _emptiest(left: Left, room: Room, able: Positions) -> Floats:
    """Return a share, 0 to 1, by which ties go to whoever has done least of their shift."""
    return 0.5 * left.minutes[able] / np.maximum(room.minutes[able], _SLACK)
