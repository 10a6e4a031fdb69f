"""The seam between the service and the model: decisions in, ranked and explained decisions out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from features.columns import Columns
from features.track_record import RecordSettings
from models.plan import Plan
from models.publication import Published
from models.ranking import rank_decisions
from models.reasons import Reason, explain
from models.sampling_key import KeyRing


@dataclass(frozen=True, slots=True)
class Draw:
    """What decisions are selected by, beside the model.

    Attributes
    ----------
    keys
        Draws for each decision with the key of its first offer.
    capacity
        Audits, or minutes where the plan spends time, of a closed batch; null = admission.
    threshold
        Of admission; null = the plan's, or a closed batch.
    """

    plan: Plan
    keys: KeyRing
    capacity: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """Ranked decisions, in the order given.

    Attributes
    ----------
    table
        As `models.ranking.Ranking.table`.
    reasons
        Reasons of the selected rows, by their position.
    common_threshold
        Priority above which any decision was selected.
    """

    table: Columns
    reasons: dict[int, list[Reason]]
    common_threshold: float


class Ranker(Protocol):
    """A model as the service uses it."""

    @property
    def model_version(self) -> str:
        """Name of the model in answers."""

    @property
    def bundle_version(self) -> str:
        """Fingerprint of the bundle."""

    @property
    def record_settings(self) -> RecordSettings:
        """How its track records are kept."""

    @property
    def card(self) -> dict[str, Any]:
        """What a reader should know of it."""

    def rank(self, decisions: Columns, records: Columns, draw: Draw) -> Ranked:
        """Rank decisions, given their track records."""


@dataclass(frozen=True, slots=True)
class ChampionRanker:
    """The published bundle."""

    published: Published

    @property
    def model_version(self) -> str:
        """Name of the model in answers."""
        return self.published.model_version

    @property
    def bundle_version(self) -> str:
        """Fingerprint of the bundle."""
        return self.published.bundle.fingerprint

    @property
    def record_settings(self) -> RecordSettings:
        """How its track records are kept."""
        return self.published.bundle.record_settings

    @property
    def card(self) -> dict[str, Any]:
        """What a reader should know of it."""
        return self.published.bundle.card

    def rank(self, decisions: Columns, records: Columns, draw: Draw) -> Ranked:
        """Rank decisions, and explain those that were selected."""
        ranking = rank_decisions(
            decisions,
            published=self.published,
            records=records,
            plan=draw.plan,
            key=draw.keys,
            capacity=draw.capacity,
            threshold=draw.threshold,
        )
        rows = np.flatnonzero(ranking.table["selected"])
        explained = explain(self.published.bundle, ranking.scores, rows)
        reasons = dict(zip(rows.tolist(), explained, strict=True))
        return Ranked(ranking.table, reasons, ranking.common_threshold)
