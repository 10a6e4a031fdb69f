"""What each family of features adds: how much less the trial's model catches when it is hidden.

Hiding is not refitting. A model that had learned without the family would lean on the others and
mostly lose less; and of two families that say the same thing each alone may seem to add little.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from features.frame import Feature
from models.risk import RiskModel
from training.achieved import (
    WATCHED_BUDGET,
    capture_at,
    interval_of,
    overturned_of,
    risk_of,
    weight_of,
)
from training.bootstrap import Interval

_REQUIRED = ("policy", "action")
"""What no decision comes without, and so is never hidden."""


@dataclass(frozen=True, slots=True)
class FamilyGain:
    """What a family of features adds to capture at `training.achieved.WATCHED_BUDGET`.

    Attributes
    ----------
    family
        As declared in `features.frame`.
    inputs
        How many of its features are known in any row.
    hidden
        Capture when it is hidden, 0 to 1.
    gain
        What capture loses by that, with a paired interval; above 0 = the family helps.
    """

    family: str
    inputs: int
    hidden: float
    gain: Interval


def what_families_add(
    risk: RiskModel, frame: pd.DataFrame, predictions: pd.DataFrame
) -> tuple[FamilyGain, ...]:
    """Hide each family in turn and score again; the most helpful come first.

    Parameters
    ----------
    risk
        The trial's model.
    frame
        Features of the trial's rows.
    predictions
        Of the same rows, as `training.learn.Trial.predictions`.
    """
    worth, weight = overturned_of(predictions), weight_of(predictions)
    whole, moved = capture_at(risk_of(predictions), worth, weight, WATCHED_BUDGET)
    gains = []
    for family, features in _families(risk, frame).items():
        hidden = {
            name: frame[name].mask(frame[name].notna()) for name in (f.name for f in features)
        }
        scores = risk.risk(frame.assign(**hidden))
        without, moved_too = capture_at(scores, worth, weight, WATCHED_BUDGET)
        gain = interval_of(whole - without, moved - moved_too, predictions)
        gains.append(FamilyGain(family, len(features), without, gain))
    return tuple(sorted(gains, key=lambda gain: -gain.gain.value))


def _families(risk: RiskModel, frame: pd.DataFrame) -> dict[str, list[Feature]]:
    """Return the features by family that can be hidden and are known in some row."""
    families: dict[str, list[Feature]] = {}
    for feature in risk.encoder.features:
        if feature.name not in _REQUIRED and frame[feature.name].notna().any():
            families.setdefault(feature.family, []).append(feature)
    return families
