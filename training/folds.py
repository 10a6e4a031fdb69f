"""Folds in time inside the training part: what a search of settings may look at.

The latest audits, which calibrate and try a model, and all decisions on their items, are cut off
before anything is read of them. A search is judged on earlier folds; what it found is compared with
the defaults on later ones, which it has not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from features.errors import TrainingError
from features.frame import OPINION_FEATURES, USUAL_FEATURES, Feature
from features.history import groups_of
from features.track_record import RecordSettings, events, replay
from models.arrays import Flags, Floats
from training.audits import last_audits
from training.labels import overturned
from training.learn import LearningSettings
from training.material import Material, assemble, fit_opinions, frame_of, later_frame
from training.split import split_in_time

SEARCHED = (0.35, 0.525)
"""Shares of the audits, in time, that each fold of the search learns from; it is judged on those up
to the next share, the last on those up to the first of `UNSEEN`."""
UNSEEN = (0.70, 0.85, 1.0)
"""The same of the folds of the comparison, the last share being where they end."""
FEWEST_OVERTURNS = 10
_OPINIONS = [feature.name for feature in (*OPINION_FEATURES, *USUAL_FEATURES)]


@dataclass(frozen=True, slots=True)
class Fold:
    """Audits to learn from and later ones, of other items, to be judged on.

    Attributes
    ----------
    learn, judge
        Masks over the audited decisions.
    opinions
        Both opinions on the rows of either, out of fold or by what came before; they do not depend
        on any setting that is searched.
    """

    learn: Flags
    judge: Flags
    opinions: tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a search may read, worked out once.

    Attributes
    ----------
    searched, unseen
        Folds by which settings are found, and later ones on which the best are compared.
    """

    material: Material
    searched: tuple[Fold, ...]
    unseen: tuple[Fold, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a fold under some settings of the records.

    Attributes
    ----------
    frame, overturned
        To learn from.
    later, found, inclusion
        To be judged on: features, what audits found (0 or 1) and their inclusion probabilities.
    extras
        The ``x_*`` inputs.
    """

    frame: pd.DataFrame
    overturned: Floats
    later: pd.DataFrame
    found: Floats
    inclusion: Floats
    extras: tuple[Feature, ...]


def make_ground(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, settings: LearningSettings
) -> Ground:
    """Cut off what tries a model, and fit the opinions of every fold.

    Raises
    ------
    TrainingError
        If a fold has too few overturns to be judged on.
    """
    material = assemble(
        *training_part(decisions, outcomes, settings),
        record=settings.record,
        earlier_looks=settings.earlier_looks,
        most_audits=settings.most_audits,
    )
    searched = tuple(_fold(material, start, end) for start, end in pairwise((*SEARCHED, UNSEEN[0])))
    unseen = tuple(_fold(material, start, end) for start, end in pairwise(UNSEEN))
    return Ground(material, searched, unseen)


def training_part(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, settings: LearningSettings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the decisions and audits that a trial learns from; of the rest nothing is read.

    Only when a decision was made, on what item, and whether it was audited decides on which side it
    is: what its audit found does not.
    """
    audits = last_audits(outcomes)
    ordered = decisions.sort_values(["decided_at", "decision_id"], ignore_index=True)
    audited = ordered[ordered["decision_id"].isin(audits["decision_id"])]
    split = split_in_time(audited, calibrate=settings.calibrate_share, test=settings.test_share)
    until = audited.loc[split.train, "decided_at"].max()
    held_out = groups_of(ordered).isin(groups_of(audited[split.calibrate | split.test]))
    ours = ordered[(ordered["decided_at"] <= until) & ~held_out].reset_index(drop=True)
    return ours, audits[audits["decision_id"].isin(ours["decision_id"])]


def _fold(material: Material, start: float, end: float) -> Fold:
    audited = material.audited
    place = (np.arange(len(audited)) + 0.5) / len(audited)
    learn = place < start
    group = groups_of(audited)
    judge = (place >= start) & (place < end) & ~group.isin(group[learn]).to_numpy()
    wrong = overturned(audited["verdict"])
    fewest = min(int(wrong[learn].sum()), int(wrong[judge].sum()))
    if fewest < FEWEST_OVERTURNS:
        raise TrainingError(
            f"tune: a fold of {int(judge.sum()):,} later audits after {int(learn.sum()):,} earlier "
            f"ones holds {fewest} overturns on one of the sides; expected at least "
            f"{FEWEST_OVERTURNS} on both; load more outcomes, or train with the defaults"
        )
    opinions = fit_opinions(material, learn, unseen=judge)
    both = (opinions.train_frame, later_frame(material, opinions, judge))
    return Fold(learn, judge, (both[0][_OPINIONS], both[1][_OPINIONS]))


def with_records(material: Material, record: RecordSettings) -> Material:
    """Return the material with track records kept by other settings; all else is as it was."""
    settings = replace(
        material.record_settings, half_life_days=record.half_life_days, strength=record.strength
    )
    known = replay(material.audited, events(material.decisions, material.outcomes), settings)
    return replace(material, records=material.records.assign(**known), record_settings=settings)


def sides_of(material: Material, fold: Fold) -> Sides:
    """Return what a fold learns from and is judged on, under the material's records."""
    audited = material.audited
    learned, judged = (
        frame_of(material, rows, None).assign(**opinions)
        for rows, opinions in zip((fold.learn, fold.judge), fold.opinions, strict=True)
    )
    wrong = overturned(audited["verdict"])
    inclusion = audited.loc[fold.judge, "inclusion"].to_numpy(dtype=float)
    return Sides(learned, wrong[fold.learn], judged, wrong[fold.judge], inclusion, material.extras)
