"""What goes over the wire about shifts and exposure; see `serving.payload`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from features.assignments import Kind
from models.assignment.unplaced import Constraint
from serving.payload import RejectedRow, Request

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\0]*$")]
MOST_PEOPLE = 2_000
LONGEST_SOLVE_S = 40.0


class AssignRequest(Request, frozen=True, omit_defaults=True):
    """Who is on shift.

    ``people`` have the fields of a person; ``starts_at`` is the start of the shift (default: now),
    ``time_limit_s`` for how long to look for a better assignment. The open assignments of those in
    ``gone``, auditor ids too, go back first and are assigned anew.
    """

    people: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST_PEOPLE)]
    starts_at: datetime | None = None
    time_limit_s: Annotated[float, msgspec.Meta(ge=0.1, le=LONGEST_SOLVE_S)] = 10.0
    gone: Annotated[list[Id], msgspec.Meta(max_length=MOST_PEOPLE)] = []


class AssignedAudit(msgspec.Struct, frozen=True):
    """One audit of a shift.

    ``kind`` is the ``source`` that its outcome is to be sent with, and must not be shown to the
    auditor: a review is blind. ``inclusion_probability`` is to be sent back with a review; of an
    audit it is null, as the store knows it. ``starts_at`` and ``start_minute``, from the start of
    the shift, are the plan; ``break_before_minutes`` is the rest before it. ``late`` says that it
    would end after ``due_at``; ``new`` that this call assigned it, and not an earlier one.
    """

    assignment_id: str
    decision_id: str
    kind: Kind
    policy: str
    language: str | None
    graphic_level: int
    starts_at: datetime
    start_minute: float
    minutes: float
    break_before_minutes: float
    due_at: datetime | None
    late: bool
    new: bool
    inclusion_probability: float | None


class ExposureLeft(msgspec.Struct, frozen=True):
    """Graphic minutes and items of a person and day: finished or assigned, and left of the caps."""

    used_minutes: float
    used_items: int
    left_minutes: float
    left_items: int


class PersonsShift(msgspec.Struct, frozen=True):
    """What one person has to do today, in order; ``index`` is their place in the request.

    ``exposure`` is null for callers who may not see that of individuals.
    """

    index: int
    auditor_id: str
    assignments: list[AssignedAudit]
    exposure: ExposureLeft | None


class WaitingAudit(msgspec.Struct, frozen=True):
    """An audit that nobody on shift was given: what stopped it, and what would free it."""

    decision_id: str
    kind: Kind
    constraint: Constraint
    freed_by: str
    overdue: bool


class AssignAnswer(msgspec.Struct, frozen=True):
    """Who audits what, stored before this was sent.

    ``assigned`` ones are new, golden items among them; ``returned`` ones went back from earlier
    shifts or people who have gone. ``waiting`` counts all that wait, ``waiting_by`` says what
    stopped them, ``unplaced`` names the first of them. ``share_of_bound`` is the worth of what was
    placed over what no assignment could exceed; ``solved`` is false where the time limit came
    first.
    """

    request_id: str
    model_version: str
    plan_version: str
    day: date
    starts_at: datetime
    assigned: int
    returned: int
    waiting: int
    overdue: int
    share_of_bound: float
    solved: bool
    people: list[PersonsShift]
    waiting_by: dict[str, int]
    unplaced: list[WaitingAudit]
    rejected: list[RejectedRow]


class PersonsDay(msgspec.Struct, frozen=True):
    """What one person had on a day, and has still to come.

    ``minutes`` and ``items`` by graphic level, 0 to 3, finished and open together; ``open_minutes``
    are to come. ``graphic_minutes`` and ``graphic_items`` are those that the caps count.
    """

    day: date
    minutes: list[float]
    items: list[int]
    open_minutes: float
    graphic_minutes: float
    graphic_items: int
    left_minutes: float
    left_items: int


class PersonsExposure(msgspec.Struct, frozen=True):
    """The days of one person, who is named as outcomes of the store name them."""

    auditor_id: str
    days: list[PersonsDay]


class Spread(msgspec.Struct, frozen=True):
    """How much a person of the day had: the median, the ninth decile, and the highest."""

    median: float
    ninth_decile: float
    highest: float


class DaysExposure(msgspec.Struct, frozen=True):
    """The graphic exposure of one day over people, without a name.

    ``over_minutes`` and ``over_items`` count people over the cap of the day. The spreads are null
    where so few people had an audit that they would show persons.
    """

    day: date
    people: int
    graphic_people: int
    minutes: float
    items: int
    over_minutes: int
    over_items: int
    minutes_of_people: Spread | None
    items_of_people: Spread | None


class Caps(msgspec.Struct, frozen=True):
    """What limits a person's day."""

    graphic_from: int
    graphic_minutes_a_day: float
    graphic_items_a_day: int


class ExposureAnswer(msgspec.Struct, frozen=True):
    """Exposure from one day to another, both included, as far as the caller may see it.

    ``own`` is that of the person whose key it is; ``days`` are over all people; ``individuals``
    are for the role that may see them. What the caller may not see is null.
    """

    since: date
    until: date
    caps: Caps
    own: list[PersonsDay] | None
    days: list[DaysExposure] | None
    individuals: list[PersonsExposure] | None
