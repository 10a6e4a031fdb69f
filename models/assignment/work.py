"""What is to be assigned, to whom, and under which rules; checked at the border.

Assignment decides who audits a decision and when, never whether: the selection has done that, and
its inclusion probabilities stay as they are. What cannot be placed waits, and is told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import BadValue, ContractError
from models.arrays import Flags, Floats, Positions, Texts

GRAPHIC_LEVELS = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Work:
    """Audits to be placed, one a row.

    Attributes
    ----------
    decision_ids
        Text. A decision may come twice: for its audit, and for a second review.
    value
        What the audit is worth, 0 or more: the priority of its selection, which weighs the harm
        that it is expected to undo and what it brings to the figure. Not the harm alone: where time
        is short, the audits that were picked by chance would then be left out, and the figure would
        be biased. Without the lowest priorities it is that of a smaller sample.
    minutes
        That it is expected to take, above 0.
    due_hours
        From the start of the shift until it is due; 0 or less is overdue, infinity is never due.
    graphic_level
        0 harmless to 3 extreme.
    language, policy, moderator, team, site
        Of the decision; null (None) where it is not known, and then nothing is asked of it.
    judged_by
        Sets of those who judged the decision before, of a blind second review: whoever made the
        audit, and whoever settled a dispute of it. Null (None) for a first audit.
    """

    decision_ids: Texts
    value: Floats
    minutes: Floats
    due_hours: Floats
    graphic_level: Positions
    language: Texts
    policy: Texts
    moderator: Texts
    team: Texts
    site: Texts
    judged_by: Texts

    def __len__(self) -> int:
        return len(self.decision_ids)


@dataclass(frozen=True, slots=True)
class Auditor:
    """One person on shift.

    Attributes
    ----------
    auditor_id
        As outcomes name them; where moderators audit too, the same id.
    minutes
        For audits and breaks in this shift, 0 or more.
    languages, policies
        That they may audit; null = all.
    opted_out
        Policies that they do not want to see.
    most_graphic
        Highest level that they audit, 0 to 3.
    team, site
        Theirs; null where it is not known.
    graphic_minutes, graphic_items
        Left of today's caps.
    recent_graphic_minutes
        Of the days before, that exposure is evened out over.
    """

    auditor_id: str
    minutes: float
    languages: frozenset[str] | None = None
    policies: frozenset[str] | None = None
    opted_out: frozenset[str] = frozenset()
    most_graphic: int = 3
    team: str | None = None
    site: str | None = None
    graphic_minutes: float = math.inf
    graphic_items: float = math.inf
    recent_graphic_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for everybody.

    Attributes
    ----------
    graphic_from
        Lowest level that counts as graphic, 1 to 3.
    apart_from_team, apart_from_site
        Whether nobody audits decisions of their own team, their own site.
    most_in_a_row
        Graphic items one after another, at most, before another item or a break.
    graphic_minutes_an_hour
        At most, in any clock hour of the shift.
    break_minutes
        Length of a break that stands for an item that is not graphic.
    """

    graphic_from: int = 2
    apart_from_team: bool = True
    apart_from_site: bool = False
    most_in_a_row: int = 3
    graphic_minutes_an_hour: float = 25.0
    break_minutes: float = 5.0

    def graphic(self, work: Work) -> Flags:
        """Return which audits count as graphic."""
        flags: Flags = work.graphic_level >= self.graphic_from
        return flags


def check_work(work: Work, auditors: Sequence[Auditor]) -> None:
    """Refuse audits and people that nothing can be assigned from, naming the rows.

    Raises
    ------
    ContractError
        A number is null or out of range, or a person comes twice.
    """
    columns: list[tuple[str, Floats, Flags, str]] = [
        ("value", work.value, (work.value >= 0) & np.isfinite(work.value), "0 or more"),
        ("minutes", work.minutes, (work.minutes > 0) & np.isfinite(work.minutes), "above 0"),
        ("due_hours", work.due_hours, ~np.isnan(work.due_hours), "hours, or infinity"),
    ]
    level = work.graphic_level.astype(np.float64)
    columns.append(("graphic_level", level, np.isin(level, GRAPHIC_LEVELS), "0, 1, 2 or 3"))
    bad = [
        BadValue(int(row), name, f"{values[row]:g}", expected)
        for name, values, good, expected in columns
        for row in np.flatnonzero(~good)
    ]
    seen: set[str] = set()
    for row, auditor in enumerate(auditors):
        if auditor.auditor_id in seen:
            bad.append(BadValue(row, "auditor_id", auditor.auditor_id, "each person once"))
        if not 0 <= auditor.minutes <= 24 * 60:
            bad.append(BadValue(row, "minutes", f"{auditor.minutes:g}", "0 to 1,440"))
        seen.add(auditor.auditor_id)
    if bad:
        raise ContractError("assignment", bad)
