"""The steps of a data scientist: train a challenger, promote it, and fit the plan it selects by."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import HomeError, SettingsError
from features.home import Home, Settings
from features.store import open_store
from features.track_record import events, replay
from models.bundle import Bundle, Published, load_bundle, publish, save_bundle
from models.plan import DIALS, Plan, fit_plan
from models.ranking import risk_frame
from models.scoring import score
from training.learn import LearningSettings, Progress, Trial, learn
from training.plots import write_plots
from training.tracking import (
    Registered,
    download_bundle,
    find_version,
    log_and_register,
    set_champion,
)

_PLAN_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Trained:
    """A registered challenger and what it achieved in its trial."""

    registered: Registered
    trial: Trial


@dataclass(frozen=True, slots=True)
class Promoted:
    """The version that serves now, and the plan that it selects by."""

    published: Published
    plan: Plan


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
    settings = settings or LearningSettings()
    progress("reading the store")
    store = open_store(home.store_url())
    store.require_current()
    decisions = store.decisions(until=until, with_content=True)
    outcomes = store.outcomes()
    bundle, trial = learn(
        decisions, outcomes, policies=home.policies(), settings=settings, progress=progress
    )
    progress("logging the run to MLflow")
    scratch = Path(tempfile.mkdtemp(prefix=".train-", dir=home.path))
    try:
        folder = scratch / "bundle"
        bundle = replace(bundle, fingerprint=save_bundle(bundle, folder))
        registered = log_and_register(
            home,
            folder=folder,
            bundle=bundle,
            trial=trial,
            settings=settings,
            plots=write_plots(trial.predictions, scratch / "plots"),
        )
    finally:
        shutil.rmtree(scratch)
    return Trained(registered, trial)


def promote(
    home: Home,
    *,
    version: str | None = None,
    now: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Promoted:
    """Make a version the one that serves (the challenger, unless named), and fit its plan.

    Raises
    ------
    HomeError
        If there is no such version, or no decision to fit the plan on.
    BundleError
        If its bundle does not check out; the one that serves stays.
    """
    registered = find_version(home, version)
    scratch = Path(tempfile.mkdtemp(prefix=".promote-", dir=home.path))
    try:
        folder = download_bundle(home, registered, scratch)
        bundle = load_bundle(folder)
        progress("fitting the plan")
        plan = plan_for(home, bundle)
        publish(home, folder, f"{registered.version}-{registered.fingerprint}")
    finally:
        shutil.rmtree(scratch)
    store = open_store(home.store_url())
    store.add_plan(plan.version, plan.to_json(), now or datetime.now(UTC))
    set_champion(home, registered)
    return Promoted(Published(bundle, f"{registered.version}-{registered.fingerprint}"), plan)


def plan_for(home: Home, bundle: Bundle) -> Plan:
    """Fit the plan for the home's capacity and dial on its latest decisions."""
    settings = home.settings()
    store = open_store(home.store_url())
    decisions = store.decisions(with_content=True)
    recent = _recent(decisions)
    records = replay(recent, events(decisions, store.outcomes()), bundle.record_settings)
    risk = risk_frame(recent, score(bundle, recent, records))
    capacity = max(round(settings.capacity_share * len(recent)), 1)
    return fit_plan(
        risk,
        capacity=capacity,
        ratio=dial_ratio(settings),
        minimums=home.policies().minimums(recent["policy"].unique()),
        key_id=home.secrets().key_id,
    )


def dial_ratio(settings: Settings) -> float:
    """Return the ratio of a dial position, or the number that stands there.

    Raises
    ------
    SettingsError
        If it is neither.
    """
    if settings.dial in DIALS:
        return DIALS[settings.dial]
    try:
        return float(settings.dial)
    except ValueError as error:
        raise SettingsError(
            f"secondlook.toml: dial {settings.dial!r}; expected a number or one of "
            + ", ".join(DIALS)
        ) from error


def _recent(decisions: pd.DataFrame) -> pd.DataFrame:
    if decisions.empty:
        raise HomeError("plan: the store holds no decision; run `secondlook load` first")
    latest = decisions.tail(3 * _PLAN_ROWS)
    step = np.linspace(0, len(latest) - 1, min(_PLAN_ROWS, len(latest))).astype(int)
    return latest.iloc[step]
