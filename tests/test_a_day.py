"""The day in docs/a_day.py, lived to its end: nothing is lost, doubled, over a cap or rewritten."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.disputes import disputes_of, every_outcome
from features.home import Home, open_home
from features.pseudonym import pseudonym
from features.store import open_store

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "a_day.py"
ITEMS, MINUTES = 12, 60.0
"""The caps of a person and day that the script sets."""
ANSWERS = ("morning", "afternoon", "reviews")


@dataclass(frozen=True)
class Lived:
    """What a day left behind."""

    folder: Path
    done: subprocess.CompletedProcess[str]

    @property
    def home(self) -> Home:
        return open_home(self.folder / "home")

    def answer(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return answer

    def assignments(self) -> pd.DataFrame:
        """Return all that were ever made, each with the decision it is about."""
        store = open_store(self.home.store_url())
        with store.transaction() as connection:
            rows = connection.execute(sa.select(schema.assignments)).mappings().all()
        decisions = store.decisions()[["decision_id", "moderator_team", "language"]]
        store.engine.dispose()
        return pd.DataFrame(rows).merge(decisions, on="decision_id")

    def outcomes(self) -> pd.DataFrame:
        store = open_store(self.home.store_url())
        found = every_outcome(store)
        store.engine.dispose()
        return found

    def known_as(self, name: str) -> str:
        key = self.home.pseudonym_key()
        assert key is not None
        return pseudonym(name, key)


def live(folder: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(SCRIPT), str(folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Live one day; all tests look at it."""
    folder = tmp_path_factory.mktemp("day") / "new"
    return Lived(folder, live(folder))


def test_every_step_is_done(day: Lived) -> None:
    assert day.done.returncode == 0, day.done.stdout[-2_000:] + day.done.stderr[-2_000:]
    steps = re.findall(r"^(\d+)  \S", day.done.stdout, flags=re.MULTILINE)
    assert steps == [f"{number}" for number in range(1, 16)]


def test_the_page_tells_every_command_of_the_script(day: Lived) -> None:
    typed = re.findall(
        r"^\$ uv run secondlook ((?:dispute )?[a-z]+)", day.done.stdout, re.MULTILINE
    )
    page = SCRIPT.with_name("a-day.md").read_text(encoding="utf-8")
    assert len(typed) >= 20
    assert [words for words in typed if f"`secondlook {words}" not in page] == []


def test_what_was_selected_is_audited_or_waits_with_a_reason(day: Lived) -> None:
    ranked = pd.read_parquet(day.folder / "ranked.parquet")
    selected = set(ranked.loc[ranked["selected"], "decision_id"])
    found = day.outcomes()
    audited = set(found.loc[found["audit_id"].str.startswith("audit-"), "decision_id"])
    waits = [row for row in day.answer("reviews")["unplaced"] if row["kind"] == "audit"]
    assert len(selected) == 300
    assert audited <= selected
    assert {row["decision_id"] for row in waits} == selected - audited
    assert all(row["constraint"] and row["freed_by"] for row in waits)


def test_each_audit_is_done_once(day: Lived) -> None:
    made = day.assignments()
    audits = made[(made["kind"] == "audit") & made["returned_at"].isna()]
    assert len(audits) > 200
    assert not audits["decision_id"].duplicated().any()


def test_what_somebody_left_undone_goes_back_and_is_done_by_others(day: Lived) -> None:
    made = day.assignments()
    ana = made[made["auditor_id"] == day.known_as("ana")]
    left = ana[ana["returned_at"].notna()]
    assert len(left) == day.answer("afternoon")["returned"] > 0
    waits = {row["decision_id"] for row in day.answer("reviews")["unplaced"]}
    others = made[(made["auditor_id"] != day.known_as("ana")) & made["returned_at"].isna()]
    assert set(left["decision_id"]) <= set(others["decision_id"]) | waits


def test_what_nobody_could_read_waited_until_somebody_came(day: Lived) -> None:
    made = day.assignments()
    thai = made[made["language"] == "th"]
    assert day.answer("morning")["waiting_by"]["language"] > 0
    assert set(thai["auditor_id"]) == {day.known_as("gil")}


def test_nobody_audits_their_own_team(day: Lived) -> None:
    made = day.assignments()
    for name, team in (("ana", "team-03"), ("dov", "team-05")):
        theirs = made[made["auditor_id"] == day.known_as(name)]
        assert len(theirs) > 0
        assert team not in set(theirs["moderator_team"])


def test_nobody_is_over_a_cap(day: Lived) -> None:
    [row] = pd.read_csv(day.folder / "exposure.csv").to_dict("records")
    assert row["over_minutes"] == row["over_items"] == 0
    assert 0 < row["highest_items"] <= ITEMS
    assert 0 < row["highest_minutes"] <= MINUTES
    made = day.assignments()
    graphic = made[(made["graphic_level"] >= 2) & made["returned_at"].isna()]
    assert graphic.groupby("auditor_id").size().max() <= ITEMS
    assert day.known_as("ben") not in set(graphic["auditor_id"])


def test_a_look_at_one_person_is_kept(day: Lived) -> None:
    with open_store(day.home.store_url()).transaction() as connection:
        looked = connection.scalars(sa.select(schema.lookups.c.auditor_id)).all()
    assert looked == [day.known_as("eva")]


def test_a_second_review_is_by_somebody_else(day: Lived) -> None:
    found = day.outcomes()
    by = {
        source: found[found["source"] == source].set_index("decision_id")["auditor_id"]
        for source in ("audit", "review")
    }
    first = by["audit"][~by["audit"].index.duplicated()]
    assert len(by["review"]) >= 20
    assert (first.reindex(by["review"].index) != by["review"]).all()


def test_a_dispute_is_settled_and_what_was_found_first_is_kept(day: Lived) -> None:
    found = day.outcomes()
    [dispute] = disputes_of(found).to_dict("records")
    truth = pd.read_parquet(day.folder / "simulated" / "truth.parquet")
    right = truth.set_index("decision_id").at[dispute["decision_id"], "verdict"]
    assert dispute["state"] == ("upheld" if dispute["found"] == right else "changed")
    assert dispute["stands"] == right
    kept = found[found["audit_id"].isin([dispute["audit_id"], dispute["audit_id"] + "/settled"])]
    assert list(kept["verdict"]) == [dispute["found"], right]
    assert list(kept["supersedes"].fillna("")) == ["", dispute["audit_id"]]


def test_the_figure_stands_as_found_and_corrected(day: Lived) -> None:
    reports = day.home.reports
    figures = json.loads((reports / "quality.json").read_text())
    row = pd.read_csv(reports / figures["report"] / "auditors.csv").iloc[0]
    page = (reports / figures["report"] / "auditors.html").read_text()
    assert row["reviews"] >= 20
    for name in ("accuracy", "corrected_accuracy"):
        assert 0.5 < figures[f"{name}_low"] < figures[f"{name}_high"] <= 1
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
        assert row[name] == pytest.approx(figures[name])
        assert f"{100 * figures[name]:.1f} %" in page.replace("\u00a0", " ").replace("\u202f", " ")
        assert f"{figures[name]:.1%}" in day.done.stdout


def test_nothing_runs_on(day: Lived) -> None:
    lines = [_command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert [line for line in lines if str(day.folder) in line] == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    done = live(tmp_path)
    assert done.returncode == 1
    assert "expected a new or empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def _command_line(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
