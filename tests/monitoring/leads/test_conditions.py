from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.leads.conditions import COLUMNS, FEWEST_MODERATORS, describable
from tests.monitoring.leads.segments import make_segments


def test_persons_are_never_a_condition() -> None:
    assert not {"moderator_id", "auditor_id"} & set(COLUMNS)
    table = make_segments(seed=1, decisions=2_000).table.assign(auditor_id="a1")
    assert {coded.column for coded in describable(table).columns} <= set(COLUMNS)


def test_a_team_of_too_few_people_is_never_a_condition() -> None:
    table = make_segments(seed=2, decisions=4_000).table
    small = (table["moderator_team"] == "north").to_numpy()
    few = np.array([f"n{n % (FEWEST_MODERATORS - 1)}" for n in range(len(table))], dtype=object)
    table = table.assign(moderator_id=np.where(small, few, table["moderator_id"]))
    found = describable(table)
    (teams,) = [coded for coded in found.columns if coded.column == "moderator_team"]
    assert set(teams.values) == {"south", "east", "west"}
    assert found.small_teams == 1


def test_no_team_is_named_where_nobody_knows_how_large_it_is() -> None:
    table = make_segments(seed=3, decisions=2_000).table.drop(columns="moderator_id")
    assert "moderator_team" not in {coded.column for coded in describable(table).columns}


def test_a_segment_of_too_few_people_tells_of_persons_and_one_of_machines_does_not() -> None:
    table = make_segments(seed=4, decisions=2_000).table
    found = describable(table)
    few = table["moderator_id"].isin(table["moderator_id"].unique()[: FEWEST_MODERATORS - 1])
    assert found.tells_of_persons(few.to_numpy())
    assert not found.tells_of_persons(np.ones(len(table), dtype=bool))
    machines = describable(table.assign(moderator_id=None))
    assert not machines.tells_of_persons(np.ones(len(table), dtype=bool))


def test_a_score_is_described_by_its_band_and_an_unknown_one_by_none() -> None:
    table = pd.DataFrame({"automated_score": [0.05, 0.5, 1.0, np.nan, 0.2]})
    (score,) = describable(table).columns
    named = [(*score.values, "none")[code] for code in score.codes]
    assert named == ["0 to 0.2", "0.4 to 0.6", "0.8 to 1", "none", "0.2 to 0.4"]


def test_decisions_meet_conditions_where_they_hold_all_the_values() -> None:
    table = make_segments(seed=5, decisions=3_000).table
    rows = describable(table).meets((("policy", "hate"), ("language", "hi")))
    assert (rows == ((table["policy"] == "hate") & (table["language"] == "hi"))).all()


def test_a_null_value_meets_no_condition() -> None:
    table = make_segments(seed=6, decisions=3_000).table
    language = table["language"].where(table["policy"] != "spam").astype(pd.StringDtype())
    found = describable(table.assign(language=language))
    there = (table["policy"] == "spam").to_numpy()
    for value in ("en", "da", "hi", "ar"):
        assert not found.meets((("language", value),))[there].any()
