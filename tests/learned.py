"""A small learned model and what it was learned from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from features.contract import DECISIONS, check
from features.policies import Policies
from features.simulate import Simulation, simulate
from features.track_record import events, replay
from models.bundle import Bundle
from training.learn import LearningSettings, Trial, learn

WORDS = {
    "keep": "hello kind garden",
    "age_restrict": "fight blood night",
    "remove": "curse you all",
}


@dataclass(frozen=True)
class Learned:
    """A bundle with decisions that it has not seen."""

    bundle: Bundle
    trial: Trial
    earlier: pd.DataFrame
    outcomes: pd.DataFrame
    later: pd.DataFrame
    records: pd.DataFrame
    simulation: Simulation


def with_text(decisions: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Give each decision made-up words that tell, mostly, which action was right."""
    right = truth["corrected_action"].fillna(decisions["action"])
    number = decisions["decision_id"].str[-1]
    return decisions.assign(text=right.map(WORDS) + " " + number)


def learn_small(*, text: bool = True, seed: int = 0) -> Learned:
    """Learn from two simulated weeks with 30 % audited; the last day is left to score."""
    world = simulate(days=14, decisions_per_day=1_000, audit_share=0.3, seed=seed)
    decisions = check(world.decisions, DECISIONS).require()
    if text:
        decisions = with_text(decisions, world.truth)
    last_day = decisions["decided_at"].max().normalize()
    early = decisions["decided_at"] < last_day
    earlier, later = decisions[early], decisions[~early].reset_index(drop=True)
    bundle, trial = learn(
        earlier, world.outcomes, policies=Policies(), settings=LearningSettings(seed=seed)
    )
    records = replay(later, events(earlier, world.outcomes), bundle.record_settings)
    return Learned(bundle, trial, earlier, world.outcomes, later, records, world)
