"""A small programme: a real store and selection, and a ranker whose risk is the automated score."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from features.columns import Columns, numbers
from features.home import Home
from features.store import Store, open_store
from features.track_record import RecordSettings
from models.plan import Plan, fit_plan
from models.ranking import drawn_columns
from models.reasons import Reason
from models.risk_frame import RiskFrame
from models.sampling_key import KeyRing, SamplingKey
from models.selection import select_admission, select_batch
from serving.access import create_key
from serving.admission import Thresholds
from serving.app import build_app
from serving.gate import Gate
from serving.live_records import LiveRecords
from serving.payload import Role
from serving.programme import Programme
from serving.ranker import Draw, Ranked, Ranker
from serving.settings import Limits
from serving.standing import Standing
from serving.visit import Front
from tests.serving.small_home import NOW as NOW
from tests.serving.small_home import SmallHome, make_small_home

KEY = SamplingKey("k-test", bytes(32))
LIMITS = Limits(max_body_bytes=200_000, max_rows=50, max_text_length=100)
POLICIES = ("hate", "spam", "scams")


@dataclass(frozen=True)
class ScoreRanker:
    """Takes the automated score for the risk; .1 without one."""

    model_version: str = "null-1"
    bundle_version: str = "nothing"
    record_settings: RecordSettings = RecordSettings()

    @property
    def card(self) -> dict[str, Any]:
        return {"learned_from": "nothing"}

    def rank(self, decisions: Columns, records: Columns, draw: Draw) -> Ranked:
        risk = np.nan_to_num(numbers(decisions, "automated_score"), nan=0.1).clip(0.001, 0.9)
        frame = RiskFrame(decisions["decision_id"], risk, risk, decisions["policy"])
        plan, keys = draw.plan, draw.keys
        if draw.capacity is None:
            drawn = select_admission(frame, plan=plan, key=keys, threshold=draw.threshold)
        else:
            drawn = select_batch(frame, plan=plan, key=keys, capacity=draw.capacity)
        table = Columns(len(decisions), {"decision_id": decisions["decision_id"]}).assign(
            over_enforcement=risk,
            under_enforcement=0.0,
            wrong_selection=0.0,
            overturn_probability=risk,
            expected_harm=risk,
            **drawn_columns(drawn),
            plan_version=plan.version,
            model_version=self.model_version,
            key_id=keys.key_ids(frame.decision_ids),
        )
        why = Reason("automated_score", "automated score", 1.0, 1.0)
        reasons = {int(row): [why] for row in np.flatnonzero(drawn.selected)}
        return Ranked(table, reasons, drawn.common_threshold)


def make_plan(seed: int = 0) -> Plan:
    generator = np.random.default_rng(seed)
    risk = generator.beta(1, 10, 600)
    ids = np.array([f"p-{number}" for number in range(600)], dtype=object)
    policies = np.array(POLICIES, dtype=object)[generator.integers(0, 3, 600)]
    return fit_plan(RiskFrame(ids, risk, risk, policies), capacity=60, key_id=KEY.key_id)


def decision(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "decision_id": f"d-{number}",
        "decided_at": "2026-03-01T09:30:00Z",
        "policy": POLICIES[number % 3],
        "action": "remove",
        "moderator_id": f"jane-{number % 4}@example.org",
        "automated_score": (number * 37 % 90) / 100,
    }
    return row | fields


def outcome(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "audit_id": f"a-{number}",
        "decision_id": f"d-{number}",
        "audited_at": "2026-03-02T10:00:00Z",
        "verdict": "over_enforcement",
    }
    return row | fields


class StaticPublication:
    """A publication that a test changes by hand."""

    def __init__(self, programme: Programme) -> None:
        self.now = "first"
        self.home_now = "first"
        self.keys: KeyRing | Exception = programme.keys
        self.published: Ranker | Exception = programme.ranker
        self._programme = programme

    def mark(self) -> str:
        return self.now

    def home_mark(self) -> str:
        return self.home_now

    def ranker(self) -> Ranker:
        if isinstance(self.published, Exception):
            raise self.published
        return self.published

    def first(self, ranker: Ranker, plan: Plan) -> Programme:
        self._programme.records.keep(ranker.record_settings)
        return replace(self._programme, ranker=ranker, plan=plan)

    def renewed(self, programme: Programme) -> Programme:
        if isinstance(self.keys, Exception):
            raise self.keys
        return replace(programme, keys=self.keys)


class Caller:
    """Calls an application in this process."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service"
        )
        self.headers, self.cookies = self._client.headers, self._client.cookies

    def __enter__(self) -> Caller:
        self._open = ExitStack()
        self._portal = self._open.enter_context(anyio.from_thread.start_blocking_portal())
        self._open.enter_context(self._portal.wrap_async_context_manager(self._client))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._portal.call(partial(self._client.request, method, url, **options))

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store file with its tables and a plan; migrating is slow, so it is copied."""
    path = tmp_path_factory.mktemp("store") / "store.db"
    opened = open_store(f"sqlite:///{path}")
    opened.initialise()
    plan = make_plan()
    opened.add_plan(plan.version, plan.to_json(), NOW)
    opened.engine.dispose()
    return path


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{shutil.copy(empty_store, tmp_path / 'store.db')}")
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def plan() -> Plan:
    return make_plan()


@pytest.fixture
def programme(store: Store, plan: Plan) -> Programme:
    ranker = ScoreRanker()
    records = LiveRecords(store)
    records.keep(ranker.record_settings)
    return Programme(
        store=store,
        ranker=ranker,
        plan=plan,
        records=records,
        keys=KeyRing(KEY),
        thresholds=Thresholds(store),
        pseudonym_key=b"p" * 32,
        limits=LIMITS,
    )


@pytest.fixture
def publication(programme: Programme) -> StaticPublication:
    return StaticPublication(programme)


@pytest.fixture
def front(publication: StaticPublication, store: Store, tmp_path: Path) -> Front:
    reports = tmp_path / "home" / "reports"
    reports.mkdir(parents=True)
    (reports / "quality.html").write_text("<h1>Quality</h1>", encoding="utf-8")
    (tmp_path / "home" / "secrets.json").write_text("{}", encoding="utf-8")
    standing = Standing(publication, store, clock=lambda: 0.0)
    return Front(standing=standing, gate=Gate(store), reports=reports, limits=LIMITS)


@pytest.fixture
def client(front: Front) -> Iterator[Caller]:
    with Caller(build_app(front)) as opened:
        yield opened


@pytest.fixture
def key_of(store: Store) -> Callable[[str], str]:
    return lambda role: create_key(store, role, NOW)[1]


@pytest.fixture
def admin(client: Caller, key_of: Callable[[str], str]) -> Caller:
    client.headers["Authorization"] = f"Bearer {key_of(Role.ADMIN)}"
    return client


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    return make_small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small_home(trained_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> SmallHome:
    """Return a copy, so that what one module stores is not seen by another."""
    place = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(trained_home.home.path, place)
    return replace(trained_home, home=Home(place))
