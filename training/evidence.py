"""Figures in words, and what evidence makes of them: the language of every gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from models.arrays import Floats
from training.bootstrap import EVERYTHING, Sample, sample_of
from training.gates import Gates, ModelLimits, Outcome, SegmentLimits

UNPROVEN: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.PASSED: "",
        Outcome.FAILED: "",
        Outcome.UNKNOWN: "; past the limit, but chance may explain it: more audits would tell",
    }
)
"""What a reason ends in."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Audits to judge by, and which segments hold enough of them.

    Attributes
    ----------
    rows
        As `training.compare.Comparison.rows`.
    sample
        The same, as figures are drawn from.
    """

    rows: pd.DataFrame
    sample: Sample

    def column(self, name: str) -> Floats:
        """Return a column of the rows as numbers."""
        return self.rows[name].to_numpy(dtype=float)

    def audits(self) -> Floats:
        """Return the number of audits of each segment."""
        return self.sample.audits()

    def expected(self, predicted: Floats) -> Floats:
        """Return the overturns that each segment's audits, at their effective number, predict."""
        weight = self.sample.weight
        rate = self.sample.members @ (weight * predicted) / (self.sample.members @ weight)
        return np.asarray(self.sample.effective(np.ones(len(weight))) * rate)

    def overturns(self) -> Floats:
        """Return the overturns of each segment, at their effective number."""
        return self.sample.effective(self.column("overturned"))


def evidence_of(rows: pd.DataFrame, columns: tuple[str, ...]) -> Evidence:
    """Return the audits of a table, by segments of some columns; each period has its own budget."""
    return Evidence(rows, sample_of(rows, columns, period="period"))


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment that a gate looks at.

    Attributes
    ----------
    place, name
        Of it in the sample.
    audits
        Of it.
    limits
        That hold for it: the model's for everything, else those of segments.
    lacking
        In words why it cannot be judged; empty where it can.
    comparisons
        How many segments are judged together with it.
    """

    place: int
    name: str
    audits: int
    limits: ModelLimits | SegmentLimits
    lacking: str
    comparisons: int


def segments_of(evidence: Evidence, overturns: Floats, gates: Gates) -> list[Segment]:
    """Return every segment, everything first, with what it takes to judge it.

    Parameters
    ----------
    overturns
        Of each segment, that count towards judging it.
    """
    audits, found = evidence.audits(), []
    for place, name in enumerate(evidence.sample.segments):
        limits = gates.segments if place else gates.model
        lacking = too_few(audits[place], overturns[place], limits) or ""
        found.append(Segment(place, name, int(audits[place]), limits, lacking, 1))
    together = max(sum(not each.lacking for each in found[1:]), 1)
    return [found[0], *(replace(each, comparisons=together) for each in found[1:])]


def too_few(audits: float, overturns: float, limits: ModelLimits | SegmentLimits) -> str | None:
    """Return in words what is lacking to judge; null where nothing is.

    Examples
    --------
    >>> too_few(37, 2.2, SegmentLimits())
    'too few to judge: 37 audits and 2.2 overturns; expected at least 100 and 10'
    """
    enough = round(overturns, 6) >= limits.fewest_overturns
    if audits >= limits.fewest_audits and enough:
        return None
    return (
        f"too few to judge: {audits:,.0f} audits and {overturns:.3g} overturns; expected at least "
        f"{limits.fewest_audits:,} and {limits.fewest_overturns:,}"
    )


def outcome_of(*, beyond: bool, proven: bool) -> Outcome:
    """Return what a gate comes to: it fails on evidence, and is unknown without it.

    Parameters
    ----------
    beyond
        Whether the figure is past its limit.
    proven
        Whether chance does not explain that there is a loss at all.
    """
    if not beyond:
        return Outcome.PASSED
    return Outcome.FAILED if proven else Outcome.UNKNOWN


def known(figure: float) -> float | None:
    """Return a figure as a verdict holds it: null where it is not a number.

    Examples
    --------
    >>> known(np.float64(0.5)), known(np.nan)
    (0.5, None)
    """
    return None if np.isnan(figure) else float(figure)


def percent(share: float) -> str:
    """Return a share as a person reads it.

    Examples
    --------
    >>> percent(0.534), percent(0.0123)
    ('53 %', '1.2 %')
    """
    return f"{100 * share:.0f} %" if abs(share) >= 0.1 else f"{100 * share:.2g} %"


def points(difference: float) -> str:
    """Return a difference of two shares in points.

    Examples
    --------
    >>> points(-0.104)
    '-10.4'
    """
    return f"{100 * difference:+.1f}"


def share_by_segment(values: pd.DataFrame, weight: Floats) -> Mapping[str, float]:
    """Return the share of a total that falls to each segment of a table's columns.

    Examples
    --------
    >>> rows = pd.DataFrame({"language": ["en", "en", "de"]})
    >>> shares = share_by_segment(rows, np.array([1.0, 1.0, 2.0]))
    >>> shares["language = de"], shares["everything"]
    (0.5, 1.0)
    """
    shares = {EVERYTHING: 1.0}
    for column in values:
        total = pd.Series(weight).groupby(values[column].to_numpy()).sum() / weight.sum()
        shares |= {f"{column} = {name}": float(share) for name, share in total.items()}
    return shares
