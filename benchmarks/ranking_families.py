"""What each family of features adds: the model fitted with all of them, and with each left out.

A family is left out by making its columns null in every frame before the risk model is fitted. The
figures are of ranking; a calibration would be the same work for each.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.ranking_data import Experiment, last_audits
from benchmarks.ranking_figures import figures
from benchmarks.ranking_frames import Frames, build_frames
from features.frame import FEATURES, Feature, extra_features
from models.arrays import Floats
from models.held_out import hold_out
from models.risk import fit_risk
from training.learn import LearningSettings

ALL = "all"


def measure_families(
    experiment: Experiment, settings: LearningSettings
) -> dict[str, dict[str, float]]:
    """Return the figures with all families, under ``all``, and without each that is known here."""
    features = (*FEATURES, *extra_features(experiment.decisions))
    frames = build_frames(experiment, settings)
    verdicts = last_audits(experiment.outcomes).set_index("decision_id")["verdict"]
    verdicts = verdicts.loc[frames.decision_ids].reset_index(drop=True)
    known = {f.family for f in features if frames.train[f.name].notna().any()}
    found = {}
    for family in (ALL, *sorted(known)):
        left_out = [f for f in features if f.family == family]
        predicted = fit_without(frames, verdicts, left_out, settings=settings)
        of_ranking = figures(predicted, experiment.overturned, experiment.inclusion)
        del of_ranking["ece"]
        found[family] = of_ranking
    return found


def fit_without(
    frames: Frames, verdicts: pd.Series, left_out: Iterable[Feature], *, settings: LearningSettings
) -> Floats:
    """Return the test rows' scores, 0 to 1, of a model that does not know some features."""
    left_out = list(left_out)
    extras = extra_features(frames.train)
    train = _without(frames.train, left_out).reset_index(drop=True)
    held_out = hold_out(
        train, frames.overturned, frames.groups, extras=extras, settings=settings.risk
    )
    share = held_out.tree_share()
    model = fit_risk(train, verdicts, extras=extras, settings=settings.risk, tree_share=share)
    return np.asarray(expit(model.log_odds(_without(frames.test, left_out))))


def _without(frame: pd.DataFrame, left_out: Iterable[Feature]) -> pd.DataFrame:
    nothing = np.zeros(len(frame), dtype=bool)
    return frame.assign(**{f.name: frame[f.name].where(nothing) for f in left_out})
