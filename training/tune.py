"""Tuning: a search of a small space of settings, on training folds only, within budgets.

The space is `SPACE`. A trial is judged by average precision over the searched folds: capture at 5 %
is what a programme is after, but on a fold it jumps by one error in a few dozen, and a search would
climb on noise. What the search found is then compared with the defaults in capture at 5 %, on later
folds and with seeds that it has not used. Where the interval of that difference holds 0 nothing was
gained, and the defaults are recommended.

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
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
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
from training.bootstrap import Interval, capture_draws, interval, sample_of
from training.code_version import code_version
from training.folds import Ground, Sides, make_ground, sides_of, with_records
from training.labels import overturned
from training.learn import LearningSettings, Progress, data_fingerprint
from training.settings import Choice

SPACE_VERSION = 1
BUDGET = 0.05
_SEEDS = (101, 102)
"""Of the fits that compare; a search uses the settings' own."""
_STARTUP = 8
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One setting of the space.

    Attributes
    ----------
    meaning
        For a person.
    low, high
        Closed range.
    whole
        Whether only whole numbers are meant.
    """

    meaning: str
    low: float
    high: float
    whole: bool = False

    def suggested(self, trial: Trial, name: str) -> float:
        """Return a value, drawn evenly on the scale of logarithms."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=True)
        return trial.suggest_float(name, self.low, self.high, log=True)


SPACE = {
    "risk.rounds": Dimension("number of trees", 50, 600, whole=True),
    "risk.leaves": Dimension("leaves of each tree", 4, 48, whole=True),
    "risk.learning_rate": Dimension("how far each tree goes", 0.01, 0.15),
    "risk.leaf_rows": Dimension("fewest audits in a leaf", 10, 300, whole=True),
    "risk.ridge": Dimension("how far coefficients of the logistic model may go", 0.02, 10.0),
    "record.half_life_days": Dimension(
        "days after which an audit counts half in a track record", 14.0, 365.0
    ),
    "record.strength": Dimension(
        "audits' worth of its parent's rate that a record starts from", 2.0, 40.0
    ),
}
"""What is searched: every setting evenly on the scale of logarithms."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Attributes
    ----------
    state
        ``complete``, or ``pruned`` where it was stopped early as a bad one.
    average_precision
        Mean over the folds that it was judged on, 0 to 1.
    """

    number: int
    state: str
    choice: Choice
    average_precision: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search came to.

    Attributes
    ----------
    study
        Name of the study.
    trials
        In order; the first are the defaults.
    best
        The best that was found; the defaults where nothing else was better.
    gain
        Of `best` over the defaults in capture at 5 % on folds that the search has not seen: the
        mean difference, and its 95 % interval over item groups drawn anew.
    seed_gains
        That difference by each seed of the fits.
    audits, overturns
        On which the two were compared; 0 where the best are the defaults.
    """

    study: str
    trials: tuple[Tried, ...]
    best: Choice
    gain: Interval = Interval(0.0, 0.0, 0.0)
    seed_gains: tuple[float, ...] = ()
    audits: int = 0
    overturns: int = 0

    @property
    def gained(self) -> bool:
        """Return whether the gain is beyond chance."""
        return bool(self.gain.low > 0)

    @property
    def recommended(self) -> Choice:
        """Return the best settings where they gain, else the defaults."""
        return self.best if self.gained else Choice()

    def table(self) -> pd.DataFrame:
        """Return a row a trial: number, state, average precision, and every setting."""
        return pd.DataFrame(
            [
                {
                    "trial": tried.number,
                    "state": tried.state,
                    "average_precision": tried.average_precision,
                    **_values(tried.choice),
                }
                for tried in self.trials
            ]
        )

    def __str__(self) -> str:
        best = max(tried.average_precision for tried in self.trials if tried.state == "complete")
        searched = (
            f"{len(self.trials)} trials, average precision of the defaults "
            f"{self.trials[0].average_precision:.3f}, of the best {best:.3f}"
        )
        if self.best == Choice():
            return f"Gained nothing: the defaults were the best of {searched}."
        spread = ", ".join(f"{gain:+.1%}" for gain in self.seed_gains)
        told = (
            f"on {self.audits:,} later audits ({self.overturns:,} overturned) capture at "
            f"{BUDGET:.0%} of the best less that of the defaults is {self.gain.value:+.1%} "
            f"(95 % interval {self.gain.low:+.1%} to {self.gain.high:+.1%}; by seed {spread})"
        )
        if self.gained:
            return f"Gained: {told}. {searched}."
        return (
            f"Gained nothing that chance does not explain: {told}; keep the defaults. {searched}."
        )


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
        study.enqueue_trial(_values(Choice()), skip_if_exists=True)
    trial = study.ask()
    choice = _choice({name: each.suggested(trial, name) for name, each in SPACE.items()})
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


def _values(choice: Choice) -> dict[str, float]:
    """Return the value of each dimension of the space."""
    tables = msgspec.to_builtins(choice)
    return {name: tables[name.split(".")[0]][name.split(".")[1]] for name in SPACE}


def _choice(values: dict[str, float]) -> Choice:
    tables: dict[str, dict[str, float]] = {"risk": {}, "record": {}}
    for name, value in values.items():
        table, setting = name.split(".")
        tables[table][setting] = value
    return msgspec.convert(tables, Choice)


def _tried(trial: FrozenTrial) -> Tried:
    figure = trial.value if trial.value is not None else np.nan
    return Tried(trial.number, trial.state.name.lower(), _choice(trial.params), float(figure))


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
