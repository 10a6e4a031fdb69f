"""A learned model on content that tells something, but not all, as real content does.

What `tests.learned` learns from names the right action; there a track record hardly matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from features.contract import DECISIONS, check
from features.known import known_before
from features.policies import Policies
from features.simulate import simulate
from models.bundle import Bundle
from models.scoring import Scores, score
from tests.learned import WORDS
from training.learn import learn

TELLING, WITHOUT = 0.6, 0.3
"""Shares of texts that tell the right action, and of decisions without a text."""


@dataclass(frozen=True)
class Plausible:
    """A bundle, and a day that it has not seen with all that was known before it.

    Attributes
    ----------
    earlier, outcomes
        What the bundle was learned from.
    later
        Decisions of the last day.
    past
        All decisions.
    """

    bundle: Bundle
    earlier: pd.DataFrame
    outcomes: pd.DataFrame
    later: pd.DataFrame
    past: pd.DataFrame

    def records(self, decisions: pd.DataFrame) -> pd.DataFrame:
        """Return what was known of each decision, looked up anew."""
        return known_before(decisions, self.past, self.outcomes, self.bundle.record_settings)

    def scores(
        self, decisions: pd.DataFrame, records: pd.DataFrame | None = None
    ) -> Scores[pd.DataFrame]:
        """Return the scores of decisions; without records as these are looked up anew."""
        return score(
            self.bundle, decisions, self.records(decisions) if records is None else records
        )

    def risk(self, decisions: pd.DataFrame, records: pd.DataFrame | None = None) -> np.ndarray:
        """Return the risk of each decision."""
        return self.scores(decisions, records).overturn_probability


@cache
def learn_plausible() -> Plausible:
    """Learn from two simulated weeks with 30 % audited; the last day is left to score."""
    world = simulate(days=14, decisions_per_day=1_000, audit_share=0.3, seed=4)
    decisions = check(world.decisions, DECISIONS).require()
    decisions = decisions.assign(text=_texts(decisions, world.truth))
    early = decisions["decided_at"] < decisions["decided_at"].max().normalize()
    earlier, later = decisions[early], decisions[~early].reset_index(drop=True)
    bundle, _ = learn(earlier, world.outcomes, policies=Policies())
    return Plausible(bundle, earlier, world.outcomes, later, decisions)


def _texts(decisions: pd.DataFrame, truth: pd.DataFrame) -> pd.Series:
    rng = np.random.default_rng(4)
    right = truth["corrected_action"].fillna(decisions["action"])
    any_action = rng.choice(sorted(WORDS), len(right))
    topic = right.where(rng.random(len(right)) < TELLING, any_action)
    text = topic.map(WORDS) + " " + decisions["decision_id"].str[-1]
    return text.where(rng.random(len(right)) >= WITHOUT, None).astype("str")
