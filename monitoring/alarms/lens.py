"""How audits are looked at: by level or slope, all errors or one direction, in which segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import logit

from models.arrays import Flags, Floats, Positions
from monitoring.alarms.evidence import Lattice, lattice, sum_by_cell, tilted_gains
from monitoring.alarms.segments import Segments
from monitoring.alarms.steady import Baseline
from monitoring.ranked import Ranked

LEVEL, SLOPE = "residual", "calibration"
DIRECTION_MISFIT = 1.6
"""Times as large as that of all errors is the ordinary misfit of one direction: it has fewer."""
_LEVEL_SHIFTS = {0.3: 2.0, 0.5: 3.0, 0.7: 3.0, 1.0: 2.0, 1.5: 1.5, 2.2: 1.0, 3.0: 1.0}
_LEVEL_FALLS = {-0.7: 1.5, -1.2: 1.0}
_SLOPE_SHIFTS = {-0.4: 1.0, -0.7: 1.0, -1.0: 2.0, -1.5: 1.5, -2.0: 1.5, 0.5: 1.0}
_SLOPE_MISFIT = 0.2
_FARTHEST = 3.0
"""Log-odds from the middle of a segment's risk beyond which a slope tilts no further."""


@dataclass(frozen=True, slots=True)
class Lens:
    """One way to look at one cut.

    Attributes
    ----------
    kind
        `LEVEL` or `SLOPE`.
    direction
        Of `features.contract.DIRECTIONS`; null = overturns of any direction.
    cut
        Into which segments.
    limit
        Evidence from which an alarm is raised.
    """

    kind: str
    direction: str | None
    cut: Segments
    limit: float


@dataclass(slots=True)
class WatchedAudits:
    """The audits of the watched days.

    Attributes
    ----------
    rows
        Their positions among the decisions.
    days, day_count
        Day of each, from the first watched one; and how many days are watched.
    risk, found
        Steady risk of each and whether its audit found an error (1 or 0), by direction.
    misfit
        Standard deviation of a segment's ordinary misfit of level, in log-odds.
    gains
        Of tilts of the level, by direction; each is made once.
    """

    rows: Positions
    days: Positions
    day_count: int
    risk: dict[str | None, Floats]
    found: dict[str | None, Floats]
    misfit: float
    gains: dict[str | None, Floats] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        ranked: Ranked,
        baseline: Baseline,
        risk: Mapping[str | None, Floats],
        *,
        misfit: float,
    ) -> WatchedAudits:
        """Return the audits of a period that were made of decisions of watched days.

        Parameters
        ----------
        risk
            Of each decision, by direction; null = of any.
        """
        later = baseline.days >= baseline.watched_from
        rows = np.flatnonzero(ranked.table["audited"].to_numpy(dtype=bool) & later)
        return cls(
            rows=rows,
            days=baseline.days[rows] - baseline.watched_from,
            day_count=baseline.count - baseline.watched_from,
            risk={direction: f[rows] for direction, f in risk.items()},
            found={d: ranked.audited_frame(d).overturned[rows] for d in risk},
            misfit=misfit,
        )

    def grid(self, lens: Lens) -> Lattice:
        """Return which misfits are ordinary through a lens, and which shifts are looked for."""
        if lens.kind == SLOPE:
            return lattice(misfit=_SLOPE_MISFIT, shifts=_SLOPE_SHIFTS)
        times = 1.0 if lens.direction is None else DIRECTION_MISFIT
        return lattice(misfit=times * self.misfit, shifts=_LEVEL_SHIFTS | _LEVEL_FALLS)

    def likelihood(self, lens: Lens, keep: Flags) -> Floats:
        """Return the log-likelihoods (segments x days x tilts) of the audits that are kept."""
        inside = np.flatnonzero(keep & (lens.cut.codes >= 0))
        cells = lens.cut.codes[inside] * self.day_count + self.days[inside]
        segments = len(lens.cut.labels)
        if lens.kind == SLOPE:
            gains, rows = self._slope_gains(lens, inside), np.arange(len(inside))
        else:
            gains, rows = self._level_gains(lens), inside
        return sum_by_cell(gains, rows, cells, segments=segments, days=self.day_count)

    def _level_gains(self, lens: Lens) -> Floats:
        if lens.direction not in self.gains:
            f, y = self.risk[lens.direction], self.found[lens.direction]
            self.gains[lens.direction] = tilted_gains(f, y, 1.0, self.grid(lens).tilts)
        return self.gains[lens.direction]

    def _slope_gains(self, lens: Lens, inside: Positions) -> Floats:
        f, y = self.risk[lens.direction][inside], self.found[lens.direction][inside]
        place = _place_in_risk(f, lens.cut.codes[inside])
        return tilted_gains(f, y, place, self.grid(lens).tilts)


def _place_in_risk(f: Floats, codes: Positions) -> Floats:
    """Return how far each audit's log-odds are from the middle of its segment's."""
    place, information = logit(f), f * (1 - f)
    middle = np.bincount(codes, information * place) / np.maximum(
        np.bincount(codes, information), 1e-12
    )
    return np.clip(place - middle[codes], -_FARTHEST, _FARTHEST)
