"""What should have been decided, as far as audits tell, and folds that keep near-duplicates apart.

Both second opinions learn from it: the one on the content and the one on the circumstances.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.history import groups_of

FOLDS = 5


def findings_of(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the last audit of each decision: whether overturned, and the action that was right."""
    last = outcomes.sort_values("audited_at").drop_duplicates("decision_id", keep="last")
    corrected = last.get("corrected_action", None)
    return pd.DataFrame(
        {
            "decision_id": last["decision_id"],
            "overturned": last["verdict"].isin(DIRECTIONS).astype(float),
            "corrected": corrected,
        }
    )


def right_action(told: pd.DataFrame, actions: tuple[str, ...]) -> pd.Series:
    """Return the action that was right as far as known: the audit's, else the one taken.

    An overturn without a corrected action says only what was wrong: with two actions the other
    one was right, with more nothing is known (null).

    Parameters
    ----------
    told
        ``action`` of each decision, and its `findings_of`, null where there is none.
    actions
        All that are taken.

    Examples
    --------
    >>> told = pd.DataFrame({"action": ["keep", "keep"], "overturned": [1.0, None],
    ...     "corrected": [None, None]})
    >>> right_action(told, ("keep", "remove")).tolist()
    ['remove', 'keep']
    """
    overturned = told["overturned"] == 1
    other = told["action"].map(dict(zip(actions, reversed(actions), strict=True)))
    unsaid = other if len(actions) == 2 else pd.Series(None, index=told.index, dtype="str")
    known = told["corrected"].where(told["corrected"].isin(actions), unsaid)
    return told["action"].where(~overturned, known)


def fold_of(decisions: pd.DataFrame, folds: int = FOLDS) -> np.ndarray:
    """Return each row's fold, 0 to `folds` - 1, by the name of its item group alone.

    The order of rows changes nothing, and near-duplicates share a fold.
    """
    names = groups_of(decisions)
    return np.asarray(pd.util.hash_array(names.to_numpy(dtype=object)) % folds)


def opinion_on(
    probability: np.ndarray, codes: np.ndarray, strictness: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what action probabilities say of the action taken.

    Parameters
    ----------
    probability
        Of each action, shape (rows, actions).
    codes
        Position of the action taken; -1 where it is not known.
    strictness
        Of each action, 0 to 1; null where it has no rank.

    Returns
    -------
    tuple
        The action's probability; its lead over the best other; and how much stricter than the
        action taken the probable one is, -1 to 1. Null where the action, or its rank, is not known.
    """
    place = np.maximum(codes, 0)
    taken = np.take_along_axis(probability, place[:, None], axis=1)[:, 0]
    others = probability.copy()
    others[np.arange(len(codes)), place] = 0
    lead = taken - others.max(axis=1)
    gap = np.clip(_expected(probability, strictness) - strictness[place], -1, 1)
    known = np.where(codes < 0, np.nan, 1.0)
    return taken * known, lead * known, gap * known


def _expected(probability: np.ndarray, strictness: np.ndarray) -> np.ndarray:
    """Return the mean strictness, action after action: the same for a row alone as in a batch."""
    mass, expected = np.zeros((2, len(probability)))
    for action in np.flatnonzero(np.isfinite(strictness)):
        mass += probability[:, action]
        expected += probability[:, action] * strictness[action]
    return np.asarray(expected / np.maximum(mass, 1e-12))


def strictness_of(decisions: pd.DataFrame, actions: tuple[str, ...]) -> np.ndarray:
    """Return the mean ``action_rank`` of each action over the highest, 0 to 1; null without one."""
    if "action_rank" not in decisions:
        return np.full(len(actions), np.nan)
    rank = decisions["action_rank"].astype(float).groupby(decisions["action"].to_numpy()).mean()
    top = rank.max()
    return np.asarray(rank.reindex(list(actions)) / (top if top > 0 else 1.0), dtype=float)
