"""Scores under one bundle: risk by direction, and the harm that an audit would undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

import numpy as np

from features.columns import Table
from features.frame import build_frame
from models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Scores(Generic[Table]):
    """Scores in the order of the decisions.

    Attributes
    ----------
    by_direction
        Probability of each direction, shape (rows, 3), as `features.contract.DIRECTIONS`.
    expected_harm
        Harm that an audit would undo, in expectation, 0 or more, in units of policies.toml.
    frame
        The features that the scores were made from.
    """

    by_direction: np.ndarray
    expected_harm: np.ndarray
    frame: Table

    @property
    def overturn_probability(self) -> np.ndarray:
        """Return the chance that an audit would overturn each decision, 0 to 1."""
        return np.asarray(self.by_direction.sum(axis=1))


def features_of(bundle: Bundle, decisions: Table, records: Table) -> Table:
    """Return the features of decisions as the bundle's model takes them."""
    opinion = None if bundle.opinion is None else bundle.opinion.of(decisions)
    frame = build_frame(
        decisions, records, opinion=opinion, top_rank=bundle.top_rank, extras=bundle.extras
    )
    if bundle.usual is None:
        return frame
    usual = bundle.usual.of(frame)
    return frame.assign(**{str(name): usual[name] for name in usual})


def score(bundle: Bundle, decisions: Table, records: Table) -> Scores[Table]:
    """Score decisions, given their track records at this moment."""
    frame = features_of(bundle, decisions, records)
    by_direction = bundle.risk.by_direction(frame)
    harm = bundle.policies.harm_of(decisions)
    return Scores(by_direction, (by_direction * harm).sum(axis=1), frame)
