"""The parts of the log-odds: additive, Shapley values on the path, and close to TreeSHAP's."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from models.contributions import _branch, _on_path, _paths, blended
from models.reasons import by_speaker
from models.scoring import Scores
from tests.plausible import Plausible, learn_plausible


@pytest.fixture(scope="module")
def day() -> Plausible:
    """A day that the model has not seen."""
    return learn_plausible()


@pytest.fixture(scope="module")
def scores(day: Plausible) -> Scores[pd.DataFrame]:
    """The scores of that day."""
    return day.scores(day.later)


def test_parts_add_up_to_the_calibrated_log_odds(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    parts, base = day.bundle.contributions.of(day.bundle.risk, scores.frame)
    risk = scores.overturn_probability
    assert np.allclose(parts.sum(axis=1) + base, logit(risk), rtol=0, atol=1e-9)


def test_parts_add_up_where_nearly_nothing_is_known(day: Plausible) -> None:
    bare = day.scores(day.later[["decision_id", "decided_at", "policy", "action"]])
    parts, base = day.bundle.contributions.of(day.bundle.risk, bare.frame)
    assert np.allclose(parts.sum(axis=1) + base, logit(bare.overturn_probability), atol=1e-9)


def test_parts_of_the_trees_add_up_to_what_the_trees_say(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    model, ours = day.bundle.risk, day.bundle.contributions
    trees = model.booster.predict(model.encoder.tree_matrix(scores.frame), raw_score=True)
    parts = ours.of_trees(model, model.encoder.tree_matrix(scores.frame))
    assert np.allclose(parts.sum(axis=1) + ours.base, trees, rtol=0, atol=1e-9)


def test_parts_are_measured_from_where_tree_shap_measures(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    model = day.bundle.risk
    matrix = model.encoder.tree_matrix(scores.frame[:1])
    shapley = model.booster.predict(matrix, pred_contrib=True)
    assert day.bundle.contributions.base == pytest.approx(shapley[0, -1])


def test_the_top_reason_agrees_with_tree_shap_on_high_risk_rows(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    riskiest = np.argsort(-scores.overturn_probability)[: len(day.later) // 20]
    model, frame = day.bundle.risk, scores.frame.iloc[riskiest]
    shapley = model.booster.predict(model.encoder.tree_matrix(frame), pred_contrib=True)
    theirs, _ = blended(model, frame, shapley[:, :-1], float(shapley[0, -1]))
    ours, _ = day.bundle.contributions.of(model, frame)
    features = model.encoder.features
    top = [by_speaker(features, parts)[1].argmax(axis=1) for parts in (ours, theirs)]
    assert np.mean(top[0] == top[1]) >= 0.8


def test_the_top_reason_of_all_rows_is_mostly_tree_shaps(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    model, frame = day.bundle.risk, scores.frame
    shapley = model.booster.predict(model.encoder.tree_matrix(frame), pred_contrib=True)
    theirs = by_speaker(model.encoder.features, shapley[:, :-1])[1].argmax(axis=1)
    ours = day.bundle.contributions.of_trees(model, model.encoder.tree_matrix(frame))
    ours = by_speaker(model.encoder.features, ours)[1].argmax(axis=1)
    commonest = np.bincount(theirs).max() / len(theirs)
    assert np.mean(ours == theirs) >= max(0.8, commonest)


def test_the_parts_of_each_row_do_not_depend_on_the_batch(
    day: Plausible, scores: Scores[pd.DataFrame]
) -> None:
    ours, model, frame = day.bundle.contributions, day.bundle.risk, scores.frame[:20]
    batch, _ = ours.of(model, frame)
    alone = np.concatenate([ours.of(model, frame.iloc[[row]])[0] for row in range(20)])
    assert np.allclose(alone, batch, rtol=0, atol=1e-12)


def _tree(leaves: int, features: int) -> dict[str, Any]:
    """Grow one tree on made numbers, in which every feature has a say."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2_000, features))
    label = matrix @ np.linspace(1, 2, features) + matrix[:, 0] * matrix[:, -1]
    parameters = {"objective": "regression", "num_leaves": leaves, "verbose": -1, "seed": 0}
    grown = lgb.train(parameters, lgb.Dataset(matrix, label), num_boost_round=1).dump_model()
    tree: dict[str, Any] = grown["tree_info"][0]["tree_structure"]
    return tree


def test_parts_are_the_mean_over_all_orders_in_which_a_path_becomes_known() -> None:
    for leaf, path in _paths(_branch(_tree(leaves=12, features=4)), ()):

        def mean_value(known: tuple[int, ...], leaf: Any = leaf, path: Any = path) -> float:
            value = float(leaf.value)
            for node, on, off in reversed(path):
                if node.feature not in known:
                    value = (value * on.rows + off.value * off.rows) / node.rows
            return value

        features, parts = _on_path(leaf.value, path)
        orders = list(permutations(features))
        for feature, part in zip(features, parts, strict=True):
            before = [order[: order.index(feature)] for order in orders]
            gains = [mean_value((*known, feature)) - mean_value(known) for known in before]
            assert part == pytest.approx(np.mean(gains), abs=1e-12)


def test_a_tree_of_one_split_gives_all_to_its_feature() -> None:
    root = _branch(_tree(leaves=2, features=1))
    for leaf, path in _paths(root, ()):
        features, parts = _on_path(leaf.value, path)
        assert features == [0]
        assert parts[0] == pytest.approx(leaf.value - root.value)
