"""Usual action: what is decided of such items, whoever decides and whatever their content.

Trees give P(action | circumstances): policy, language, kind of content, automated score, reports,
how it came in. They learn from every decision, audited or not, with the audit's action where an
audit knew better; so a few thousand audits are backed by all that was decided. A decision that is
unusual for its circumstances is more often wrong. Who decided, and how long it took, is left out:
the opinion must be on the item alone. Training rows are judged out of fold by ``item_group``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.columns import Table, like, looked_up_in
from features.frame import USUAL_FEATURES, Feature
from models.arrays import Flags
from models.boosting import Boost, TreeRows, boost_here
from models.encoding import Vocabularies, coded, vocabulary_of
from models.right_action import (
    FOLDS,
    findings_of,
    fold_of,
    opinion_on,
    right_action,
    strictness_of,
)
from models.sampled import evenly

_CIRCUMSTANCES = (
    *("policy", "policy_version", "language", "region", "content_type", "source", "queue"),
    *("automated_score", "log_reports", "skips", "graphic_level"),
)
_FEWEST_ROWS = 500
_MOST_ROWS = 100_000
_MOST_ACTIONS = 12
_ROUNDS = 60
_COLUMNS = [feature.name for feature in USUAL_FEATURES]


@dataclass(frozen=True, slots=True)
class UsualAction:
    """A fitted opinion on the circumstances.

    Attributes
    ----------
    actions
        The actions that it knows.
    strictness
        Of each, 0 to 1; null where actions have no rank.
    inputs
        Columns of the feature frame that it reads, in order.
    vocabularies
        Known categories of its category inputs.
    booster
        P(action | circumstances), trees for each action in turn.
    """

    actions: tuple[str, ...]
    strictness: np.ndarray
    inputs: tuple[str, ...]
    vocabularies: Vocabularies
    booster: lgb.Booster

    def of(self, frame: Table) -> Table:
        """Return the opinion on each decision of a feature frame, columns as `USUAL_FEATURES`."""
        told: Sequence[np.ndarray] = [np.full(len(frame), np.nan)] * len(_COLUMNS)
        if len(frame):
            matrix = coded(frame, self.inputs, self.vocabularies)
            probability = np.asarray(self.booster.predict(matrix, num_threads=1))
            places = {action: float(place) for place, action in enumerate(self.actions)}
            taken = looked_up_in(frame, "action", places, otherwise=-1.0).astype(np.int64)
            told = opinion_on(probability, taken, self.strictness)
        return like(frame, dict(zip(_COLUMNS, told, strict=True)))


def fit_usual_action(
    frame: pd.DataFrame,
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    extras: tuple[Feature, ...] = (),
    boost: Boost = boost_here,
) -> UsualAction | None:
    """Fit on decisions and what audits found of some; null where there is too little to learn.

    Parameters
    ----------
    frame
        Features of the decisions, as `features.frame.build_frame` gives them; track records and
        opinions are not read.
    decisions
        The same rows in the contract's columns.
    extras
        The ``x_*`` inputs.
    boost
        Where the trees are fitted.
    """
    counts = decisions["action"].value_counts()
    actions = tuple(sorted(map(str, counts.index[:_MOST_ACTIONS])))
    if len(decisions) < _FEWEST_ROWS or len(actions) < 2:
        return None
    told = decisions[["decision_id", "action"]].merge(
        findings_of(outcomes), on="decision_id", how="left"
    )
    label = pd.Index(actions, dtype="str").get_indexer(pd.Index(right_action(told, actions)))
    rows = evenly(np.flatnonzero(label >= 0), _MOST_ROWS)
    categories = {f.name for f in extras if f.kind == "category"} | set(_CIRCUMSTANCES[:7])
    inputs = (*_CIRCUMSTANCES, *(feature.name for feature in extras))
    seen = frame.iloc[rows]
    vocabularies = {name: vocabulary_of(seen[name]) for name in inputs if name in categories}
    learned = TreeRows(
        coded(seen, inputs, vocabularies),
        label[rows],
        [i for i, name in enumerate(inputs) if name in categories],
    )
    booster = boost(learned, _parameters(len(rows), len(actions)), rounds=_ROUNDS)
    return UsualAction(actions, strictness_of(decisions, actions), inputs, vocabularies, booster)


def usual_out_of_fold(
    frame: pd.DataFrame,
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    asked: Flags,
    learn: Flags | None = None,
    folds: int = FOLDS,
    extras: tuple[Feature, ...] = (),
    boost: Boost = boost_here,
) -> pd.DataFrame:
    """Return opinions on the rows `asked`, each by trees that saw none of its ``item_group``.

    Parameters
    ----------
    asked, learn
        Whether each row is to be judged, and may be learned from; null = all may.
    folds
        Number of fits, each on all folds but the one that it judges.
    boost
        Where the trees are fitted.
    """
    opinion = pd.DataFrame(np.nan, columns=_COLUMNS, index=frame.index[asked])
    fold = fold_of(decisions, folds)
    may = np.ones(len(fold), dtype=bool) if learn is None else learn
    for number in range(folds):
        others, held_out = may & (fold != number), fold[asked] == number
        judge = fit_usual_action(
            frame[others], decisions[others], outcomes, extras=extras, boost=boost
        )
        if judge is not None and held_out.any():
            opinion.iloc[held_out] = judge.of(frame[asked][held_out]).to_numpy()
    return opinion


def _parameters(rows: int, actions: int) -> dict[str, Any]:
    return {
        "objective": "multiclass",
        "num_class": actions,
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": int(np.clip(rows // 500, 50, 200)),
        "lambda_l2": 5.0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if rows < _MOST_ROWS else 0,
        "seed": 0,
        "verbose": -1,
    }
