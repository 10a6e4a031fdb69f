"""Where trees are fitted: here, or wherever a caller's engine has the rows.

Every fit of trees passes through one function, which a caller may replace by its own. What comes
back must not depend on it: the same rows and parameters give the same trees anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np

from models.arrays import Floats


@dataclass(frozen=True, slots=True)
class TreeRows:
    """What trees learn from.

    Attributes
    ----------
    matrix
        Shape (rows, features): numbers as they are, categories as codes, null as NaN.
    label
        What each row should be answered, shape (rows,).
    categories
        Positions of the features that are codes.
    names
        Of the features in turn; null = LightGBM's own, ``Column_0`` and so on.
    """

    matrix: Floats
    label: np.ndarray
    categories: list[int]
    names: list[str] | None = None


class Boost(Protocol):
    """Fits trees to rows, by LightGBM's parameters, in so many rounds."""

    def __call__(
        self, rows: TreeRows, parameters: Mapping[str, Any], *, rounds: int
    ) -> lgb.Booster:
        """Return the fitted trees."""


def boost_here(rows: TreeRows, parameters: Mapping[str, Any], *, rounds: int) -> lgb.Booster:
    """Fit trees in this process.

    Examples
    --------
    >>> rows = TreeRows(np.arange(60.0)[:, None], np.arange(60.0) % 2, [], ["views"])
    >>> booster = boost_here(rows, {"objective": "binary", "verbose": -1}, rounds=3)
    >>> booster.feature_name(), booster.current_iteration()
    (['views'], 3)
    """
    dataset = lgb.Dataset(
        rows.matrix,
        label=rows.label,
        feature_name="auto" if rows.names is None else rows.names,
        categorical_feature=rows.categories,
        params={"verbose": -1},
    )
    return lgb.train(dict(parameters), dataset, num_boost_round=rounds)
