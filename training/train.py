"""Training: learn from what the store holds, log the run, and register the challenger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from features.home import Home
from features.store import open_store
from models.bundle import save_bundle
from training.exclusive import scratch
from training.learn import LearningSettings, Progress, Trial, learn
from training.plots import write_plots
from training.settling import settle
from training.tracking import Registered, log_and_register


@dataclass(frozen=True, slots=True)
class Trained:
    """A registered challenger and what it achieved in its trial."""

    registered: Registered
    trial: Trial


def train(
    home: Home,
    *,
    until: datetime | None = None,
    settings: LearningSettings | None = None,
    progress: Progress = lambda _: None,
) -> Trained:
    """Learn from the store's decisions before `until`, log the run, register the challenger.

    Raises
    ------
    TrainingError
        If the store holds too little to learn from.
    """
    settings = settings or LearningSettings(earlier_looks=home.settings().earlier_looks)
    settle(home)
    progress("reading the store")
    store = open_store(home.store_url())
    store.require_current()
    decisions = store.decisions(until=until, with_content=True)
    outcomes = store.outcomes()
    bundle, trial = learn(
        decisions, outcomes, policies=home.policies(), settings=settings, progress=progress
    )
    progress("logging the run to MLflow")
    with scratch(home, "train") as place:
        folder = place / "bundle"
        bundle = replace(bundle, fingerprint=save_bundle(bundle, folder))
        registered = log_and_register(
            home,
            folder=folder,
            bundle=bundle,
            trial=trial,
            settings=settings,
            plots=write_plots(trial.predictions, place / "plots"),
        )
    return Trained(registered, trial)
