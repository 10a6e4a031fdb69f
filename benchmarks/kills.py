"""Kill workers of the service at random instants while it is written to, and look what is left.

``python -m benchmarks.kills --kills 200 --out FILE.json`` makes a small home, lets two workers
answer from one socket, and sends rankings and outcomes from four clients. Workers are ended with
SIGKILL at random instants and replaced at once. Each request carries an ``Idempotency-Key``. One
that is not answered is sent again until it is, but some are given up, as by a client that is gone.
With ``--postgres URL`` the store is a new schema there; else SQLite.

The workers are those of `benchmarks.kills_worker`, forked from a process that has imported the
service. A test of the service as it is shipped kills a few.

The JSON holds ``kills``, ``requests_cut`` (sent, and no answer came), what
was acknowledged, and what was found wrong, all of which must be 0: ``lost`` and ``doubled``
(acknowledged rows that the store holds not at all or more than once), ``altered`` (held otherwise
than answered), ``torn`` (requests that were given up, held in part), ``answered_otherwise`` (the
same request again, another answer) and ``unnumbered`` (outcomes that a follower would miss).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa

from benchmarks.kills_worker import Nursery
from benchmarks.serving_home import SMALL, Served, Traffic, demo_home, traffic_of
from features import schema
from features.home import make_home
from features.store import Store, open_store
from serving.settings import ServiceSettings, as_environment
from serving.supervisor import open_listener

HOST = "127.0.0.1"
WORKERS, CLIENTS = 2, 4
ROWS, CAPACITY = 15, 4
GIVEN_UP_SHARE = 0.3
"""Share of the cut requests that are not sent again."""
LONGEST_LIFE_S = 0.8
_ASKED_AGAIN = 100


@dataclass(slots=True)
class Ledger:
    """What clients know: acknowledged requests with their answers, and requests given up."""

    ranked: list[tuple[dict[str, Any], str, bytes]] = field(default_factory=list)
    audited: list[tuple[dict[str, Any], str, bytes]] = field(default_factory=list)
    given_up: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cut: int = 0
    refused: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Found:
    """What was found wrong."""

    lost: int = 0
    doubled: int = 0
    altered: int = 0
    torn: int = 0
    answered_otherwise: int = 0
    unnumbered: int = 0


class Client(threading.Thread):
    """Ranks decisions and reports outcomes, one request at a time, until told to stop."""

    def __init__(self, url: str, key: str, lines: list[str], ledger: Ledger, seed: int) -> None:
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self._url, self._lines, self._ledger = url, lines, ledger
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._random = random.Random(seed)

    def run(self) -> None:
        """Send requests."""
        while not self.stopping.is_set() and len(self._lines) >= ROWS:
            decisions = [json.loads(line) for line in self._lines[:ROWS]]
            del self._lines[:ROWS]
            body = {"capacity": CAPACITY, "decisions": decisions}
            answer = self._sent("/v1/rank", body, self._ledger.ranked)
            if answer is not None:
                rows = [r for r in json.loads(answer)["decisions"] if r["selected"]]
                outcomes = [_outcome(row["decision_id"]) for row in rows]
                self._sent("/v1/outcomes", {"outcomes": outcomes}, self._ledger.audited)

    def _sent(self, route: str, body: dict[str, Any], kept: list[Any]) -> bytes | None:
        name = uuid4().hex
        while True:
            status, answer = self.ask(route, body, name)
            if status == 200:
                kept.append((body, name, answer))
                return answer
            if status == 0:
                self._ledger.cut += 1
            else:
                self._ledger.refused[status] += 1
            if status == 0 and self._random.random() < GIVEN_UP_SHARE:
                self._ledger.given_up.append((route, body))
                return None
            time.sleep(0.02)

    def ask(self, route: str, body: dict[str, Any], name: str) -> tuple[int, bytes]:
        """Return the status and answer of a request on a connection of its own; 0 = none came."""
        headers = self._headers | {"Idempotency-Key": name}
        try:
            with httpx.Client(base_url=self._url, timeout=30) as client:
                answer = client.post(route, content=json.dumps(body), headers=headers)
                return answer.status_code, answer.content
        except httpx.TransportError:
            return 0, b""


def _outcome(decision_id: str) -> dict[str, Any]:
    verdict = "over_enforcement" if hash(decision_id) % 3 == 0 else "correct"
    audit = {"audit_id": f"audit-of-{decision_id}", "decision_id": decision_id}
    return audit | {"audited_at": "2026-04-01T12:00:00Z", "verdict": verdict}


def kill_workers(nursery: Nursery, *, kills: int, seed: int) -> None:
    """Kill as many workers at random instants of their answering, and replace each at once."""
    draw = random.Random(seed)
    for _ in range(WORKERS):
        nursery.start()
    for _ in range(kills):
        nursery.wait_for(draw.choice((1, WORKERS)))
        time.sleep(draw.uniform(0.0, LONGEST_LIFE_S))
        nursery.kill(draw.choice(sorted(nursery.answering)))
        nursery.start()
    nursery.wait_for(WORKERS)


def check(store: Store, ledger: Ledger, client: Client) -> Found:
    """Compare what the clients know with what the store holds."""
    decisions = Counter(store.decisions()["decision_id"])
    offers: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for row in store.selections().to_dict("records"):
        offers[row["decision_id"]].append((bool(row["selected"]), float(row["priority"])))
    outcomes: dict[str, list[str]] = defaultdict(list)
    for row in store.outcomes().to_dict("records"):
        outcomes[row["audit_id"]].append(row["verdict"])
    found = Found(unnumbered=_unnumbered(store))
    for _, _, answer in ledger.ranked:
        for row in json.loads(answer)["decisions"]:
            name = row["decision_id"]
            found.doubled += decisions[name] > 1
            _compare(found, offers[name], (row["selected"], row["priority"]))
    for body, _, _ in ledger.audited:
        for row in body["outcomes"]:
            _compare(found, outcomes[row["audit_id"]], row["verdict"])
    for route, body in ledger.given_up:
        if route == "/v1/rank":
            counts = {len(offers[row["decision_id"]]) for row in body["decisions"]}
        else:
            counts = {len(outcomes[row["audit_id"]]) for row in body["outcomes"]}
        found.torn += counts not in ({0}, {1})
    for route, kept in (("/v1/rank", ledger.ranked), ("/v1/outcomes", ledger.audited)):
        for body, name, answer in kept[:: max(len(kept) // _ASKED_AGAIN, 1)]:
            found.answered_otherwise += client.ask(route, body, name) != (200, answer)
    return found


def _compare(found: Found, held: Sequence[object], answered: object) -> None:
    found.lost += len(held) == 0
    found.doubled += len(held) > 1
    found.altered += len(held) == 1 and held[0] != answered


def _unnumbered(store: Store) -> int:
    """Count outcomes of the service's that are not numbered exactly once, up to the mark."""
    arrivals, mark = schema.arrivals, schema.arrival_mark
    with store.transaction() as connection:
        numbered = Counter(connection.scalars(sa.select(arrivals.c.audit_id)))
        held = set(connection.scalars(sa.select(schema.outcomes.c.audit_id)))
        last = connection.execute(sa.select(mark.c.last)).scalar_one()
        highest = connection.scalar(sa.select(sa.func.max(arrivals.c.number)))
    wrong = len(held ^ set(numbered)) + sum(count != 1 for count in numbered.values())
    return wrong + int(last < (highest or 0))


@contextmanager
def store_url(postgres: str | None, folder: Path) -> Iterator[str | None]:
    """Yield the URL of a new schema on PostgreSQL, dropped afterwards; null = SQLite."""
    if postgres is None:
        yield None
        return
    name, engine = f"kills_{uuid4().hex[:8]}", sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(name))
    try:
        yield f"{postgres}?options=-csearch_path%3D{name}"
    finally:
        with engine.begin() as connection:
            connection.execute(sa.schema.DropSchema(name, cascade=True))
        engine.dispose()


def measure(
    served: Served, traffic: Traffic, *, kills: int, seed: int, log: Path
) -> dict[str, Any]:
    """Kill, then check; return the figures."""
    ledger, environment = Ledger(), as_environment(ServiceSettings(served.home.path))
    listener = open_listener(HOST, 0)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    clients = [
        Client(url, served.key, traffic.take(len(traffic.lines) // CLIENTS), ledger, seed + number)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    started = time.monotonic()
    nursery = Nursery(listener, environment, log)
    kill_workers(nursery, kills=kills, seed=seed)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    seconds = time.monotonic() - started
    store = open_store(served.home.store_url())
    found = check(store, ledger, clients[0])
    store.engine.dispose()
    nursery.close()
    listener.close()
    return {
        "kills": kills,
        "seconds": round(seconds, 1),
        "requests_cut": ledger.cut,
        "requests_given_up": len(ledger.given_up),
        "refused": {str(status): count for status, count in sorted(ledger.refused.items())},
        "rankings_acknowledged": len(ledger.ranked),
        "decisions_acknowledged": sum(len(b["decisions"]) for b, _, _ in ledger.ranked),
        "outcomes_acknowledged": sum(len(b["outcomes"]) for b, _, _ in ledger.audited),
        "found_wrong": asdict(found),
    }


def main(words: list[str] | None = None) -> int:
    """Run, write the JSON, and return 1 where anything was found wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", help="SQLAlchemy URL of a database; default: SQLite")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(words)
    with TemporaryDirectory() as place, store_url(given.postgres, Path(place)) as url:
        folder = Path(place) / "home"
        if url is not None:
            make_home(folder).settings_file.write_text(f'store_url = "{url}"\n', encoding="utf-8")
        served = demo_home(folder, SMALL)
        traffic = traffic_of(SMALL, rows=400 * max(given.kills, 10))
        log = given.out.with_suffix(".log")
        figures = measure(served, traffic, kills=given.kills, seed=given.seed, log=log)
    figures = {"store": "postgresql" if given.postgres else "sqlite"} | figures
    given.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures, indent=1))
    return int(any(figures["found_wrong"].values()))


if __name__ == "__main__":
    sys.exit(main())
