"""What each feature adds to the log-odds of a decision, exactly adding up to its risk.

For a tree, a feature's part is its Shapley value on the path that a row takes: what knowing the
feature changes, averaged over all orders in which the features of the path may become known; a
branch that leaves the path counts with its mean, weighted by the rows that training sent there.
TreeSHAP (Lundberg et al., 2020) also asks where the row would go in those branches. Left out, a
leaf alone fixes the parts: they are worked out once for every leaf and looked up. For the linear
model a part is coefficient times standardised value, measured against the mean of training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from features.columns import AnyTable
from models.risk import RiskModel


@dataclass(frozen=True, slots=True)
class Contributions:
    """Parts of the log-odds, looked up by leaf.

    Attributes
    ----------
    parts
        Of each leaf, those of one tree after those of another; shape (leaves, features).
    first
        Row of each tree's first leaf, shape (trees,).
    base
        Log-odds of the mean row under the trees.
    """

    parts: np.ndarray
    first: np.ndarray
    base: float

    def of(self, model: RiskModel, frame: AnyTable) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts, shape (rows, features), and the bases that they add to, shape (rows,).

        Their sum is the calibrated log-odds of the risk model.
        """
        matrix = model.encoder.tree_matrix(frame)
        return blended(model, frame, self.of_trees(model, matrix), self.base, matrix=matrix)

    def of_trees(self, model: RiskModel, matrix: np.ndarray) -> np.ndarray:
        """Return the parts of the trees' log-odds for a tree matrix, shape (rows, features)."""
        leaf = np.asarray(model.booster.predict(matrix, pred_leaf=True, num_threads=1), dtype=int)
        place = leaf.reshape(len(matrix), len(self.first)) + self.first
        taken = sparse.csr_array(
            (np.ones(place.size), place.ravel(), np.arange(len(matrix) + 1) * len(self.first)),
            shape=(len(matrix), len(self.parts)),
        )
        return np.asarray(taken @ self.parts)


def blended(
    model: RiskModel,
    frame: AnyTable,
    trees: np.ndarray,
    base: float,
    *,
    matrix: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return parts and bases of the calibrated log-odds, given those of the trees alone.

    Parameters
    ----------
    trees
        Shape (rows, features), by whatever attribution.
    base
        What they add to.
    matrix
        The frame as `Encoder.tree_matrix` gives it, where it is at hand already.
    """
    coded = model.encoder.tree_matrix(frame) if matrix is None else matrix
    linear = model.halves.linear.of(coded)
    share = model.tree_share
    whole = share * base + (1 - share) * model.intercept
    both = share * trees + (1 - share) * linear
    intercept, slope = model.calibration_of(frame, coded)
    return slope[:, None] * both, intercept + slope * whole


def fit_contributions(model: RiskModel) -> Contributions:
    """Work out the parts of every leaf of every tree."""
    width = len(model.encoder.features)
    tables: list[np.ndarray] = []
    base = 0.0
    for tree in model.booster.dump_model()["tree_info"]:
        root = _branch(tree["tree_structure"])
        table = np.zeros((tree["num_leaves"], width))
        for leaf, path in _paths(root, ()):
            features, parts = _on_path(leaf.value, path)
            table[leaf.leaf, features] = parts
        tables.append(table)
        base += root.value
    first = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    return Contributions(np.concatenate(tables), first, base)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A node and all below it: mean value, rows of training, and the split or the leaf's number."""

    value: float
    rows: float
    leaf: int
    feature: int
    children: tuple[_Branch, ...]


_Step = tuple[_Branch, _Branch, _Branch]
"""A split on a path: the node, the child on the path, and the one off it."""


def _branch(node: dict[str, Any]) -> _Branch:
    if "split_feature" not in node:
        rows = max(float(node.get("leaf_count", 1)), 1.0)
        return _Branch(float(node["leaf_value"]), rows, node.get("leaf_index", 0), -1, ())
    left, right = _branch(node["left_child"]), _branch(node["right_child"])
    rows = left.rows + right.rows
    mean = (left.value * left.rows + right.value * right.rows) / rows
    return _Branch(mean, rows, -1, node["split_feature"], (left, right))


def _paths(node: _Branch, path: tuple[_Step, ...]) -> Iterator[tuple[_Branch, tuple[_Step, ...]]]:
    """Yield every leaf with the splits that lead to it."""
    if not node.children:
        yield node, path
        return
    left, right = node.children
    yield from _paths(left, (*path, (node, left, right)))
    yield from _paths(right, (*path, (node, right, left)))


def _on_path(value: float, path: tuple[_Step, ...]) -> tuple[list[int], np.ndarray]:
    """Return the features of a path, and the Shapley value of each.

    The row ends in the leaf or in one of the branches off the path. How often it reaches an end is
    a product over features: of 1 or 0 where the feature is known, of shares of rows where not. A
    Shapley value is the integral over t of what the feature changes when each other one is known
    with chance t (Owen, 1972): a polynomial, so that Gauss and Legendre's points make it exact.
    """
    features = sorted({node.feature for node, _, _ in path})
    known, unknown = np.ones((2, len(path) + 1, len(features)))
    for depth, (node, on, off) in enumerate(path):
        column = features.index(node.feature)
        known[depth, column] = 0
        unknown[depth, column] *= off.rows / node.rows
        unknown[depth + 1 :, column] *= on.rows / node.rows
    ends = np.array([*(off.value for _, _, off in path), value])
    points, weights = np.polynomial.legendre.leggauss(len(features) // 2 + 1)
    chance = (points[:, None, None] + 1) / 2
    reached = chance * known + (1 - chance) * unknown
    others = reached.prod(axis=2, keepdims=True) / reached
    average = np.einsum("p,pef->ef", weights / 2, others)
    return features, ends @ ((known - unknown) * average)
