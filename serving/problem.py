"""Refusals: every failure as a status, and a body that says what was seen and how to mend it.

======  ==========================================================================================
400     the body cannot be read as what it is said to be, or the idempotency key cannot be used
401     no key, or one that is not valid
403     a key without the role
404     no such route, report or decision
405     the route has other methods
408     the body did not arrive in time
409     other content under an id that is already used, in every row; the same request is in work
413     the body is too long
415     the body is not of a content type that is taken
422     a field or value breaks the contract, and no row is left to answer for
429     too many calls wait already
500     a fault of ours, logged under the request id
503     the store or the model is not there; try again after ``Retry-After`` seconds
504     the answer took too long; the same request again is safe
======  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from starlette.exceptions import HTTPException

from features.errors import (
    BundleError,
    CapacityError,
    ContractError,
    HomeError,
    SecondLookError,
    ServiceError,
    SettingsError,
    StoreError,
)
from serving.access import UnknownKeyError, WrongRoleError
from serving.payload import Fault, ProblemAnswer, RejectedRow, rejected_row

RETRY_AFTER_S = 5
MEDIA_TYPE = "application/problem+json"
_NOT_NOW = "The store or the model cannot be used at the moment; the log says why."
TITLES = {
    400: "The request cannot be read",
    401: "An access key is needed",
    403: "This access key may not do that",
    404: "Not found",
    405: "This route has other methods",
    408: "The body did not arrive in time",
    409: "Already used, or still in work",
    413: "The body is too long",
    415: "The content type is not taken",
    422: "The request breaks the contract",
    429: "Too many calls are waiting",
    500: "A fault of the service",
    503: "Not available at the moment",
    504: "The answer took too long",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was refused.

    Attributes
    ----------
    status
        HTTP status, one of those above.
    detail
        What was seen, what was expected, and the mend.
    rejected
        The rows or fields at fault.
    headers
        Headers that the status asks for.
    """

    status: int
    detail: str
    rejected: tuple[RejectedRow, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(ServiceError):
    """A request that is answered with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def refuse(status: int, detail: str, **headers: str) -> Refusal:
    """Return a refusal; keyword arguments are headers, ``_`` for ``-``.

    Examples
    --------
    >>> refuse(429, "64 calls wait", Retry_After="1").problem.headers
    {'Retry-After': '1'}
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refusal(Problem(status, detail, headers=named))


def problem_of(error: Exception) -> Problem:
    """Return what a failure is answered with; one that nobody foresaw is a 500.

    Examples
    --------
    >>> problem_of(StoreError("store: disk full")).status
    503
    >>> problem_of(ZeroDivisionError("secret")).detail
    'The service met a fault of its own; it was logged under the request id.'
    """
    match error:
        case Refusal():
            return error.problem
        case UnknownKeyError():
            realm = 'Bearer realm="Second Look"'
            return Problem(401, str(error), headers={"WWW-Authenticate": realm})
        case WrongRoleError():
            scope = 'Bearer realm="Second Look", error="insufficient_scope"'
            return Problem(403, str(error), headers={"WWW-Authenticate": scope})
        case ContractError():
            return Problem(422, str(error), tuple(map(rejected_row, error.bad_values)))
        case CapacityError() | SettingsError():
            return Problem(422, str(error))
        case StoreError() | BundleError() | HomeError() | ServiceError():
            return Problem(503, _NOT_NOW, headers={"Retry-After": str(RETRY_AFTER_S)})
        case HTTPException():
            return Problem(error.status_code, error.detail, headers=error.headers or {})
        case SecondLookError():
            return Problem(422, str(error))
        case _:
            fault = "The service met a fault of its own; it was logged under the request id."
            return Problem(500, fault)


def problem_body(problem: Problem, request_id: str) -> bytes:
    """Return the body of a refusal."""
    title = TITLES.get(problem.status, "Refused")
    rows = list(problem.rejected)
    return msgspec.json.encode(
        ProblemAnswer(title, problem.status, problem.detail, request_id, rows)
    )


def none_taken(rejected: tuple[RejectedRow, ...]) -> Refusal:
    """Return the refusal of a request of which no row was good.

    409 where every row has other content under a used id, else 422.
    """
    conflict = all(row.fault is Fault.CONFLICT for row in rejected)
    detail = (
        "Every row has other content under an id that is already used; use new ids."
        if conflict
        else "No row could be taken; each is named with what was seen and expected."
    )
    return Refusal(Problem(409 if conflict else 422, detail, rejected))
