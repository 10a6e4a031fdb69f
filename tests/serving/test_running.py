"""The service in its own processes: swapped under traffic, killed, stalled upon, told to end."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.kills import Client, Ledger, check
from features.store import open_store
from models.bundle import load_bundle, save_bundle
from models.publication import publish
from serving.launch import service
from serving.settings import Limits
from tests.conftest import empty_store_on
from tests.serving.running import (
    client_of,
    copy_of,
    moved_to_postgres,
    plain_decision,
    supervisor_of,
    workers_of,
)
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow

KILLS = 5
SWAPPED_WITHIN_S = 8.0
READ_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Running:
    url: str
    served: SmallHome

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rsplit(":", 1)[1])

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own, so that any worker may answer."""
        with client_of(self.url, self.served) as client:
            return client.get(path)


@pytest.fixture(scope="module")
def running(small_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("running")
    served = copy_of(small_home, folder / "home")
    limits = Limits(read_timeout_s=READ_TIMEOUT_S)
    with service(served.home, log=folder / "log", workers=2, limits=limits) as url:
        yield Running(url, served)


@contextmanager
def traffic(running: Running) -> Iterator[list[tuple[int, str]]]:
    """Rank all the while from two clients; yield (status, bundle) of what was answered so far."""
    seen: list[tuple[int, str]] = []
    stopping = threading.Event()

    def ask(name: str) -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            rows = [plain_decision(f"{name}-{time.monotonic_ns()}-{row}") for row in range(5)]
            with client_of(running.url, running.served) as client:
                answer = client.post("/v1/rank", json={"decisions": rows, "capacity": 1})
            seen.append((answer.status_code, answer.json().get("bundle_version", "")))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)


def until(is_so: Callable[[], bool], within_s: float) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.1)


def latest_are(seen: list[tuple[int, str]], bundle: str) -> bool:
    return {answered for _, answered in seen[-12:]} == {bundle}


def other_bundle(running: Running, folder: Path, word: str) -> Path:
    """Save a bundle that scores as the one that serves, under a fingerprint of its own."""
    home = running.served.home
    named = json.loads(home.champion_file.read_text(encoding="utf-8"))
    bundle = load_bundle(home.bundles / named["bundle"])
    save_bundle(replace(bundle, card=bundle.card | {"word": word}), folder / word)
    return folder / word


def test_bundles_promoted_under_traffic_are_taken_up_without_a_failed_request(
    running: Running, tmp_path: Path
) -> None:
    with traffic(running) as seen:
        for word in ("second", "third"):
            folder = other_bundle(running, tmp_path, word)
            new = publish(running.served.home, folder, word).name
            until(partial(latest_are, seen, new), SWAPPED_WITHIN_S)
    assert {status for status, _ in seen} == {200}
    assert len({bundle for _, bundle in seen}) == 3


def truncated(place: Path) -> None:
    file = place / "trees.txt"
    file.write_bytes(file.read_bytes()[:1000])


def tampered(place: Path) -> None:
    file = place / "model.json"
    file.write_text(file.read_text().replace('"intercept": ', '"intercept": 1'), encoding="utf-8")


def without_a_part(place: Path) -> None:
    (place / "arrays.npz").unlink()


def of_another_format(place: Path) -> None:
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps(manifest | {"format": 99}), encoding="utf-8")


def refused_update(running: Running) -> str:
    """Return what the worker that answers says of what it refused."""
    return running.get("/v1/model").json()["refused_update"] or ""


@pytest.mark.parametrize("harm", [truncated, tampered, without_a_part, of_another_format])
def test_a_bundle_that_does_not_check_out_is_refused_and_the_old_one_serves_on(
    running: Running, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    home = running.served.home
    before = running.get("/v1/model").json()["bundle_version"]
    champion = home.champion_file.read_bytes()
    place = home.bundles / harm.__name__
    other_bundle(running, tmp_path, "harmed").rename(place)
    harm(place)
    part = home.path / "part.json"
    part.write_text(json.dumps({"bundle": harm.__name__, "model_version": "x"}), encoding="utf-8")
    part.replace(home.champion_file)
    with traffic(running) as seen:
        until(lambda: "refused" in running.get("/readyz").text, SWAPPED_WITHIN_S)
        ready = running.get("/readyz")
        until(lambda: harm.__name__ in refused_update(running), SWAPPED_WITHIN_S)
    home.champion_file.write_bytes(champion)
    until(lambda: running.get("/readyz").text == "ready\n", SWAPPED_WITHIN_S)
    assert ready.status_code == 200
    assert set(seen) == {(200, before)}


def test_a_client_that_stalls_is_told_so_in_time(running: Running) -> None:
    head = (
        "POST /v1/rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {running.served.admin_key}\r\nContent-Length: 100\r\n\r\n{{"
    )
    with socket.create_connection(running.address, timeout=READ_TIMEOUT_S + 5) as client:
        client.sendall(head.encode())
        assert client.recv(12) == b"HTTP/1.1 408"


def test_a_client_that_never_reads_holds_nobody_up(running: Running) -> None:
    rows = [plain_decision(f"unread-{number}") for number in range(5_000)]
    body = json.dumps({"decisions": rows, "capacity": 10}).encode()
    head = (
        "POST /v1/rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {running.served.admin_key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(socket.create_connection(running.address))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(head.encode() + body)
        time.sleep(1.0)
        started = time.monotonic()
        with traffic(running) as seen:
            until(lambda: len(seen) > 5, 30)
        assert {status for status, _ in seen} == {200}
        assert time.monotonic() - started < 30


def test_a_killed_worker_is_replaced_while_the_other_answers(running: Running) -> None:
    before = {worker.pid for worker in workers_of(running.url)}
    workers_of(running.url)[0].kill()
    with traffic(running) as seen:
        until(lambda: len(seen) > 20, 20)
    assert {status for status, _ in seen} == {200}
    until(lambda: len({w.pid for w in workers_of(running.url)} - before) == 1, 20)


def assert_nothing_lost_nor_doubled(running: Running) -> None:
    """Rank and audit from two clients while workers are killed, and compare with the store."""
    ledger, clients = Ledger(), []
    for seed in range(2):
        lines = [json.dumps(plain_decision(f"c{seed}-{row}")) for row in range(20_000)]
        clients.append(Client(running.url, running.served.admin_key, lines, ledger, seed))
        clients[-1].start()
    for number in range(KILLS):
        time.sleep(0.3 + 0.17 * number)
        workers_of(running.url)[number % 2].kill()
        until(lambda: len(workers_of(running.url)) == 2, 10)
    acknowledged = len(ledger.audited)
    until(lambda: len(ledger.audited) > acknowledged + 2, 60)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    store = open_store(running.served.home.store_url())
    found = check(store, ledger, clients[0])
    store.engine.dispose()
    wrong = {name: getattr(found, name) for name in type(found).__slots__}
    del wrong["unnumbered"]  # the home's first outcomes, which no service took
    assert set(wrong.values()) == {0}


def test_what_was_acknowledged_outlives_kills(running: Running) -> None:
    assert_nothing_lost_nor_doubled(running)


def test_what_was_acknowledged_outlives_kills_on_postgresql(
    small_home: SmallHome, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(contextmanager(empty_store_on)("postgresql", tmp_path))
        place = store.engine.url.render_as_string(hide_password=False)
        served = copy_of(small_home, tmp_path / "home")
        stack.enter_context(moved_to_postgres(served, place))
        url = stack.enter_context(service(served.home, log=tmp_path / "log", workers=2))
        assert_nothing_lost_nor_doubled(Running(url, served))


def test_told_to_end_it_answers_what_is_in_flight_and_refuses_who_comes_then(
    small_home: SmallHome, tmp_path: Path
) -> None:
    served = copy_of(small_home, tmp_path / "home")
    rows: list[dict[str, Any]] = [plain_decision(f"slow-{number}") for number in range(20_000)]
    answers: list[httpx.Response] = []
    with service(served.home, log=tmp_path / "log") as url:
        running, supervisor = Running(url, served), supervisor_of(url)

        def ask() -> None:
            with client_of(url, served, timeout=60) as client:
                answers.append(client.post("/v1/rank", json={"decisions": rows, "capacity": 10}))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.5)
        supervisor.terminate()
        told, late, hung = time.monotonic(), 0, 0.0
        while asking.is_alive():
            started = time.monotonic()
            try:
                with socket.create_connection(running.address, timeout=10) as client:
                    client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    client.recv(1)
            except OSError:
                late += started - told > 1.0
            else:
                assert started - told < 1.0, "a new caller was served by a service that ends"
            hung = max(hung, time.monotonic() - started)
            time.sleep(0.05)
        asking.join()
        assert supervisor.wait(20) == 0
    assert answers[0].status_code == 200
    assert answers[0].json()["ranked"] == len(rows)
    assert hung < 2.0
