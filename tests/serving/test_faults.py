"""What becomes of a request when the store fails it: refused in time, nothing half done, and well
again when the store is."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from features.store import Store, open_store
from models.plan import Plan
from serving.access import create_key
from serving.admission import DailyCapacity, Thresholds
from serving.app import build_app
from serving.gate import Gate
from serving.live_records import LiveRecords
from serving.payload import Role
from serving.programme import Programme
from serving.settings import Limits
from serving.standing import Standing
from serving.visit import Front
from tests.conftest import empty_store_on
from tests.serving.conftest import (
    LIMITS,
    NOW,
    Caller,
    StaticPublication,
    decision,
    make_plan,
    outcome,
)
from tests.serving.stalling import Door

PATIENCE_S = 2.0
LATEST_S = PATIENCE_S + 3.0
QUICK = msgspec.structs.replace(LIMITS, answer_timeout_s=PATIENCE_S)


@contextmanager
def answering(
    programme: Programme, store: Store, folder: Path, *, limits: Limits = QUICK
) -> Iterator[Caller]:
    """Yield a caller of a service over a store, with a key that may do all."""
    on_store = replace(programme, store=store, thresholds=Thresholds(store), limits=limits)
    records = LiveRecords(store)
    records.keep(programme.ranker.record_settings)
    standing = Standing(StaticPublication(replace(on_store, records=records)), store)
    front = Front(standing=standing, gate=Gate(store), reports=folder, limits=limits)
    with Caller(build_app(front)) as caller:
        caller.headers["Authorization"] = f"Bearer {create_key(store, Role.ADMIN, NOW)[1]}"
        assert rank(caller, 1).status_code == 200
        yield caller


def rank(caller: Caller, *numbers: int) -> httpx.Response:
    body = {"decisions": [decision(number) for number in numbers], "capacity": 1}
    return caller.post("/v1/rank", json=body)


def audit(caller: Caller, number: int) -> httpx.Response:
    return caller.post("/v1/outcomes", json={"outcomes": [outcome(number)]})


def assert_refused(ask: Callable[[], httpx.Response], *statuses: int) -> None:
    started = time.monotonic()
    answer = ask()
    assert answer.status_code in statuses, answer.text
    assert time.monotonic() - started < LATEST_S
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) > 0


def working_threads() -> int:
    return sum("AnyIO" in thread.name for thread in threading.enumerate())


def assert_stored_once(store: Store, *numbers: int) -> None:
    ids = store.selections()["decision_id"].tolist()
    assert all(ids.count(f"d-{number}") == 1 for number in numbers)
    assert len(store.decisions(decision_ids=[f"d-{number}" for number in numbers])) == len(numbers)


# SQLite


@pytest.fixture
def over_file(programme: Programme, store: Store, tmp_path: Path) -> Iterator[Caller]:
    with answering(programme, store, tmp_path) as caller:
        yield caller


def each_connection(store: Store, *pragmas: str) -> Callable[[], None]:
    """Set pragmas on all connections from now on; call what is returned to end that."""

    def set_up(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def undo() -> None:
        sa.event.remove(store.engine, "connect", set_up)
        store.engine.dispose()

    sa.event.listen(store.engine, "connect", set_up)
    store.engine.dispose()
    return undo


def test_a_full_disk_refuses_what_must_be_kept_and_keeps_nothing_of_it(
    over_file: Caller, store: Store
) -> None:
    with store.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    undo = each_connection(store, f"max_page_count = {pages}")
    assert_refused(lambda: rank(over_file, *range(10, 60)), 503)
    undo()
    assert store.decisions(decision_ids=["d-10"]).empty
    assert rank(over_file, *range(10, 60)).status_code == 200
    assert_stored_once(store, *range(10, 60))


def test_a_store_that_can_only_be_read_refuses_what_must_be_kept(
    over_file: Caller, store: Store
) -> None:
    undo = each_connection(store, "query_only = on")
    assert_refused(lambda: rank(over_file, 2), 503)
    assert_refused(lambda: audit(over_file, 1), 503)
    assert over_file.get("/v1/decisions/d-1").status_code == 200
    undo()
    assert rank(over_file, 2).status_code == 200
    assert audit(over_file, 1).json()["accepted"] == 1
    assert_stored_once(store, 1, 2)


def test_a_store_that_another_program_locks_is_waited_for_and_then_refused(
    over_file: Caller, store: Store
) -> None:
    undo = each_connection(store, "busy_timeout = 500")
    other = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert_refused(lambda: rank(over_file, 2), 503)
    other.execute("ROLLBACK")
    other.close()
    undo()
    assert rank(over_file, 2).status_code == 200
    assert_stored_once(store, 2)


def test_a_store_whose_file_is_gone_is_refused_and_not_made_anew(
    over_file: Caller, store: Store, tmp_path: Path
) -> None:
    file = Path(str(store.engine.url.database))
    store.engine.dispose()
    shutil.move(file, tmp_path / "away.db")
    assert_refused(lambda: rank(over_file, 2), 503)
    store.engine.dispose()
    for rest in tmp_path.glob("store.db*"):
        rest.unlink()
    shutil.move(tmp_path / "away.db", file)
    assert rank(over_file, 2).status_code == 200
    assert_stored_once(store, 1, 2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a disk of its own, of 8 MiB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False)
    if made.returncode:
        pytest.skip("this process may not mount a disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_full_or_becomes_read_only_and_is_mended(
    programme: Programme, store: Store, small_disk: Path, tmp_path: Path
) -> None:
    file = Path(str(store.engine.url.database))
    store.engine.dispose()
    on_disk = open_store(f"sqlite:///{shutil.copy(file, small_disk / 'store.db')}")
    with answering(programme, on_disk, tmp_path) as caller:
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb") as opened:
            opened.write(bytes(16 * 2**20))
        assert_refused(lambda: rank(caller, *range(10, 60)), 503)
        filler.unlink()
        assert rank(caller, *range(10, 60)).status_code == 200
        on_disk.engine.dispose()
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        assert_refused(lambda: rank(caller, 2), 503)
        on_disk.engine.dispose()
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert rank(caller, 2).status_code == 200
        assert_stored_once(on_disk, 1, 2, *range(10, 60))
    on_disk.engine.dispose()


# PostgreSQL, through a door


@pytest.fixture
def far_store(tmp_path: Path, plan: Plan) -> Iterator[Store]:
    for made in empty_store_on("postgresql", tmp_path):
        made.add_plan(plan.version, plan.to_json(), NOW)
        yield made


@pytest.fixture
def door(far_store: Store) -> Iterator[Door]:
    made = Door(far_store.engine.url.host or "127.0.0.1", far_store.engine.url.port or 5432)
    yield made
    made.close()


@pytest.fixture
def through_door(
    programme: Programme, far_store: Store, door: Door, tmp_path: Path
) -> Iterator[Caller]:
    url = far_store.engine.url.set(host="127.0.0.1", port=door.port)
    near = open_store(url.render_as_string(hide_password=False))
    with answering(programme, near, tmp_path) as caller:
        yield caller
    near.engine.dispose()


def test_a_store_that_is_down_refuses_and_is_well_again_when_it_is(
    through_door: Caller, door: Door, far_store: Store
) -> None:
    door.shut()
    assert_refused(lambda: rank(through_door, 2), 503)
    assert_refused(lambda: audit(through_door, 1), 503)
    door.open()
    assert rank(through_door, 2).status_code == 200
    assert audit(through_door, 1).json()["accepted"] == 1
    assert_stored_once(far_store, 1, 2)


def test_a_store_that_stalls_is_given_up_in_time_and_does_not_fill_the_process(
    through_door: Caller, door: Door, far_store: Store
) -> None:
    door.stall()
    before = working_threads()
    for number in (2, 3, 4):
        assert_refused(partial(rank, through_door, number), 503, 504)
    assert working_threads() - before <= 4
    door.open()
    until = time.monotonic() + 20
    while rank(through_door, 2, 3, 4).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert len(far_store.decisions(decision_ids=["d-2", "d-3", "d-4"])) == 3


def test_calls_that_were_given_up_fill_no_more_threads_than_there_are_places(
    programme: Programme, far_store: Store, door: Door, tmp_path: Path
) -> None:
    few = msgspec.structs.replace(QUICK, threads=1, max_waiting=1, answer_timeout_s=0.5)
    url = far_store.engine.url.set(host="127.0.0.1", port=door.port)
    near = open_store(url.render_as_string(hide_password=False))
    with answering(programme, near, tmp_path, limits=few) as caller:
        door.stall()
        before = working_threads()
        statuses = [rank(caller, number).status_code for number in range(10, 18)]
        assert statuses == [504, 504, *[503] * 6]
        assert working_threads() - before <= 2
        door.open()
        end = time.monotonic() + 20
        while rank(caller, 30).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.1)
    near.engine.dispose()


def test_a_database_that_is_read_only_refuses_what_must_be_kept(
    through_door: Caller, far_store: Store
) -> None:
    standing: Standing = through_door.app.state.front.standing
    store = standing.programme().store

    def read_only(connection: Any, _record: object) -> None:
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()

    sa.event.listen(store.engine, "connect", read_only)
    store.engine.dispose()
    assert_refused(lambda: rank(through_door, 2), 503)
    assert not standing.is_ready()
    sa.event.remove(store.engine, "connect", read_only)
    store.engine.dispose()
    assert rank(through_door, 2).status_code == 200
    assert standing.is_ready()
    assert_stored_once(far_store, 2)


# Clocks


def test_a_clock_that_jumps_moves_no_threshold_beyond_the_plan(
    over_file: Caller, store: Store, plan: Plan
) -> None:
    thresholds = Thresholds(store)
    for jump in (-timedelta(days=400), timedelta(hours=-3), timedelta(days=4000)):
        found = thresholds.at(NOW + jump, plan=plan, capacity=DailyCapacity())
        again = Thresholds(store).at(NOW + jump, plan=plan, capacity=DailyCapacity())
        assert found == again
        assert found > 0
    assert rank(over_file, 5).status_code == 200


def test_a_plan_made_by_a_clock_that_is_behind_is_current_all_the_same(store: Store) -> None:
    late = make_plan(seed=3)
    store.add_plan(late.version, late.to_json(), NOW - timedelta(days=30))
    assert store.plan_document() == late.to_json()


def test_an_audit_from_the_future_is_refused_by_row_and_the_others_are_kept(
    over_file: Caller, store: Store
) -> None:
    assert rank(over_file, 2).status_code == 200
    rows = [outcome(1, audited_at="2099-01-01T00:00:00Z"), outcome(2)]
    answer = over_file.post("/v1/outcomes", json={"outcomes": rows}).json()
    assert (answer["accepted"], answer["rejected"][0]["index"]) == (1, 0)
    assert "clock" in answer["rejected"][0]["expected"]
    assert store.outcomes()["audit_id"].tolist() == ["a-2"]
