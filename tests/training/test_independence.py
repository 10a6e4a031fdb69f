"""Whether outcomes were made from other decisions on the item: found out, and not suspected."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.simulate import simulate
from training.independence import FEWEST_DISPUTED, outcomes_are_independent

ITEMS, LOOKS = 400, 5


def decisions_by(rng: np.random.Generator, *, items: int = ITEMS) -> pd.DataFrame:
    """Return five decisions an item, each right with a chance of .8."""
    right = np.repeat(rng.random(items) < 0.5, LOOKS)
    removed = right ^ (rng.random(items * LOOKS) < 0.2)
    return pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(items * LOOKS)],
            "item_id": [f"i{n // LOOKS}" for n in range(items * LOOKS)],
            "action": np.where(removed, "remove", "keep"),
            "right": np.where(right, "remove", "keep"),
        }
    )


def audited(decisions: pd.DataFrame, right: pd.Series) -> pd.DataFrame:
    """Return the outcomes that hold an action for right."""
    verdict = np.where(decisions["action"] == right, "correct", DIRECTIONS[0])
    return pd.DataFrame({"decision_id": decisions["decision_id"], "verdict": verdict})


def majority(decisions: pd.DataFrame) -> pd.Series:
    """Return what most of the others decided on each item."""
    removed = decisions["action"] == "remove"
    others = removed.groupby(decisions["item_id"]).transform("sum") - removed
    return pd.Series(
        np.where(
            others * 2 == LOOKS - 1, decisions["action"], np.where(others >= 3, "remove", "keep")
        )
    )


def test_outcomes_that_are_the_majority_of_the_others_are_found_out() -> None:
    decisions = decisions_by(np.random.default_rng(0))
    assert not outcomes_are_independent(decisions, audited(decisions, majority(decisions)))


def test_they_are_found_out_where_only_some_decisions_were_audited() -> None:
    decisions = decisions_by(np.random.default_rng(1))
    outcomes = audited(decisions, majority(decisions))
    assert not outcomes_are_independent(decisions, outcomes.sample(frac=0.3, random_state=0))


def test_the_order_of_rows_changes_no_answer() -> None:
    decisions = decisions_by(np.random.default_rng(0))
    outcomes = audited(decisions, majority(decisions))
    shuffled = decisions.sample(frac=1, random_state=0), outcomes.sample(frac=1, random_state=1)
    assert not outcomes_are_independent(*shuffled)


def test_auditors_who_know_what_is_right_are_not_suspected() -> None:
    """Not even where moderators mostly agree with them."""
    for seed in range(5):
        decisions = decisions_by(np.random.default_rng(seed))
        assert outcomes_are_independent(decisions, audited(decisions, decisions["right"]))


def test_auditors_of_a_simulated_programme_are_not_suspected() -> None:
    for seed in range(3):
        world = simulate(days=10, decisions_per_day=2_000, audit_share=0.3, seed=seed)
        assert outcomes_are_independent(world.decisions, world.outcomes)


def test_too_few_disputes_are_taken_for_independence() -> None:
    decisions = decisions_by(np.random.default_rng(0))
    outcomes = audited(decisions, majority(decisions))
    overturned = outcomes["verdict"] != "correct"
    few = outcomes[~overturned | (overturned.cumsum() < FEWEST_DISPUTED)]
    assert outcomes_are_independent(decisions, few)


def test_items_that_were_decided_once_are_taken_for_independence() -> None:
    decisions = decisions_by(np.random.default_rng(0)).drop_duplicates("item_id")
    outcomes = audited(decisions, decisions["right"])
    assert outcomes_are_independent(decisions, outcomes)
    assert outcomes_are_independent(decisions.drop(columns="item_id"), outcomes)


def test_near_duplicates_are_looked_at_as_one_item() -> None:
    decisions = decisions_by(np.random.default_rng(0))
    outcomes = audited(decisions, majority(decisions))
    apart = decisions.assign(item_group=decisions["item_id"], item_id=decisions["decision_id"])
    assert not outcomes_are_independent(apart, outcomes)


def test_appeals_say_nothing_of_audits() -> None:
    decisions = decisions_by(np.random.default_rng(0))
    made_up = audited(decisions, majority(decisions)).assign(source="appeal")
    assert outcomes_are_independent(decisions, made_up)
