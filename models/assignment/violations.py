"""What an assignment breaks, counted anew from its turns by none of the code that made it.

Nothing, if all is well. It is there so that tests, benchmarks and whoever hands assignments out can
be sure of that, and of no more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from models.assignment.assign import Assignment
from models.assignment.sequence import Shift
from models.assignment.work import Auditor, Rules, Work

_SLACK = 1e-6


def violations(
    found: Assignment, work: Work, auditors: Sequence[Auditor], rules: Rules
) -> list[str]:
    """Return what is broken, a line each.

    Examples
    --------
    >>> import numpy as np
    >>> from models.assignment.sequence import Turn
    >>> none = np.array([None], dtype=object)
    >>> work = Work(np.array(["d"], dtype=object), np.ones(1), np.full(1, 9.0), np.full(1, np.inf),
    ...     np.zeros(1, dtype=int), np.array(["de"], dtype=object), none, none, none, none, none)
    >>> wrong = Assignment(np.zeros(1, dtype=int), np.zeros(1), (Shift(5.0, [Turn(0, 0.0)]),), (),
    ...     (), 1.0, 1.0, True)
    >>> violations(wrong, work, [Auditor("ana", 5.0, frozenset({"en"}))], Rules())
    ['d to ana: language de', 'ana: ends at 9 of 5 minutes']
    """
    return [
        *_counted(found, work),
        *(
            line
            for auditor, shift in zip(auditors, found.shifts, strict=True)
            for turn in shift.turns
            for line in _skills(turn.row, auditor, work, rules)
        ),
        *(
            line
            for auditor, shift in zip(auditors, found.shifts, strict=True)
            for line in _shift(shift, auditor, work, rules)
        ),
    ]


def _counted(found: Assignment, work: Work) -> Iterator[str]:
    """Yield audits that come not once: among the turns, or among those that wait."""
    turns = Counter(turn.row for shift in found.shifts for turn in shift.turns)
    turns.update(each.row for each in found.unplaced)
    for row in range(len(work)):
        if turns[row] != 1:
            yield f"{work.decision_ids[row]}: comes {turns[row]} times"


def _skills(row: int, auditor: Auditor, work: Work, rules: Rules) -> Iterator[str]:
    told = f"{work.decision_ids[row]} to {auditor.auditor_id}: "
    language, policy = work.language[row], work.policy[row]
    if language is not None and auditor.languages is not None and language not in auditor.languages:
        yield f"{told}language {language}"
    if policy is not None and auditor.policies is not None and policy not in auditor.policies:
        yield f"{told}policy {policy}"
    if policy in auditor.opted_out:
        yield f"{told}opted out of {policy}"
    if work.graphic_level[row] > auditor.most_graphic:
        yield f"{told}graphic level {work.graphic_level[row]}"
    before = work.judged_by[row] or ()
    if auditor.auditor_id == work.moderator[row] or auditor.auditor_id in before:
        yield f"{told}their own"
    if rules.apart_from_team and auditor.team is not None and work.team[row] == auditor.team:
        yield f"{told}their own team"
    if rules.apart_from_site and auditor.site is not None and work.site[row] == auditor.site:
        yield f"{told}their own site"


def _shift(shift: Shift, auditor: Auditor, work: Work, rules: Rules) -> Iterator[str]:
    hours: dict[int, float] = defaultdict(float)
    end, run, items, minutes = 0.0, 0, 0, 0.0
    for turn in shift.turns:
        length = float(work.minutes[turn.row])
        if turn.starts < end - _SLACK:
            yield f"{auditor.auditor_id}: two audits at {turn.starts:.1f}"
        graphic = work.graphic_level[turn.row] >= rules.graphic_from
        rested = turn.starts >= end + rules.break_minutes - _SLACK
        run = (0 if rested else run) + 1 if graphic else 0
        if run > rules.most_in_a_row:
            yield f"{auditor.auditor_id}: {run} graphic items in a row"
        end = turn.starts + length
        if graphic:
            items, minutes = items + 1, minutes + length
            _add_hours(hours, turn.starts, end)
    if end > auditor.minutes + _SLACK:
        yield f"{auditor.auditor_id}: ends at {end:.0f} of {auditor.minutes:.0f} minutes"
    if minutes > auditor.graphic_minutes + _SLACK or items > auditor.graphic_items:
        yield f"{auditor.auditor_id}: {minutes:.0f} graphic minutes, {items} items"
    if max(hours.values(), default=0.0) > rules.graphic_minutes_an_hour + _SLACK:
        yield f"{auditor.auditor_id}: {max(hours.values()):.0f} graphic minutes in an hour"


def _add_hours(hours: dict[int, float], start: float, end: float) -> None:
    for hour in range(int(start // 60), int(end // 60) + 1):
        hours[hour] += max(min(end, 60 * (hour + 1)) - max(start, 60 * hour), 0.0)
