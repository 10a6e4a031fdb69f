"""The product's own features for methods that are not the product.

Training rows get what the product gives its own: what was known when the decision was made, and
both opinions out of fold. Test rows get what was known when they came, and opinions of all that was
learned from.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.ranking_data import Experiment, last_audits
from features.frame import build_frame
from features.history import groups_of
from features.known import known_before
from features.track_record import RecordSettings
from models.arrays import Floats, Texts
from training.learn import LearningSettings
from training.material import Material, Opinions, assemble, fit_opinions


@dataclass(frozen=True, slots=True)
class Frames:
    """Features of all audited training rows and of the test rows, and the seconds they took.

    Attributes
    ----------
    decision_ids, groups, overturned
        Of each row of `train`.
    """

    train: pd.DataFrame
    decision_ids: Texts
    groups: pd.Series
    overturned: Floats
    test: pd.DataFrame
    train_s: float
    test_s: float


def build_frames(experiment: Experiment, settings: LearningSettings) -> Frames:
    """Build the features of an experiment."""
    start = time.perf_counter()
    material = material_of(experiment, settings)
    everything = np.ones(len(material.audited), dtype=bool)
    opinions = fit_opinions(material, everything, unseen=~everything)
    built = time.perf_counter()
    test = test_frame(experiment, material, opinions)
    done = time.perf_counter()
    overturned = last_audits(experiment.outcomes).set_index("decision_id")["overturned"]
    ids = material.audited["decision_id"].to_numpy(dtype=object)
    found = overturned.loc[ids].to_numpy(dtype=float)
    groups = groups_of(material.audited)
    return Frames(opinions.train_frame, ids, groups, found, test, built - start, done - built)


def material_of(experiment: Experiment, settings: LearningSettings) -> Material:
    """Assemble what the product learns from."""
    return assemble(
        experiment.decisions,
        experiment.outcomes,
        record=settings.record,
        earlier_looks=settings.earlier_looks,
    )


def known_of_test(experiment: Experiment, record: RecordSettings) -> pd.DataFrame:
    """Return what was known of the test decisions when they came."""
    made = pd.concat([experiment.decisions, experiment.later], ignore_index=True)
    return known_before(experiment.test, made, experiment.outcomes, record)


def test_frame(experiment: Experiment, material: Material, opinions: Opinions) -> pd.DataFrame:
    """Return the features of the test decisions."""
    second = None if opinions.second is None else opinions.second.of(experiment.test)
    frame = build_frame(
        experiment.test,
        known_of_test(experiment, material.record_settings),
        opinion=second,
        top_rank=material.top_rank,
        extras=material.extras,
    )
    return frame if opinions.usual is None else frame.assign(**opinions.usual.of(frame))


def audited_decisions(experiment: Experiment) -> pd.DataFrame:
    """Return the audited training decisions in the order of time, with what was found."""
    audited = experiment.decisions.merge(last_audits(experiment.outcomes), on="decision_id")
    return audited.sort_values(["decided_at", "decision_id"], ignore_index=True)
