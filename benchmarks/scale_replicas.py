"""Two replicas of the service on one store: each knows what the other took in, and either may die.

Outcomes are posted to one replica, and the other is asked until what it says of the same
moderator's decisions has moved. Then both are called at once, and one is ended with SIGKILL,
supervisor and worker together, without a chance to finish; its callers turn to the other, as a
queue system does that tries again. All that was acknowledged is looked for in the store.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.kills import CLIENTS, Client, Ledger, check
from benchmarks.scale_postgres import home_of, own_schema
from benchmarks.serving_home import Scale, Served, Traffic, traffic_of
from benchmarks.serving_systems import System, secondlook
from features.store import open_store
from serving.launch import LOOPBACK

SMALL = Scale(days=6, decisions_per_day=5_000, audit_share=0.2, seed=5)
ROWS = 40_000
"""Decisions that are made beforehand."""
_TRIES = 5
_AUDITS = 200
_POLL_S = 0.02
_PATIENCE_S = 30.0
_ALONE_S = 6.0


def measure(postgres: str, folder: Path) -> dict[str, Any]:
    """Run two replicas of a small home, let one follow the other, and kill one."""
    folder.mkdir()
    with own_schema(postgres) as (url, gauge):
        served = home_of(url, folder / "home", SMALL)
        gauge.vacuum()
        return _measure(served, traffic_of(SMALL, rows=ROWS), folder)


def _measure(served: Served, traffic: Traffic, folder: Path) -> dict[str, Any]:
    with (
        secondlook("first", served, traffic, folder) as first,
        secondlook("second", served, traffic, folder) as second,
    ):
        followed = [time_to_follow(first, second, traffic, served.key) for _ in range(_TRIES)]
        rate = outcomes_per_s(first, traffic, served.key)
        killed = kill_one(served, traffic, first, second)
    return {"followed_s": followed, "single_outcomes_per_s": rate, "killed": killed}


def url_of(system: System) -> str:
    """Return where a service is called."""
    return f"http://{LOOPBACK}:{system.port}"


def time_to_follow(first: System, second: System, traffic: Traffic, key: str) -> float:
    """Return seconds from the answer to outcomes at one replica until the other knows of them."""
    with opened(first, key) as one, opened(second, key) as other:
        decisions = of_one_moderator(traffic)
        ranked(one, decisions[:-2])
        asked = decisions[-1]
        before = risk_of(other, asked, "before")
        report(one, [decision["decision_id"] for decision in decisions[:-2]])
        began = time.monotonic()
        number = 0
        while risk_of(other, asked, str(number)) == before:
            if time.monotonic() - began > _PATIENCE_S:
                raise TimeoutError("saw the same risk for 30 s; expected another after the audits")
            number += 1
            time.sleep(_POLL_S)
        return time.monotonic() - began


def outcomes_per_s(system: System, traffic: Traffic, key: str) -> float:
    """Return how many outcomes are taken in a second, posted one at a time by one caller."""
    with opened(system, key) as client:
        decisions = [json.loads(line) for line in traffic.take(_AUDITS)]
        ranked(client, decisions)
        began = time.monotonic()
        for decision in decisions:
            report(client, [decision["decision_id"]])
        return len(decisions) / (time.monotonic() - began)


def kill_one(served: Served, traffic: Traffic, first: System, second: System) -> dict[str, Any]:
    """Call both replicas, kill the first, go on with the second, and look what is stored."""
    ledger, systems = Ledger(), (first, second)
    share = (len(traffic.lines) - traffic.used) // CLIENTS
    clients = [
        Turning(systems, number % 2, served.key, traffic.take(share), ledger)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    time.sleep(_ALONE_S / 2)
    acknowledged = len(ledger.ranked)
    for process in first.processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    time.sleep(_ALONE_S)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    store = open_store(served.home.store_url())
    found = check(store, ledger, clients[1])
    store.engine.dispose()
    return {
        "rankings_before": acknowledged,
        "rankings_after": len(ledger.ranked) - acknowledged,
        "decisions_acknowledged": sum(len(body["decisions"]) for body, _, _ in ledger.ranked),
        "outcomes_acknowledged": sum(len(body["outcomes"]) for body, _, _ in ledger.audited),
        "requests_cut": ledger.cut,
        "refused": {str(status): count for status, count in ledger.refused.items()},
        "found_wrong": asdict(found),
    }


class Turning(Client):
    """A caller that turns to the other replica where one does not answer."""

    def __init__(
        self,
        systems: tuple[System, System],
        start: int,
        key: str,
        lines: list[str],
        ledger: Ledger,
    ) -> None:
        urls = [url_of(system) for system in systems]
        super().__init__(urls[start], key, lines, ledger, start)
        self._urls = urls

    def ask(self, route: str, body: dict[str, Any], name: str) -> tuple[int, bytes]:
        """Return the status and answer of a request; where none came, the next goes elsewhere."""
        status, answer = super().ask(route, body, name)
        if status == 0:
            self._url = next(url for url in self._urls if url != self._url)
        return status, answer


def opened(system: System, key: str) -> httpx.Client:
    """Return a client of a service."""
    return httpx.Client(
        base_url=url_of(system), headers={"Authorization": f"Bearer {key}"}, timeout=30
    )


def of_one_moderator(traffic: Traffic) -> list[dict[str, Any]]:
    """Return the next decisions, all of them given to one moderator, policy and action."""
    decisions = [json.loads(line) for line in traffic.take(_AUDITS)]
    like = next(d for d in decisions if d.get("moderator_id"))
    same = ("moderator_id", "moderator_team", "policy", "action", "action_rank", "language")
    return [d | {name: like[name] for name in same if name in like} for d in decisions]


def ranked(client: httpx.Client, decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rank decisions, and return what was answered of each."""
    answer = client.post("/v1/rank", json={"capacity": 1, "decisions": decisions})
    answer.raise_for_status()
    return list(answer.json()["decisions"])


def risk_of(client: httpx.Client, decision: dict[str, Any], name: str) -> float:
    """Return the risk of a decision, asked under another id each time."""
    own = decision | {"decision_id": f"{decision['decision_id']}-{name}", "item_id": name}
    return float(ranked(client, [own])[0]["overturn_probability"])


def report(client: httpx.Client, decision_ids: list[str]) -> None:
    """Post that audits overturned decisions."""
    at = datetime.now(UTC).isoformat()
    outcomes = [
        {
            "audit_id": f"audit-of-{decision_id}",
            "decision_id": decision_id,
            "audited_at": at,
            "verdict": "over_enforcement",
        }
        for decision_id in decision_ids
    ]
    client.post("/v1/outcomes", json={"outcomes": outcomes}).raise_for_status()
