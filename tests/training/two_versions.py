"""A home with two registered versions of a model, small, for the tests of promotion."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from features.contract import DECISIONS, OUTCOMES, check
from features.home import Home, make_home
from features.intake import add_decisions, add_outcomes
from features.simulate import simulate
from features.store import open_store
from models.bundle import load_bundle
from models.halves import RiskSettings
from models.plan import plan_for
from models.publication import open_champion
from training.learn import LearningSettings
from training.registry import find_version
from training.tracking import MODEL_NAME, tracked
from training.train import train

ROUNDS = (20, 25)


@dataclass(frozen=True)
class TwoVersions:
    """A home in which versions 1 and 2 are registered and neither serves."""

    home: Home
    decisions: pd.DataFrame = field(default_factory=pd.DataFrame)

    def copied(self, place: Path) -> Home:
        """Return a copy to change; the registry's files stay where they are and are only read."""
        shutil.copytree(self.home.path, place)
        return Home(place)


def make_two_versions(folder: Path) -> TwoVersions:
    home = make_home(folder / "home")
    open_store(home.store_url()).initialise()
    made = simulate(days=6, decisions_per_day=600, audit_share=0.6, seed=5)
    decisions = check(made.decisions, DECISIONS).require()
    add_decisions(home, decisions)
    add_outcomes(home, check(made.outcomes, OUTCOMES).require())
    for rounds in ROUNDS:
        train(home, settings=replace(LearningSettings(), risk=RiskSettings(rounds=rounds)))
    return TwoVersions(home, decisions)


def serving_pair(home: Home) -> tuple[str, str]:
    """Return what the service would answer by: its bundle, which checks out, and its plan."""
    published = open_champion(home)
    assert load_bundle(home.bundles / published.bundle.fingerprint)
    store = open_store(home.store_url())
    plan = plan_for(store.plan_documents(), published.bundle.fingerprint)
    store.engine.dispose()
    assert plan is not None
    return published.model_version, plan.version


def aliases_of(home: Home) -> dict[str, str]:
    with tracked(home) as client:
        found = client.get_registered_model(MODEL_NAME).aliases
    return {name: str(number) for name, number in found.items()}


def tags_of(home: Home, number: str) -> dict[str, str]:
    return dict(find_version(home, number).tags)


def mark_verdict(home: Home, number: str, verdict: str, reasons: str = "") -> None:
    """Write on a version what training writes on it once the gates were asked."""
    with tracked(home) as client:
        client.set_model_version_tag(MODEL_NAME, number, "verdict", verdict)
        client.set_model_version_tag(MODEL_NAME, number, "verdict_reasons", reasons)
