"""From decisions and outcomes to a bundle: the same steps for the trial and for what ships.

The trial learns from the earliest part, calibrates on the next and is measured on the latest, on
items that it has not seen. What ships moves up by one part: it learns from all but the latest, and
is calibrated on that. The card says which figures were measured on which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from features.contract import DIRECTIONS
from features.errors import TrainingError
from features.frame import build_frame, extra_features
from features.policies import Policies
from features.track_record import RecordSettings, events, replay
from models.bundle import Bundle
from models.contributions import fit_contributions
from models.risk import RiskModel, RiskSettings, calibrated, fit_calibration, fit_risk
from models.second_opinion import (
    SecondOpinion,
    fit_second_opinion,
    groups_of,
    hashed,
    out_of_fold,
)
from training.evaluate import by_segment, metrics
from training.split import Split, split_in_time

_PROFILE_ROWS = 5_000
_SEGMENTS = ("policy", "language", "moderator_team", "region")

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
        Of the track records; the typical inclusion probability is taken from the audits.
    seed
        Of the sampled profile.
    """

    calibrate_share: float = 0.12
    test_share: float = 0.15
    risk: RiskSettings = RiskSettings()
    record: RecordSettings = RecordSettings()
    seed: int = 0


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
        ``overturn_probability``, ``overturned``, ``inclusion`` of the test rows, for the plots.
    """

    metrics: dict[str, float]
    segments: dict[str, pd.DataFrame]
    predictions: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Material:
    """Everything that fitting reads, assembled once."""

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    audited: pd.DataFrame
    records: pd.DataFrame
    record_settings: RecordSettings
    top_rank: float
    grams: sparse.csr_array | None
    """Hashed texts of `decisions`, null where they have none."""


def learn(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    policies: Policies,
    settings: LearningSettings | None = None,
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
    progress
        Called with a line for each step.

    Raises
    ------
    TrainingError
        If there are too few audits or overturns, or no unseen items to try the model on.
    """
    settings = settings or LearningSettings()
    progress("replaying track records")
    material = _assemble(decisions, outcomes, settings)
    split = split_in_time(
        material.audited, calibrate=settings.calibrate_share, test=settings.test_share
    )
    progress("fitting the model of the trial")
    risk, opinion = _fit(material, split.train, split.calibrate, settings)
    trial = _measure(material, risk, opinion, split)
    progress("fitting the model that ships")
    shipped = split_in_time(material.audited, calibrate=settings.test_share, test=0.0)
    risk, opinion = _fit(material, shipped.train, shipped.calibrate, settings)
    return _bundle(material, risk, opinion, trial, policies=policies, settings=settings), trial


def _assemble(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, settings: LearningSettings
) -> _Material:
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes[source == "audit"].sort_values(["audited_at", "audit_id"])
    last = audits.drop_duplicates("decision_id", keep="last")
    inclusion = last.get("inclusion_probability", pd.Series(1.0, index=last.index)).fillna(1.0)
    found = pd.DataFrame(
        {"decision_id": last["decision_id"], "verdict": last["verdict"], "inclusion": inclusion}
    )
    audited = decisions.merge(found, on="decision_id", how="inner")
    if audited.empty:
        raise TrainingError(
            "training: no outcome belongs to a loaded decision; load outcomes first"
        )
    audited = audited.sort_values(["decided_at", "decision_id"], ignore_index=True)
    typical = len(inclusion) / float((1 / inclusion).sum())
    record_settings = replace(settings.record, typical_inclusion=typical)
    records = replay(audited, events(decisions, outcomes), record_settings)
    rank = decisions.get("action_rank", pd.Series(1.0, index=decisions.index))
    top_rank = max(float(np.nan_to_num(rank.max(), nan=1.0)), 1.0)
    grams = hashed(decisions["text"]) if "text" in decisions else None
    return _Material(decisions, audits, audited, records, record_settings, top_rank, grams)


def _fit(
    material: _Material, train: np.ndarray, calibrate: np.ndarray, settings: LearningSettings
) -> tuple[RiskModel, SecondOpinion | None]:
    """Fit on the rows of `train`, calibrate on those of `calibrate`."""
    audited = material.audited
    opinion, out_of_fold_opinion = _second_opinion(material, train, calibrate)
    extras = extra_features(material.decisions)
    frame = _frame(material, train, out_of_fold_opinion)
    model = fit_risk(frame, audited.loc[train, "verdict"], extras=extras, settings=settings.risk)
    frame = _frame(material, calibrate, None if opinion is None else opinion.of(audited[calibrate]))
    overturned = _overturned(audited[calibrate])
    inclusion = audited.loc[calibrate, "inclusion"].to_numpy()
    return replace(model, calibration=fit_calibration(model, frame, overturned, inclusion)), opinion


def _second_opinion(
    material: _Material, train: np.ndarray, calibrate: np.ndarray
) -> tuple[SecondOpinion | None, pd.DataFrame | None]:
    """Fit on what was decided up to the end of training, the items of calibration left out.

    The second value is the opinion on the training rows, out of fold.
    """
    if material.grams is None:
        return None, None
    audited, decisions = material.audited, material.decisions
    early = decisions["decided_at"] <= audited.loc[train, "decided_at"].max()
    ours = np.flatnonzero(early & ~groups_of(decisions).isin(groups_of(audited[calibrate])))
    seen, grams = decisions.iloc[ours], material.grams[ours]
    trained_on = material.outcomes["decision_id"].isin(audited["decision_id"][train])
    known = material.outcomes[trained_on]
    opinion = fit_second_opinion(seen, known, grams)
    if opinion is None:
        return None, None
    theirs = out_of_fold(seen, known, grams).set_index(seen["decision_id"])
    rows = audited[train]
    return opinion, theirs.loc[rows["decision_id"]].set_index(rows.index)


def _frame(material: _Material, rows: np.ndarray, opinion: pd.DataFrame | None) -> pd.DataFrame:
    return build_frame(
        material.audited[rows],
        material.records[rows],
        opinion=opinion,
        top_rank=material.top_rank,
        extras=extra_features(material.decisions),
    )


def _overturned(audited: pd.DataFrame) -> np.ndarray:
    return audited["verdict"].isin(DIRECTIONS).to_numpy(dtype=float)


def _measure(
    material: _Material, risk: RiskModel, opinion: SecondOpinion | None, split: Split
) -> Trial:
    rows = material.audited[split.test]
    frame = _frame(material, split.test, None if opinion is None else opinion.of(rows))
    predicted = calibrated(risk.calibration, risk.log_odds(frame))
    overturned, inclusion = _overturned(rows), rows["inclusion"].to_numpy()
    if not 0 < overturned.sum() < len(overturned):
        raise TrainingError(
            f"training: the {len(rows)} audits of the trial hold {int(overturned.sum())} "
            "overturns; expected some, but not all; load more outcomes"
        )
    segments = {
        name: by_segment(rows[name], predicted, overturned, inclusion)
        for name in _SEGMENTS
        if name in rows
    }
    predictions = pd.DataFrame(
        {
            "overturn_probability": predicted,
            "overturned": overturned,
            "inclusion": inclusion,
            "policy": rows["policy"].to_numpy(),
        }
    )
    return Trial(metrics(predicted, overturned, inclusion), segments, predictions)


def _bundle(
    material: _Material,
    risk: RiskModel,
    opinion: SecondOpinion | None,
    trial: Trial,
    *,
    policies: Policies,
    settings: LearningSettings,
) -> Bundle:
    bundle = Bundle(
        fingerprint="",
        risk=risk,
        opinion=opinion,
        record_settings=material.record_settings,
        policies=policies,
        top_rank=material.top_rank,
        extras=extra_features(material.decisions),
        card=_card(material, trial),
        profile=pd.DataFrame(),
        contributions=fit_contributions(risk),
    )
    return replace(bundle, profile=_profile(material, risk, opinion, settings.seed))


def _profile(
    material: _Material, risk: RiskModel, opinion: SecondOpinion | None, seed: int
) -> pd.DataFrame:
    """Sample the features that serving would have seen, over the whole window."""
    chosen = np.zeros(len(material.audited), dtype=bool)
    count = min(_PROFILE_ROWS, len(chosen))
    chosen[np.random.default_rng(seed).choice(len(chosen), count, replace=False)] = True
    rows = material.audited[chosen]
    frame = _frame(material, chosen, None if opinion is None else opinion.of(rows))
    predicted = calibrated(risk.calibration, risk.log_odds(frame))
    return frame.assign(overturn_probability=predicted).reset_index(drop=True)


def _card(material: _Material, trial: Trial) -> dict[str, Any]:
    times = material.audited["decided_at"]
    return {
        "data_fingerprint": data_fingerprint(material.audited),
        "decisions": len(material.decisions),
        "audits": len(material.audited),
        "overturns": int(_overturned(material.audited).sum()),
        "from": times.min().isoformat(),
        "until": times.max().isoformat(),
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
