from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from features.contract import DECISIONS, OUTCOMES, check
from features.errors import ContractError
from features.store import Store
from features.supersession import impossible_supersessions, trace

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def outcomes(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    """Rows of audit, decision and the audit that is superseded."""
    table = pd.DataFrame(rows, columns=["audit_id", "decision_id", "supersedes"])
    given = table.assign(audited_at=DAY, verdict="correct")
    return check(given, OUTCOMES).require()


@pytest.fixture
def stocked(store: Store) -> Store:
    given = pd.DataFrame(
        {"decision_id": ["d1", "d2"], "decided_at": DAY, "policy": "spam", "action": "keep"}
    )
    store.add_decisions(check(given, DECISIONS).require())
    store.add_outcomes(outcomes(("a", "d1", None), ("b", "d1", "a"), ("x", "d2", None)))
    return store


def refused(store: Store, *rows: tuple[str, str, str | None]) -> list[tuple[int, str]]:
    with store.transaction() as connection:
        bad = impossible_supersessions(connection, outcomes(*rows))
    assert {each.column for each in bad} <= {"supersedes"}
    return [(each.row, each.seen) for each in bad]


def test_a_circle_leaves_nothing_standing_and_is_refused() -> None:
    with pytest.raises(ContractError, match="in turn"):
        trace(outcomes(("a", "d1", "c"), ("b", "d1", "a"), ("c", "d1", "b"), ("e", "d1", None)))


def test_an_outcome_may_replace_one_that_is_not_there() -> None:
    found = trace(outcomes(("b", "d1", "a")))
    assert found.to_numpy().tolist() == [["b", "a", 1, True]]


def test_the_order_of_rows_does_not_matter() -> None:
    rows: list[tuple[str, str, str | None]]
    rows = [("a", "d1", None), ("b", "d1", "a"), ("c", "d1", "b"), ("x", "d2", None)]
    one, other = trace(outcomes(*rows)), trace(outcomes(*rows[::-1]))
    assert one.sort_values("audit_id").to_numpy().tolist() == (
        other.sort_values("audit_id").to_numpy().tolist()
    )


def test_a_circle_within_what_comes_is_refused(stocked: Store) -> None:
    found = refused(stocked, ("p", "d1", "q"), ("q", "d1", "p"), ("r", "d1", "b"))
    assert [row for row, _ in found] == [0, 1]


def test_a_circle_through_what_is_stored_is_refused(stocked: Store) -> None:
    stocked.add_outcomes(outcomes(("s", "d1", "not yet")))
    found = refused(stocked, ("not yet", "d1", "s"))
    assert found == [(0, "'s', which is replaced by this one in turn")]


def test_an_outcome_of_another_decision_cannot_be_replaced(stocked: Store) -> None:
    assert refused(stocked, ("y", "d1", "x")) == [(0, "'x', of decision 'd2'")]


def test_a_chain_is_not_refused_whether_all_at_once_or_in_parts(stocked: Store) -> None:
    assert refused(stocked, ("c", "d1", "b"), ("e", "d1", "c"), ("n", "d2", "unknown")) == []
    assert refused(stocked, ("z", "d1", None)) == []
