"""Requests that nobody would send, by the thousand: no 5xx, no hang, every refusal explained.

Most requests are made by hypothesis from a well-formed one with something wrong in it: a field of
another kind, a row too many, a header that cannot be read, a body cut short, a table of odd types.
They go to the application in this process; one in `SOCKET_SHARE` goes to a running service over a
socket. What is found is told by request, so that it can be sent again.

    python -m benchmarks.fuzz --requests 20000 --out fuzz.json
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.serving_home import SMALL, demo_home
from features.contract import DECISIONS, OUTCOMES, Column
from features.home import Home
from features.store import open_store
from serving.access import create_key
from serving.app import build_app
from serving.launch import service
from serving.settings import ServiceSettings
from serving.tables import ARROW, PARQUET
from serving.worker import open_front

JSON = "application/json"
SLOWEST_S = 10.0
SOCKET_SHARE = 20
SHOWN = 20
FORMS = ("/login", "/logout")
"""Told to a browser on the page of the form."""
Run = Callable[[Coroutine[Any, Any, httpx.Response]], httpx.Response]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes
    ----------
    kind
        What is odd about it.
    """

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    content: bytes


@dataclass(slots=True)
class Found:
    """What became of the requests so far."""

    statuses: Counter[str] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    wrong: list[dict[str, str]] = field(default_factory=list)

    def add(self, asked: Asked, answer: httpx.Response, seconds: float) -> None:
        """Count an answer, and keep the request where something is wrong with it."""
        self.statuses[f"{asked.kind} {answer.status_code}"] += 1
        self.slowest_ms = max(self.slowest_ms, 1000 * seconds)
        for fault in faults_of(asked, answer, seconds):
            self.wrong.append({"fault": fault, "request": repr(asked)[:2_000]})


def faults_of(asked: Asked, answer: httpx.Response, seconds: float) -> list[str]:
    """Return what is wrong with an answer: nothing, where it keeps the promises of the service."""
    faults = []
    if answer.status_code >= 500:
        faults.append(f"status {answer.status_code}")
    if seconds > SLOWEST_S:
        faults.append(f"{seconds:.1f} s")
    form = asked.path in FORMS and "text/html" in asked.headers.get("Accept", "")
    if answer.status_code >= 400 and asked.method != "HEAD" and not form:
        faults += _unexplained(answer)
    return faults


def _unexplained(answer: httpx.Response) -> list[str]:
    """Return what a refusal leaves open."""
    if answer.headers.get("content-type") != "application/problem+json":
        return [f"a refusal as {answer.headers.get('content-type')}"]
    problem = answer.json()
    missing = [n for n in ("title", "detail", "request_id") if not problem.get(n)]
    missing += ["status"] if problem.get("status") != answer.status_code else []
    for row in problem.get("rejected", [{}]):
        missing += [n for n in ("seen", "expected") if not row.get(n)]
        missing += [n for n in ("index", "field") if n not in row]  # a field may be called ""
    return [f"a refusal without {name}" for name in missing]


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\0", "\ud800", "NaN", "1e999", "2026-02-31", "9999-12-31T23:59:59Z"]
    ),
    st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3)), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.just("a" * 100_001),
)
IDS = st.integers(0, 300).map(lambda number: f"f-{number}")
TIMES = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
WORDS = st.sampled_from(["spam", "hate", "remove", "keep", "de", "en", "m-1", "m-2"])


def plausible(column: Column) -> st.SearchStrategy[Any]:
    """Return values that a column takes."""
    if column.name in ("decision_id", "audit_id", "item_id", "supersedes"):
        return IDS
    if column.allowed is not None:
        return st.sampled_from(column.allowed)
    if column.kind == "time":
        return st.one_of(st.just("2026-03-01T09:30:00Z"), TIMES)
    if column.kind == "number":
        return st.floats(column.low or 0, column.high or 1e6)
    if column.kind == "vector":
        return st.just([0.5] * 8)
    return WORDS


def rows_of(columns: tuple[Column, ...], more: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return rows, most of them good but for a value or two."""
    needed = {c.name: plausible(c) for c in columns if c.required}
    able = {c.name: plausible(c) for c in columns if not c.required}
    good = st.fixed_dictionaries(needed, optional=able)
    names = st.one_of(st.sampled_from([c.name for c in columns] + more), st.text(max_size=8))
    odd = st.one_of(st.just({}), st.dictionaries(names, ODD, max_size=2))
    return st.tuples(good, odd).map(lambda pair: pair[0] | pair[1])


DECISION_ROWS = st.lists(rows_of(DECISIONS.columns, ["x_a", "group_a"]), min_size=1, max_size=5)
OUTCOME_ROWS = st.lists(rows_of(OUTCOMES.columns, []), min_size=1, max_size=5)
CAPACITIES = st.one_of(
    st.just({}),
    st.just({"capacity": 1}),
    st.dictionaries(st.sampled_from(["capacity", "minutes"]), ODD),
)


def as_json(value: Any) -> bytes:
    """Return a value as JSON, its odd numbers and lone surrogates included."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def as_table(rows: list[dict[str, Any]], write: Callable[[pa.Table], bytes]) -> bytes:
    """Return rows as a table, those values left out that Arrow does not take beside the others."""
    names = sorted({name for row in rows for name in row})
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
            columns[name] = pa.array([ascii(value)[:100] for value in values])
    try:
        return write(pa.table(columns))
    except (pa.ArrowException, UnicodeEncodeError):
        return b""


def _arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


WRITERS = {ARROW: _arrow, PARQUET: _parquet}
HEADER_TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
).map(lambda text: text.strip(" "))
"""What HTTP lets stand in a header; with anything else a server does not see a request."""
ODD_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Idempotency-Key", "X-Request-ID", "Accept", "Content-Type", "Content-Encoding", "Cookie"]
    ),
    st.one_of(HEADER_TEXT, st.sampled_from(["a", "*/*", ARROW, "text/html", "a" * 300])),
    max_size=3,
)


@st.composite
def rankings(draw: st.DrawFn) -> Asked:
    """Return a ranking or outcomes as JSON."""
    if draw(st.booleans()):
        body = {"decisions": draw(DECISION_ROWS)} | draw(CAPACITIES)
        return Asked("json", "POST", "/v1/rank", {"Content-Type": JSON}, as_json(body))
    body = {"outcomes": draw(OUTCOME_ROWS)}
    return Asked("json", "POST", "/v1/outcomes", {"Content-Type": JSON}, as_json(body))


@st.composite
def tables(draw: st.DrawFn) -> Asked:
    """Return a ranking or outcomes as a table."""
    media_type = draw(st.sampled_from(list(WRITERS)))
    path, rows = (
        ("/v1/rank", DECISION_ROWS) if draw(st.booleans()) else ("/v1/outcomes", OUTCOME_ROWS)
    )
    query = draw(st.sampled_from(["", "?capacity=1", "?minutes=5", "?capacity=-1", "?a=b", "?"]))
    content = as_table(draw(rows), WRITERS[media_type])
    return Asked("table", "POST", path + query, {"Content-Type": media_type}, content)


@st.composite
def damaged(draw: st.DrawFn) -> Asked:
    """Return a body cut short or with bytes changed, or any JSON or bytes at all."""
    asked = draw(st.one_of(rankings(), tables()))
    content = bytearray(asked.content)
    match draw(st.sampled_from(["cut", "change", "bytes", "value", "nest"])):
        case "cut":
            content = content[: draw(st.integers(0, len(content)))]
        case "change" if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        case "bytes":
            content = bytearray(draw(st.binary(max_size=60)))
        case "value":
            content = bytearray(as_json(draw(st.recursive(ODD, st.lists, max_leaves=5))))
        case "nest":
            content = bytearray(b'{"decisions":[{"x_a":' + b"[" * draw(st.integers(1, 100_000)))
    return Asked("damaged", asked.method, asked.path, asked.headers, bytes(content))


@st.composite
def headed(draw: st.DrawFn) -> Asked:
    """Return a request with odd headers."""
    asked = draw(st.one_of(rankings(), tables()))
    headers = {**asked.headers, **draw(ODD_HEADERS)}
    return Asked("headers", asked.method, asked.path, headers, asked.content)


@st.composite
def elsewhere(draw: st.DrawFn) -> Asked:
    """Return a request to another route, or by another method."""
    paths = [
        "/v1/decisions/",
        "/reports/",
        "/v1/model",
        "/v1/plan",
        "/v1/rank",
        "/login",
        "/logout",
    ]
    path = draw(st.sampled_from([*paths, "/v1/", "/", "/schema.json"]))
    segment = draw(st.text(st.characters(codec="utf-8"), max_size=20))
    if path.endswith("/"):
        path += quote(segment, safe="/%", errors="replace")
    method = draw(st.sampled_from(["GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]))
    return Asked("elsewhere", method, path, draw(ODD_HEADERS), b"")


REQUESTS: st.SearchStrategy[Asked] = st.one_of(
    rankings(), tables(), damaged(), headed(), elsewhere()
)


def fuzz(call: Callable[[Asked], httpx.Response], *, requests: int, first_seed: int = 0) -> Found:
    """Send requests and return what became of them.

    Parameters
    ----------
    call
        Sends a request with a key that may do everything.
    """
    found = Found()

    @seed(first_seed)
    @settings(
        max_examples=requests,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(REQUESTS)
    def send(asked: Asked) -> None:
        started = time.perf_counter()
        answer = call(asked)
        found.add(asked, answer, time.perf_counter() - started)

    send()
    return found


def caller(client: httpx.AsyncClient, run: Run) -> Callable[[Asked], httpx.Response]:
    """Return what sends a request by a client of httpx."""

    def call(asked: Asked) -> httpx.Response:
        headers = [(n.encode(), v.encode("latin-1")) for n, v in asked.headers.items()]
        return run(client.request(asked.method, asked.path, headers=headers, content=asked.content))

    return call


def _in_process(home: Home, key: str, *, requests: int, first_seed: int) -> Found:
    front = open_front(ServiceSettings(home.path))
    transport = httpx.ASGITransport(build_app(front))
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            transport=transport,
            base_url="http://service",
            headers={"Authorization": f"Bearer {key}"},
        )
        found = fuzz(caller(client, runner.run), requests=requests, first_seed=first_seed)
        runner.run(client.aclose())
    return found


def _over_the_socket(home: Home, key: str, *, requests: int, first_seed: int, log: Path) -> Found:
    with service(home, log=log) as url, asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            base_url=url, timeout=3 * SLOWEST_S, headers={"Authorization": f"Bearer {key}"}
        )
        found = fuzz(caller(client, runner.run), requests=requests, first_seed=first_seed)
        runner.run(client.aclose())
    return found


def told(found: Found) -> dict[str, Any]:
    """Return what became of requests, for the report."""
    return {
        "requests": found.statuses.total(),
        "statuses": dict(sorted(found.statuses.items())),
        "slowest_ms": round(found.slowest_ms, 1),
        "wrong": len(found.wrong),
        "shown": found.wrong[:SHOWN],
    }


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, write the findings, and return 1 where there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given_ = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        home = demo_home(Path(place), SMALL).home
        _, key = create_key(open_store(home.store_url()), "admin", datetime.now(UTC))
        socket_requests = given_.requests // SOCKET_SHARE
        parts = {
            "in_process": _in_process(
                home, key, requests=given_.requests - socket_requests, first_seed=given_.seed
            ),
            "socket": _over_the_socket(
                home,
                key,
                requests=socket_requests,
                first_seed=given_.seed + 1,
                log=Path(place) / "service.log",
            ),
        }
    report = json.dumps({name: told(found) for name, found in parts.items()}, indent=2)
    if given_.out is not None:
        given_.out.write_text(report + "\n", encoding="utf-8")
    print(report)
    return int(any(found.wrong for found in parts.values()))


if __name__ == "__main__":
    raise SystemExit(main())
