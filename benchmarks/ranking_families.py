"""What each family of features adds: the model fitted with all of them, and with each left out.

The steps are those of the model that ships. A family is left out by making its columns null in
every frame before the risk model is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks.ranking_data import Experiment
from benchmarks.ranking_figures import figures
from benchmarks.ranking_frames import Parts, build_parts
from features.frame import FEATURES, Feature, extra_features
from models.arrays import Floats
from models.risk import calibrated, fit_calibration, fit_risk
from training.learn import LearningSettings

ALL = "all"


def measure_families(
    experiment: Experiment, settings: LearningSettings
) -> dict[str, dict[str, float]]:
    """Return the figures with all families, under ``all``, and without each that is known here."""
    features = (*FEATURES, *extra_features(experiment.decisions))
    parts = build_parts(experiment, calibrate_share=settings.test_share)
    known = {f.family for f in features if parts.fit_frame[f.name].notna().any()}
    found = {}
    for family in (ALL, *sorted(known)):
        left_out = [f for f in features if f.family == family]
        predicted = fit_without(parts, left_out, features=features, settings=settings)
        found[family] = figures(predicted, experiment.overturned, experiment.inclusion)
    return found


def fit_without(
    parts: Parts,
    left_out: Iterable[Feature],
    *,
    features: tuple[Feature, ...],
    settings: LearningSettings,
) -> Floats:
    """Return the test rows' probabilities of a model that does not know some features."""
    fit, calibrate, test = (
        _without(frame, left_out)
        for frame in (parts.fit_frame, parts.calibrate_frame, parts.test_frame)
    )
    model = fit_risk(
        fit,
        parts.audited.loc[parts.fit, "verdict"],
        extras=features[len(FEATURES) :],
        settings=settings.risk,
    )
    rows = parts.audited[parts.calibrate]
    calibration = fit_calibration(
        model, calibrate, rows["overturned"].to_numpy(), rows["inclusion"].to_numpy()
    )
    return calibrated(calibration, model.log_odds(test))


def _without(frame: pd.DataFrame, left_out: Iterable[Feature]) -> pd.DataFrame:
    poorer = frame.copy()
    for feature in left_out:
        poorer[feature.name] = poorer[feature.name].where(np.zeros(len(poorer), dtype=bool))
    return poorer
