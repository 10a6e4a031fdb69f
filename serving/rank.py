"""Ranking a batch over the wire: checked, ranked, stored, and only then answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

from features.contract import DECISIONS
from features.pseudonym import pseudonymise
from features.schema import CONTENT_COLUMNS
from serving.incoming import read_rows
from serving.payload import (
    Fault,
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


def rank(
    request: RankRequest, programme: Programme, *, request_id: str, now: datetime
) -> RankAnswer:
    """Rank the good rows of a request, store how each was selected, and answer.

    A decision with other content under an id that is already stored is rejected as a conflict; its
    place in the queue stays empty, so that the others' inclusion probabilities stay true.

    Raises
    ------
    ContractError
        If no row keeps the contract.
    Refusal
        If every row is a conflict.
    CapacityError
        If the plan's minimum audits do not fit the capacity.
    StoreError
        If it cannot be stored; nothing is then.
    """
    given, bad = read_rows(request.decisions, DECISIONS, programme.limits)
    decisions = pseudonymise(given, programme.pseudonym_key)
    draw = Draw(programme.plan, programme.sampling_key, request.capacity)
    records = programme.records.look_up(decisions, programme.ranker.record_settings)
    ranked = programme.ranker.rank(decisions, records, draw)
    conflicts = _store(decisions, ranked, programme, request_id=request_id, now=now)
    rejected = tuple(map(rejected_row, bad)) + conflicts
    taken = list(_answers(ranked, decisions.index, {row.index for row in conflicts}))
    if not taken:
        raise none_taken(rejected)
    return RankAnswer(
        request_id=request_id,
        model_version=programme.ranker.model_version,
        bundle_version=programme.ranker.bundle_version,
        plan_version=programme.plan.version,
        key_id=programme.sampling_key.key_id,
        ranked=len(taken),
        selected=sum(row.selected for row in taken),
        decisions=taken,
        rejected=list(rejected),
    )


def _store(
    decisions: pd.DataFrame, ranked: Ranked, programme: Programme, *, request_id: str, now: datetime
) -> tuple[RejectedRow, ...]:
    """Commit the batch; return the rows that the store refused."""
    content = [] if programme.keep_text else [c for c in CONTENT_COLUMNS if c in decisions]
    selections = ranked.table.assign(request_id=request_id, selected_at=pd.Timestamp(now))
    added = programme.store.add_ranking(decisions.drop(columns=content), selections)
    return tuple(rejected_row(value, Fault.CONFLICT) for value in added.refused)


def _answers(
    ranked: Ranked, index: pd.Index, conflicts: set[int | None]
) -> Iterator[RankedDecision]:
    rows = ranked.table.to_dict("records")
    for position, (row, values) in enumerate(zip(index, rows, strict=True)):
        if row not in conflicts:
            yield RankedDecision(
                index=int(row),
                decision_id=str(values["decision_id"]),
                reasons=[
                    WhyRisky(why.feature, why.text, why.log_odds, why.share)
                    for why in ranked.reasons.get(position, [])
                ],
                **drawn(values),
            )
