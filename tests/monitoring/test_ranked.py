from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import HomeError
from features.home import Home, make_home
from features.store import Store, open_store
from monitoring.ranked import Ranked, earlier_period, join_ranked, read_history
from tests.monitoring.conftest import Programme


def offers(*rows: tuple[str, float, bool]) -> pd.DataFrame:
    """Offers of (decision, inclusion probability, selected), in order, a day apart."""
    return pd.DataFrame(
        {
            "selection_id": range(1, len(rows) + 1),
            "decision_id": [decision for decision, _, _ in rows],
            "selected_at": pd.date_range("2026-01-01", periods=len(rows), tz="UTC"),
            "over_enforcement": 0.1,
            "under_enforcement": 0.05,
            "wrong_selection": 0.0,
            "overturn_probability": np.arange(1, len(rows) + 1) / 100,
            "expected_harm": 0.2,
            "inclusion_probability": [chance for _, chance, _ in rows],
            "selected": [selected for _, _, selected in rows],
            "random_audit": False,
            "plan_version": "p",
            "model_version": "1",
        }
    )


def decisions_of(table: pd.DataFrame, policy: str = "spam") -> pd.DataFrame:
    ids = table["decision_id"].unique()
    return pd.DataFrame(
        {"decision_id": ids, "policy": policy, "decided_at": table["selected_at"][0]}
    )


def outcome(
    decision: str, verdict: str, *, source: str = "audit", day: int = 5
) -> dict[str, object]:
    when = pd.Timestamp(2026, 1, day, tz="UTC")
    return {"decision_id": decision, "verdict": verdict, "source": source, "audited_at": when}


def joined(table: pd.DataFrame, *outcomes: dict[str, object]) -> Ranked:
    columns = ["decision_id", "verdict", "source", "audited_at"]
    return join_ranked(table, decisions_of(table), pd.DataFrame(list(outcomes), columns=columns))


def test_a_decision_offered_twice_is_one_row_with_its_largest_chance_and_latest_risk() -> None:
    ranked = joined(offers(("a", 0.6, True), ("a", 0.2, False)), outcome("a", "correct"))
    (row,) = ranked.table.to_dict("records")
    assert (row["inclusion_probability"], row["selected"]) == (0.6, True)
    assert row["overturn_probability"] == 0.02


def test_a_technical_error_is_an_audit_and_no_overturn() -> None:
    ranked = joined(offers(("a", 0.6, True)), outcome("a", "technical_error"))
    assert ranked.audits == 1
    assert ranked.table["overturned"].tolist() == [0.0]


@pytest.mark.parametrize("source", ["appeal", "golden", "calibration"])
def test_what_is_not_an_audit_never_counts(source: str) -> None:
    table = offers(("a", 0.6, True))
    ranked = joined(table, outcome("a", "over_enforcement", source=source))
    assert (ranked.audits, ranked.unfinished) == (0, 1)


def test_an_audit_of_a_decision_that_was_not_selected_is_counted_apart() -> None:
    table = offers(("a", 0.6, True), ("b", 0.1, False))
    ranked = joined(table, outcome("a", "correct"), outcome("b", "over_enforcement"))
    assert (ranked.audits, ranked.audits_beside) == (1, 1)
    assert ranked.audited_frame().audited.tolist() == [True, False]


def test_the_latest_of_two_audits_counts() -> None:
    ranked = joined(
        offers(("a", 0.6, True)),
        outcome("a", "over_enforcement", day=7),
        outcome("a", "correct", day=6),
    )
    assert ranked.table["verdict"].tolist() == ["over_enforcement"]


def test_nonresponse_is_counted_and_lowers_the_chance() -> None:
    table = offers(*[(f"d{n}", 0.5, True) for n in range(20)]).assign(overturn_probability=0.1)
    ranked = joined(table, *[outcome(f"d{n}", "correct") for n in range(15)])
    assert (ranked.selected, ranked.audits, ranked.unfinished) == (20, 15, 5)
    assert ranked.audited_frame().inclusion_probability == pytest.approx(np.full(20, 0.5 * 0.75))


def test_the_finished_stand_for_the_unfinished_of_their_policy_and_third_of_risk() -> None:
    table = offers(*[(f"d{n}", 0.5, True) for n in range(60)])
    hard_undone = [outcome(f"d{n}", "correct") for n in range(50)]
    ranked = joined(table, *hard_undone)
    share = ranked.audited_frame().inclusion_probability / 0.5
    assert share == pytest.approx(np.repeat([1.0, 1.0, 0.5], 20))
    assert ranked.nonresponse.risk_of_finished < ranked.nonresponse.risk_of_unfinished
    assert "risk" in ranked.nonresponse.assumption


def test_before_any_audit_is_finished_all_that_is_selected_is_unfinished() -> None:
    ranked = joined(offers(("a", 0.5, True), ("b", 0.1, False)))
    assert (ranked.nonresponse.selected, ranked.nonresponse.finished) == (1, 0)


def test_a_decision_ranked_again_in_the_period_is_not_learned_from(programme: Programme) -> None:
    """Its own audit would foretell it."""
    since = programme.ranked_days[1]
    again = programme.store.selections(until=since).iloc[:1]
    offered = again.drop(columns="selection_id").assign(selected_at=pd.Timestamp(since))
    store = _copy_with(programme, offered)
    history = read_history(store, since=since)
    assert history.earlier is not None
    assert again["decision_id"].iloc[0] in set(history.ranked.table["decision_id"])
    assert again["decision_id"].iloc[0] not in set(history.earlier.table["decision_id"])


def test_without_nonresponse_the_chance_is_that_of_the_selection() -> None:
    table = offers(("a", 0.5, True), ("b", 0.25, True), ("c", 0.1, False))
    ranked = joined(table, outcome("a", "correct"), outcome("b", "correct"))
    assert ranked.audited_frame().inclusion_probability.tolist() == [0.5, 0.25, 0.1]


def test_a_direction_counts_only_its_own_verdict() -> None:
    table = offers(("a", 0.6, True), ("b", 0.6, True))
    ranked = joined(table, outcome("a", "over_enforcement"), outcome("b", "under_enforcement"))
    frame = ranked.audited_frame("over_enforcement")
    assert frame.overturned.tolist() == [1.0, 0.0]
    assert frame.overturn_probability.tolist() == [0.1, 0.1]


def test_a_decision_without_a_moderator_was_decided_by_automation() -> None:
    table = offers(("a", 0.6, True), ("b", 0.6, True))
    people = decisions_of(table).assign(moderator_id=pd.Series(["m1", None], dtype="str"))
    ranked = join_ranked(table, people, pd.DataFrame([outcome("a", "correct")]))
    assert ranked.table["decided_by"].tolist() == ["people", "automation"]


def test_an_empty_period_says_what_to_do(tmp_path: Path) -> None:
    store = open_store(make_home(tmp_path / "home").store_url())
    store.initialise()
    with pytest.raises(HomeError, match="no decision was ranked yet; rank decisions first"):
        read_history(store)


def test_a_period_that_is_empty_is_named(programme: Programme) -> None:
    with pytest.raises(HomeError, match="from 2030-01-01 00:00"):
        read_history(programme.store, since=datetime(2030, 1, 1, tzinfo=UTC))


def test_what_was_ranked_before_the_period_is_read_apart(programme: Programme) -> None:
    since = programme.ranked_days[1]
    history = read_history(programme.store, since=since)
    assert history.earlier is not None
    assert history.earlier.table["selected_at"].max() < since
    assert history.ranked.table["selected_at"].min() >= since
    both = len(history.earlier.table) + len(history.ranked.table)
    assert both == len(read_history(programme.store).ranked.table)


def test_an_earlier_period_is_as_if_it_had_been_read_itself(programme: Programme) -> None:
    first, second, third = programme.ranked_days
    later = read_history(programme.store, since=third)
    found = earlier_period(later, since=second, until=third)
    itself = read_history(programme.store, since=second, until=third)
    assert found is not None
    pd.testing.assert_frame_equal(found.ranked.table, itself.ranked.table)
    assert found.earlier is not None
    assert itself.earlier is not None
    pd.testing.assert_frame_equal(found.earlier.table, itself.earlier.table)
    long_ago = first - timedelta(days=9)
    assert earlier_period(later, since=long_ago, until=long_ago + timedelta(days=1)) is None


def test_the_end_of_a_period_does_not_belong_to_it(programme: Programme) -> None:
    until = programme.ranked_days[1] + timedelta(hours=6)
    history = read_history(programme.store, until=until)
    assert len(history.ranked.table) == len(read_history(programme.store).ranked.table) // 3


def _copy_with(programme: Programme, offers_again: pd.DataFrame) -> Store:
    """Copy the programme's home and store more offers in it."""
    home = Home(programme.home.path.with_name("ranked again"))
    shutil.copytree(programme.home.path, home.path, dirs_exist_ok=True)
    store = open_store(home.store_url())
    decisions = programme.store.decisions(decision_ids=offers_again["decision_id"].tolist())
    store.add_ranking(decisions, offers_again)
    return store
