"""Taking the outcomes of audits: each once, however often it is sent."""

from __future__ import annotations

from features.contract import OUTCOMES
from features.pseudonym import pseudonymise
from serving.incoming import read_rows
from serving.payload import Fault, OutcomesAnswer, OutcomesRequest, rejected_row
from serving.problem import none_taken
from serving.programme import Programme


def take_outcomes(
    request: OutcomesRequest, programme: Programme, *, request_id: str
) -> OutcomesAnswer:
    """Store the good rows of a request and renew the track records by those that are new.

    The same outcome again changes nothing. One with other content under its ``audit_id``, or of a
    decision that the store does not hold, is rejected by row; the others are kept.

    Raises
    ------
    ContractError
        If no row keeps the contract.
    Refusal
        If no row was taken: 409 where all are conflicts, else 422.
    StoreError
        If it cannot be stored; nothing is then.
    """
    given, bad = read_rows(request.outcomes, OUTCOMES, programme.limits)
    outcomes = pseudonymise(given, programme.pseudonym_key)
    added = programme.records.add_outcomes(outcomes)
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
