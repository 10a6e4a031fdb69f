"""Kept answers, the same on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from features import schema
from features.answers import KEPT_FOR, AnsweredMeanwhileError, Asked, KeptAnswer
from features.store import Added, Store
from tests.features.test_store import NOON, decisions, outcomes, selections

ASKED = Asked("key-1", "nightly", "f" * 64)


def kept(content: bytes = b"{}", asked: Asked = ASKED) -> KeptAnswer:
    return KeptAnswer(asked, content, NOON)


def test_an_answer_is_kept_with_what_it_acknowledges(store: Store) -> None:
    told: list[Added] = []

    def acknowledge(added: Added) -> KeptAnswer:
        told.append(added)
        return kept(b"answer" * 1000)

    store.add_ranking(decisions("a"), selections("a"), acknowledge=acknowledge)
    found = store.earlier_answer(Asked("key-1", "nightly", "another digest"))
    assert found is not None
    assert (found.content, found.digest) == (b"answer" * 1000, ASKED.digest)
    assert told[0].ids == ("a",)


@pytest.mark.parametrize("asked", [Asked("key-2", "nightly", ""), Asked("key-1", "daily", "")])
def test_nothing_is_found_under_another_name(store: Store, asked: Asked) -> None:
    store.add_decisions(decisions("a"))
    store.add_outcomes(outcomes(("o1", "a")), acknowledge=lambda _: kept())
    assert store.earlier_answer(asked) is None


def test_nothing_is_stored_where_the_acknowledgement_fails(store: Store) -> None:
    def acknowledge(added: Added) -> KeptAnswer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.add_ranking(decisions("a"), selections("a"), acknowledge=acknowledge)
    assert not store.has_decision("a")
    assert store.selections().empty


def test_nothing_is_stored_twice_under_one_name(store: Store) -> None:
    store.add_ranking(decisions("a"), selections("a"), acknowledge=lambda _: kept(b"first"))
    with pytest.raises(AnsweredMeanwhileError):
        store.add_ranking(decisions("a"), selections("a"), acknowledge=lambda _: kept(b"second"))
    assert len(store.selections()) == 1
    found = store.earlier_answer(ASKED)
    assert found is not None
    assert found.content == b"first"


def test_of_writers_at_once_one_stores_and_the_others_are_told(store: Store) -> None:
    together = Barrier(4, timeout=20)

    def write(number: int) -> str:
        together.wait()
        ids = [f"d{n}" for n in range(50)]
        try:
            store.add_ranking(
                decisions(*ids),
                selections(*ids),
                acknowledge=lambda _: kept(str(number).encode()),
            )
        except AnsweredMeanwhileError:
            return "told"
        return str(number)

    with ThreadPoolExecutor(4) as pool:
        results = sorted(pool.map(write, range(4)))
    assert results[1:] == ["told"] * 3
    found = store.earlier_answer(ASKED)
    assert found is not None
    assert found.content.decode() == results[0]
    assert len(store.selections()) == 50


def keep_aged(store: Store, name: str, age: timedelta) -> None:
    answer = KeptAnswer(Asked("key-1", name, ""), b"{}", NOON - age)
    store.add_outcomes(outcomes((f"o{name}", "a")), acknowledge=lambda _: answer)


def test_old_answers_are_deleted_and_the_others_stay(store: Store) -> None:
    store.add_decisions(decisions("a"))
    for number, age in enumerate([timedelta(0), KEPT_FOR, KEPT_FOR + timedelta(seconds=1)]):
        keep_aged(store, str(number), age)
    assert store.purge_answers(NOON) == 1
    assert store.purge_answers(NOON) == 0
    query = sa.select(schema.answers.c.idempotency_key).order_by("idempotency_key")
    with store.engine.begin() as connection:
        assert list(connection.scalars(query)) == ["0", "1"]
