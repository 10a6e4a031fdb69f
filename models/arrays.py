"""Names for the arrays that the mathematics passes about; one row a decision."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Positions: TypeAlias = npt.NDArray[np.int64]
Texts: TypeAlias = npt.NDArray[Any]
"""Text, as numpy's fixed-width strings or as Python objects."""


def total_by(domain: Positions, weight: Floats, domains: int) -> Floats:
    """Total weight per domain, the domains numbered from 0."""
    return np.bincount(domain, weight, domains).astype(np.float64, copy=False)
