"""The same request again: by its name, byte for byte; without one, nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from features.answers import KEPT_FOR
from features.store import Store, open_store
from serving.access import create_key
from serving.app import build_app
from serving.gate import Gate
from serving.live_records import LiveRecords
from serving.payload import Role
from serving.programme import Programme
from serving.ranker import Draw, Ranked
from serving.standing import Standing
from serving.visit import Front
from tests.serving.conftest import (
    NOW,
    Caller,
    ScoreRanker,
    StaticPublication,
    decision,
    outcome,
)

RANK = {"decisions": [decision(n) for n in range(6)], "capacity": 2}
OUTCOMES = {"outcomes": [outcome(n) for n in range(3)]}


def send(
    caller: Caller, body: object, *, path: str = "/v1/rank", name: str | None = "nightly"
) -> httpx.Response:
    return caller.post(path, json=body, headers={} if name is None else {"Idempotency-Key": name})


def replica(programme: Programme, front: Front, **changed: Any) -> Front:
    """Return another service over the same database, which shares nothing in memory."""
    store = open_store(str(programme.store.engine.url))
    records = LiveRecords(store)
    records.keep(programme.ranker.record_settings)
    other = replace(programme, store=store, records=records, **changed)
    standing = Standing(StaticPublication(other), store, clock=lambda: 0.0)
    return replace(front, standing=standing, gate=Gate(store))


@pytest.fixture
def other(programme: Programme, front: Front, admin: Caller) -> Iterator[Caller]:
    with Caller(build_app(replica(programme, front))) as opened:
        opened.headers["Authorization"] = admin.headers["Authorization"]
        yield opened


def test_the_same_named_request_is_answered_byte_for_byte(admin: Caller, store: Store) -> None:
    first, again = send(admin, RANK), send(admin, RANK)
    assert first.status_code == 200
    assert again.content == first.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert len(store.selections()) == len(RANK["decisions"])  # type: ignore[arg-type]


def test_so_it_is_after_a_restart_and_by_another_replica(
    admin: Caller, other: Caller, store: Store
) -> None:
    first = send(admin, RANK)
    outcomes = send(admin, OUTCOMES, path="/v1/outcomes", name="o")
    assert send(other, RANK).content == first.content
    told = send(other, OUTCOMES, path="/v1/outcomes", name="o")
    assert told.content == outcomes.content
    assert told.json()["accepted"] == 3  # as it was said first: now they would be unchanged
    assert len(store.selections()) == 6


def test_what_was_learned_meanwhile_does_not_change_the_answer(admin: Caller) -> None:
    first = send(admin, RANK)
    send(admin, OUTCOMES, path="/v1/outcomes", name=None)
    send(admin, {"decisions": [decision(50)], "capacity": 1}, name=None)
    assert send(admin, RANK).content == first.content


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/rank", RANK | {"capacity": 3}),
        ("/v1/rank", RANK | {"minutes": 3}),
        ("/v1/outcomes", OUTCOMES),
    ],
)
def test_another_request_under_a_used_name_is_refused(
    admin: Caller, store: Store, path: str, body: object
) -> None:
    send(admin, RANK)
    answer = send(admin, body, path=path)
    assert answer.status_code == 422
    assert "expected the same body" in answer.json()["detail"]
    assert len(store.selections()) == 6
    assert store.outcomes().empty


def test_each_access_key_names_its_own_requests(
    admin: Caller, store: Store, key_of: Callable[[str], str]
) -> None:
    first = send(admin, RANK)
    headers = {"Authorization": f"Bearer {create_key(store, Role.QUEUE, NOW)[1]}"}
    admin.app.state.front = replace(admin.app.state.front, gate=Gate(store))
    body = {"decisions": [decision(9)], "capacity": 1}
    answer = admin.post("/v1/rank", json=body, headers=headers | {"Idempotency-Key": "nightly"})
    assert answer.status_code == 200
    assert answer.content != first.content


def test_a_refusal_is_not_kept(admin: Caller) -> None:
    assert send(admin, OUTCOMES, path="/v1/outcomes").status_code == 422  # no such decision yet
    assert send(admin, {"decisions": [decision(0, policy="")], "capacity": 1}).status_code == 422
    assert send(admin, RANK).status_code == 200
    answer = send(admin, OUTCOMES, path="/v1/outcomes", name="o")
    assert (answer.status_code, answer.json()["accepted"]) == (200, 3)


def test_a_request_whose_rows_all_conflict_keeps_no_answer(admin: Caller, store: Store) -> None:
    send(admin, RANK, name=None)
    changed = {"decisions": [decision(0, action="keep")], "capacity": 1}
    assert send(admin, changed).status_code == 409
    with store.engine.begin() as connection:
        assert connection.scalar(sa.text("select count(*) from answers")) == 0


@dataclass(frozen=True)
class LosingRanker(ScoreRanker):
    """Loses the table of answers while it ranks."""

    store: Store | None = None

    def rank(self, decisions: Any, records: Any, draw: Draw) -> Ranked:
        assert self.store is not None
        with self.store.engine.begin() as connection:
            connection.execute(sa.text("drop table answers"))
        return super().rank(decisions, records, draw)


def test_where_the_answer_cannot_be_kept_nothing_is_stored(
    admin: Caller, publication: StaticPublication, store: Store
) -> None:
    publication.published = LosingRanker(store=store)
    assert send(admin, RANK).status_code == 503
    assert store.selections().empty
    assert not store.has_decision("d-0")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "''"),
        ('""', "''"),
        ("two words", "two words"),
        ('"', "visible ASCII"),
        ("a" * 256, "1 to 255"),
        ("tab\there", "visible ASCII"),
        ('quo"te', "other than quotes"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(admin: Caller, name: str, told: str) -> None:
    answer = send(admin, RANK, name=name)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Idempotency-Key: saw" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["a", "a" * 255, "8e03978e-40d5-43e8-bc93-6894a57f9324", "!~"])
def test_a_name_may_stand_in_quotes_or_without(admin: Caller, name: str) -> None:
    assert send(admin, RANK, name=f'"{name}"').content == send(admin, RANK, name=name).content


def test_two_names_are_refused(admin: Caller) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = admin.post("/v1/rank", json=RANK, headers=headers)
    assert (answer.status_code, "saw 2" in answer.json()["detail"]) == (400, True)


@dataclass(frozen=True)
class HeldRanker(ScoreRanker):
    """Ranks when it is let."""

    entered: threading.Event = threading.Event()
    let: threading.Event = threading.Event()

    def rank(self, decisions: Any, records: Any, draw: Draw) -> Ranked:
        self.entered.set()
        assert self.let.wait(20)
        return super().rank(decisions, records, draw)


def test_while_the_first_is_in_work_the_same_is_a_409_and_then_the_answer(
    admin: Caller, publication: StaticPublication, store: Store
) -> None:
    publication.published = held = HeldRanker(entered=threading.Event(), let=threading.Event())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, admin, RANK)
        assert held.entered.wait(20)
        second = send(admin, RANK)
        held.let.set()
    assert second.status_code == 409
    assert "in work" in second.json()["detail"]
    assert int(second.headers["Retry-After"]) >= 1
    assert send(admin, RANK).content == first.result().content
    assert len(store.selections()) == 6


@dataclass(frozen=True)
class TogetherRanker(ScoreRanker):
    """Lets nobody store before everybody has looked."""

    together: threading.Barrier = threading.Barrier(2, timeout=20)

    def rank(self, decisions: Any, records: Any, draw: Draw) -> Ranked:
        self.together.wait()
        return super().rank(decisions, records, draw)


def test_two_replicas_at_once_store_it_once_and_answer_alike(
    programme: Programme, front: Front, store: Store, key_of: Callable[[str], str]
) -> None:
    ranker = TogetherRanker(together=threading.Barrier(2, timeout=20))
    bearer = f"Bearer {key_of(Role.QUEUE)}"
    fronts = [replica(programme, front, ranker=ranker) for _ in range(2)]

    def ask(one: Front) -> httpx.Response:
        with Caller(build_app(one)) as caller:
            caller.headers["Authorization"] = bearer
            return send(caller, RANK)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, fronts)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert len(store.selections()) == 6


def test_old_answers_are_deleted_as_new_ones_come(admin: Caller, store: Store) -> None:
    send(admin, RANK, name="old")
    with store.engine.begin() as connection:
        age = int((KEPT_FOR.total_seconds() + 60) * 1_000_000)
        connection.execute(sa.text(f"update answers set made_at = made_at - {age}"))
    admin.app.state.desk.answers._purged_at = None
    send(admin, RANK, name="new")
    with store.engine.begin() as connection:
        names = connection.scalars(sa.text("select idempotency_key from answers")).all()
    assert names == ["new"]


def test_unnamed_the_same_ranking_gains_no_second_chance(admin: Caller, store: Store) -> None:
    first, again = (send(admin, RANK, name=None).json() for _ in range(2))
    for before, after in zip(first["decisions"], again["decisions"], strict=True):
        same = ("priority", "inclusion_probability", "rank", "selected", "key_id", "random_audit")
        assert {name: before[name] for name in same} == {name: after[name] for name in same}
        assert after["already_selected"] == before["selected"]
    assert len(store.decisions()) == 6  # and each offer is told, so that none is hidden
    assert len(store.selections()) == 12


def test_unnamed_the_same_outcomes_change_nothing(admin: Caller, store: Store) -> None:
    send(admin, RANK, name=None)
    first, again = (send(admin, OUTCOMES, path="/v1/outcomes", name=None).json() for _ in range(2))
    assert (first["accepted"], first["unchanged"]) == (3, 0)
    assert (again["accepted"], again["unchanged"]) == (0, 3)
    assert len(store.outcomes()) == 3
