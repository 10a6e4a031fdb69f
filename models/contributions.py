"""What each feature adds to the log-odds of a decision, exactly adding up to its risk.

For a tree, a feature's part is the change of the node's value at each split on the path that a row
takes (Saabas, 2014). A leaf fixes its path, so the parts are worked out once for every leaf and
looked up by leaf: far cheaper than Shapley values. For the linear model a part is coefficient times
standardised value. Both are measured against the mean of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.risk import RiskModel


@dataclass(frozen=True, slots=True)
class Contributions:
    """Parts of the log-odds, looked up by leaf.

    Attributes
    ----------
    leaves
        One array a tree, shape (leaves, features).
    base
        Log-odds of the mean row under the trees.
    """

    leaves: tuple[np.ndarray, ...]
    base: float

    def of(self, model: RiskModel, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts, shape (rows, features), and the bases that they add to, shape (rows,).

        Their sum is the calibrated log-odds of the risk model.
        """
        trees = self._of_trees(model, frame)
        linear = np.zeros_like(trees)
        parts = model.encoder.linear_matrix(frame) * model.coefficients
        np.add.at(linear.T, model.encoder.owner, parts.T)
        share = model.tree_share
        base = share * self.base + (1 - share) * model.intercept
        both = share * trees + (1 - share) * linear
        intercept, slope = model.calibration.parameters(frame["policy"].to_numpy(dtype=object))
        return slope[:, None] * both, intercept + slope * base

    def _of_trees(self, model: RiskModel, frame: pd.DataFrame) -> np.ndarray:
        leaf = model.booster.predict(
            model.encoder.tree_matrix(frame), pred_leaf=True, num_threads=1
        )
        leaf = np.asarray(leaf, dtype=int).reshape(len(frame), len(self.leaves))
        parts = np.zeros((len(frame), len(model.encoder.features)))
        for tree, table in enumerate(self.leaves):
            parts += table[leaf[:, tree]]
        return parts


def fit_contributions(model: RiskModel) -> Contributions:
    """Work out the parts of every leaf of every tree."""
    width = len(model.encoder.features)
    tables: list[np.ndarray] = []
    base = 0.0
    for tree in model.booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        table = np.zeros((tree["num_leaves"], width))
        _walk(root, np.zeros(width), table)
        tables.append(table)
        base += _value(root)
    return Contributions(tuple(tables), base)


def _walk(node: dict[str, Any], so_far: np.ndarray, table: np.ndarray) -> None:
    if "split_feature" not in node:
        table[node.get("leaf_index", 0)] = so_far
        return
    for child in (node["left_child"], node["right_child"]):
        parts = so_far.copy()
        parts[node["split_feature"]] += _value(child) - _value(node)
        _walk(child, parts, table)


def _value(node: dict[str, Any]) -> float:
    return float(node["internal_value"] if "split_feature" in node else node["leaf_value"])
