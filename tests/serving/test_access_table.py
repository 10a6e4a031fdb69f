"""Who may call what: every route by every role, with its key and with keys that are not valid.

`EXPECTED` is written down by hand from the rules of access. The calls are made from `OPERATIONS`,
so that a new route is called here by itself, and fails until its row is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from features.store import Store, open_store
from serving.access import create_key, revoke_key, rotate_key
from serving.examples import RANK_REQUEST, REQUESTS
from serving.launch import service
from serving.operations import OPERATIONS, Operation
from serving.session import COOKIE
from tests.serving.conftest import Caller
from tests.serving.small_home import SmallHome

OPEN = (200, 200, 200, 200, 200)
EXPECTED = {
    # route                            queue auditor viewer admin, a key that is not valid
    "POST /v1/rank": (200, 403, 403, 200, 401),
    "POST /v1/outcomes": (200, 200, 403, 200, 401),
    "POST /v1/assign": (200, 403, 403, 200, 401),
    "GET /v1/exposure": (403, 200, 200, 200, 401),
    "GET /v1/model": (200, 200, 200, 200, 401),
    "GET /v1/plan": (200, 200, 200, 200, 401),
    "GET /v1/decisions/{decision_id}": (200, 200, 403, 200, 401),
    "GET /reports/{path}": (403, 403, 200, 200, 401),
    "GET /login": OPEN,
    "POST /login": (403, 403, 303, 303, 401),
    "POST /logout": (303, 303, 303, 303, 303),
    "GET /v1/openapi.json": OPEN,
    "GET /schema.json": OPEN,
    "GET /v1/docs": OPEN,
    "GET /livez": OPEN,
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": OPEN,
}
ROLES = ("queue", "auditor", "viewer", "admin")
NOT_VALID = ("no key", "wrong key", "revoked key", "expired key")
ANSWERED_BY_BENTOML = ("livez", "healthz", "readyz")

Ask = Callable[[Operation, str | None], httpx.Response]


def key_of(store: Store, role: str, state: str) -> str | None:
    """Return a key of the role in this state, or null for none at all."""
    now = datetime.now(UTC)
    person = "psn:1" if role == "auditor" else None
    key_id, key = create_key(store, role, now - timedelta(hours=1), auditor_id=person)
    if state == "no key":
        return None
    if state == "wrong key":
        return key[:-1] + ("0" if key[-1] != "0" else "1")
    if state == "revoked key":
        revoke_key(store, key_id, now)
    if state == "expired key":
        rotate_key(store, key_id, now - timedelta(minutes=1), grace=timedelta(seconds=30))
    return key


Keys = dict[tuple[str, str], str | None]


def make_keys(store: Store) -> Keys:
    return {(r, s): key_of(store, r, s) for r in ROLES for s in (*NOT_VALID, "right key")}


def asker(client: Caller | httpx.Client, base: str) -> Ask:
    """Return what calls a route with a key: in the header, or in the form of a login."""

    def ask(operation: Operation, key: str | None) -> httpx.Response:
        url = operation.path.format(decision_id="d-1001", path="quality.html")
        form = {"key": key or ""} if operation.name == "login" else None
        headers = {"Authorization": f"Bearer {key}"} if key and form is None else {}
        body = REQUESTS[operation.name] if operation.takes else None
        return client.request(operation.method, base + url, json=body, data=form, headers=headers)

    return ask


def statuses(ask: Ask, operation: Operation, keys: Keys) -> dict[tuple[str, str], int]:
    """Call a route with every key; a valid one ends each role, lest too many logins fail."""
    return {named: ask(operation, key).status_code for named, key in keys.items()}


def expected_of(operation: Operation, keys: Keys) -> dict[tuple[str, str], int]:
    row = EXPECTED[f"{operation.method} {operation.path}"]
    right = dict(zip(ROLES, row[:4], strict=True))
    return {(r, s): right[r] if s == "right key" else row[4] for r, s in keys}


@pytest.fixture
def keys(store: Store) -> Keys:
    return make_keys(store)


@pytest.mark.parametrize(
    "operation",
    [o for o in OPERATIONS if o.name not in ANSWERED_BY_BENTOML],
    ids=lambda o: f"{o.method} {o.path}",
)
def test_every_route_opens_to_its_roles_alone(
    client: Caller, keys: Keys, operation: Operation
) -> None:
    ask = asker(client, "https://service")
    rank_first(client, "https://service", keys)
    assert statuses(ask, operation, keys) == expected_of(operation, keys)


@dataclass(frozen=True)
class Running:
    """The service in a process of its own, and its log."""

    client: httpx.Client
    url: str
    keys: Keys
    log: Path


@pytest.fixture(scope="module")
def running(small_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = small_home.home
    home.reports.mkdir(exist_ok=True)
    (home.reports / "quality.html").write_text("<h1>Quality</h1>", encoding="utf-8")
    store = open_store(home.store_url())
    keys = make_keys(store)
    store.engine.dispose()
    log = tmp_path_factory.mktemp("log") / "service.log"
    with service(home, log=log) as url, httpx.Client(timeout=30) as client:
        rank_first(client, url, keys)
        yield Running(client, url, keys, log)


def rank_first(client: Caller | httpx.Client, base: str, keys: Keys) -> None:
    """Rank the decisions that outcomes and look-ups speak of."""
    headers = {"Authorization": f"Bearer {keys['admin', 'right key']}"}
    answer = client.request("POST", f"{base}/v1/rank", json=RANK_REQUEST, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_so_it_is_with_the_service_as_it_runs(running: Running, operation: Operation) -> None:
    running.client.cookies.clear()
    ask = asker(running.client, running.url)
    assert statuses(ask, operation, running.keys) == expected_of(operation, running.keys)


def test_the_table_has_a_row_for_every_route_and_no_other() -> None:
    assert set(EXPECTED) == {f"{o.method} {o.path}" for o in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_documents_name_the_roles_of_the_table(operation: Operation) -> None:
    row = EXPECTED[f"{operation.method} {operation.path}"]
    allowed = {role for role, status in zip(ROLES, row, strict=False) if status == 200}
    assert set(operation.roles) == (allowed if row[4] == 401 and operation.roles else set())


@pytest.mark.parametrize("state", NOT_VALID)
@pytest.mark.parametrize("path", ["/v1/model", "/reports/quality.html"])
def test_a_refusal_says_how_to_authorise(
    client: Caller, store: Store, state: str, path: str
) -> None:
    key = key_of(store, "admin", state)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert key is None or key.split("_")[2] not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forwarded", "is_shown"), [("https", True), ("http", False), (None, False)]
)
def test_a_proxy_on_this_machine_says_whether_the_browser_s_connection_is_encrypted(
    running: Running, forwarded: str | None, is_shown: bool
) -> None:
    client, url, keys = running.client, running.url, running.keys
    client.cookies.clear()
    headers = {"Host": "reports.example", "Accept": "text/html"}
    headers |= {"X-Forwarded-Proto": forwarded} if forwarded else {}
    assert ("<input" in client.get(f"{url}/login", headers=headers).text) is is_shown
    form = {"key": keys["viewer", "right key"]}
    answer = client.post(f"{url}/login", data=form, headers=headers)
    assert answer.status_code == (303 if is_shown else 403)
    assert ("Secure" in answer.headers.get("Set-Cookie", "")) is is_shown


@pytest.mark.slow
def test_neither_key_nor_session_nor_content_is_in_what_the_service_writes(
    running: Running,
) -> None:
    client, url, key = running.client, running.url, running.keys["admin", "right key"]
    client.cookies.clear()
    client.post(f"{url}/login", data={"key": key})
    token = client.cookies[COOKIE]
    client.get(f"{url}/reports/?key={key}")
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "marked"}
    rows = [row | {"text": "Zaunkoenig", "views": -1} for row in RANK_REQUEST["decisions"]]
    client.post(f"{url}/v1/rank", json={"decisions": rows, "capacity": 1}, headers=headers)
    client.get(f"{url}/v1/decisions/Zaunkoenig?q=Zaunkoenig", headers=headers)
    written = running.log.read_text(encoding="utf-8")
    assert written.count('"request_id":"marked"') == 2
    assert "Zaunkoenig" not in written
    assert token.rpartition(".")[2] not in written
    assert [k for k in running.keys.values() if k and k.split("_")[2] in written] == []
