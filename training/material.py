"""What a model is learned from: audits with their features, as each would have been scored.

Training rows are judged out of fold by both opinions; later rows by opinions that saw nothing of
their items. Learning, tuning and benchmarks all come through here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from features.contract import DIRECTIONS
from features.errors import TrainingError
from features.frame import Feature, build_frame, extra_features
from features.history import groups_of
from features.track_record import RecordSettings
from models.arrays import Flags, Positions
from models.boosting import Boost, boost_here
from models.right_action import FOLDS
from models.sampled import evenly, whole_groups
from models.second_opinion import (
    SecondOpinion,
    contents,
    embedding_width,
    fit_second_opinion,
    out_of_fold,
)
from models.usual_action import UsualAction, fit_usual_action, usual_out_of_fold
from training.engine import HERE, Engine
from training.independence import outcomes_are_independent

_FIRST_AUDITS = 500
_MOST_DECISIONS = 250_000
"""Most decisions that opinions learn from, at even steps in time; see decision 16."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that fitting reads, assembled once.

    Attributes
    ----------
    decisions
        All of the training window, in the order of time.
    outcomes
        Of audits, in the order in which they became known.
    audited
        The audited decisions in the order of time, with ``verdict`` and ``inclusion``.
    records
        What was known of each of them when it was made.
    place, group
        Where each audited decision stands among `decisions`; and the number of each decision's
        group of near-duplicates.
    grams
        Content of `decisions` as the second opinion reads it; null where they have none.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    audited: pd.DataFrame
    records: pd.DataFrame
    record_settings: RecordSettings
    top_rank: float
    place: Positions
    group: Positions
    grams: sparse.csr_array | None

    @property
    def extras(self) -> tuple[Feature, ...]:
        """Return the ``x_*`` inputs."""
        return extra_features(self.decisions)


@dataclass(frozen=True, slots=True)
class Opinions:
    """Both opinions, fitted on one part of the audits and what was decided by then.

    Attributes
    ----------
    second, usual
        Null where there was too little to learn from.
    train_frame
        Features of the training rows, the opinions on them out of fold.
    """

    second: SecondOpinion | None
    usual: UsualAction | None
    train_frame: pd.DataFrame


def assemble(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    record: RecordSettings,
    earlier_looks: bool | None = None,
    most_audits: int | None = None,
    engine: Engine = HERE,
) -> Material:
    """Join decisions and outcomes, and work out what was known of each audited decision.

    Parameters
    ----------
    record
        Of the track records; the rate that they start from is taken from the first audits.
    earlier_looks
        Whether earlier decisions and audits of the same item may be read; null = judged from the
        data, see `training.independence`.
    most_audits
        Of more than these, a sample with whole items; null = all. Records know them all.
    engine
        Where what was known is worked out.

    Raises
    ------
    TrainingError
        If no outcome belongs to a decision.
    """
    source = outcomes.get("source", pd.Series("audit", index=outcomes.index)).fillna("audit")
    audits = outcomes[source == "audit"].sort_values(["audited_at", "audit_id"])
    last = audits.drop_duplicates("decision_id", keep="last")
    inclusion = last.get("inclusion_probability", pd.Series(1.0, index=last.index)).fillna(1.0)
    found = pd.DataFrame(
        {"decision_id": last["decision_id"], "verdict": last["verdict"], "inclusion": inclusion}
    )
    decisions = decisions.sort_values(["decided_at", "decision_id"], ignore_index=True)
    audited = decisions.merge(found, on="decision_id", how="inner")
    if audited.empty:
        raise TrainingError(
            "training: no outcome belongs to a loaded decision; load outcomes first"
        )
    place = np.flatnonzero(decisions["decision_id"].isin(found["decision_id"]))
    if most_audits is not None:
        few = whole_groups(groups_of(audited), most_audits)
        audited, place = audited[few].reset_index(drop=True), place[few]
    looks = earlier_looks
    record_settings = replace(
        record,
        prior_rate=_prior_rate(audits, record),
        earlier_looks=outcomes_are_independent(decisions, audits) if looks is None else looks,
    )
    records = engine.known_before(audited, decisions, outcomes, record_settings)
    rank = decisions.get("action_rank", pd.Series(1.0, index=decisions.index))
    top_rank = max(float(np.nan_to_num(rank.max(), nan=1.0)), 1.0)
    group = pd.factorize(groups_of(decisions))[0]
    grams = _grams(decisions)
    return Material(
        decisions, audits, audited, records, record_settings, top_rank, place, group, grams
    )


def _prior_rate(audits: pd.DataFrame, record: RecordSettings) -> float:
    """Return the overturn rate of the first audits, so that records start from where they lead to.

    Else the level of the earliest rows, and of the young records in them, is a guess that teaches
    the model something that is true of no later decision.
    """
    first = audits["verdict"].head(_FIRST_AUDITS)
    overturned = float(first.isin(DIRECTIONS).sum())
    return (overturned + record.strength * record.prior_rate) / (len(first) + record.strength)


def _grams(decisions: pd.DataFrame) -> sparse.csr_array | None:
    width = embedding_width(decisions)
    if not width and ("text" not in decisions or decisions["text"].isna().all()):
        return None
    return contents(decisions, width)


def fit_opinions(
    material: Material, train: np.ndarray, *, unseen: np.ndarray, boost: Boost = boost_here
) -> Opinions:
    """Fit both opinions on the audits of `train`, and on what was decided up to the last of them.

    The items of the audits `unseen` are left out, so that these can try what was fitted; `boost`
    fits the trees.
    """
    audited, decisions = material.audited, material.decisions
    until = audited.loc[train, "decided_at"].max()
    left_out = np.zeros(int(material.group.max()) + 1, dtype=bool)
    left_out[material.group[material.place[unseen]]] = True
    seen = (decisions["decided_at"] <= until).to_numpy() & ~left_out[material.group]
    outcomes = material.outcomes
    outcomes = outcomes[outcomes["decision_id"].isin(audited["decision_id"][train])]
    part = _part_of(material, seen, train)
    second, theirs = _second_opinion(material, part, outcomes, train)
    usual, told = _usual_action(material, part, outcomes, train, boost)
    frame = frame_of(material, train, theirs)
    return Opinions(second, usual, frame if told is None else frame.assign(**told))


def later_frame(material: Material, opinions: Opinions, rows: np.ndarray) -> pd.DataFrame:
    """Return the features of audits as they would have been scored when they were decided."""
    audited = material.audited[rows]
    second = None if opinions.second is None else opinions.second.of(audited)
    frame = frame_of(material, rows, second)
    return frame if opinions.usual is None else frame.assign(**opinions.usual.of(frame))


def frame_of(material: Material, rows: np.ndarray, second: pd.DataFrame | None) -> pd.DataFrame:
    """Return the features of audits but for the usual action, given the second opinion on them."""
    return build_frame(
        material.audited[rows],
        material.records[rows],
        opinion=second,
        top_rank=material.top_rank,
        extras=material.extras,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The decisions that opinions learn from, and those of training audits, which they judge.

    Attributes
    ----------
    rows
        Positions in the material's decisions.
    learn, asked
        Of each row, whether it is learned from, and whether it is to be judged.
    folds
        Of what is learned from; two are enough where each of them has more rows than a fit uses.
    """

    rows: Positions
    learn: Flags
    asked: Flags
    folds: int


def _part_of(material: Material, seen: Flags, train: Flags) -> _Part:
    learn = np.zeros(len(seen), dtype=bool)
    learn[evenly(np.flatnonzero(seen), _MOST_DECISIONS)] = True
    asked = np.zeros(len(seen), dtype=bool)
    asked[material.place[train]] = True
    asked &= seen
    rows = np.flatnonzero(learn | asked)
    folds = FOLDS if seen.sum() <= _MOST_DECISIONS else 2
    return _Part(rows, learn[rows], asked[rows], folds)


def _second_opinion(
    material: Material, part: _Part, outcomes: pd.DataFrame, train: Flags
) -> tuple[SecondOpinion | None, pd.DataFrame | None]:
    """Fit on a part's decisions; the second value is on the training rows, out of fold."""
    if material.grams is None:
        return None, None
    decisions, grams = material.decisions.iloc[part.rows], material.grams[part.rows]
    learn = part.learn
    opinion = fit_second_opinion(decisions[learn], outcomes, grams[np.flatnonzero(learn)])
    if opinion is None:
        return None, None
    told = out_of_fold(decisions, outcomes, grams, learn=learn, folds=part.folds)
    return opinion, _of_rows(material, decisions, train, told)


def _usual_action(
    material: Material, part: _Part, outcomes: pd.DataFrame, train: Flags, boost: Boost
) -> tuple[UsualAction | None, pd.DataFrame | None]:
    """Fit on a part's decisions; the second value is on the training rows, out of fold."""
    decisions, extras = material.decisions.iloc[part.rows], material.extras
    frame = build_frame(
        decisions, pd.DataFrame(index=decisions.index), top_rank=material.top_rank, extras=extras
    )
    learn, asked = part.learn, part.asked
    usual = fit_usual_action(frame[learn], decisions[learn], outcomes, extras=extras, boost=boost)
    if usual is None:
        return None, None
    told = usual_out_of_fold(
        frame,
        decisions,
        outcomes,
        asked=asked,
        learn=learn,
        folds=part.folds,
        extras=extras,
        boost=boost,
    )
    return usual, _of_rows(material, decisions[asked], train, told)


def _of_rows(
    material: Material, decisions: pd.DataFrame, train: np.ndarray, told: pd.DataFrame
) -> pd.DataFrame:
    """Return what was told of decisions in the rows of the training audits; null where nothing."""
    rows = material.audited[train]
    by_id = told.set_axis(decisions["decision_id"].to_numpy())
    return by_id.reindex(rows["decision_id"].to_numpy()).set_axis(rows.index)
