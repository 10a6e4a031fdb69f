"""Taking the outcomes of audits: each once, however often it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from features.contract import OUTCOMES
from features.errors import BadValue
from features.pseudonym import pseudonymise
from features.store import Added
from serving.idempotency import Keep, settle
from serving.incoming import read_rows
from serving.payload import Fault, OutcomesAnswer, OutcomesRequest, rejected_row
from serving.problem import none_taken
from serving.programme import Programme


def take_outcomes(
    request: OutcomesRequest,
    programme: Programme,
    *,
    request_id: str,
    now: datetime,
    keep: Keep[OutcomesAnswer] | None = None,
) -> OutcomesAnswer:
    """Store the good rows of a request and renew the track records by those that are new.

    The same outcome again changes nothing. One with other content under its ``audit_id``, or of a
    decision that the store does not hold, is rejected by row; the others are kept. What `keep`
    makes of the answer is committed with them.

    Raises
    ------
    ContractError
        If no row keeps the contract.
    Refusal
        If no row was taken: 409 where all are conflicts, else 422.
    StoreError
        If it cannot be stored; nothing is then.
    """
    given, bad = read_rows(request.outcomes, OUTCOMES, programme.limits, now=now)
    outcomes = pseudonymise(given, programme.pseudonym_key)
    return settle(
        partial(programme.records.add_outcomes, outcomes),
        lambda added: _answer(added, bad, programme, request_id),
        keep,
    )


def _answer(
    added: Added, bad: Sequence[BadValue], programme: Programme, request_id: str
) -> OutcomesAnswer:
    refused = [
        rejected_row(
            value, Fault.CONFLICT if value.column == "audit_id" else Fault.UNKNOWN_DECISION
        )
        for value in added.refused
    ]
    rejected = (*map(rejected_row, bad), *refused)
    if not added.ids and not added.unchanged:
        raise none_taken(rejected)
    return OutcomesAnswer(
        request_id=request_id,
        model_version=programme.ranker.model_version,
        plan_version=programme.plan.version,
        accepted=len(added.ids),
        unchanged=added.unchanged,
        rejected=list(rejected),
    )
