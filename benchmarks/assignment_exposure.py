"""Exposure and errors found: assignment against "everyone takes the next in risk order".

A simulated programme of ten days is ranked by its true risk times a harm that grows with the
graphic level, which is the hardest case: what is worst to look at is first in the queue. The same
people are on shift for the same minutes under both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.simulate import simulate
from models.arrays import Flags, Floats, Positions, total_by
from models.assignment.assign import assign
from models.assignment.eligible import NOBODY, find_eligible
from models.assignment.violations import violations
from models.assignment.work import Auditor, Rules, Work

DAYS = 10
DECISIONS_A_DAY = 8_000
AUDIT_SHARE = 0.05
PEOPLE = 12
ROTATION_DAYS = 5
CAPS = (60.0, 40.0, 30.0)
"""Graphic minutes a person and day; without a cap a person has 27 on average."""
_LANGUAGES = ("en", "pt", "es", "ar", "id", "fr", "hi", "tr", "de", "th")


@dataclass(frozen=True, slots=True)
class Day:
    """What one way of assigning made of a day.

    Attributes
    ----------
    graphic_minutes, runs
        Of each person: minutes, and the longest run of graphic items without a break.
    errors, placed
        Errors among the audits that were made, and their number.
    """

    graphic_minutes: Floats
    runs: Positions
    errors: int
    placed: int


def measure_exposure(*, seeds: int) -> dict[str, Any]:
    """Return exposure and errors found, before, and after under each cap."""
    programmes = [_programme(seed) for seed in range(seeds)]
    before = [
        in_risk_order(work, people_of(work, [], cap=np.inf), wrong)
        for days in programmes
        for work, wrong in days
    ]
    told: dict[str, Any] = {"people": PEOPLE, "days": len(before), "before": _figures(before)}
    for cap in CAPS:
        after, broken = _assigned(programmes, cap)
        figures = _figures(after) | {"violations": broken}
        lost = 1 - figures["errors_found"] / told["before"]["errors_found"]
        told[f"cap_{cap:g}_minutes"] = figures | {"errors_lost": lost}
    return told


def _programme(seed: int) -> list[tuple[Work, Flags]]:
    made = simulate(days=DAYS, decisions_per_day=DECISIONS_A_DAY, seed=seed)
    table = made.decisions.assign(
        wrong=made.truth["overturned"].to_numpy(dtype=bool),
        risk=made.truth["overturn_probability_true"].to_numpy(dtype=float),
    )
    days = table.groupby(table["decided_at"].dt.date)
    return [
        work_of(day, np.random.default_rng([seed, number])) for number, (_, day) in enumerate(days)
    ]


def _assigned(programmes: list[list[tuple[Work, Flags]]], cap: float) -> tuple[list[Day], int]:
    """Return the days as assigned, each with the exposure of the days before, and broken rules."""
    found, broken = [], 0
    for days in programmes:
        past: list[Floats] = []
        for work, wrong in days:
            people = people_of(work, past[-ROTATION_DAYS:], cap=cap)
            made = assign(work, people, Rules())
            broken += len(violations(made, work, people, Rules()))
            found.append(_day(work, made.person, made.starts, wrong, len(people)))
            past.append(found[-1].graphic_minutes)
    return found, broken


def work_of(day: pd.DataFrame, rng: np.random.Generator) -> tuple[Work, Flags]:
    """Return the riskiest of a day as work, and which of it is wrong."""
    level = day["graphic_level"].to_numpy(dtype=np.int64)
    harm = day["risk"].to_numpy() * (1.0 + level)
    chosen = np.argsort(-harm)[: round(AUDIT_SHARE * len(day))]
    rows = day.iloc[chosen]
    nobody = np.full(len(rows), None, dtype=object)
    work = Work(
        decision_ids=rows["decision_id"].to_numpy(dtype=object),
        value=harm[chosen],
        minutes=0.5 + rng.gamma(3.0, 1.0, len(rows)),
        due_hours=np.full(len(rows), np.inf),
        graphic_level=level[chosen],
        language=rows["language"].to_numpy(dtype=object),
        policy=rows["policy"].to_numpy(dtype=object),
        moderator=nobody,
        team=nobody,
        site=nobody,
        judged_by=nobody,
    )
    return work, rows["wrong"].to_numpy(dtype=bool)


def people_of(work: Work, past: list[Floats], *, cap: float) -> list[Auditor]:
    """Return people who together have a tenth more minutes than the work takes.

    All read English and two other languages, so that each language has at least two people.
    """
    minutes = 1.1 * float(work.minutes.sum()) / PEOPLE
    others = _LANGUAGES[1:]
    recent = np.sum(past, axis=0) if past else np.zeros(PEOPLE)
    return [
        Auditor(
            f"a{number}",
            minutes,
            frozenset(
                {"en", others[number % 9], others[(number * 2 + 1) % 9], others[(number + 4) % 9]}
            ),
            graphic_minutes=cap,
            recent_graphic_minutes=float(recent[number]),
        )
        for number in range(PEOPLE)
    ]


def in_risk_order(work: Work, people: list[Auditor], wrong: Flags) -> Day:
    """Return a day in which whoever is free takes the next audit that they may do."""
    eligible = find_eligible(work, people, Rules())
    now = np.zeros(len(people))
    person = np.full(len(work), NOBODY, dtype=np.int64)
    starts = np.full(len(work), np.nan)
    minutes = np.array([each.minutes for each in people])
    for row in np.argsort(-work.value):
        able = np.flatnonzero(eligible.people(int(row)) & (now + work.minutes[row] <= minutes))
        if len(able):
            chosen = able[np.argmin(now[able])]
            person[row], starts[row] = chosen, now[chosen]
            now[chosen] += work.minutes[row]
    return _day(work, person, starts, wrong, len(people))


def _day(work: Work, person: Positions, starts: Floats, wrong: Flags, people: int) -> Day:
    graphic = work.graphic_level >= Rules().graphic_from
    placed = person != NOBODY
    shown = placed & graphic
    return Day(
        graphic_minutes=total_by(person[shown], work.minutes[shown], people),
        runs=np.array([_longest(person == each, starts, graphic, work) for each in range(people)]),
        errors=int(wrong[placed].sum()),
        placed=int(placed.sum()),
    )


def _longest(own: Flags, starts: Floats, graphic: Flags, work: Work) -> int:
    """Return the longest run of graphic items that no other item and no break ended."""
    longest = run = 0
    end = 0.0
    for row in sorted(np.flatnonzero(own), key=lambda each: starts[each]):
        rested = starts[row] >= end + Rules().break_minutes - 1e-6
        run = (0 if rested else run) + 1 if graphic[row] else 0
        longest, end = max(longest, run), float(starts[row] + work.minutes[row])
    return longest


def _figures(days: list[Day]) -> dict[str, float]:
    minutes = np.array([day.graphic_minutes for day in days])
    return {
        "highest_graphic_minutes_a_person_day": float(minutes.max()),
        "mean_graphic_minutes_a_person_day": float(minutes.mean()),
        "highest_graphic_minutes_a_person_ten_days": float(
            minutes.reshape(-1, DAYS, PEOPLE).sum(axis=1).max()
        ),
        "standard_deviation_over_people": float(minutes.std(axis=1).mean()),
        "longest_graphic_run": int(max(day.runs.max() for day in days)),
        "errors_found": sum(day.errors for day in days),
        "audits_made": sum(day.placed for day in days),
    }
