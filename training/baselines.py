"""Rankings that a team could make without a model of errors: what any model has to beat.

Each reads what was known when a decision was made, and no more.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from features.columns import numbers
from features.contract import DIRECTIONS
from features.frame import FEATURES, build_frame, extra_features
from models.arrays import Floats

UNIFORM = "uniform"
POLICY_ACTION = "policy x action rate"
MODERATOR = "moderator rate"
LEAST_SURE = "automated score, least sure"
MISMATCH = "automated score against action"
LOGISTIC = "logistic regression"
BASELINES = (UNIFORM, POLICY_ACTION, MODERATOR, LEAST_SURE, MISMATCH, LOGISTIC)

_FAMILIES = ("decision", "extra")
_MADE = "score_mismatch"
"""The one feature of a decision by itself that no column of the contract holds."""


def simple_scores(decisions: pd.DataFrame, records: pd.DataFrame, top_rank: float) -> pd.DataFrame:
    """Return what each baseline that needs no fitting says of decisions; higher is audited sooner.

    Parameters
    ----------
    records
        What was known of them, as `features.known.known_before` gives it.
    top_rank
        ``action_rank`` of the strictest action.

    Returns
    -------
    A column a baseline. Where a baseline knows nothing of a decision it takes its own mean over
    the others, and 0 where it knows of none.

    Examples
    --------
    >>> decisions = pd.DataFrame({"automated_score": [0.5, 0.9], "action_rank": [0.0, 2.0]})
    >>> scores = simple_scores(decisions, pd.DataFrame(index=[0, 1]), top_rank=2.0)
    >>> scores["automated score, least sure"].round(2).tolist()
    [1.0, 0.2]
    """
    score, rank = numbers(decisions, "automated_score"), numbers(decisions, "action_rank")
    told = {
        UNIFORM: np.zeros(len(decisions)),
        POLICY_ACTION: numbers(records, "policy_action_rate"),
        MODERATOR: numbers(records, "moderator_rate"),
        LEAST_SURE: 1 - np.abs(2 * score - 1),
        MISMATCH: np.abs(score - np.clip(rank / max(top_rank, 1.0), 0, 1)),
    }
    return pd.DataFrame(
        {name: _filled(values) for name, values in told.items()}, index=decisions.index
    )


def fit_logistic(audited: pd.DataFrame) -> Pipeline:
    """Fit a plain logistic regression of overturns on the columns of the contract.

    Parameters
    ----------
    audited
        Audited decisions with their ``verdict``, some overturned and some not.
    """
    frame = contract_columns(audited)
    overturned = audited["verdict"].isin(DIRECTIONS).to_numpy()
    words = [name for name in frame if frame[name].dtype == object]
    figures = [name for name in frame if name not in words and frame[name].notna().any()]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20), words),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), figures),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1_000)).fit(frame, overturned)


def contract_columns(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return what the contract says of decisions by themselves, without records or opinions."""
    extras = extra_features(decisions)
    frame = build_frame(decisions, pd.DataFrame(index=decisions.index), extras=extras)
    own = [f for f in (*FEATURES, *extras) if f.family in _FAMILIES and f.name != _MADE]
    columns = {
        f.name: frame[f.name].fillna("").astype(object) if f.kind == "category" else frame[f.name]
        for f in own
    }
    return pd.DataFrame(columns)


def logistic_scores(fitted: Pipeline, decisions: pd.DataFrame) -> Floats:
    """Return the chance of an overturn by `fit_logistic`."""
    return np.asarray(fitted.predict_proba(contract_columns(decisions))[:, 1])


def _filled(values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)
