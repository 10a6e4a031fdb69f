"""Second opinion: what the content suggests should have been decided.

Two linear models on hashed character and word n-grams and on the embedding, where one came: which
action was right for such content, and whether such content with this action was overturned. For
training rows both are fitted out of fold by ``item_group``, so that no row is judged by a model
that saw a near-duplicate of it. Hashing keeps no vocabulary: no user's words are stored. Without
content every value is null.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from features.columns import AnyTable, Table, codes, is_null, lacks, like, texts
from features.frame import OPINION_FEATURES
from models.arrays import Flags
from models.encoding import codes_of
from models.right_action import (
    FOLDS,
    findings_of,
    fold_of,
    opinion_on,
    right_action,
    strictness_of,
)

_BITS = 17
_FEWEST_ROWS = 200
_FEWEST_OVERTURNS = 30
_COLUMNS = [feature.name for feature in OPINION_FEATURES]


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """A fitted second opinion.

    Attributes
    ----------
    actions
        The actions that it knows.
    strictness
        Of each, 0 to 1; null where actions have no rank.
    rarity
        Weight of each column of `contents`: of a hash bucket its inverse document frequency, of an
        embedding's number 1; shape (columns,).
    action_weights, action_intercept
        Of the model of the right action, shapes (columns, actions) and (actions,).
    error_weights, error_intercept
        Of the model of an overturn given the action taken, same shapes.
    """

    actions: tuple[str, ...]
    strictness: np.ndarray
    rarity: np.ndarray
    action_weights: np.ndarray
    action_intercept: np.ndarray
    error_weights: np.ndarray
    error_intercept: np.ndarray

    def of(self, decisions: Table, grams: sparse.csr_array | None = None) -> Table:
        """Return the opinion on each decision, columns as `features.frame.OPINION_FEATURES`.

        Null where there is no content; where the action is not known only the entropy is given.
        `grams` are the decisions' own, from `contents`, where they are at hand already.
        """
        opinion = np.full((len(_COLUMNS), len(decisions)), np.nan)
        rows = _with_content(decisions)
        if len(rows):
            width = len(self.rarity) - 2 * 2**_BITS
            told = contents(decisions.take(rows), width) if grams is None else grams[rows]
            opinion[:, rows] = self._of_grams(told, texts(decisions, "action")[rows])
        return like(decisions, dict(zip(_COLUMNS, opinion, strict=True)))

    def _of_grams(self, grams: sparse.csr_array, actions: np.ndarray) -> np.ndarray:
        grams = grams @ sparse.diags_array(self.rarity)
        right = softmax(grams @ self.action_weights + self.action_intercept, axis=1)
        error = expit(grams @ self.error_weights + self.error_intercept)
        codes = np.nan_to_num(codes_of(actions, self.actions), nan=-1.0).astype(int)
        taken, lead, gap = opinion_on(right, codes, self.strictness)
        entropy = -(right * np.log(np.maximum(right, 1e-12))).sum(axis=1)
        entropy = np.clip(entropy / np.log(len(self.actions)), 0, 1)
        mistaken = np.take_along_axis(error, np.maximum(codes, 0)[:, None], axis=1)[:, 0]
        mistaken = np.where(codes < 0, np.nan, mistaken)
        return np.stack([taken, lead, gap, entropy, mistaken])


def embedding_width(decisions: pd.DataFrame) -> int:
    """Return the length of most embeddings; 0 where there is none."""
    if "embedding" not in decisions:
        return 0
    lengths = decisions["embedding"].dropna().map(len)
    return int(lengths.mode().max()) if len(lengths) else 0


def contents(decisions: AnyTable, width: int) -> sparse.csr_array:
    """Return what the second opinion reads of decisions, shape (rows, buckets + width).

    Hashed n-grams of the text, and the embedding where it has `width` numbers, each of length 1;
    zeros where there is none.
    """
    grams = hashed(texts(decisions, "text"))
    if not width:
        return grams
    vectors = np.zeros((len(decisions), width))
    for row, vector in enumerate(texts(decisions, "embedding")):
        if vector is not None and np.size(vector) == width:
            vectors[row] = np.asarray(vector, dtype=float)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return sparse.csr_array(sparse.hstack([grams, sparse.csr_array(vectors)], format="csr"))


def hashed(given: np.ndarray) -> sparse.csr_array:
    """Return hashed n-gram counts of texts, shape (texts, buckets); null is a row of zeros.

    Rows of either kind of n-gram have length 1.
    """
    place, unique = codes(np.where(is_null(given), "", given))
    grams = [
        HashingVectorizer(
            analyzer=analyzer, ngram_range=span, n_features=2**_BITS, alternate_sign=False
        ).transform(unique)
        for analyzer, span in (("char_wb", (2, 4)), ("word", (1, 2)))
    ]
    return sparse.csr_array(sparse.hstack(grams, format="csr"))[place]


def fit_second_opinion(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, grams: sparse.csr_array
) -> SecondOpinion | None:
    """Fit a second opinion on decisions with content; null where there is too little to learn from.

    Parameters
    ----------
    decisions
        Rows with ``text`` or ``embedding``, and ``action``; audited or not.
    outcomes
        What audits found of some of them.
    grams
        `contents` of the decisions.
    """
    rows = _with_content(decisions)
    actions = tuple(sorted(decisions["action"].iloc[rows].unique()))
    if len(rows) < _FEWEST_ROWS or len(actions) < 2:
        return None
    told = decisions.iloc[rows].merge(findings_of(outcomes), on="decision_id", how="left")
    seen = np.bincount(grams[rows].indices, minlength=grams.shape[1])
    rarity = np.log((1 + len(rows)) / (1 + seen)) + 1
    rarity[2 * 2**_BITS :] = 1.0
    used = np.flatnonzero(seen)
    weighed = (grams[rows] @ sparse.diags_array(rarity))[:, used]
    right = _fit_action(weighed, right_action(told, actions), actions)
    error = _fit_error(weighed, told, actions)
    spread = [np.zeros((grams.shape[1], len(actions)), np.float32) for _ in range(2)]
    for whole, (weights, _) in zip(spread, (right, error), strict=True):
        whole[used] = weights
    return SecondOpinion(
        actions,
        strictness_of(decisions, actions),
        rarity.astype(np.float32),
        spread[0],
        right[1].astype(np.float32),
        spread[1],
        error[1].astype(np.float32),
    )


def out_of_fold(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    grams: sparse.csr_array,
    *,
    learn: Flags | None = None,
    folds: int = FOLDS,
) -> pd.DataFrame:
    """Return opinions on the decisions, each by a model that saw none of its ``item_group``.

    Parameters
    ----------
    learn
        Whether each of them may be learned from; null = all may.
    folds
        Number of fits, each on all folds but the one that it judges.
    """
    opinion = pd.DataFrame(np.nan, columns=_COLUMNS, index=decisions.index)
    fold = fold_of(decisions, folds)
    may = np.ones(len(fold), dtype=bool) if learn is None else learn
    for number in range(folds):
        others, held_out = np.flatnonzero(may & (fold != number)), np.flatnonzero(fold == number)
        judge = fit_second_opinion(decisions.iloc[others], outcomes, grams[others])
        if judge is not None and len(held_out):
            theirs = judge.of(decisions.iloc[held_out], grams[held_out])
            opinion.iloc[held_out] = theirs.to_numpy()
    return opinion


def _with_content(decisions: AnyTable) -> np.ndarray:
    held = ~lacks(decisions, "text")
    if "embedding" in decisions:
        vectors = texts(decisions, "embedding")
        held |= np.array([each is not None for each in vectors], dtype=bool)
    return np.flatnonzero(held)


def _fit_action(
    grams: sparse.csr_array, right: pd.Series, actions: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    known = right.notna().to_numpy()
    model = LogisticRegression(C=2.0, tol=1e-3, max_iter=300)
    model.fit(grams[known], right[known])
    weights = np.zeros((grams.shape[1], len(actions)))
    intercept = np.full(len(actions), -20.0)
    place = [actions.index(name) for name in model.classes_]
    if len(place) == 2:  # scikit-learn keeps one column for two classes
        weights[:, place[1]], intercept[place] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        weights[:, place], intercept[place] = model.coef_.T, model.intercept_
    return weights, intercept


def _fit_error(
    grams: sparse.csr_array, told: pd.DataFrame, actions: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Fit one model of an overturn for each action that was audited and overturned enough."""
    audited = told["overturned"].notna().to_numpy()
    overturned = told["overturned"].to_numpy(dtype=float)
    rate = (overturned[audited].sum() + 1) / (audited.sum() + 20)
    weights = np.zeros((grams.shape[1], len(actions)))
    intercept = np.full(len(actions), np.log(rate / (1 - rate)))
    for code, action in enumerate(actions):
        rows = np.flatnonzero(audited & (told["action"] == action).to_numpy())
        errors = overturned[rows].sum()
        if _FEWEST_OVERTURNS <= errors <= len(rows) - _FEWEST_OVERTURNS:
            model = LogisticRegression(C=0.5, tol=1e-3, max_iter=300)
            model.fit(grams[rows], overturned[rows])
            weights[:, code], intercept[code] = model.coef_[0], model.intercept_[0]
    return weights, intercept
