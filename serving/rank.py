"""Ranking a batch over the wire: checked, ranked, stored, and only then answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

import pandas as pd

from features.contract import DECISIONS
from features.pseudonym import pseudonymise
from features.schema import CONTENT_COLUMNS
from features.store import Added
from serving.budget import budget_of
from serving.idempotency import Keep, settle
from serving.incoming import read_rows
from serving.payload import (
    Fault,
    Mode,
    RankAnswer,
    RankedDecision,
    RankRequest,
    WhyRisky,
    drawn,
    rejected_row,
)
from serving.problem import none_taken
from serving.programme import Programme
from serving.ranker import Draw, Ranked
from serving.sampling_keys import Earlier, look_back


def rank(
    request: RankRequest,
    programme: Programme,
    *,
    request_id: str,
    now: datetime,
    keep: Keep[RankAnswer] | None = None,
) -> RankAnswer:
    """Rank the good rows of a request, store how each was selected, and answer.

    A decision with other content under an id that is already stored is rejected as a conflict; its
    place in the queue stays empty, so that the others' inclusion probabilities stay true. One that
    was offered before keeps its random number, also where the key has changed since; it is drawn
    like the others, and the answer says whether it was selected before. What `keep` makes of the
    answer is committed with what is stored.

    Raises
    ------
    ContractError
        If no row keeps the contract, or the capacity is not in the plan's unit.
    Refusal
        If every row is a conflict or has lost its key.
    CapacityError
        If the plan's minimum audits do not fit the capacity.
    StoreError
        If it cannot be stored; nothing is then.
    """
    budget = budget_of(programme.plan, capacity=request.capacity, minutes=request.minutes)
    given, bad = read_rows(request.decisions, DECISIONS, programme.limits, now=now)
    decisions = pseudonymise(given, programme.pseudonym_key)
    earlier = look_back(decisions, store=programme.store, keys=programme.keys)
    decisions = decisions.drop(index=earlier.lost_rows)
    rejected = [*map(rejected_row, bad)]
    rejected += [rejected_row(value, Fault.LOST_KEY) for value in earlier.lost]
    if decisions.empty:
        raise none_taken(tuple(rejected))
    draw = _draw(programme, earlier, budget, now)
    records = programme.records.look_up(decisions, programme.ranker.record_settings)
    ranked = programme.ranker.rank(decisions, records, draw)

    def answered(added: Added) -> RankAnswer:
        conflicts = [rejected_row(value, Fault.CONFLICT) for value in added.refused]
        taken = list(_answers(ranked, earlier, decisions.index, {row.index for row in conflicts}))
        if not taken:
            raise none_taken((*rejected, *conflicts))
        return RankAnswer(
            request_id=request_id,
            model_version=programme.ranker.model_version,
            bundle_version=programme.ranker.bundle_version,
            plan_version=programme.plan.version,
            key_id=programme.keys.current.key_id,
            mode=Mode.ADMISSION if budget is None else Mode.BATCH,
            threshold=ranked.common_threshold,
            ranked=len(taken),
            selected=sum(row.selected for row in taken),
            decisions=taken,
            rejected=[*rejected, *conflicts],
        )

    selections = ranked.table.assign(request_id=request_id, selected_at=pd.Timestamp(now))
    stored = _without_content(decisions, programme)
    return settle(partial(programme.store.add_ranking, stored, selections), answered, keep)


def _draw(programme: Programme, earlier: Earlier, budget: float | None, now: datetime) -> Draw:
    """Return what the request is selected by; without a budget, the threshold of the hour."""
    plan = programme.plan
    if budget is not None:
        return Draw(plan, earlier.keys, capacity=budget)
    threshold = programme.thresholds.at(now, plan=plan, capacity=programme.capacity)
    return Draw(plan, earlier.keys, threshold=threshold)


def _without_content(decisions: pd.DataFrame, programme: Programme) -> pd.DataFrame:
    """Return what is stored of decisions: their content only where the programme keeps it."""
    content = [] if programme.keep_text else [c for c in CONTENT_COLUMNS if c in decisions]
    return decisions.drop(columns=content)


def _answers(
    ranked: Ranked, earlier: Earlier, index: pd.Index, conflicts: set[int | None]
) -> Iterator[RankedDecision]:
    rows = ranked.table.to_dict("records")
    for position, (row, values) in enumerate(zip(index, rows, strict=True)):
        if row not in conflicts:
            yield RankedDecision(
                index=int(row),
                decision_id=str(values["decision_id"]),
                key_id=str(values["key_id"]),
                already_selected=values["decision_id"] in earlier.selected,
                reasons=[
                    WhyRisky(why.feature, why.text, why.log_odds, why.share)
                    for why in ranked.reasons.get(position, [])
                ],
                **drawn(values),
            )
