"""Golden items mixed into people's shifts: by known chance, unmarked, and never a graphic one.

A person's shift is laid out anew with them, so that breaks and hours hold; an item that does not
fit is left out, and no audit ever is. Nobody is shown graphic material to be measured by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features.assignments import Kind
from features.exposure import MinutesOf, graphic_levels
from features.judged_twice import judged_twice
from features.policies import Policies
from features.wellbeing import Wellbeing
from models.assignment.eligible import find_eligible
from models.assignment.sequence import Shift, lay_out
from models.assignment.work import Rules
from models.golden import DEFAULT_RULES, agree_verdicts, choose_items, judge_items, mix_in
from models.sampling_key import SamplingKey
from serving.shift_state import Place
from serving.work_list import WorkList

ITEMS = 200
"""Of the set; each person has not seen most of them for long."""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """Items that may be mixed in, and who judged them already.

    Attributes
    ----------
    items
        As rows of a `WorkList`, without a value and a due time.
    judged
        Pairs of decision and auditor.
    key
        Draws which item comes when; null = none ever does.
    share
        Chance of an item after each audit.
    """

    items: pd.DataFrame
    judged: frozenset[tuple[str, str]]
    key: SamplingKey | None
    share: float

    def beside(self, assigned: pd.DataFrame) -> GoldenSet:
        """Return it with what people were assigned already, as of `read_assignments`."""
        pairs = zip(assigned["decision_id"], assigned["auditor_id"], strict=True)
        return replace(self, judged=self.judged | frozenset(pairs))

    @property
    def reserved(self) -> float:
        """Return the share of a shift that is left free for golden items."""
        return self.share if self.key is not None and len(self.items) else 0.0


def read_golden(
    connection: sa.Connection,
    key: SamplingKey | None,
    *,
    limits: Wellbeing,
    policies: Policies,
    minutes_of: MinutesOf,
    now: datetime,
) -> GoldenSet:
    """Return the golden set of now."""
    if key is None or limits.golden_share == 0:
        return GoldenSet(pd.DataFrame(), frozenset(), None, 0.0)
    since = now - timedelta(days=DEFAULT_RULES.longest_days)
    decisions, outcomes = judged_twice(connection, since=since)
    agreed = agree_verdicts(outcomes)
    chosen = choose_items(judge_items(agreed, decisions, outcomes, now=now), ITEMS, key)
    items = decisions[decisions["decision_id"].isin(chosen["decision_id"])]
    level = graphic_levels(items["policy"], items["graphic_level"], policies)
    minutes = minutes_of(items["policy"].to_numpy(dtype=object))
    items = items.assign(kind=Kind.GOLDEN, level=level, minutes=minutes)
    items = items.assign(audit_id=None, first_auditor=None, inclusion_probability=None)
    judged = zip(outcomes["decision_id"], outcomes["auditor_id"], strict=True)
    calm = items[items["level"] < limits.graphic_from].reset_index(drop=True)
    return GoldenSet(calm, frozenset(judged), key, limits.golden_share)


def mix_golden(
    tried: WorkList, shift: Shift, place: Place, golden: GoldenSet, *, rules: Rules, day: date
) -> tuple[pd.DataFrame, Shift]:
    """Return a person's work with golden items in it, and the shift whose turns are its rows."""
    rows = [turn.row for turn in shift.turns]
    mine = tried.table.iloc[rows].reset_index(drop=True)
    extra = _drawn(mine, place, golden, rules=rules, day=day)
    for count in range(len(extra), 0, -1):
        both = WorkList(pd.concat([mine, extra[:count]]).sort_index().reset_index(drop=True))
        laid_out, left_over = lay_out(
            np.arange(len(both)), both.work(place.begins), rules, minutes=place.auditor.minutes
        )
        if not left_over:
            return both.table, laid_out
    turns = [replace(turn, row=row) for row, turn in enumerate(shift.turns)]
    return mine, replace(shift, turns=turns)


def _drawn(
    mine: pd.DataFrame, place: Place, golden: GoldenSet, *, rules: Rules, day: date
) -> pd.DataFrame:
    """Return golden items for a person's work, each like the audit that it follows, by its place.

    The order of a shift is by due time and value, and stable: so an item stays behind its audit.
    """
    if golden.key is None or golden.items.empty or mine.empty:
        return golden.items[:0]
    auditor = place.auditor.auditor_id
    work = WorkList(golden.items.assign(value=0.0, due_at=mine["due_at"].iloc[0])).work(
        place.begins
    )
    able = find_eligible(work, [place.auditor], rules)
    items = [
        decision_id
        for row, decision_id in enumerate(golden.items["decision_id"])
        if able.people(row)[0] and (decision_id, auditor) not in golden.judged
    ]
    turns = mix_in(
        mine["decision_id"].tolist(),
        items,
        auditor=auditor,
        day=day,
        key=golden.key,
        share=golden.share,
    )
    place_in = {decision_id: row for row, decision_id in enumerate(mine["decision_id"])}
    after = mine.iloc[[place_in[turn.after] for turn in turns]]
    drawn = golden.items.set_index("decision_id").loc[[turn.decision_id for turn in turns]]
    like = {name: after[name].array for name in ("value", "due_at")}
    return drawn.reset_index().assign(**like).set_index(after.index + 0.5)
