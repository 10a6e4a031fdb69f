"""What was right as far as audits tell, folds that keep duplicates apart, figures of opinions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.right_action import (
    FOLDS,
    findings_of,
    fold_of,
    opinion_on,
    right_action,
    strictness_of,
)

DAY = pd.Timestamp("2026-01-01", tz="UTC")
THREE = ("keep", "age_restrict", "remove")


def outcomes(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Return outcomes of (decision, day, verdict)."""
    return pd.DataFrame(
        {
            "decision_id": [decision for decision, _, _ in rows],
            "audited_at": [DAY + pd.Timedelta(days=day) for _, day, _ in rows],
            "verdict": [verdict for _, _, verdict in rows],
        }
    )


def told(action: str, overturned: float | None, corrected: str | None = None) -> pd.DataFrame:
    """Return one decision with what its audit found."""
    return pd.DataFrame({"action": [action], "overturned": [overturned], "corrected": [corrected]})


def test_the_last_audit_of_a_decision_counts_whatever_the_order_of_rows() -> None:
    found = findings_of(outcomes(("a", 2, "correct"), ("a", 1, "over_enforcement")))
    assert found["overturned"].tolist() == [0.0]


def test_a_technical_error_is_no_overturn() -> None:
    found = findings_of(outcomes(("a", 1, "technical_error"), ("b", 1, "wrong_selection")))
    assert found.set_index("decision_id")["overturned"].to_dict() == {"a": 0.0, "b": 1.0}


def test_without_corrected_actions_none_is_told() -> None:
    assert findings_of(outcomes(("a", 1, "over_enforcement")))["corrected"].isna().all()


@pytest.mark.parametrize("overturned", [0.0, None])
def test_an_action_that_no_audit_overturned_was_right(overturned: float | None) -> None:
    assert right_action(told("keep", overturned, "remove"), THREE).tolist() == ["keep"]


def test_the_audits_action_was_right_where_it_overturned() -> None:
    assert right_action(told("keep", 1.0, "remove"), THREE).tolist() == ["remove"]


@pytest.mark.parametrize("corrected", [None, "an action that nobody takes"])
def test_an_overturn_without_a_known_correction_says_nothing_of_many_actions(
    corrected: str | None,
) -> None:
    assert right_action(told("keep", 1.0, corrected), THREE).isna().all()


@pytest.mark.parametrize(("taken", "right"), [("keep", "remove"), ("remove", "keep")])
def test_of_two_actions_an_overturn_says_that_the_other_was_right(taken: str, right: str) -> None:
    assert right_action(told(taken, 1.0), ("keep", "remove")).tolist() == [right]


def test_near_duplicates_share_a_fold_and_the_order_of_rows_changes_none() -> None:
    decisions = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(900)],
            "item_group": [f"g{n % 300}" for n in range(900)],
        }
    )
    fold = fold_of(decisions)
    assert (pd.Series(fold).groupby(decisions["item_group"]).nunique() == 1).all()
    assert np.array_equal(fold_of(decisions[::-1]), fold[::-1])
    counts = np.bincount(fold, minlength=FOLDS)
    assert len(counts) == FOLDS
    assert counts.min() > 900 / FOLDS / 2


def test_an_opinion_tells_the_share_the_lead_and_the_turn() -> None:
    probability = np.array([[0.7, 0.2, 0.1]] * 3)
    taken, lead, gap = opinion_on(probability, np.array([0, 1, 2]), np.array([0.0, 0.5, 1.0]))
    assert np.allclose(taken, [0.7, 0.2, 0.1])
    assert np.allclose(lead, [0.5, -0.5, -0.6])
    assert np.allclose(gap, [0.2, -0.3, -0.8])


def test_nothing_is_told_of_an_unknown_action() -> None:
    told_of = opinion_on(np.array([[0.5, 0.5]]), np.array([-1]), np.array([0.0, 1.0]))
    assert np.isnan(np.concatenate(told_of)).all()


def test_without_ranks_there_is_no_turn_but_a_share() -> None:
    taken, lead, gap = opinion_on(np.array([[0.75, 0.25]]), np.array([0]), np.full(2, np.nan))
    assert (taken[0], lead[0]) == (0.75, 0.5)
    assert np.isnan(gap).all()


def test_a_rank_that_is_not_known_is_left_out_of_the_turn() -> None:
    ranks = np.array([0.0, 1.0, np.nan])
    gap = opinion_on(np.array([[0.3, 0.3, 0.4]] * 2), np.array([0, 2]), ranks)[2]
    assert gap[0] == pytest.approx(0.5)
    assert np.isnan(gap[1])


def test_asking_leaves_the_probabilities_alone() -> None:
    probability = np.array([[0.6, 0.4]])
    opinion_on(probability, np.array([0]), np.array([0.0, 1.0]))
    assert probability.tolist() == [[0.6, 0.4]]


def test_an_opinion_of_many_actions_is_the_same_alone_as_in_a_batch() -> None:
    rng = np.random.default_rng(0)
    probability, action, rank = rng.random((400, 12)), rng.integers(0, 12, 400), rng.random(12)
    batch = opinion_on(probability, action, rank)[2]
    alone = [opinion_on(probability[[n]], action[[n]], rank)[2][0] for n in range(400)]
    assert alone == batch.tolist()


def test_strictness_runs_from_leaving_up_to_the_strictest() -> None:
    decisions = pd.DataFrame({"action": ["keep", "remove", "warn"], "action_rank": [0, 4, 1]})
    assert strictness_of(decisions, ("keep", "remove", "warn")).tolist() == [0.0, 1.0, 0.25]


def test_strictness_is_null_without_ranks_and_zero_where_all_leave_up() -> None:
    decisions = pd.DataFrame({"action": ["keep", "approve"]})
    assert np.isnan(strictness_of(decisions, ("approve", "keep"))).all()
    ranked = decisions.assign(action_rank=0)
    assert strictness_of(ranked, ("approve", "keep")).tolist() == [0.0, 0.0]
