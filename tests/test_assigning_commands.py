"""Assigning and exposure by command: the same functions as the service's, and files out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.home import Home
from features.pseudonym import pseudonym
from features.rows import microseconds
from features.store import Store, open_store
from tests.features.assigned import add_decisions, select
from tests.serving.conftest import make_plan
from tests.test_front_door import Front

SHIFT = "auditor_id,hours,languages,most_graphic\nana,4,de;en,3\nben,2,,1\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Front:
    return Front(capsys)


@pytest.fixture
def planned(home: Home) -> Home:
    """Return a home with a plan and four selected decisions, two of them graphic."""
    home.policies_file.write_text("[policy.gore]\ngraphic_level = 3\n", encoding="utf-8")
    store, plan, now = open_store(home.store_url()), make_plan(), datetime.now(UTC)
    store.add_plan(plan.version, plan.to_json(), now)
    for policy in ("gore", "spam"):
        given = [f"{policy}-{number}" for number in range(2)]
        add_decisions(store, *given, policy=policy, language="de")
        select(store, *given, selected_at=microseconds(now - timedelta(hours=1)))
    store.engine.dispose()
    return home


def shift_file(folder: Path, text: str = SHIFT, name: str = "shift.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def store_of(home: Home) -> Store:
    return open_store(home.store_url())


def test_assignments_are_made_told_and_written(run: Front, planned: Home, tmp_path: Path) -> None:
    file, to = shift_file(tmp_path), tmp_path / "out" / "assigned.csv"
    answer = run("assign", "--shift", file, "--to", to, "--home", planned.path)
    assert answer.status == 0, answer.error
    assert "4 assigned, 0 went back before" in answer.out
    written = pd.read_csv(to)
    assert sorted(written["decision_id"]) == ["gore-0", "gore-1", "spam-0", "spam-1"]
    graphic = written[written["graphic_level"] == 3]
    assert set(graphic["auditor_id"]) == {"ana"}
    again = run("assign", "--shift", file, "--home", planned.path)
    assert "0 assigned" in again.out


def test_json_holds_the_whole_answer(run: Front, planned: Home, tmp_path: Path) -> None:
    to = tmp_path / "assigned.json"
    run("assign", "--shift", shift_file(tmp_path), "--to", to, "--home", planned.path)
    told = json.loads(to.read_text())
    assert told["assigned"] == 4
    assert [person["exposure"] for person in told["people"]] == [None, None]


def test_what_waits_is_told_with_what_would_free_it(
    run: Front, planned: Home, tmp_path: Path
) -> None:
    file = shift_file(tmp_path, "[[people]]\nauditor_id = 'ana'\nhours = 1\nlanguages = ['ja']\n",
                      "shift.toml")  # fmt: skip
    answer = run("assign", "--shift", file, "--home", planned.path)
    assert "4 wait (0 overdue): 4 language" in answer.out
    assert "put somebody on shift who audits de" in answer.out


def test_a_bad_person_is_told_and_the_others_are_used(
    run: Front, planned: Home, tmp_path: Path
) -> None:
    file = shift_file(tmp_path, SHIFT + "cleo,26,,\n")
    answer = run("assign", "--shift", file, "--home", planned.path)
    assert answer.status == 1
    assert "person 2, hours: saw 26" in answer.error
    assert "4 assigned" in answer.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "people"),
        ("people = 3", "column 'people': saw 3; expected array, got int"),
        ("[[people]]\nauditor_id = 'ana'\nhours = 1\n[more]", "unknown field"),
        ("time_limit_s = 500\n[[people]]\nauditor_id = 'ana'\nhours = 1\n", "time_limit_s"),
    ],
)
def test_a_file_that_says_something_else_is_refused(
    run: Front, planned: Home, tmp_path: Path, text: str, told: str
) -> None:
    file = shift_file(tmp_path, text, "shift.toml")
    answer = run("assign", "--shift", file, "--home", planned.path)
    assert answer.status == 1
    assert told in answer.error


def test_a_home_without_a_plan_is_told_the_mend(run: Front, home: Home, tmp_path: Path) -> None:
    answer = run("assign", "--shift", shift_file(tmp_path), "--home", home.path)
    assert answer.status == 1
    assert "run `secondlook promote`" in answer.error


def test_exposure_is_told_without_names_and_with_them_only_where_asked(
    run: Front, planned: Home, tmp_path: Path
) -> None:
    run("assign", "--shift", shift_file(tmp_path), "--home", planned.path)
    key = planned.pseudonym_key()
    assert key is not None
    ana = pseudonym("ana", key)
    days = run("exposure", "--home", planned.path, "--to", tmp_path / "days.csv")
    assert ana not in days.out
    assert pd.read_csv(tmp_path / "days.csv")["items"].tolist() == [2]
    people = run("exposure", "--people", "--home", planned.path)
    assert ana in people.out
    one = run("exposure", "--auditor", "ana", "--home", planned.path, "--to", tmp_path / "a.json")
    assert ana in one.out
    [row] = json.loads((tmp_path / "a.json").read_text())
    assert row["graphic_items"] == 2
    with store_of(planned).transaction() as connection:
        kept = connection.execute(sa.select(schema.lookups)).mappings().all()
    assert [row["auditor_id"] for row in kept] == [None, ana]
    assert all("@" in row["by"] for row in kept)
    looks = run("exposure", "--looks", "--home", planned.path).out
    assert [line.count(ana) for line in looks.splitlines()] == [0, 0, 1]
    assert "everybody" in looks


def test_a_day_without_audits_has_no_exposure(run: Front, planned: Home) -> None:
    answer = run("exposure", "--since", "2020-01-01", "--until", "2020-01-02", "--home",
                 planned.path)  # fmt: skip
    assert answer.status == 0
    assert "nothing to show" in answer.out


def test_a_key_may_belong_to_an_auditor_and_its_successor_too(run: Front, planned: Home) -> None:
    made = run("key", "create", "--role", "auditor", "--auditor", "ana", "--home", planned.path)
    key_id = made.out.strip().split("_")[1]
    run("key", "rotate", key_id, "--home", planned.path)
    with store_of(planned).transaction() as connection:
        owners = connection.scalars(sa.select(schema.access_keys.c.auditor_id)).all()
    key = planned.pseudonym_key()
    assert key is not None
    assert owners == [pseudonym("ana", key)] * 2
    refused = run("key", "create", "--role", "queue", "--auditor", "ana", "--home", planned.path)
    assert refused.status == 1
    assert "expected the role 'auditor'" in refused.error
