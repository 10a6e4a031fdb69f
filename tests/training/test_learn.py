"""What learning puts into the bundle beside the models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.policies import Policies
from tests.learned import Learned, learn_small
from training.code_version import code_version
from training.learn import LearningSettings, learn, profile_rows


@pytest.fixture(scope="module")
def learned() -> Learned:
    """A model of a simulated fortnight."""
    return learn_small(text=False)


def test_the_profile_stands_for_all_decisions_and_not_for_what_was_picked() -> None:
    """A fifth of the decisions is risky and audited ten times as often."""
    rng = np.random.default_rng(1)
    risky = rng.random(60_000) < 0.2
    chance = np.where(risky, 0.8, 0.08)
    audited = rng.random(60_000) < chance
    drawn = profile_rows(chance[audited], seed=0)
    assert len(drawn) == 5_000
    assert risky[audited].mean() > 0.65
    assert risky[audited][drawn].mean() == pytest.approx(0.2, abs=0.02)


def test_the_profile_of_few_audits_stands_for_all_decisions_too() -> None:
    chance = np.r_[np.full(900, 0.9), np.full(100, 0.1)]
    drawn = profile_rows(chance, seed=3)
    assert len(drawn) == 1_000
    assert (drawn >= 900).mean() == pytest.approx(0.5, abs=0.01)


def test_the_profile_of_risky_audits_is_drawn_by_their_chance(learned: Learned) -> None:
    """Audits of one policy are nine times as likely: its share of the profile must not show it."""
    policy = learned.earlier.set_index("decision_id")["policy"]
    often = learned.outcomes["decision_id"].map(policy) == "spam"
    chance = np.where(often, 0.9, 0.1)
    outcomes = learned.outcomes.assign(inclusion_probability=chance)
    bundle, _ = learn(learned.earlier, outcomes, policies=Policies())
    weight = 1 / chance
    expected = weight[often].sum() / weight.sum()
    assert (bundle.profile["policy"] == "spam").mean() == pytest.approx(expected, abs=0.002)
    assert often.mean() > 2 * expected


def test_the_card_counts_labels_as_each_audit_weighs(learned: Learned) -> None:
    labels = learned.bundle.card["labels"]
    assert labels["overall"]["audits"] == len(learned.outcomes)
    assert (
        sum(row["overturns"] for row in labels["policy"].values())
        == (learned.bundle.card["overturns"])
    )


def test_the_card_says_which_code_and_which_seeds(learned: Learned) -> None:
    card = learned.bundle.card
    assert card["code_version"] == code_version()
    assert card["seeds"] == {"learning": 0, "risk": 0}


def test_learning_twice_says_the_same_in_every_part(learned: Learned) -> None:
    bundle, trial = learn(
        learned.earlier, learned.outcomes, policies=Policies(), settings=LearningSettings()
    )
    assert bundle.card == learned.bundle.card
    pd.testing.assert_frame_equal(bundle.profile, learned.bundle.profile)
    pd.testing.assert_frame_equal(trial.predictions, learned.trial.predictions)
