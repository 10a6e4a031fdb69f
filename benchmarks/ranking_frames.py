"""The product's own features for methods that are not the product.

Training rows get what the product gives its own: records as they were known when the decision was
made, and a second opinion out of fold. Test rows get records and opinion of all that was known.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.ranking_data import Experiment, last_audits
from features.frame import build_frame, extra_features
from features.track_record import RecordSettings, events, replay
from models.arrays import Floats
from models.second_opinion import (
    SecondOpinion,
    fit_second_opinion,
    groups_of,
    hashed,
    out_of_fold,
)
from training.split import split_in_time


@dataclass(frozen=True, slots=True)
class Frames:
    """Features of all audited training rows and of the test rows, and the seconds they took."""

    train: pd.DataFrame
    overturned: Floats
    test: pd.DataFrame
    train_s: float
    test_s: float


@dataclass(frozen=True, slots=True)
class Parts:
    """Features as the product's shipped model meets them.

    Attributes
    ----------
    audited
        The audited training decisions with ``verdict``, ``overturned`` and ``inclusion``.
    fit, calibrate
        Masks of the rows of `audited` that each step reads.
    fit_frame, calibrate_frame, test_frame
        Their features, and those of the test rows.
    """

    audited: pd.DataFrame
    fit: np.ndarray
    calibrate: np.ndarray
    fit_frame: pd.DataFrame
    calibrate_frame: pd.DataFrame
    test_frame: pd.DataFrame


def build_frames(experiment: Experiment) -> Frames:
    """Build the features of an experiment for methods that need no rows for calibration."""
    start = time.perf_counter()
    audited = audited_decisions(experiment)
    everything = np.ones(len(audited), dtype=bool)
    opinions = _Opinions.fitted(experiment, audited, everything, ~everything)
    train = _frame(experiment, audited, opinions.out_of_fold)
    built = time.perf_counter()
    test = _frame(experiment, experiment.test, opinions.of(experiment.test))
    done = time.perf_counter()
    overturned = audited["overturned"].to_numpy(dtype=float)
    return Frames(train, overturned, test, built - start, done - built)


def build_parts(experiment: Experiment, *, calibrate_share: float) -> Parts:
    """Build the features of an experiment with the latest audits kept for calibration."""
    audited = audited_decisions(experiment)
    split = split_in_time(audited, calibrate=calibrate_share, test=0.0)
    opinions = _Opinions.fitted(experiment, audited, split.train, split.calibrate)
    return Parts(
        audited,
        split.train,
        split.calibrate,
        _frame(experiment, audited[split.train], opinions.out_of_fold),
        _frame(experiment, audited[split.calibrate], opinions.of(audited[split.calibrate])),
        _frame(experiment, experiment.test, opinions.of(experiment.test)),
    )


def audited_decisions(experiment: Experiment) -> pd.DataFrame:
    """Return the audited training decisions in the order of time, with what was found."""
    audited = experiment.decisions.merge(last_audits(experiment.outcomes), on="decision_id")
    return audited.sort_values(["decided_at", "decision_id"], ignore_index=True)


def record_settings(experiment: Experiment) -> RecordSettings:
    """Return the track records' settings as the product takes them from the audits."""
    inclusion = last_audits(experiment.outcomes)["inclusion"]
    return replace(RecordSettings(), typical_inclusion=len(inclusion) / (1 / inclusion).sum())


@dataclass(frozen=True, slots=True)
class _Opinions:
    """A second opinion of what was decided by the end of training; null without content."""

    model: SecondOpinion | None
    out_of_fold: pd.DataFrame | None

    def of(self, decisions: pd.DataFrame) -> pd.DataFrame | None:
        return None if self.model is None else self.model.of(decisions)

    @classmethod
    def fitted(
        cls, experiment: Experiment, audited: pd.DataFrame, fit: np.ndarray, held_out: np.ndarray
    ) -> _Opinions:
        if "text" not in experiment.decisions:
            return cls(None, None)
        decisions, groups = experiment.decisions, groups_of(experiment.decisions)
        early = decisions["decided_at"] <= audited.loc[fit, "decided_at"].max()
        seen = decisions[early & ~groups.isin(groups_of(audited[held_out]))]
        known = experiment.outcomes["decision_id"].isin(audited["decision_id"][fit])
        outcomes, grams = experiment.outcomes[known], hashed(seen["text"])
        model = fit_second_opinion(seen, outcomes, grams)
        if model is None:
            return cls(None, None)
        theirs = out_of_fold(seen, outcomes, grams).set_index(seen["decision_id"])
        rows = audited[fit]
        return cls(model, theirs.loc[rows["decision_id"]].set_index(rows.index))


def _frame(
    experiment: Experiment, decisions: pd.DataFrame, opinion: pd.DataFrame | None
) -> pd.DataFrame:
    past = events(experiment.decisions, experiment.outcomes)
    rank = experiment.decisions.get("action_rank", pd.Series(1.0))
    return build_frame(
        decisions,
        replay(decisions, past, record_settings(experiment)),
        opinion=opinion,
        top_rank=max(float(np.nan_to_num(rank.astype(float).max(), nan=1.0)), 1.0),
        extras=extra_features(experiment.decisions),
    )
