"""Assigning over the wire: who gets what, that caps hold, and that nobody else's day is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.assignments import Kind, read_assignments
from features.errors import ContractError
from features.exposure import Reckoning, graphic, read_ledger
from features.policies import Policies, Policy
from features.pseudonym import pseudonym
from features.store import Store, open_store
from features.wellbeing import Wellbeing
from serving.access import create_key
from serving.app import build_app
from serving.assign import assign_audits
from serving.gate import Gate
from serving.payload import Role
from serving.programme import Programme
from serving.rulebook import Rulebook
from serving.settings import ServiceSettings
from serving.shift_payload import AssignAnswer, AssignRequest, PersonsShift
from serving.standing import Standing
from serving.visit import Front
from serving.work_list import usual_minutes
from serving.worker import open_front
from serving.workplace import Workplace
from tests.conftest import DATABASES, empty_store_on
from tests.features.assigned import add_decisions, finish, select
from tests.serving.conftest import Caller, StaticPublication
from tests.serving.small_home import SmallHome

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY = b"p" * 32
LIMITS = Wellbeing(graphic_minutes_a_day=30.0, graphic_items_a_day=5, due_hours={"default": 72.0})
GORE = Policies(by_name={"gore": Policy(graphic_level=3)})
ANA = {"auditor_id": "ana", "minutes": 240}
BEN = {"auditor_id": "ben", "minutes": 240}


@pytest.fixture(params=DATABASES)
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    for store in empty_store_on(request.param, tmp_path):
        yield Workplace(store, Rulebook(lambda: LIMITS, lambda: GORE), KEY, "1", "plan")


def fill(store: Store, count: int, *, policy: str = "spam", **columns: Any) -> list[str]:
    """Store selected decisions."""
    ids = [f"{policy}-{number}" for number in range(count)]
    add_decisions(store, *ids, policy=policy, **columns)
    select(store, *ids)
    return ids


def ask(
    workplace: Workplace, *people: dict[str, Any], now: datetime = NOW, **fields: Any
) -> AssignAnswer:
    request = AssignRequest(list(people), **{"starts_at": NOW, "time_limit_s": 2.0, **fields})
    return assign_audits(request, workplace, request_id=f"r-{now}", now=now, with_exposure=True)


def ids(person: PersonsShift, *, new: bool | None = None) -> list[str]:
    return [a.decision_id for a in person.assignments if new is None or a.new is new]


def exposure(store: Store, auditor: str) -> tuple[float, int]:
    """Return graphic minutes and items of a person today."""
    with store.transaction() as connection:
        reckoning = Reckoning(GORE, usual_minutes(connection, LIMITS, NOW))
        day = NOW.date()
        table = read_ledger(connection, since=day, until=day, reckoning=reckoning)
    mine = graphic(table, LIMITS)
    mine = mine[mine["auditor_id"] == pseudonym(auditor, KEY)]
    return float(mine["minutes"].sum()), int(mine["items"].sum())


def test_what_was_selected_goes_to_people_in_order(workplace: Workplace) -> None:
    given = fill(workplace.store, 6)
    answer = ask(workplace, ANA, BEN)
    assert sorted(ids(answer.people[0]) + ids(answer.people[1])) == sorted(given)
    assert (answer.assigned, answer.waiting, answer.returned) == (6, 0, 0)
    assert answer.share_of_bound == pytest.approx(1.0, abs=0.02)
    for person in answer.people:
        starts = [audit.start_minute for audit in person.assignments]
        assert starts == sorted(starts)
        assert all(audit.minutes == 5.0 for audit in person.assignments)
        assert all(audit.kind is Kind.AUDIT for audit in person.assignments)
    assert (answer.model_version, answer.plan_version) == ("1", "plan")


def test_people_are_stored_under_pseudonyms_and_answered_as_they_came(
    workplace: Workplace,
) -> None:
    fill(workplace.store, 2)
    answer = ask(workplace, ANA)
    assert answer.people[0].auditor_id == "ana"
    with workplace.store.transaction() as connection:
        stored = read_assignments(connection)
    assert set(stored["auditor_id"]) == {pseudonym("ana", KEY)}


def test_a_call_again_gives_only_what_is_not_assigned_yet(workplace: Workplace) -> None:
    first = fill(workplace.store, 3)
    assert sorted(ids(ask(workplace, ANA).people[0], new=True)) == first
    later = fill(workplace.store, 2, policy="scams")
    answer = ask(workplace, ANA)
    assert sorted(ids(answer.people[0], new=True)) == later
    assert sorted(ids(answer.people[0])) == sorted(first + later)
    assert answer.assigned == 2
    assert ask(workplace, ANA, BEN).assigned == 0


def test_a_later_call_plans_after_what_is_open_and_never_over_the_shift(
    workplace: Workplace,
) -> None:
    fill(workplace.store, 10)
    short = {"auditor_id": "ana", "minutes": 60}
    assert ask(workplace, short).assigned == 10  # of five minutes each
    fill(workplace.store, 10, policy="scams")
    answer = ask(workplace, short)
    assert answer.assigned == 2
    ends = [a.start_minute + a.minutes for a in answer.people[0].assignments]
    starts = [a.start_minute for a in answer.people[0].assignments][1:]
    assert all(end <= start + 1e-6 for end, start in zip(ends, starts, strict=False))
    assert max(ends) <= 60
    assert answer.waiting_by == {"hours of the shift": 8}


def test_minutes_need_not_be_whole(workplace: Workplace) -> None:
    limits = Wellbeing(untimed_minutes=10 / 3 + 1e-9)
    workplace = replace(workplace, rulebook=Rulebook(lambda: limits, lambda: GORE))
    fill(workplace.store, 3)
    ask(workplace, ANA)
    fill(workplace.store, 2, policy="scams")
    later = ask(workplace, ANA).people[0].assignments
    assert [audit.start_minute for audit in later][3] == pytest.approx(10.0, abs=0.001)


def test_work_begins_now_where_the_shift_began_before(workplace: Workplace) -> None:
    fill(workplace.store, 3)
    answer = ask(workplace, ANA, now=NOW + timedelta(minutes=200))
    assert [a.start_minute for a in answer.people[0].assignments] == [200.0, 205.0, 210.0]
    over = ask(workplace, BEN, now=NOW + timedelta(minutes=250))
    assert over.people[0].assignments == []


def test_the_caps_of_a_day_hold_over_calls(workplace: Workplace) -> None:
    fill(workplace.store, 20, policy="gore")
    for _ in range(3):
        ask(workplace, ANA, BEN)
    for name in ("ana", "ben"):
        minutes, items = exposure(workplace.store, name)
        assert minutes <= LIMITS.graphic_minutes_a_day
        assert items == LIMITS.graphic_items_a_day
    answer = ask(workplace, ANA, BEN)
    assert set(answer.waiting_by) <= {"graphic items a day", "graphic minutes a day"}
    assert answer.waiting == 10
    assert answer.people[0].exposure is not None
    assert answer.people[0].exposure.left_items == 0


def test_what_was_audited_beside_the_assignments_counts_too(workplace: Workplace) -> None:
    store = workplace.store
    fill(store, 5, policy="gore")
    for number in range(LIMITS.graphic_items_a_day - 2):
        add_decisions(store, f"own {number}", policy="gore")
        finish(store, f"own {number}", auditor_id=pseudonym("ana", KEY), minutes=5.0)
    assert len(ask(workplace, ANA).people[0].assignments) == 2
    assert exposure(store, "ana") == (25.0, 5)


def test_a_persons_own_lower_caps_hold(workplace: Workplace) -> None:
    fill(workplace.store, 8, policy="gore")
    answer = ask(workplace, ANA | {"graphic_items": 2}, BEN | {"opted_out": ["gore"]})
    assert [len(person.assignments) for person in answer.people] == [2, 0]


def test_no_hour_holds_more_graphic_minutes_than_its_cap_over_calls(workplace: Workplace) -> None:
    limits = Wellbeing(graphic_minutes_an_hour=15.0, most_in_a_row=1_000)
    workplace = replace(workplace, rulebook=Rulebook(lambda: limits, lambda: GORE))
    for number in range(4):
        given = fill(workplace.store, 2, policy=f"gore-{number}", graphic_level=3)
        assert len(given) == 2
        ask(workplace, ANA)
    with workplace.store.transaction() as connection:
        table = read_assignments(connection)
    assert len(table) == 8
    minute = (table["starts_at"] - pd.Timestamp(NOW)) / pd.Timedelta(minutes=1)
    by_hour = table["minutes"].groupby(minute // 60).sum()
    assert by_hour.max() <= 15.0 + 1e-6


def test_no_hour_holds_more_graphic_items_than_its_cap(workplace: Workplace) -> None:
    limits = Wellbeing(graphic_items_an_hour=2, most_in_a_row=1_000, untimed_minutes=1.0)
    workplace = replace(workplace, rulebook=Rulebook(lambda: limits, lambda: GORE))
    fill(workplace.store, 30, policy="gore")
    fill(workplace.store, 10)
    answer = ask(workplace, ANA)
    begun = [a.start_minute // 60 for a in answer.people[0].assignments if a.graphic_level]
    assert len(begun) == 8
    assert max(begun.count(hour) for hour in begun) == 2


def test_nobody_audits_their_own_decisions_or_those_of_their_team(workplace: Workplace) -> None:
    fill(workplace.store, 2, moderator_id=pseudonym("ana", KEY))
    fill(workplace.store, 2, policy="scams", moderator_team="t")
    answer = ask(workplace, ANA, BEN | {"team": "t"})
    assert sorted(ids(answer.people[0])) == ["scams-0", "scams-1"]
    assert sorted(ids(answer.people[1])) == ["spam-0", "spam-1"]


def test_a_second_review_goes_to_somebody_else_with_its_chance(workplace: Workplace) -> None:
    store = workplace.store
    add_decisions(store, "d")
    select(store, "d")
    finish(store, "d", auditor_id=pseudonym("ana", KEY), verdict="over_enforcement")
    due = pd.DataFrame(
        {"decision_id": ["d"], "audit_id": ["audit of d"], "inclusion_probability": [0.5]}
    )
    reviewing = replace(
        workplace, rulebook=replace(workplace.rulebook, reviews_due=lambda since: due)
    )
    answer = ask(reviewing, ANA)
    assert answer.assigned == 0
    [waiting] = answer.unplaced
    assert (waiting.kind, waiting.decision_id) == (Kind.REVIEW, "d")
    assert "own" in waiting.constraint
    fill(store, 2)
    answer = ask(reviewing, ANA, BEN)
    every = [audit for person in answer.people for audit in person.assignments]
    [review] = [audit for audit in every if audit.kind is Kind.REVIEW]
    assert review in answer.people[1].assignments
    assert review.inclusion_probability == 0.5
    assert [audit.inclusion_probability for audit in every if audit is not review] == [None] * 2
    assert ask(reviewing, ANA, BEN).assigned == 0


def test_the_review_of_a_settled_audit_goes_to_nobody_of_the_dispute(workplace: Workplace) -> None:
    store = workplace.store
    add_decisions(store, "d")
    select(store, "d")
    finish(store, "d", auditor_id=pseudonym("ana", KEY), verdict="over_enforcement")
    settled = {"audit_id": "audit of d/settled", "supersedes": "audit of d"}
    finish(store, "d", auditor_id=pseudonym("ben", KEY), **settled)
    due = pd.DataFrame(
        {"decision_id": ["d"], "audit_id": [settled["audit_id"]], "inclusion_probability": [0.5]}
    )
    reviewing = replace(
        workplace, rulebook=replace(workplace.rulebook, reviews_due=lambda since: due)
    )
    assert ask(reviewing, ANA, BEN).assigned == 0
    answer = ask(reviewing, ANA, BEN, BEN | {"auditor_id": "cleo"})
    assert [len(person.assignments) for person in answer.people] == [0, 0, 1]


def test_what_nobody_can_do_is_named_with_what_would_free_it(workplace: Workplace) -> None:
    fill(workplace.store, 2, language="ja")
    answer = ask(workplace, ANA | {"languages": ["de"]})
    assert answer.waiting_by == {"language": 2}
    assert answer.unplaced[0].freed_by == "put somebody on shift who audits ja"
    assert not answer.unplaced[0].overdue


def test_what_is_overdue_is_counted_and_comes_first(workplace: Workplace) -> None:
    limits = Wellbeing(due_hours={"default": 72.0, "scams": 12.0})
    workplace = replace(workplace, rulebook=Rulebook(lambda: limits, lambda: GORE))
    fill(workplace.store, 3)
    fill(workplace.store, 3, policy="scams")  # selected at noon of the day before
    answer = ask(workplace, ANA | {"minutes": 10})
    assert all(name.startswith("scams") for name in ids(answer.people[0]))
    assert [audit.late for audit in answer.people[0].assignments] == [True, True]
    assert (answer.waiting, answer.overdue) == (4, 1)


def test_what_an_earlier_shift_left_is_assigned_anew_and_nothing_is_lost(
    workplace: Workplace,
) -> None:
    given = fill(workplace.store, 4)
    ask(workplace, ANA)
    finish(workplace.store, given[0], auditor_id=pseudonym("ana", KEY))
    tomorrow = NOW + timedelta(days=1)
    answer = ask(workplace, BEN, now=tomorrow, starts_at=tomorrow)
    assert (answer.returned, answer.assigned) == (3, 3)
    assert sorted(ids(answer.people[0])) == given[1:]
    with workplace.store.transaction() as connection:
        states = read_assignments(connection)["state"].value_counts().to_dict()
    assert states == {"open": 3, "returned": 3, "done": 1}


def test_what_somebody_who_has_gone_had_open_goes_to_the_others(workplace: Workplace) -> None:
    given = fill(workplace.store, 4)
    ask(workplace, ANA)
    answer = ask(workplace, BEN, gone=["ana"])
    assert answer.returned == 4
    assert sorted(ids(answer.people[0])) == given


def test_assignment_changes_no_selection_and_no_chance(workplace: Workplace) -> None:
    store = workplace.store
    given = fill(store, 12, policy="gore")
    before = store.selections()
    ask(workplace, ANA | {"minutes": 15})
    pd.testing.assert_frame_equal(store.selections(), before)
    finish(store, given[0], auditor_id=pseudonym("ana", KEY))
    assert store.outcomes()["inclusion_probability"].tolist() == [0.5]


def test_one_bad_person_is_named_and_the_others_are_used(workplace: Workplace) -> None:
    fill(workplace.store, 1)
    answer = ask(workplace, {"auditor_id": "x", "minutes": 3, "hours": 4}, ANA)
    assert [person.auditor_id for person in answer.people] == ["ana"]
    assert answer.people[0].index == 1
    assert [(row.index, row.field) for row in answer.rejected] == [(0, "minutes")]
    assert answer.assigned == 1


@pytest.mark.parametrize("days", [-2, 9])
def test_a_shift_far_from_now_is_refused(workplace: Workplace, days: int) -> None:
    with pytest.raises(ContractError, match="starts_at"):
        ask(workplace, ANA, starts_at=NOW + timedelta(days=days))


def test_without_work_or_with_a_backlog_there_is_an_answer(workplace: Workplace) -> None:
    nothing = ask(workplace, ANA)
    assert (nothing.assigned, nothing.waiting, nothing.share_of_bound) == (0, 0, 1.0)
    fill(workplace.store, 300)
    answer = ask(workplace, ANA | {"minutes": 10})
    assert (answer.assigned, answer.waiting) == (2, 298)
    assert sum(answer.waiting_by.values()) == 298


def test_callers_at_once_break_no_cap_and_assign_nothing_twice(workplace: Workplace) -> None:
    callers = 4
    fill(workplace.store, 40, policy="gore")
    fill(workplace.store, 20)

    def call(number: int) -> AssignAnswer:
        store = open_store(_url(workplace.store))
        try:
            return ask(replace(workplace, store=store), ANA, BEN)
        finally:
            store.engine.dispose()

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(call, range(callers)))
    with workplace.store.transaction() as connection:
        table = read_assignments(connection)
    assert table["decision_id"].is_unique
    assert sum(answer.assigned for answer in answers) == len(table)
    for name in ("ana", "ben"):
        minutes, items = exposure(workplace.store, name)
        assert minutes <= LIMITS.graphic_minutes_a_day + 1e-6
        assert items <= LIMITS.graphic_items_a_day
    assert len(table) == 2 * LIMITS.graphic_items_a_day + 20


def _url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def programme(programme: Programme) -> Programme:
    return replace(programme, rulebook=Rulebook(lambda: LIMITS, lambda: GORE))


BODY = {"people": [ANA, BEN | {"policies": ["spam"]}], "time_limit_s": 2}


def fill_now(store: Store, count: int) -> list[str]:
    """Store decisions that were selected an hour ago."""
    given = fill(store, count, policy="gore")
    at = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1e6)
    with store.transaction() as connection:
        connection.execute(schema.selections.update().values(selected_at=at))
    return given


def test_the_route_assigns_and_is_answered_again_byte_for_byte(admin: Caller, store: Store) -> None:
    given = fill_now(store, 3)
    named = {"Idempotency-Key": "morning"}
    first = admin.post("/v1/assign", json=BODY, headers=named)
    assert first.status_code == 200
    answer = first.json()
    assert sorted(a["decision_id"] for a in answer["people"][0]["assignments"]) == given
    assert answer["people"][1]["assignments"] == []
    assert (answer["model_version"], answer["assigned"]) == ("null-1", 3)
    again = admin.post("/v1/assign", json=BODY, headers=named)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    new = admin.post("/v1/assign", json=BODY).json()
    assert new["assigned"] == 0
    assert [a["new"] for a in new["people"][0]["assignments"]] == [False] * 3


def test_the_queue_system_is_told_no_exposure_of_individuals(
    client: Caller, store: Store, key_of: Callable[[str], str]
) -> None:
    fill_now(store, 3)
    headers = {"Authorization": f"Bearer {key_of(Role.QUEUE)}"}
    answer = client.post("/v1/assign", json=BODY, headers=headers).json()
    assert answer["assigned"] == 3
    assert [person["exposure"] for person in answer["people"]] == [None, None]


def test_the_admin_is_told_what_is_left_of_the_caps(admin: Caller, store: Store) -> None:
    fill_now(store, 3)
    answer = admin.post("/v1/assign", json=BODY).json()
    assert answer["people"][0]["exposure"] == {
        "used_minutes": 15.0,
        "used_items": 3,
        "left_minutes": 15.0,
        "left_items": 2,
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"people": []},
        {"people": [{}]},
        {"people": [ANA], "time_limit_s": 0},
        {"people": [ANA], "starts_at": "soon"},
        {"people": [ANA], "starts_at": "2020-01-01T00:00:00Z"},
        {"people": [ANA], "more": 1},
        {"people": [ANA], "gone": [3]},
        {"people": [ANA], "gone": ["a\0"]},
    ],
)
def test_a_wrong_request_is_refused_and_explained(admin: Caller, body: dict[str, Any]) -> None:
    answer = admin.post("/v1/assign", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize("kind", ["parquet", "arrow.stream"])
def test_a_shift_is_json(admin: Caller, kind: str) -> None:
    headers = {"Content-Type": f"application/vnd.apache.{kind}"}
    answer = admin.post("/v1/assign", content=b"PAR1", headers=headers)
    assert answer.status_code == 415
    assert "expected application/json" in answer.json()["detail"]
    named = {"Accept": "application/vnd.apache.arrow.stream"}
    assert admin.post("/v1/assign", json=BODY, headers=named).json()["assigned"] == 0


def get(client: Caller, key: str, query: str = "") -> httpx.Response:
    return client.get(f"/v1/exposure{query}", headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def exposed(programme: Programme, store: Store) -> str:
    """Return the pseudonym of whoever has three graphic audits today."""
    fill_now(store, 3)
    request, now = AssignRequest([ANA]), datetime.now(UTC)
    assign_audits(request, Workplace.of(programme), request_id="r", now=now)
    return pseudonym("ana", KEY)


def test_a_person_sees_their_own_exposure_and_nobody_elses(
    client: Caller, store: Store, exposed: str
) -> None:
    _, key = create_key(store, Role.AUDITOR, NOW, auditor_id=exposed)
    _, other = create_key(store, Role.AUDITOR, NOW, auditor_id=pseudonym("ben", KEY))
    answer = get(client, key).json()
    [day] = answer["own"]
    assert (day["minutes"], day["items"]) == ([0, 0, 0, 15], [0, 0, 0, 3])
    assert (day["graphic_minutes"], day["left_minutes"], day["left_items"]) == (15, 15, 2)
    assert (answer["days"], answer["individuals"]) == (None, None)
    assert get(client, other).json()["own"] == []
    assert get(client, other, "?auditor=ana").status_code == 403


def test_a_lead_sees_the_day_without_names(
    client: Caller, key_of: Callable[[str], str], exposed: str
) -> None:
    key = key_of(Role.VIEWER)
    answer = get(client, key)
    [day] = answer.json()["days"]
    assert (day["people"], day["items"], day["over_items"]) == (1, 3, 0)
    assert day["minutes_of_people"] is None  # of one person
    assert (answer.json()["own"], answer.json()["individuals"]) == (None, None)
    assert exposed not in answer.text
    assert get(client, key, "?auditor=ana").status_code == 403


def test_an_admin_sees_individuals_and_the_look_is_kept(
    admin: Caller, store: Store, exposed: str
) -> None:
    everybody = admin.get("/v1/exposure").json()
    assert [person["auditor_id"] for person in everybody["individuals"]] == [exposed]
    assert len(everybody["days"]) == 1
    one = admin.get("/v1/exposure?auditor=ana").json()
    assert len(one["individuals"][0]["days"]) == 1
    assert one["days"] is None
    nobody = admin.get("/v1/exposure?auditor=nobody").json()
    assert nobody["individuals"] == []
    with store.transaction() as connection:
        kept = connection.execute(sa.select(schema.lookups)).mappings().all()
    assert [row["auditor_id"] for row in kept] == [None, exposed, pseudonym("nobody", KEY)]
    assert all(row["by"] for row in kept)


def test_a_key_of_nobody_shows_nobodys_exposure(
    client: Caller, key_of: Callable[[str], str]
) -> None:
    answer = get(client, key_of(Role.AUDITOR))
    assert answer.status_code == 403
    assert "made with --auditor" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "?since=soon",
        "?since=2026-01-02&until=2026-01-01",
        "?since=2020-01-01",
        "?day=1",
        "?auditor=",
        "?auditor=a%00",
    ],
)
def test_days_that_cannot_be_are_refused(admin: Caller, query: str) -> None:
    answer = admin.get(f"/v1/exposure{query}")
    assert answer.status_code == 422
    assert "expected" in answer.json()["detail"]


def test_a_replica_knows_what_another_assigned(
    admin: Caller, programme: Programme, front: Front, store: Store
) -> None:
    fill_now(store, 3)
    admin.post("/v1/assign", json=BODY)
    other = open_store(_url(store))
    standing = Standing(StaticPublication(replace(programme, store=other)), other)
    with Caller(build_app(replace(front, standing=standing, gate=Gate(other)))) as replica:
        replica.headers["Authorization"] = admin.headers["Authorization"]
        assert replica.post("/v1/assign", json=BODY).json()["assigned"] == 0
    other.engine.dispose()


def test_a_day_from_ranking_to_a_blind_review_by_somebody_else(small_home: SmallHome) -> None:
    front = open_front(ServiceSettings(small_home.home.path))
    with Caller(build_app(front)) as caller:
        caller.headers["Authorization"] = f"Bearer {small_home.admin_key}"
        rows = small_home.later_rows(40)
        ranked = caller.post("/v1/rank", json={"decisions": rows, "capacity": 10}).json()
        selected = {row["decision_id"] for row in ranked["decisions"] if row["selected"]}
        body = {"people": [ANA, BEN], "time_limit_s": 2}
        first = caller.post("/v1/assign", json=body).json()
        audits = [a for p in first["people"] for a in p["assignments"] if a["kind"] == "audit"]
        assert selected == {audit["decision_id"] for audit in audits}
        outcomes = [
            {
                "audit_id": f"done-{audit['decision_id']}",
                "decision_id": audit["decision_id"],
                "audited_at": datetime.now(UTC).isoformat(),
                "verdict": "over_enforcement",
                "auditor_id": person["auditor_id"],
                "source": audit["kind"],
            }
            for person in first["people"]
            for audit in person["assignments"]
            if audit["kind"] == "audit"
        ]
        assert caller.post("/v1/outcomes", json={"outcomes": outcomes}).status_code == 200
        who = {row["decision_id"]: row["auditor_id"] for row in outcomes}
        second = caller.post("/v1/assign", json=body).json()
        reviews = [
            (person["auditor_id"], audit)
            for person in second["people"]
            for audit in person["assignments"]
            if audit["kind"] == "review" and audit["decision_id"] in who
        ]
        assert reviews  # half of the overturns, by their keyed numbers
        assert all(auditor != who[review["decision_id"]] for auditor, review in reviews)
        assert all(review["inclusion_probability"] == 0.5 for _, review in reviews)
