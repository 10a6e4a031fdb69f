from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from features.contract import DECISIONS, OUTCOMES, check
from features.disputes import (
    DisputeCounts,
    Settlement,
    count_disputes,
    disputes_of,
    every_outcome,
    open_dispute,
    settle_dispute,
)
from features.errors import ContractError, StoreError
from features.home import Home
from features.intake import add_decisions, add_outcomes
from features.store import Store, open_store
from features.track_record import events

DAY = datetime(2026, 3, 1, tzinfo=UTC)
LATER = DAY + timedelta(days=3)
COLUMNS = ["decision_id", "audited_at", "verdict", "source", "inclusion_probability"]


@pytest.fixture
def audited(home: Home) -> Home:
    """A home with an overturn (a1), an upheld audit (a2) and a review of it (r2)."""
    given = pd.DataFrame(
        {"decision_id": ["d1", "d2"], "decided_at": DAY, "policy": "spam", "action": "keep"}
    )
    add_decisions(home, check(given, DECISIONS).require())
    found = pd.DataFrame(
        {
            "audit_id": ["a1", "a2", "r2"],
            "decision_id": ["d1", "d2", "d2"],
            "audited_at": DAY + timedelta(days=1),
            "verdict": ["under_enforcement", "correct", "correct"],
            "auditor_id": ["ana", "ben", "ana"],
            "source": [None, "audit", "review"],
            "inclusion_probability": [0.25, 0.5, 0.06],
        }
    )
    add_outcomes(home, check(found, OUTCOMES).require())
    return home


def standing(home: Home) -> pd.DataFrame:
    """What the estimates count."""
    outcomes = open_store(home.store_url()).outcomes()
    audits = outcomes["source"].fillna("audit").isin(["audit", "review"])
    return outcomes[audits].set_index("audit_id")


def states(home: Home) -> dict[str, str]:
    found = disputes_of(every_outcome(open_store(home.store_url())))
    return dict(zip(found["audit_id"], found["state"], strict=True))


def counts(home: Home) -> DisputeCounts:
    return count_disputes(disputes_of(every_outcome(open_store(home.store_url()))))


def change(home: Home, audit_id: str = "a1", verdict: str = "correct", *, by: str = "cem") -> None:
    open_dispute(home, audit_id, claimed=verdict, opened_at=LATER)
    settle_dispute(home, audit_id, Settlement(verdict, by), settled_at=LATER)


def test_a_disputed_outcome_stands_until_it_is_settled(audited: Home) -> None:
    before = standing(audited)
    open_dispute(audited, "a1", claimed="correct", opened_at=LATER)
    pd.testing.assert_frame_equal(standing(audited), before)
    assert states(audited) == {"a1": "disputed"}


def test_a_claim_teaches_nothing(audited: Home) -> None:
    store = open_store(audited.store_url())
    before = events(store.decisions(), store.outcomes())
    open_dispute(audited, "a2", claimed="under_enforcement", opened_at=LATER)
    pd.testing.assert_frame_equal(events(store.decisions(), store.outcomes()), before)


def test_what_was_settled_otherwise_counts_with_the_chance_of_the_first(audited: Home) -> None:
    change(audited)
    now = standing(audited)
    assert "a1" not in now.index
    row = now.loc["a1/settled"]
    assert row["verdict"] == "correct"
    assert row["inclusion_probability"] == 0.25
    assert states(audited) == {"a1": "changed"}


def test_nothing_that_was_stored_is_rewritten(audited: Home) -> None:
    store = open_store(audited.store_url())
    before = every_outcome(store).set_index("audit_id")[COLUMNS]
    change(audited)
    after = every_outcome(store).set_index("audit_id")[COLUMNS]
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    assert len(after) == len(before) + 2


def test_an_outcome_that_is_upheld_stands_in_the_settlements_name(audited: Home) -> None:
    open_dispute(audited, "a1", claimed="correct", opened_at=LATER)
    settlement = Settlement("under_enforcement", "cem", corrected_action="remove")
    settle_dispute(audited, "a1", settlement, settled_at=LATER)
    assert states(audited) == {"a1": "upheld"}
    assert standing(audited).loc["a1/settled", "corrected_action"] == "remove"


def test_a_review_may_be_disputed_and_stays_a_review(audited: Home) -> None:
    change(audited, "r2", "under_enforcement")
    row = standing(audited).loc["r2/settled"]
    assert (row["source"], row["inclusion_probability"]) == ("review", 0.06)


def test_what_was_settled_may_be_disputed_again(audited: Home) -> None:
    change(audited)
    change(audited, "a1/settled", "wrong_selection", by="dora")
    assert states(audited) == {"a1": "changed", "a1/settled": "changed"}
    assert standing(audited)["verdict"].to_dict()["a1/settled/settled"] == "wrong_selection"


def test_disputes_are_counted_by_what_had_been_found(audited: Home) -> None:
    change(audited)
    open_dispute(audited, "a2", claimed="over_enforcement", opened_at=LATER)
    found = counts(audited)
    assert (found.opened, found.open, found.changed, found.upheld) == (2, 1, 1, 0)
    assert (found.of_overturns, found.of_rest) == (1, 1)
    assert (found.overturns_taken_back, found.overturns_added) == (1, 0)
    assert (found.changed_share, found.oldest_open) == (1.0, LATER)


def test_without_disputes_there_is_nothing_to_count(audited: Home) -> None:
    found = counts(audited)
    assert (found.opened, found.changed_share, found.oldest_open) == (0, None, None)


def test_the_auditor_does_not_settle_a_dispute_of_their_own_audit(audited: Home) -> None:
    open_dispute(audited, "a1", claimed="correct", opened_at=LATER)
    with pytest.raises(ContractError, match="another person"):
        settle_dispute(audited, "a1", Settlement("under_enforcement", "ana"), settled_at=LATER)
    assert states(audited) == {"a1": "disputed"}


def test_sent_twice_a_dispute_and_its_settlement_are_stored_once(audited: Home) -> None:
    change(audited)
    change(audited)
    assert counts(audited).opened == 1
    with pytest.raises(StoreError, match="settled already, in another way"):
        settle_dispute(audited, "a1", Settlement("under_enforcement", "cem"), settled_at=LATER)
    with pytest.raises(StoreError, match="disputed already"):
        open_dispute(audited, "a1", claimed="wrong_selection", opened_at=LATER)


@pytest.mark.parametrize("audit_id", ["unknown", "a1/dispute"])
def test_what_is_no_audit_cannot_be_disputed(audited: Home, audit_id: str) -> None:
    open_dispute(audited, "a1", claimed="correct", opened_at=LATER)
    with pytest.raises(StoreError, match="audit_id of an audit or review"):
        open_dispute(audited, audit_id, claimed="wrong_selection", opened_at=LATER)


def test_an_outcome_that_was_replaced_is_not_disputed_but_the_one_in_its_place(
    audited: Home,
) -> None:
    correction = pd.DataFrame(
        {
            "audit_id": ["a9"],
            "decision_id": ["d1"],
            "audited_at": [LATER],
            "verdict": ["correct"],
            "supersedes": ["a1"],
        }
    )
    add_outcomes(audited, check(correction, OUTCOMES).require())
    with pytest.raises(StoreError, match="'a9' stands in place of 'a1'"):
        open_dispute(audited, "a1", claimed="correct", opened_at=LATER)


def test_a_dispute_that_nobody_opened_is_not_settled(audited: Home) -> None:
    with pytest.raises(StoreError, match="is not disputed"):
        settle_dispute(audited, "a1", Settlement("correct", "cem"), settled_at=LATER)


def test_every_outcome_is_read_on_each_database(store: Store) -> None:
    given = {"decision_id": ["d1"], "decided_at": DAY, "policy": "spam", "action": "keep"}
    store.add_decisions(check(pd.DataFrame(given), DECISIONS).require())
    found = pd.DataFrame(
        {
            "audit_id": ["a1", "a1/dispute", "a1/settled"],
            "decision_id": "d1",
            "audited_at": [DAY, LATER, LATER],
            "verdict": ["under_enforcement", "correct", "correct"],
            "source": [None, "appeal", None],
            "supersedes": [None, None, "a1"],
        }
    )
    store.add_outcomes(check(found, OUTCOMES).require())
    every = every_outcome(store)
    assert every["audit_id"].tolist() == ["a1", "a1/dispute", "a1/settled"]
    assert disputes_of(every)["state"].tolist() == ["changed"]
    assert disputes_of(store.outcomes()).empty


@pytest.mark.parametrize("claimed", ["under_enforcement", "nonsense"])
def test_a_claim_must_be_another_verdict(audited: Home, claimed: str) -> None:
    with pytest.raises(ContractError, match="verdict"):
        open_dispute(audited, "a1", claimed=claimed, opened_at=LATER)
