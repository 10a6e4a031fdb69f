"""Golden items mixed into people's shifts: by known chance, unmarked, and never a graphic one.

A person's shift is laid out anew with them, so that breaks and hours hold; an item that does not
fit is left out, and no audit ever is. Nobody is shown graphic material to be measured by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from features.assignments import Kind
from features.exposure import Reckoning, graphic_levels
from features.judged_twice import judged_twice
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
    panel: pd.DataFrame | None,
    limits: Wellbeing,
    reckoning: Reckoning,
    now: datetime,
) -> GoldenSet:
    """Return the golden set of now."""
    if key is None or limits.golden_share == 0:
        return GoldenSet(pd.DataFrame(), frozenset(), None, 0.0)
    since = now - timedelta(days=DEFAULT_RULES.longest_days)
    settled = [] if panel is None else panel["decision_id"].tolist()
    decisions, outcomes = judged_twice(connection, since=since, settled=settled)
    agreed = agree_verdicts(outcomes, panel)
    chosen = choose_items(judge_items(agreed, decisions, outcomes, now=now), ITEMS, key)
    items = decisions[decisions["decision_id"].isin(chosen["decision_id"])]
    level = graphic_levels(items["policy"], items["graphic_level"], reckoning.policies)
    minutes = reckoning.minutes_of(items["policy"].to_numpy(dtype=object))
    items = items.assign(kind=Kind.GOLDEN, level=level, minutes=minutes)
    items = items.assign(audit_id=None, judged_by=None, inclusion_probability=None)
    judged = zip(outcomes["decision_id"], outcomes["auditor_id"], strict=True)
    calm = items[items["level"] < limits.graphic_from].reset_index(drop=True)
    return GoldenSet(calm, frozenset(judged), key, limits.golden_share)


def items_for(golden: GoldenSet, places: Sequence[Place], *, rules: Rules) -> list[list[str]]:
    """Return the items that each person may be given: those they may audit and have not judged."""
    if golden.key is None or golden.items.empty or not places:
        return [[] for _ in places]
    begins = places[0].begins
    work = WorkList(golden.items.assign(value=0.0, due_at=pd.Timestamp(begins))).work(begins)
    eligible = find_eligible(work, [place.auditor for place in places], rules)
    able = np.array([eligible.people(row) for row in range(len(work))])
    ids = golden.items["decision_id"].to_numpy(dtype=object)
    return [
        [i for i in ids[able[:, person]] if (i, place.auditor.auditor_id) not in golden.judged]
        for person, place in enumerate(places)
    ]


def mix_golden(
    mine: pd.DataFrame,
    shift: Shift,
    *,
    place: Place,
    golden: GoldenSet,
    items: Sequence[str],
    rules: Rules,
    day: date,
) -> tuple[pd.DataFrame, Shift]:
    """Return a person's work with golden items in it, and the shift whose turns are its rows.

    Parameters
    ----------
    mine
        Rows of a `WorkList`, in the order of the turns of `shift`.
    items
        That this person may be given.
    """
    auditor = place.auditor.auditor_id
    extra = _drawn(mine, golden, auditor=auditor, items=items, day=day)
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
    mine: pd.DataFrame, golden: GoldenSet, *, auditor: str, items: Sequence[str], day: date
) -> pd.DataFrame:
    """Return golden items for a person's work, each like the audit that it follows, by its place.

    The order of a shift is by due time and value, and stable: so an item stays behind its audit.
    """
    if golden.key is None or not items or mine.empty:
        return golden.items[:0]
    ids = mine["decision_id"].tolist()
    turns = mix_in(ids, items, auditor=auditor, day=day, key=golden.key, share=golden.share)
    place_in = {decision_id: row for row, decision_id in enumerate(ids)}
    after = mine.iloc[[place_in[turn.after] for turn in turns]]
    drawn = golden.items.set_index("decision_id").loc[[turn.decision_id for turn in turns]]
    like = {name: after[name].array for name in ("value", "due_at")}
    return drawn.reset_index().assign(**like).set_index(after.index + 0.5)
