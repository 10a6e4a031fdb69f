from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serving.readiness import PATH, STALE_S, Readiness, ReadyRoute
from tests.serving.conftest import Caller


@dataclass
class Stood:
    ready: bool = True
    refused_update: str | None = None

    def is_ready(self) -> bool:
        return self.ready


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def standing() -> Stood:
    return Stood()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readiness(standing: Stood, clock: Clock) -> Readiness:
    return Readiness(standing, clock)


@pytest.fixture
def client(readiness: Readiness) -> Iterator[Caller]:
    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = ReadyRoute(elsewhere, lambda: readiness)
    with Caller(app) as opened:  # type: ignore[arg-type]
        yield opened


def ready(client: Caller) -> tuple[int, str]:
    answer: httpx.Response = client.get(PATH)
    return answer.status_code, answer.text


def test_it_is_not_ready_before_anyone_looked(client: Caller) -> None:
    assert ready(client) == (503, "not ready: the log of the service says why\n")


def test_it_is_ready_once_looked_at_and_says_so(client: Caller, readiness: Readiness) -> None:
    readiness.look()
    assert ready(client) == (200, "ready\n")


def test_a_refused_update_is_told_while_the_old_one_serves(
    client: Caller, readiness: Readiness, standing: Stood
) -> None:
    standing.refused_update = "bundle 'b2': trees.txt is not what was saved"
    readiness.look()
    status, words = ready(client)
    assert status == 200
    assert "refused" in words
    assert "trees.txt" not in words


def test_a_store_that_does_not_answer_is_not_ready_after_a_while(
    client: Caller, readiness: Readiness, clock: Clock
) -> None:
    readiness.look()
    clock.now += STALE_S
    assert ready(client)[0] == 200
    clock.now += 0.1
    assert ready(client) == (503, "not ready: the store does not answer\n")


def test_other_paths_are_handed_on(client: Caller) -> None:
    assert client.get("/livez").status_code == 418
    assert client.post(PATH).status_code == 418
