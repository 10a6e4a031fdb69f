"""Tuning: a search of a small space of settings, on training folds only, within budgets.

The space is `training.space.SPACE`. A trial is judged by average precision over the searched folds:
capture at 5 % is what a programme is after, but on a fold it jumps by one error in a few dozen, and
a search would climb on noise. What the search found is then compared with the defaults in capture
at 5 %, on later folds and with seeds that it has not used. Where the interval of that difference
holds 0 nothing was gained, and the defaults are recommended.

A study is kept in a file and goes on where it was left. It is named for the data, the code and the
space, so that what goes on is the same search. Every trial draws from a seed of its own: a search
that was stopped and one that was not suggest the same.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, Trial, TrialState
from sklearn.metrics import average_precision_score
from sqlalchemy.exc import SQLAlchemyError

from features.errors import SettingsError
from features.history import groups_of
from models.arrays import Floats
from models.halves import RiskSettings, fit_halves
from training.bootstrap import capture_draws, interval, sample_of
from training.code_version import code_version
from training.folds import Ground, Sides, make_ground, sides_of, with_records
from training.labels import overturned
from training.learn import LearningSettings, Progress, data_fingerprint
from training.settings import Choice
from training.space import SPACE, SPACE_VERSION, Dimension, choice_of, values_of
from training.tuned import BUDGET, Tried, Tuned

_SEEDS = (101, 102)
"""Of the fits that compare; a search uses the settings' own."""
_STARTUP = 8
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def tune(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    trials: int,
    seconds: float,
    storage: Path,
    settings: LearningSettings | None = None,
    progress: Progress = lambda _: None,
) -> Tuned:
    """Search settings on the training part, and compare the best with the defaults.

    Parameters
    ----------
    trials
        How many the study may come to, those of earlier runs among them; the defaults are one.
    seconds
        After which no further trial begins, counted from the first; what runs ends, and so does
        the comparison.
    storage
        File of the study, SQLite; made where it is not there.
    settings
        The shares that are cut off, earlier looks, and the seed; what is searched is left out.

    Raises
    ------
    SettingsError
        If a budget is below 1 trial or not above 0 seconds, or the file is no study.
    TrainingError
        If there are too few audits or overturns to search by.
    """
    if trials < 1 or not seconds > 0:
        raise SettingsError(
            f"tune: saw {trials} trials and {seconds:g} seconds; expected at least 1 and above 0"
        )
    settings = settings or LearningSettings()
    progress("cutting folds and fitting their opinions")
    ground = make_ground(decisions, outcomes, Choice().applied(settings))
    return search(
        ground,
        trials=trials,
        seconds=seconds,
        storage=storage,
        settings=settings,
        progress=progress,
    )


def search(
    ground: Ground,
    *,
    trials: int,
    seconds: float,
    storage: Path,
    settings: LearningSettings,
    progress: Progress = lambda _: None,
) -> Tuned:
    """Search on folds that are cut already; all else as `tune`."""
    settings, began = Choice().applied(settings), time.monotonic()
    name = study_name(ground, settings)
    with _quiet():
        study = _open(storage, name)
        while (done := len(study.get_trials(False, _DONE))) < trials:
            spent = time.monotonic() - began
            if done and spent >= seconds:
                progress(f"{done} of {trials} trials in the {seconds:g} s that were given")
                break
            _try(study, ground, settings, number=done)
            spent = time.monotonic() - began
            progress(f"{_told(study)}; of {trials} trials, {spent:,.0f} of {seconds:g} s")
        found = tuple(map(_tried, study.get_trials(True, _DONE)))
    progress("comparing the best with the defaults on folds that the search has not seen")
    best = max((t for t in found if t.state == "complete"), key=lambda t: t.average_precision)
    return _compared(ground, settings, Tuned(name, found, best.choice))


def study_name(ground: Ground, settings: LearningSettings) -> str:
    """Return the name of a study: of the data, the code, the space and how folds are cut."""
    material = ground.material
    told = {
        "audits": data_fingerprint(material.audited),
        "decisions": _hash_of(material.decisions["decision_id"]),
        "columns": sorted(map(str, material.decisions)),
        "code": code_version(),
        "shares": [settings.calibrate_share, settings.test_share],
        "seeds": [settings.seed, settings.risk.seed],
        "looks": material.record_settings.earlier_looks,
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    return f"space-{SPACE_VERSION}-{digest}"


def _hash_of(ids: pd.Series) -> str:
    rows = pd.util.hash_pandas_object(ids, index=False).to_numpy()
    return hashlib.sha256(np.sort(rows).tobytes()).hexdigest()


def _open(storage: Path, name: str) -> optuna.Study:
    """Open or make a study; a trial that a kill left unfinished counts as not made."""
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{storage}",
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP),
        )
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise SettingsError(
            f"tune: {str(storage)!r} cannot be used as a study: {error}; remove it, or name another"
        ) from error
    for trial in study.get_trials(False, (TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _try(study: optuna.Study, ground: Ground, settings: LearningSettings, *, number: int) -> None:
    """Make one trial; its seed is its place among those done, so that a resumed one draws alike."""
    study.sampler = optuna.samplers.TPESampler(
        seed=settings.seed + number, n_startup_trials=_STARTUP
    )
    if number == 0:
        study.enqueue_trial(values_of(Choice()), skip_if_exists=True)
    trial = study.ask()
    choice = choice_of({name: _suggested(trial, name, each) for name, each in SPACE.items()})
    material = with_records(ground.material, choice.applied(settings).record)
    figures: list[float] = []
    for step, fold in enumerate(ground.searched):
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
        sides = sides_of(material, fold)
        score = _scores(sides, choice.applied(settings).risk)
        figures.append(_average_precision(sides, score))
        trial.report(float(np.mean(figures)), step)
    study.tell(trial, float(np.mean(figures)))


def _suggested(trial: Trial, name: str, dimension: Dimension) -> float:
    """Return a value, drawn evenly on the scale of logarithms."""
    if dimension.whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=True)
    return trial.suggest_float(name, dimension.low, dimension.high, log=True)


def _scores(sides: Sides, risk: RiskSettings) -> Floats:
    """Return log-odds of the judged rows, both halves weighing alike."""
    halves = fit_halves(sides.frame, sides.overturned, extras=sides.extras, settings=risk)
    return np.asarray(np.mean(halves.log_odds(sides.later), axis=0))


def _average_precision(sides: Sides, score: Floats) -> float:
    weight = 1 / sides.inclusion
    return float(average_precision_score(sides.found, score, sample_weight=weight))


def _compared(ground: Ground, settings: LearningSettings, tuned: Tuned) -> Tuned:
    """Compare the best with the defaults on the unseen folds, seed by seed."""
    if tuned.best == Choice():
        return tuned
    material = ground.material
    judged = [material.audited[fold.judge] for fold in ground.unseen]
    rows = pd.concat(
        [part.assign(group=groups_of(part), fold=place) for place, part in enumerate(judged)]
    )
    found = overturned(rows["verdict"])
    sample = sample_of(rows, (), period="fold")
    draws = []
    for seed in _SEEDS:
        best, defaults = (
            capture_draws(sample, _unseen_scores(ground, own, seed), found, budget=BUDGET)
            for own in (tuned.best.applied(settings), settings)
        )
        draws.append((best - defaults)[:, 0])
    return replace(
        tuned,
        gain=interval(np.mean(draws, axis=0)),  # the same draws for each seed, so that they average
        seed_gains=tuple(float(own[0]) for own in draws),
        audits=len(found),
        overturns=int(found.sum()),
    )


def _unseen_scores(ground: Ground, settings: LearningSettings, seed: int) -> Floats:
    """Return log-odds of the rows of the unseen folds, one fold after another."""
    material = with_records(ground.material, settings.record)
    risk = replace(settings.risk, seed=seed)
    return np.concatenate([_scores(sides_of(material, fold), risk) for fold in ground.unseen])


def _tried(trial: FrozenTrial) -> Tried:
    figure = trial.value if trial.value is not None else np.nan
    return Tried(trial.number, trial.state.name.lower(), choice_of(trial.params), float(figure))


def _told(study: optuna.Study) -> str:
    """Say how the last trial did, beside the best."""
    done = study.get_trials(False, _DONE)
    last = _tried(done[-1])
    return (
        f"trial {len(done)} {last.state}, average precision {last.average_precision:.4f}, "
        f"best {study.best_value:.4f}"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Optuna say nothing on its own; what it has to tell comes as progress."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
