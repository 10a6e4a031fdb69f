"""What goes over the wire: requests and answers, each as one closed structure.

The rows of a request come as plain objects and go through `features.contract.check`, the same door
as files: one contract, so ``x_*`` and ``group_*`` fields pass and any other unknown field is
refused. The envelope around the rows is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec

from features.columns import AnyTable
from features.errors import BadValue


class Role(StrEnum):
    """What a key may be used for."""

    QUEUE = "queue"
    AUDITOR = "auditor"
    VIEWER = "viewer"
    ADMIN = "admin"


class SelectedFor(StrEnum):
    """Why a decision is to be audited."""

    CERTAIN = "certain"
    RISK = "risk"
    RANDOM = "random"
    MINIMUM = "minimum"


class Mode(StrEnum):
    """How audits are selected: the best of a closed batch, or each decision on its own."""

    BATCH = "batch"
    ADMISSION = "admission"


class Fault(StrEnum):
    """Why a row was not taken."""

    CONTRACT = "contract"
    CONFLICT = "conflict"
    LOST_KEY = "lost_key"
    UNKNOWN_DECISION = "unknown_decision"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what may be asked; a field that is not known is refused."""


class RankRequest(Request, frozen=True, omit_defaults=True):
    """Decisions to rank, and how many of them can be audited.

    ``capacity`` (audits) or ``minutes`` (of audit work), as the plan counts, makes it a closed
    batch. With neither each decision is judged on its own against the threshold of the hour.
    """

    decisions: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    capacity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    minutes: Annotated[float, msgspec.Meta(gt=0, le=60_000_000)] | None = None


class OutcomesRequest(Request, frozen=True):
    """What audits found."""

    outcomes: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that was not taken: where, what was seen, and what was expected instead.

    ``index`` counts from 0 in the request; null where the field is wrong in every row.
    """

    index: int | None
    field: str
    seen: str
    expected: str
    fault: Fault


class Risk(msgspec.Struct, frozen=True):
    """Probability that an audit would overturn the decision, by direction."""

    over_enforcement: float
    under_enforcement: float
    wrong_selection: float


class WhyRisky(msgspec.Struct, frozen=True):
    """One reason for the risk: the feature, in words, its log-odds and share of the whole."""

    feature: str
    text: str
    log_odds: float
    share: float


class Drawn(msgspec.Struct, frozen=True):
    """How a decision stood in one draw; rank 1 is audited first.

    ``inclusion_probability`` is the chance that it could be audited, known exactly; send it back
    with the outcome. ``threshold`` is the priority that it had to pass.
    """

    risk: Risk
    overturn_probability: float
    expected_harm: float
    priority: float
    rank: int
    inclusion_probability: float
    threshold: float
    selected: bool
    reason: SelectedFor | None
    random_audit: bool


AnyDrawn = TypeVar("AnyDrawn", bound=Drawn)
_SELECTED_FOR = {"": None, **{reason.value: reason for reason in SelectedFor}}


class RankedDecision(Drawn, frozen=True):
    """One decision of the request; ``index`` is its position there, from 0.

    ``already_selected`` is true if an earlier offer selected it: it need not be audited twice.
    ``key_id`` names the key of its first offer, which drew its random number.
    """

    index: int
    decision_id: str
    key_id: str
    already_selected: bool
    reasons: list[WhyRisky]


class RankAnswer(msgspec.Struct, frozen=True):
    """The ranked decisions, in the order in which they came, stored before this was sent.

    ``threshold`` is the priority above which any of them was selected: the first one left out of a
    batch (0 where none was), or that of the hour. ``key_id`` names the key that draws for decisions
    offered for the first time.
    """

    request_id: str
    model_version: str
    bundle_version: str
    plan_version: str
    key_id: str
    mode: Mode
    threshold: float
    ranked: int
    selected: int
    decisions: list[RankedDecision]
    rejected: list[RejectedRow]


class OutcomesAnswer(msgspec.Struct, frozen=True):
    """What became of outcomes: ``accepted`` are new, ``unchanged`` were there already, alike."""

    request_id: str
    model_version: str
    plan_version: str
    accepted: int
    unchanged: int
    rejected: list[RejectedRow]


class ModelAnswer(msgspec.Struct, frozen=True):
    """The model that answers, and what its card says."""

    model_version: str
    bundle_version: str
    plan_version: str
    card: dict[str, Any]
    refused_update: str | None
    """Why a newer model or plan was not taken up; null where there is none."""


class PlanAnswer(msgspec.Struct, frozen=True):
    """The plan by which audits are selected."""

    model_version: str
    plan_version: str
    plan: dict[str, Any]


class Offer(Drawn, frozen=True):
    """One time at which a decision was ranked."""

    request_id: str
    selected_at: datetime
    model_version: str
    plan_version: str
    key_id: str


class DecisionAnswer(msgspec.Struct, frozen=True):
    """How often and how a decision was ranked; its inclusion probability is the largest."""

    decision_id: str
    selected: bool
    inclusion_probability: float | None
    offers: list[Offer]


class ProblemAnswer(msgspec.Struct, frozen=True):
    """Why a request was refused, as RFC 9457 has it (``application/problem+json``)."""

    title: str
    status: int
    detail: str
    request_id: str
    rejected: list[RejectedRow]


def drawn(kind: type[AnyDrawn], table: AnyTable, **fields: Iterable[Any]) -> list[AnyDrawn]:
    """Return the rows of a ranking, or of offers of the store, as they are answered.

    Parameters
    ----------
    kind
        `Drawn`, or what has more fields.
    fields
        Of each row, the fields that are not columns of the table.
    """
    names = kind.__struct_fields__
    columns = {name: table[name].tolist() for name in names if name in table}
    risks = zip(*(table[name].tolist() for name in Risk.__struct_fields__), strict=True)
    columns["risk"] = [Risk(*each) for each in risks]
    columns["reason"] = [_SELECTED_FOR[reason] for reason in columns["reason"]]
    columns |= fields
    return [kind(*each) for each in zip(*(columns[name] for name in names), strict=True)]


def rejected_row(bad: BadValue, fault: Fault = Fault.CONTRACT) -> RejectedRow:
    """Return a bad value as it is answered.

    Examples
    --------
    >>> rejected_row(BadValue(3, "policy", "null", "a name")).index
    3
    """
    index = bad.row if bad.row >= 0 else None
    return RejectedRow(index, str(bad.column), bad.seen, bad.expected, fault)
