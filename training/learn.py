"""From decisions and outcomes to a bundle: the same steps for the trial and for what ships.

The trial learns from the earliest part and is measured on the latest, on items that it has not
seen. What ships learns from everything. Both are calibrated on audits that were not learned from:
what models fitted without an audit's item group say of it, and what the trial's model foretold of
what came after its own part. The card says that its figures are the trial's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from features.errors import TrainingError
from features.history import groups_of
from features.policies import Policies
from features.track_record import RecordSettings
from models.boosting import Boost
from models.bundle import Bundle
from models.contributions import fit_contributions
from models.halves import RiskSettings
from models.held_out import FOLDS, Forecasts, hold_out, join_forecasts
from models.risk import RiskModel, calibrate, fit_risk, forecasts_of
from models.sampled import whole_groups
from models.scoring import features_of
from training.code_version import code_version
from training.engine import HERE, Engine
from training.evaluate import by_segment, metrics
from training.labels import label_counts, overturned
from training.material import Material, Opinions, assemble, fit_opinions, later_frame
from training.split import split_in_time

_PROFILE_ROWS = 5_000
_JUDGED = 120_000
"""Most audits by which models are held out and calibrated; see decision 16."""
SEGMENTS = ("policy", "language", "moderator_team", "region")
"""Columns by which a model is judged, where they came."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """How a model is learned and tried.

    Attributes
    ----------
    calibrate_share, test_share
        Shares of the audits, by time, for calibration and for the trial.
    risk
        Of the risk model.
    record
        Of the track records; the rate that they start from is taken from the first audits.
    earlier_looks
        Whether earlier decisions and audits of the same item may be read; null = judged from the
        data, see `training.independence`.
    seed
        Of the sampled profile.
    most_audits
        Audits to learn from, over the whole window and with their items whole; of more, a sample is
        taken. Track records know them all. See decision 16.
    """

    calibrate_share: float = 0.12
    test_share: float = 0.15
    risk: RiskSettings = RiskSettings()
    record: RecordSettings = RecordSettings()
    earlier_looks: bool | None = None
    seed: int = 0
    most_audits: int = 200_000


@dataclass(frozen=True, slots=True)
class Trial:
    """What the model's kind achieved on later decisions with unseen items.

    Attributes
    ----------
    metrics
        Overall, as `training.evaluate.metrics`.
    segments
        Table by segment of each column that came.
    predictions
        ``overturn_probability``, ``overturned`` (0 or 1) and ``inclusion`` of the test rows, with
        their ``decision_id``, ``decided_at``, ``group`` of near-duplicates and the columns of
        `SEGMENTS` that came.
    model, features
        What foretold them, and from which features, a row each; null where they were not kept.
    """

    metrics: dict[str, float]
    segments: dict[str, pd.DataFrame]
    predictions: pd.DataFrame
    model: RiskModel | None = None
    features: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The fitted models of one part of the audits, before calibration.

    Attributes
    ----------
    held_out
        What models fitted without their item group say of the audits of this part.
    """

    risk: RiskModel
    opinions: Opinions
    held_out: Forecasts


def learn(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    policies: Policies,
    settings: LearningSettings | None = None,
    engine: Engine = HERE,
    progress: Progress = lambda _: None,
) -> tuple[Bundle, Trial]:
    """Try the model on the latest audits, then fit the one that ships.

    Parameters
    ----------
    decisions
        All decisions of the training window, audited or not; with ``text`` where it may be used.
    outcomes
        Their outcomes.
    policies
        Harm of errors; travels in the bundle.
    engine
        Where what was known is worked out, and trees are fitted; what is learned is the same.
    progress
        Called with a line for each step.

    Raises
    ------
    TrainingError
        If there are too few audits or overturns, or no unseen items to try the model on.
    """
    settings = settings or LearningSettings()
    progress(f"replaying {len(outcomes):,} outcomes into track records")
    material = assemble(
        decisions,
        outcomes,
        record=settings.record,
        earlier_looks=settings.earlier_looks,
        most_audits=settings.most_audits,
        engine=engine,
    )
    split = split_in_time(
        material.audited, calibrate=settings.calibrate_share, test=settings.test_share
    )
    progress(_fitting("the model of the trial", material, split.train))
    unseen = split.calibrate | split.test
    tried = _fit(material, split.train, settings, unseen=unseen, boost=engine.boost)
    progress(f"trying it on {int(split.test.sum()):,} later audits of unseen items")
    seen = _calibrated(tried, _foretold(material, tried, split.calibrate))
    trial = _measure(material, seen, split.test)
    everything = np.ones(len(material.audited), dtype=bool)
    progress(_fitting("the model that ships", material, everything))
    judged = None if len(everything) <= _JUDGED else tried
    fitted = _fit(
        material, everything, settings, unseen=~everything, boost=engine.boost, judged=judged
    )
    progress("calibrating it on audits that it did not learn from")
    ships = _calibrated(fitted, _foretold(material, tried, unseen))
    bundle = _bundle(material, ships, trial, policies=policies, settings=settings)
    return replace(bundle, profile=_profile(material, bundle, settings.seed)), trial


def _fitting(what: str, material: Material, train: np.ndarray) -> str:
    wrong = overturned(material.audited.loc[train, "verdict"])
    return f"fitting {what} on {int(train.sum()):,} audits, {int(wrong.sum()):,} overturned"


def _fit(
    material: Material,
    train: np.ndarray,
    settings: LearningSettings,
    *,
    unseen: np.ndarray,
    boost: Boost,
    judged: _Fitted | None = None,
) -> _Fitted:
    """Fit all models of a part; one that was `judged` by held-out audits already stands for it."""
    opinions = fit_opinions(material, train, unseen=unseen, boost=boost)
    audited, frame = material.audited[train], opinions.train_frame
    if judged is None:
        share, held_out = _held_out(material, audited, frame, settings, boost)
    else:
        share, held_out = judged.risk.tree_share, judged.held_out
    risk = fit_risk(
        frame,
        audited["verdict"],
        extras=material.extras,
        settings=settings.risk,
        tree_share=share,
        boost=boost,
    )
    return _Fitted(risk, opinions, held_out)


def _held_out(
    material: Material,
    audited: pd.DataFrame,
    frame: pd.DataFrame,
    settings: LearningSettings,
    boost: Boost,
) -> tuple[float, Forecasts]:
    """Return the trees' weight, and what models say of audits whose item groups they never saw."""
    groups = groups_of(audited)
    few = whole_groups(groups, _JUDGED)
    audited = audited[few]
    found = hold_out(
        frame[few],
        overturned(audited["verdict"]),
        groups[few],
        extras=material.extras,
        settings=settings.risk,
        judged=FOLDS if few.all() else 1,
        boost=boost,
    )
    share, inclusion = found.tree_share(), audited["inclusion"].to_numpy()
    return share, found.forecasts(share, inclusion[found.rows])


def _foretold(material: Material, fitted: _Fitted, rows: np.ndarray) -> Forecasts:
    """Return what a fitted model says of later audits."""
    few = rows.copy()
    few[rows] = whole_groups(groups_of(material.audited[rows]), _JUDGED)
    audited, frame = material.audited[few], later_frame(material, fitted.opinions, few)
    inclusion = audited["inclusion"].to_numpy()
    return forecasts_of(fitted.risk, frame, overturned(audited["verdict"]), inclusion)


def _calibrated(fitted: _Fitted, later: Forecasts) -> _Fitted:
    """Calibrate on the audits of its own part, held out, and on later ones."""
    return replace(fitted, risk=calibrate(fitted.risk, join_forecasts([fitted.held_out, later])))


def _measure(material: Material, fitted: _Fitted, test: np.ndarray) -> Trial:
    rows = material.audited[test]
    frame = later_frame(material, fitted.opinions, test)
    predicted = fitted.risk.risk(frame)
    wrong, inclusion = overturned(rows["verdict"]), rows["inclusion"].to_numpy()
    if not 0 < wrong.sum() < len(wrong):
        raise TrainingError(
            f"training: the {len(rows)} audits of the trial hold {int(wrong.sum())} "
            "overturns; expected some, but not all; load more outcomes"
        )
    segments = {
        name: by_segment(rows[name], predicted, wrong, inclusion)
        for name in SEGMENTS
        if name in rows
    }
    told = rows[["decision_id", "decided_at", *(name for name in SEGMENTS if name in rows)]]
    predictions = told.assign(
        group=groups_of(rows),
        overturn_probability=predicted,
        overturned=wrong,
        inclusion=inclusion,
    ).reset_index(drop=True)
    figures = metrics(predicted, wrong, inclusion)
    features = frame.reset_index(drop=True)
    return Trial(figures, segments, predictions, fitted.risk, features)


def _bundle(
    material: Material,
    fitted: _Fitted,
    trial: Trial,
    *,
    policies: Policies,
    settings: LearningSettings,
) -> Bundle:
    return Bundle(
        fingerprint="",
        risk=fitted.risk,
        opinion=fitted.opinions.second,
        usual=fitted.opinions.usual,
        record_settings=material.record_settings,
        policies=policies,
        top_rank=material.top_rank,
        extras=material.extras,
        card=_card(material, trial, settings),
        profile=pd.DataFrame(),
        contributions=fit_contributions(fitted.risk),
    )


def _profile(material: Material, bundle: Bundle, seed: int) -> pd.DataFrame:
    """Sample the features that serving would have seen, over the whole window."""
    rows = profile_rows(material.audited["inclusion"].to_numpy(), seed=seed)
    audited, records = (
        table.iloc[rows].reset_index(drop=True) for table in (material.audited, material.records)
    )
    frame = features_of(bundle, audited, records)
    return frame.assign(overturn_probability=bundle.risk.risk(frame))


def profile_rows(inclusion: np.ndarray, *, seed: int) -> np.ndarray:
    """Draw the rows of the profile, each as often as it stands for decisions, in order.

    Audits are picked by risk; drawn alike, they would make the drift of what is decided look like
    the choice of what is audited. A row whose inclusion probability is small may come repeatedly.

    Examples
    --------
    >>> profile_rows(np.array([1.0, 1.0, 0.25, 0.5]), seed=0).tolist()
    [1, 2, 2, 3]
    >>> profile_rows(np.ones(3), seed=0).tolist()
    [0, 1, 2]
    """
    stands_for = np.cumsum(1 / inclusion)
    count = min(_PROFILE_ROWS, len(inclusion))
    places = np.arange(count) + np.random.default_rng(seed).random()
    drawn = np.searchsorted(stands_for, places * stands_for[-1] / count, side="right")
    return np.asarray(drawn)


def _card(material: Material, trial: Trial, settings: LearningSettings) -> dict[str, Any]:
    times = material.audited["decided_at"]
    return {
        "data_fingerprint": data_fingerprint(material.audited),
        "decisions": len(material.decisions),
        "audits": len(material.audited),
        "overturns": int(overturned(material.audited["verdict"]).sum()),
        "from": times.min().isoformat(),
        "until": times.max().isoformat(),
        "labels": label_counts(material.audited),
        "code_version": code_version(),
        "seeds": {"learning": settings.seed, "risk": settings.risk.seed},
        "earlier_looks": material.record_settings.earlier_looks,
        "trial": trial.metrics,
        "segments": {
            name: table.astype(object).where(table.notna(), None).to_dict("records")
            for name, table in trial.segments.items()
        },
    }


def data_fingerprint(audited: pd.DataFrame) -> str:
    """Return a short hash of which decisions were learned from, and what was found of them."""
    rows = pd.util.hash_pandas_object(audited[["decision_id", "verdict"]], index=False)
    return hashlib.sha256(rows.sort_values().to_numpy().tobytes()).hexdigest()[:12]
