"""Scores of one part of a backlog: what a worker can do with the part alone.

Its decisions, the track records of now, and what `serving.backlog.past` found of its rows are all
that it needs, so that parts may be scored in any order, by threads or by other machines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from features.columns import side_by_side
from models.arrays import Floats
from models.bundle import Bundle
from models.reasons import explain
from models.scoring import Scores, score


class Records(Protocol):
    """Track records as they stand."""

    def look_up(self, decisions: pd.DataFrame) -> pd.DataFrame:
        """Return the records of decisions, a row each."""


@dataclass(frozen=True, slots=True)
class Risks:
    """What selection needs of scored decisions, a row each.

    Attributes
    ----------
    by_direction
        Probability of each direction, shape (rows, 3), as `features.contract.DIRECTIONS`.
    overturn_probability
        Their sum.
    expected_harm
        Harm that an audit would undo, in expectation.
    """

    by_direction: Floats
    overturn_probability: Floats
    expected_harm: Floats

    @staticmethod
    def empty(rows: int) -> Risks:
        """Return room for so many rows, to be filled part by part."""
        return Risks(np.empty((rows, 3)), np.empty(rows), np.empty(rows))

    @staticmethod
    def joined(parts: Sequence[Risks]) -> Risks:
        """Return the rows of several parts, one part after another."""
        risks = Risks.empty(sum(len(part.expected_harm) for part in parts))
        first = 0
        for part in parts:
            last = first + len(part.expected_harm)
            risks.put(slice(first, last), part)
            first = last
        return risks

    def put(self, rows: slice, part: Risks) -> None:
        """Write the risks of a part into its rows."""
        self.by_direction[rows] = part.by_direction
        self.overturn_probability[rows] = part.overturn_probability
        self.expected_harm[rows] = part.expected_harm


def score_part(
    bundle: Bundle, decisions: pd.DataFrame, records: Records, past: pd.DataFrame
) -> Risks:
    """Score the decisions of a part.

    Parameters
    ----------
    past
        The rows of the part of what `serving.backlog.past.past_of` returned.
    """
    scores = _scores(bundle, decisions, records, past)
    return Risks(scores.by_direction, scores.overturn_probability, scores.expected_harm)


def reasons_of(
    bundle: Bundle, decisions: pd.DataFrame, records: Records, past: pd.DataFrame
) -> list[str]:
    """Return why each decision is risky, as one text; for selected ones."""
    if decisions.empty:
        return []
    scores = _scores(bundle, decisions, records, past)
    why = explain(bundle, scores, np.arange(len(decisions)))
    return ["; ".join(reason.text for reason in row) for row in why]


def _scores(
    bundle: Bundle, decisions: pd.DataFrame, records: Records, past: pd.DataFrame
) -> Scores[pd.DataFrame]:
    known = side_by_side(records.look_up(decisions), past.set_axis(decisions.index))
    return score(bundle, decisions, known)
