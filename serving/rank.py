"""Ranking a batch over the wire: checked, ranked, stored, and only then answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np

from features.errors import BadValue
from features.pseudonym import pseudonymise
from features.rows import microseconds
from features.schema import CONTENT_COLUMNS
from features.store import Added
from serving.budget import budget_of
from serving.idempotency import Keep, settle
from serving.incoming import read_decisions
from serving.payload import (
    Fault,
    Mode,
    RankAnswer,
    RankedDecision,
    RankRequest,
    RejectedRow,
    WhyRisky,
    drawn,
    rejected_row,
)
from serving.problem import none_taken
from serving.programme import Programme
from serving.ranker import Draw, Ranked
from serving.sampling_keys import Earlier, look_back
from serving.shadow import Seen


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
    came = read_decisions(request.decisions, programme.limits, now=now)
    decisions = pseudonymise(came.decisions, programme.pseudonym_key)
    earlier = look_back(decisions, store=programme.store, keys=programme.keys)
    rejected = [*map(rejected_row, came.bad), *_rejected(earlier.lost, came.rows, Fault.LOST_KEY)]
    rows = came.rows
    if earlier.lost:
        kept = np.setdiff1d(np.arange(len(decisions)), earlier.lost_rows)
        decisions, rows = decisions.take(kept), rows[kept]
    if decisions.empty:
        raise none_taken(tuple(rejected))
    draw = _draw(programme, earlier, budget, now)
    records = programme.records.look_up(decisions, programme.ranker.record_settings)
    ranked = programme.ranker.rank(decisions, records, draw)

    def answered(added: Added) -> RankAnswer:
        conflicts = _rejected(added.refused, rows, Fault.CONFLICT)
        refused = {row.index for row in conflicts}
        taken = [row for row in _answers(ranked, earlier, rows) if row.index not in refused]
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

    selections = ranked.table.assign(request_id=request_id, selected_at=microseconds(now))
    stored = decisions if programme.keep_text else decisions.without(*CONTENT_COLUMNS)
    add = partial(programme.store.add_ranking, stored, selections, none_stored=earlier.none_stored)
    answer = settle(add, answered, keep)
    programme.shadow.offer(Seen(request_id, decisions, records, programme.ranker.record_settings))
    return answer


def _draw(programme: Programme, earlier: Earlier, budget: float | None, now: datetime) -> Draw:
    """Return what the request is selected by; without a budget, the threshold of the hour."""
    plan = programme.plan
    if budget is not None:
        return Draw(plan, earlier.keys, capacity=budget)
    threshold = programme.thresholds.at(now, plan=plan, capacity=programme.capacity)
    return Draw(plan, earlier.keys, threshold=threshold)


def _rejected(bad: Iterable[BadValue], rows: np.ndarray, fault: Fault) -> list[RejectedRow]:
    """Return values that are bad by their position among the good rows as they are answered."""
    return [rejected_row(replace(value, row=int(rows[value.row])), fault) for value in bad]


def _answers(ranked: Ranked, earlier: Earlier, rows: np.ndarray) -> list[RankedDecision]:
    told = {
        place: [WhyRisky(why.feature, why.text, why.log_odds, why.share) for why in reasons]
        for place, reasons in ranked.reasons.items()
    }
    return drawn(
        RankedDecision,
        ranked.table,
        index=rows.tolist(),
        already_selected=[each in earlier.selected for each in ranked.table["decision_id"]],
        reasons=[told.get(place, []) for place in range(len(rows))],
    )
