"""What stopped an audit that could not be placed, and what would free it.

The answer is the first constraint, in the order below, that leaves nobody: what nobody on shift can
do comes before what somebody could do with more time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from models.arrays import Flags, Positions
from models.assignment.eligible import NOBODY, Eligible, has_skill
from models.assignment.relaxation import Room
from models.assignment.work import Auditor, Rules, Work


class Constraint(StrEnum):
    """What stops an audit."""

    NOBODY_ON_SHIFT = "nobody on shift"
    LANGUAGE = "language"
    POLICY = "policy"
    OPT_OUT = "opt-out or graphic level"
    OWN_DECISION = "own decision, team or site, or own first audit"
    HOUR = "graphic minutes an hour"
    GRAPHIC_MINUTES = "graphic minutes a day"
    GRAPHIC_ITEMS = "graphic items a day"
    HOURS = "hours of the shift"
    SPACING = "spacing of graphic items"


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An audit that waits.

    Attributes
    ----------
    row
        Of the work.
    constraint, freed_by
        What stopped it, and what would free it, in words.
    """

    row: int
    constraint: Constraint
    freed_by: str


@dataclass(frozen=True, slots=True)
class Used:
    """What the placed audits take of each person, one row a person."""

    minutes: np.ndarray
    graphic_minutes: np.ndarray
    graphic_items: np.ndarray


def explain(
    rows: Positions,
    work: Work,
    auditors: Sequence[Auditor],
    rules: Rules,
    *,
    eligible: Eligible,
    room: Room,
    used: Used,
) -> Iterator[Unplaced]:
    """Yield what stopped each of the rows."""
    left = Used(
        room.minutes - used.minutes,
        room.graphic_minutes - used.graphic_minutes,
        room.graphic_items - used.graphic_items,
    )
    graphic = rules.graphic(work)
    for row in map(int, rows):
        yield _skills(row, work, auditors) or _room(
            row, work, rules, able=eligible.people(row), left=left, graphic=bool(graphic[row])
        )


def _skills(row: int, work: Work, auditors: Sequence[Auditor]) -> Unplaced | None:
    """Return what stops an audit that nobody on shift may do, whatever the time."""
    language, policy = work.language[row], work.policy[row]
    if not auditors:
        return Unplaced(row, Constraint.NOBODY_ON_SHIFT, "put people on shift")
    known = [a for a in auditors if has_skill(a.languages, language)]
    if not known:
        return Unplaced(row, Constraint.LANGUAGE, f"put somebody on shift who audits {language}")
    skilled = [a for a in known if has_skill(a.policies, policy)]
    if not skilled:
        free = f"put somebody on shift who audits {policy} in {language}"
        return Unplaced(row, Constraint.POLICY, free)
    level = int(work.graphic_level[row])
    willing = [a for a in skilled if policy not in a.opted_out and level <= a.most_graphic]
    if not willing:
        free = f"put somebody else on shift for {policy} at graphic level {level}; opt-outs stand"
        return Unplaced(row, Constraint.OPT_OUT, free)
    return None


def _room(
    row: int, work: Work, rules: Rules, *, able: Flags, left: Used, graphic: bool
) -> Unplaced:
    """Return what stops an audit that somebody on shift may do, but for time or for whose it is."""
    minutes = float(work.minutes[row])
    people = int(able.sum())
    if not people:
        free = "put somebody of another team or site on shift with the same languages and policies"
        return Unplaced(row, Constraint.OWN_DECISION, free)
    if graphic and minutes > rules.graphic_minutes_an_hour:
        free = f"it takes {minutes:.0f} minutes, over an hour's cap: divide it, or raise the cap"
        return Unplaced(row, Constraint.HOUR, free)
    whom = f"among the {people} who may do it" if people > 1 else "of the one who may do it"
    in_time = left.minutes[able] >= minutes
    if not in_time.any() or not graphic:
        return Unplaced(row, Constraint.HOURS, f"{minutes:.0f} more minutes {whom}")
    free = f"another person: with those {whom} the caps are reached, or their time"
    if not (in_time & (left.graphic_minutes[able] >= minutes)).any():
        return Unplaced(row, Constraint.GRAPHIC_MINUTES, free)
    if not (in_time & (left.graphic_items[able] >= 1)).any():
        return Unplaced(row, Constraint.GRAPHIC_ITEMS, free)
    free = f"other audits between the graphic ones, or a longer shift, {whom}"
    return Unplaced(row, Constraint.SPACING, free)


def used_by(person: Positions, work: Work, rules: Rules, *, people: int) -> Used:
    """Return what placed audits take of each person."""
    placed = person != NOBODY
    graphic = placed & rules.graphic(work)
    return Used(
        minutes=np.bincount(person[placed], work.minutes[placed], people),
        graphic_minutes=np.bincount(person[graphic], work.minutes[graphic], people),
        graphic_items=np.bincount(person[graphic], minlength=people).astype(np.float64),
    )
