"""From a team's file into the store: all of it, or nothing, or the good rows alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.errors import ContractError, StoreError
from features.files import read_table, write_table
from features.home import Home, make_home
from features.intake import Taken, add_decisions, take_decisions, take_outcomes
from features.pseudonym import pseudonym
from features.store import Store, open_store


@pytest.fixture
def opened(home: Home) -> Store:
    return open_store(home.store_url())


def decisions_file(folder: Path, *ids: str, **columns: object) -> Path:
    frame = pd.DataFrame(
        {
            "decision_id": ids,
            "decided_at": "2026-03-01",
            "policy": "spam",
            "action": "keep",
            "moderator_id": "jane",
        }
        | columns
    )
    write_table(frame, folder / "week.csv")
    return folder / "week.csv"


def outcomes_file(folder: Path, *pairs: tuple[str, str], **columns: object) -> Path:
    frame = pd.DataFrame(
        {
            "audit_id": [audit_id for audit_id, _ in pairs],
            "decision_id": [decision_id for _, decision_id in pairs],
            "audited_at": "2026-03-02",
            "verdict": "correct",
            "auditor_id": "ali",
        }
        | columns
    )
    write_table(frame, folder / "audits.csv")
    return folder / "audits.csv"


def counts(taken: Taken) -> tuple[int, int, int]:
    return taken.new, taken.unchanged, len(taken.refused)


def test_a_file_is_loaded_and_again_changes_nothing(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    file = decisions_file(tmp_path, "a", "b")
    assert counts(take_decisions(home, file)) == (2, 0, 0)
    again = take_decisions(home, file)
    assert (counts(again), again.rejected_file) == ((0, 2, 0), None)
    assert len(opened.decisions()) == 2


def test_people_come_in_under_pseudonyms(home: Home, opened: Store, tmp_path: Path) -> None:
    take_decisions(home, decisions_file(tmp_path, "a"))
    take_outcomes(home, outcomes_file(tmp_path, ("o1", "a")))
    key = home.secrets().pseudonyms
    assert opened.decisions()["moderator_id"].tolist() == [pseudonym("jane", key)]
    assert opened.outcomes()["auditor_id"].tolist() == [pseudonym("ali", key)]


def test_plain_ids_come_in_where_the_settings_ask_for_it(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    home.settings_file.write_text("pseudonymise = false")
    take_decisions(home, decisions_file(tmp_path, "a"))
    assert opened.decisions()["moderator_id"].tolist() == ["jane"]


def test_one_bad_row_keeps_the_whole_file_out(home: Home, opened: Store, tmp_path: Path) -> None:
    file = decisions_file(tmp_path, "a", "b", "c", views=["1", "many", "3"])
    with pytest.raises(ContractError, match=r"row 1, column 'views': saw 'many'"):
        take_decisions(home, file)
    assert opened.decisions().empty
    assert sorted(place.name for place in tmp_path.glob("*.csv")) == ["week.csv"]


def test_bad_rows_are_skipped_on_demand_and_written_beside(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    file = decisions_file(tmp_path, "a", "b", "a", views=["1", "many", "3"])
    taken = take_decisions(home, file, skip_bad=True)
    assert counts(taken) == (1, 0, 2)
    assert opened.decisions()["decision_id"].tolist() == ["a"]
    assert taken.rejected_file == tmp_path / "week.rejected.csv"
    rejected = read_table(taken.rejected_file)
    assert rejected[["decision_id", "views"]].to_numpy().tolist() == [["b", "many"], ["a", "3"]]
    assert rejected["problem"].tolist() == [
        "views: saw 'many'; expected a finite number of at least 0",
        "decision_id: saw 'a' again; expected each value once",
    ]


def test_rejected_rows_load_once_they_are_mended(home: Home, opened: Store, tmp_path: Path) -> None:
    file = decisions_file(tmp_path, "a", "b", views=["1", "many"])
    place = take_decisions(home, file, skip_bad=True).rejected_file
    assert place is not None
    mended = read_table(place).drop(columns="problem").assign(views="2")
    write_table(mended, tmp_path / "mended.csv")
    assert take_decisions(home, tmp_path / "mended.csv").new == 1
    assert len(opened.decisions()) == 2


def test_a_file_of_nothing_but_bad_rows_stores_nothing(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    file = decisions_file(tmp_path, "a", "b", views=["many", "more"])
    assert counts(take_decisions(home, file, skip_bad=True)) == (0, 0, 2)
    assert opened.decisions().empty


def test_a_decision_that_changed_is_refused_told_and_written_beside(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    take_decisions(home, decisions_file(tmp_path, "a", "b"))
    changed = decisions_file(tmp_path, "a", "b", policy=["fraud", "spam"])
    taken = take_decisions(home, changed, skip_bad=True)
    assert counts(taken) == (0, 1, 1)
    assert taken.rejected_file is not None
    rejected = read_table(taken.rejected_file)
    assert rejected["decision_id"].tolist() == ["a"]
    assert "another policy" in rejected["problem"].iloc[0]
    assert opened.decisions()["policy"].tolist() == ["spam", "spam"]


def test_an_outcome_of_an_unknown_decision_keeps_the_whole_file_out(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    take_decisions(home, decisions_file(tmp_path, "a"))
    file = outcomes_file(tmp_path, ("o1", "a"), ("o2", "ghost"))
    with pytest.raises(ContractError, match=r"row 1.*saw 'ghost'.*load it first"):
        take_outcomes(home, file)
    assert opened.outcomes().empty


def test_an_outcome_of_an_unknown_decision_is_skipped_on_demand(
    home: Home, opened: Store, tmp_path: Path
) -> None:
    take_decisions(home, decisions_file(tmp_path, "a"))
    file = outcomes_file(tmp_path, ("o1", "ghost"), ("o2", "a"), ("o3", "a"))
    taken = take_outcomes(home, file, skip_bad=True)
    assert counts(taken) == (2, 0, 1)
    assert taken.rejected_file is not None
    assert read_table(taken.rejected_file)["audit_id"].tolist() == ["o1"]
    assert opened.outcomes()["audit_id"].tolist() == ["o2", "o3"]


def test_bad_and_refused_rows_stand_together_in_their_order(home: Home, tmp_path: Path) -> None:
    take_decisions(home, decisions_file(tmp_path, "a"))
    pairs = [("o1", "ghost"), ("o2", "a"), ("o3", "a"), ("o4", "phantom")]
    file = outcomes_file(tmp_path, *pairs, verdict=["correct", "correct", "wrong", "correct"])
    taken = take_outcomes(home, file, skip_bad=True)
    assert taken.rejected_file is not None
    assert read_table(taken.rejected_file)["audit_id"].tolist() == ["o1", "o3", "o4"]


def test_a_file_is_mapped_on_its_way(home: Home, opened: Store, tmp_path: Path) -> None:
    frame = pd.DataFrame({"ref": ["a"], "on": ["01.03.2026"], "did": ["Left up"]})
    write_table(frame, tmp_path / "own.csv")
    (tmp_path / "own.toml").write_text(
        '[decisions.columns]\ndecision_id = "ref"\ndecided_at = "on"\naction = "did"\n'
        '[decisions.times]\ndecided_at = { format = "%d.%m.%Y" }\n'
        '[decisions.constants]\npolicy = "spam"\n'
    )
    take_decisions(home, tmp_path / "own.csv", mapping=tmp_path / "own.toml")
    assert opened.decisions()["decided_at"].tolist() == [pd.Timestamp("2026-03-01", tz="UTC")]


def test_a_store_that_was_not_made_is_refused_with_the_mend(tmp_path: Path) -> None:
    bare = make_home(tmp_path / "bare")
    with pytest.raises(StoreError, match="secondlook init"):
        take_decisions(bare, decisions_file(tmp_path, "a"))


def test_checked_decisions_are_hidden_and_stored(home: Home, opened: Store) -> None:
    frame = pd.DataFrame(
        {
            "decision_id": ["a"],
            "decided_at": ["2026-03-01"],
            "policy": ["spam"],
            "action": ["keep"],
            "moderator_id": ["jane"],
        }
    )
    assert add_decisions(home, check(frame, DECISIONS).require()).ids == ("a",)
    assert opened.decisions()["moderator_id"].str.startswith("psn:").all()
