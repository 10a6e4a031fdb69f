"""What a drift measurement found; apart from `monitoring.drift`, which takes seconds to import."""

from __future__ import annotations

from dataclasses import dataclass

THRESHOLD = 0.1
"""Distance from which a feature counts as drifted."""
LARGEST_SHARE = 0.25
"""Share of drifted features above which they need attention."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature moved.

    Attributes
    ----------
    feature
        Name of the column.
    kind
        ``number`` or ``category``.
    distance
        Of numbers: Wasserstein distance over the reference's standard deviation, so about the
        number of standard deviations moved. Of categories: Jensen-Shannon distance, 0 to 1.
    drifted
        Whether it reached the threshold.
    """

    feature: str
    kind: str
    distance: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the features of a period moved from the reference.

    Attributes
    ----------
    features
        Those compared, the largest distance first.
    not_compared
        Features that the current or the reference rows do not hold.
    current_rows, reference_rows
        Rows compared, after sampling.
    """

    features: tuple[FeatureDrift, ...]
    not_compared: tuple[str, ...]
    current_rows: int
    reference_rows: int

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the features that drifted, the largest distance first."""
        return tuple(feature.feature for feature in self.features if feature.drifted)

    @property
    def share(self) -> float:
        """Share of the compared features that drifted, 0 to 1."""
        return len(self.drifted) / max(len(self.features), 1)
