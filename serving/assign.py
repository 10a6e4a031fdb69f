"""Assigning the audits that wait to the people on shift: looked at, solved, stored, then answered.

The solving takes seconds and holds nobody up. What it was made of is looked at again under a lock,
in the transaction that stores it; where somebody else assigned meanwhile it is made anew, at last
under the lock itself. So caps hold over calls, workers and replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pandas as pd
import sqlalchemy as sa

from features.answers import keep_answer
from features.assignments import (
    Assigned,
    Kind,
    State,
    add_assignments,
    day_of,
    lock_assignments,
    read_assignments,
    return_unfinished,
)
from features.errors import ContractError
from features.exposure import Reckoning
from features.policies import Policies
from features.pseudonym import pseudonym
from features.shift import OnShift, read_people
from features.store import Store
from features.unassigned import taken
from features.wellbeing import Wellbeing
from models.assignment.assign import Assignment, assign
from models.sampling_key import SamplingKey
from serving.golden_mix import GoldenSet, items_for, mix_golden, read_golden
from serving.idempotency import Keep
from serving.shift_answer import Made, Solved, answer_of
from serving.shift_payload import AssignAnswer, AssignRequest
from serving.shift_state import Place, ShiftState, place_of, read_state
from serving.work_list import WorkList, oldest, read_work, rules_of, usual_minutes
from serving.workplace import Workplace

_ATTEMPTS = 3
_LONGEST_UNDER_LOCK_S = 5.0
"""Other writers give up after ten seconds."""
_EARLIEST, _LATEST = timedelta(days=1), timedelta(days=8)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: who is there, when, and by which rules."""

    request_id: str
    people: OnShift
    gone: tuple[str, ...]
    starts_at: datetime
    now: datetime
    time_limit_s: float
    limits: Wellbeing
    policies: Policies
    reviews: pd.DataFrame
    golden_key: SamplingKey | None
    panel: pd.DataFrame | None

    @property
    def day(self) -> date:
        """Return the day whose caps the shift counts against."""
        return day_of(self.starts_at)

    @property
    def auditors(self) -> list[str]:
        """Return the ids of the people, as outcomes have them."""
        return [person.auditor_id for person in self.people.people]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the store held when it was looked at: how people stand, and what waits."""

    reckoning: Reckoning
    state: ShiftState
    places: tuple[Place, ...]
    waiting: WorkList
    golden: GoldenSet


def read_request(given: Mapping[str, Any]) -> AssignRequest:
    """Return what a file says of a shift as a request.

    Raises
    ------
    ContractError
        If a field is not known, missing, or of another kind.

    Examples
    --------
    >>> read_request({"people": [{"auditor_id": "ana", "hours": 6}]}).time_limit_s
    10.0
    >>> read_request({"people": []})
    Traceback (most recent call last):
    features.errors.ContractError: shift: 1 value breaks the contract.
      column 'people': saw []; expected array of length >= 1
    """
    try:
        return msgspec.convert(given, AssignRequest)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `$")
        field = place.strip("`.").partition(".")[0].partition("[")[0] or "shift"
        seen = "null" if given.get(field) is None else repr(given[field])[:60]
        expected = told.removeprefix("Expected ").replace("`", "")
        raise ContractError.of("shift", -1, field, seen=seen, expected=expected) from error


def assign_audits(
    request: AssignRequest,
    workplace: Workplace,
    *,
    request_id: str,
    now: datetime,
    keep: Keep[AssignAnswer] | None = None,
    with_exposure: bool = False,
) -> AssignAnswer:
    """Assign what waits to the people on shift, store it, and answer.

    What was assigned in an earlier shift and is not done goes back first. A call again gives what
    is not assigned yet, beside what its people have open.

    Parameters
    ----------
    keep
        What it makes of the answer is committed with the assignments.
    with_exposure
        Whether the answer tells the exposure of individuals.

    Raises
    ------
    ContractError
        If nobody on shift keeps the contract, or the shift starts too far from now.
    StoreError
        If it cannot be stored; nothing is then.
    """
    call = _call(request, workplace, request_id=request_id, now=now)

    def answered(connection: sa.Connection, made: Made) -> AssignAnswer:
        answer = answer_of(made, with_exposure=with_exposure)
        answer = msgspec.structs.replace(
            answer, model_version=workplace.model_version, plan_version=workplace.plan_version
        )
        if keep is not None:
            keep_answer(connection, keep(answer))
        return answer

    return _settle(call, workplace.store, answered)


def _settle(
    call: _Call, store: Store, answered: Callable[[sa.Connection, Made], AssignAnswer]
) -> AssignAnswer:
    """Assign beside others who do: look, solve, and store if nobody was quicker."""
    with store.transaction() as connection:
        lock_assignments(connection)
        returned = return_unfinished(connection, now=call.now, day=call.day, gone=call.gone)
    for _ in range(_ATTEMPTS):
        with store.transaction() as connection:
            seen = _look(connection, call)
        solved = _solve(seen, call, call.time_limit_s)
        with store.transaction() as connection:
            lock_assignments(connection)
            if _still_holds(connection, call, solved, reckoning=seen.reckoning):
                return answered(connection, _stored(connection, call, solved, returned=returned))
    with store.transaction() as connection:
        lock_assignments(connection)
        limit_s = min(call.time_limit_s, _LONGEST_UNDER_LOCK_S)
        solved = _solve(_look(connection, call), call, limit_s)
        return answered(connection, _stored(connection, call, solved, returned=returned))


def _call(request: AssignRequest, workplace: Workplace, *, request_id: str, now: datetime) -> _Call:
    """Return what a request asks for, read and checked."""
    key, limits = workplace.pseudonym_key, workplace.rulebook.limits()
    starts_at = request.starts_at or now
    if starts_at.tzinfo is None:
        starts_at = starts_at.replace(tzinfo=UTC)
    if not now - _EARLIEST <= starts_at <= now + _LATEST:
        expected = f"from {now - _EARLIEST:%Y-%m-%d %H:%M} to {now + _LATEST:%Y-%m-%d %H:%M} UTC"
        seen = f"{starts_at:%Y-%m-%d %H:%M}"
        raise ContractError.of("shift", -1, "starts_at", seen=seen, expected=expected)
    return _Call(
        request_id=request_id,
        people=read_people(request.people, limits, key=key),
        gone=tuple(name if key is None else pseudonym(name, key) for name in request.gone),
        starts_at=starts_at.astimezone(UTC),
        now=now,
        time_limit_s=request.time_limit_s,
        limits=limits,
        policies=workplace.rulebook.policies(),
        reviews=workplace.rulebook.reviews_due(oldest(limits, now)),
        golden_key=workplace.rulebook.golden_key(),
        panel=workplace.rulebook.panel(),
    )


def _look(connection: sa.Connection, call: _Call) -> _Seen:
    reckoning = Reckoning(call.policies, usual_minutes(connection, call.limits, call.now))
    state = read_state(connection, call.auditors, call.day, limits=call.limits, reckoning=reckoning)
    places = tuple(
        place_of(person, state, starts_at=call.starts_at, now=call.now, limits=call.limits)
        for person in call.people.people
    )
    waiting = read_work(
        connection,
        reviews=call.reviews,
        limits=call.limits,
        reckoning=reckoning,
        now=call.now,
    )
    golden = read_golden(
        connection,
        call.golden_key,
        panel=call.panel,
        limits=call.limits,
        reckoning=reckoning,
        now=call.now,
    )
    return _Seen(reckoning, state, places, waiting, golden.beside(state.assigned))


def _solve(seen: _Seen, call: _Call, time_limit_s: float) -> Solved:
    begins = max(call.starts_at, call.now)
    kept = 1 - seen.golden.reserved
    auditors = [replace(p.auditor, minutes=p.auditor.minutes * kept) for p in seen.places]
    tried = seen.waiting.within(sum(auditor.minutes for auditor in auditors), begins)
    found = assign(
        tried.work(begins),
        auditors,
        rules_of(call.limits),
        time_limit_s=time_limit_s,
    )
    return Solved(
        seen.state,
        seen.places,
        waiting=seen.waiting,
        tried=tried,
        found=found,
        new=tuple(_given(call, seen, tried, found)),
    )


def _still_holds(
    connection: sa.Connection, call: _Call, solved: Solved, *, reckoning: Reckoning
) -> bool:
    """Whether nobody took what was placed, or the room that it was placed in."""
    placed = solved.tried.table[solved.found.person >= 0]
    is_review = placed["kind"] == Kind.REVIEW
    gone = taken(
        connection,
        placed.loc[~is_review, "decision_id"],
        placed.loc[is_review, "decision_id"],
    )
    if gone:
        return False
    later = read_state(connection, call.auditors, call.day, limits=call.limits, reckoning=reckoning)
    return solved.state.holds_for(later)


def _stored(connection: sa.Connection, call: _Call, solved: Solved, *, returned: int) -> Made:
    """Store what was placed, and return it with all that its people have open."""
    add_assignments(connection, solved.new)
    mine = read_assignments(connection, since=call.day, until=call.day, auditors=call.auditors)
    return Made(
        request_id=call.request_id,
        people=call.people,
        day=call.day,
        starts_at=call.starts_at,
        now=call.now,
        limits=call.limits,
        solved=solved,
        open=mine[mine["state"] == State.OPEN],
        returned=returned,
    )


def _given(call: _Call, seen: _Seen, tried: WorkList, found: Assignment) -> Iterator[Assigned]:
    """Yield what each person is given, golden items among it."""
    rules = rules_of(call.limits)
    items = items_for(seen.golden, seen.places, rules=rules)
    for place, dealt, theirs in zip(seen.places, found.shifts, items, strict=True):
        mine = tried.table.iloc[[turn.row for turn in dealt.turns]].reset_index(drop=True)
        table, shift = mix_golden(
            mine,
            dealt,
            place=place,
            golden=seen.golden,
            items=theirs,
            rules=rules,
            day=call.day,
        )
        rows = table.to_dict("records")
        for turn in shift.turns:
            row = rows[turn.row]
            chance = row["inclusion_probability"]
            yield Assigned(
                assignment_id=uuid4().hex,
                request_id=call.request_id,
                decision_id=row["decision_id"],
                kind=row["kind"],
                audit_id=row["audit_id"],
                auditor_id=place.auditor.auditor_id,
                shift_day=call.day,
                assigned_at=call.now,
                starts_at=place.begins + timedelta(minutes=turn.starts),
                shift_ends_at=place.shift_ends,
                minutes=float(row["minutes"]),
                graphic_level=int(row["level"]),
                due_at=row["due_at"].to_pydatetime(),
                value=float(row["value"]),
                inclusion_probability=None if pd.isna(chance) else float(chance),
            )
