"""A file of many batches comes in whole or not at all, on either database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import copying, intake, refused
from features.errors import ContractError
from features.files import read_table, write_table
from features.home import Home, make_home
from features.intake import Taken, take_decisions, take_outcomes
from features.store import Store


@pytest.fixture
def home(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose store is on each database in turn; its frames go by Arrow, however short."""
    monkeypatch.setattr(copying, "_FRAMES_FROM", 1)
    made = make_home(tmp_path / "home")
    url = store.engine.url.render_as_string(hide_password=False)
    (made.path / "secondlook.toml").write_text(f'store_url = "{url}"\n')
    return made


def decisions(count: int, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "decision_id": [f"d{number}" for number in range(count)],
            "decided_at": "2026-03-01",
            "policy": "spam",
            "action": "keep",
            "group_age": "20",
        }
    )
    return frame.assign(**columns)


def outcomes(*decision_ids: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "audit_id": [f"o{number}" for number in range(len(decision_ids))],
            "decision_id": decision_ids,
            "audited_at": "2026-03-02",
            "verdict": "correct",
        }
    )
    return frame.assign(**columns)


def take(home: Home, frame: pd.DataFrame, *, skip_bad: bool = False, rows: int = 2) -> Taken:
    file = home.path / "week.parquet"
    write_table(frame, file)
    run = take_outcomes if "audit_id" in frame else take_decisions
    return run(home, file, skip_bad=skip_bad, rows=rows)


def counts(taken: Taken) -> tuple[int, int, int]:
    return taken.new, taken.unchanged, taken.refused_count


def test_all_batches_come_in_and_again_change_nothing(home: Home, store: Store) -> None:
    frame = decisions(7, text=[*"-abcdef"], x_size=np.arange(7) / 3)
    assert counts(take(home, frame)) == (7, 0, 0)
    assert counts(take(home, frame)) == (0, 7, 0)
    stored = store.decisions(with_content=True)
    assert stored["text"].tolist() == [*"-abcdef"]
    assert stored["x_size"].tolist() == (np.arange(7) / 3).tolist()


def test_a_file_of_known_and_new_rows_adds_the_new_ones(home: Home, store: Store) -> None:
    take(home, decisions(3))
    assert counts(take(home, decisions(8))) == (5, 3, 0)
    assert len(store.decisions()) == 8


def test_a_bad_row_in_the_last_batch_keeps_all_out(home: Home, store: Store) -> None:
    frame = decisions(7, policy=np.array([*["spam"] * 6, None], dtype=object))
    with pytest.raises(ContractError, match="row 6, column 'policy': saw null"):
        take(home, frame)
    assert store.decisions().empty
    assert not list(home.path.glob("*rejected*"))


def test_bad_rows_of_all_batches_are_told_by_their_place_in_the_file(home: Home) -> None:
    frame = decisions(8, views=["1", "many", "1", "1", "more", "1", "1", "most"])
    with pytest.raises(ContractError) as told:
        take(home, frame)
    assert [bad.row for bad in told.value.bad_values] == [1, 4, 7]


def test_of_very_many_bad_values_the_first_are_told_and_all_counted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "TOLD", 3)
    with pytest.raises(ContractError, match="decisions: 9 values break the contract") as told:
        take(home, decisions(9, views="many"))
    assert [bad.row for bad in told.value.bad_values] == [0, 1, 2]
    taken = take(home, decisions(9, views="many"), skip_bad=True)
    assert (taken.refused_count, len(taken.refused)) == (9, 3)


def test_good_rows_of_all_batches_are_kept_on_demand(home: Home, store: Store) -> None:
    frame = decisions(7, views=["1", "many", "1", "1", "1", "more", "1"])
    frame.loc[6, "decision_id"] = "d0"
    taken = take(home, frame, skip_bad=True)
    assert counts(taken) == (4, 0, 3)
    assert taken.rejected_file == home.path / "week.rejected.csv"
    rejected = read_table(taken.rejected_file)
    assert rejected["decision_id"].tolist() == ["d1", "d5", "d0"]
    assert rejected["problem"].iloc[2] == "decision_id: saw 'd0' again; expected each value once"
    assert store.decisions()["decision_id"].tolist() == ["d0", "d2", "d3", "d4"]


def test_a_changed_row_among_new_ones_is_refused_alone(home: Home, store: Store) -> None:
    take(home, decisions(1))
    changed = decisions(4).assign(policy=["fraud", "spam", "spam", "spam"])
    taken = take(home, changed)
    assert counts(taken) == (3, 0, 1)
    assert store.decisions()["policy"].tolist() == ["spam"] * 4


def test_an_unknown_decision_in_a_later_batch_keeps_all_outcomes_out(
    home: Home, store: Store
) -> None:
    take(home, decisions(4))
    with pytest.raises(ContractError, match=r"row 2.*'ghost'.*load it first") as told:
        take(home, outcomes("d0", "d1", "ghost", "d2", "d3", "phantom"))
    assert [bad.row for bad in told.value.bad_values] == [2, 5]
    assert store.outcomes().empty


def test_an_outcome_may_replace_one_of_a_later_batch(home: Home, store: Store) -> None:
    take(home, decisions(3))
    frame = outcomes("d0", "d1", "d2", "d0", supersedes=["o3", None, None, None])
    assert counts(take(home, frame, rows=1)) == (4, 0, 0)
    assert store.outcomes()["audit_id"].tolist() == ["o0", "o1", "o2"]


def test_a_circle_over_two_batches_is_refused(home: Home) -> None:
    take(home, decisions(1))
    taken = take(home, outcomes("d0", "d0", supersedes=["o1", "o0"]), skip_bad=True, rows=1)
    assert counts(taken) == (0, 0, 2)


def test_an_outcome_that_replaces_one_of_another_decision_in_a_later_batch_is_refused(
    home: Home,
) -> None:
    take(home, decisions(2))
    frame = outcomes("d0", "d1", supersedes=["o1", None])
    taken = take(home, frame, skip_bad=True, rows=1)
    assert (counts(taken), taken.refused[0].row) == ((1, 0, 1), 0)
    assert taken.rejected_file is not None
    assert read_table(taken.rejected_file)["audit_id"].tolist() == ["o0"]


def test_an_outcome_that_replaces_another_of_an_unknown_decision_keeps_all_out(
    home: Home, store: Store
) -> None:
    take(home, decisions(1))
    with pytest.raises(ContractError, match="'ghost'"):
        take(home, outcomes("d0", "ghost", supersedes=[None, "o0"]), rows=1)
    assert store.outcomes().empty


def test_all_outcomes_of_a_load_are_followed(home: Home, store: Store) -> None:
    take(home, decisions(4))
    take(home, outcomes("d0", "d1", "d2", "d3"))
    with store.transaction() as connection:
        found = connection.exec_driver_sql("SELECT audit_id FROM arrivals ORDER BY 1").scalars()
        assert found.all() == ["o0", "o1", "o2", "o3"]


def test_the_store_goes_on_after_a_load_that_failed(home: Home, store: Store) -> None:
    with pytest.raises(ContractError):
        take(home, decisions(3, policy=["spam", "spam", None]))
    frame = decisions(1).astype({"decided_at": "datetime64[us, UTC]"})
    assert store.add_decisions(frame).ids == ("d0",)
    assert len(store.decisions()) == 1


def test_after_a_large_load_the_database_knows_how_large_a_table_is(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_LARGE", 100)
    take(home, decisions(99), rows=50)
    assert _known_rows(store) <= 0
    take(home, decisions(300), rows=50)
    assert _known_rows(store) == (300 if store.engine.dialect.name == "postgresql" else 0)


def _known_rows(store: Store) -> float:
    """Return how many decisions PostgreSQL plans with, -1 where it never counted."""
    if store.engine.dialect.name != "postgresql":
        return 0
    query = "SELECT reltuples FROM pg_class WHERE oid = 'decisions'::regclass"
    with store.transaction() as connection:
        return float(connection.exec_driver_sql(query).scalar_one())
