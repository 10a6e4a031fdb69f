"""The watch over all segments: which of them changed, and which are only part of another's change.

Every segment has its evidence by day (`monitoring.alarms.evidence`) and a limit that shares out the
false alarms allowed over all of them, more of them to what is looked for most. An alarm stands from
the day on which its evidence reaches the limit until it has fallen well below. Of those that stand,
the one with the strongest evidence is told, its audits are set aside, and whatever no longer stands
without them was part of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from features.contract import DIRECTIONS
from models.arrays import Flags, Floats
from monitoring.alarms.evidence import Change, evidence_by_day, likely_change
from monitoring.alarms.lens import LEVEL, SLOPE, Lens, WatchedAudits
from monitoring.alarms.limits import ResidualLimits
from monitoring.alarms.segments import EVERYTHING, Segments, cut_audits
from monitoring.alarms.steady import Baseline, find_baseline, steady_risk
from monitoring.recalibrated import Recalibrated


@dataclass(frozen=True, slots=True)
class Shifted:
    """A segment that changed.

    Attributes
    ----------
    lens, number
        Where it was seen, and which segment of its cut.
    change
        The most likely one; its day is counted from the first of the period.
    strength
        Logarithm of the evidence over its limit.
    includes
        Names of the segments whose alarms it explains.
    """

    lens: Lens
    number: int
    change: Change
    strength: float
    includes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the segment's name."""
        return self.lens.cut.name(self.number)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watch saw.

    Attributes
    ----------
    shifted
        Segments that changed, the strongest first.
    watched
        Segments that were watched, each once a direction and kind.
    baseline
        How the days are cut.
    risk
        Each decision's steady risk, by direction; null = of any.
    """

    shifted: tuple[Shifted, ...]
    watched: int
    baseline: Baseline
    risk: Mapping[str | None, Floats]


def watch_segments(watched: Recalibrated, limits: ResidualLimits) -> Seen:
    """Look for changes of level and slope in every segment."""
    baseline = find_baseline(watched, audits=limits.baseline_audits)
    table = watched.table
    risk = {
        direction: steady_risk(
            watched, baseline, audits=limits.baseline_audits, direction=direction
        )
        for direction in (None, *DIRECTIONS)
    }
    audits = WatchedAudits.of(watched.ranked, baseline, risk, misfit=limits.ordinary_misfit)
    rows = audits.rows
    cuts = cut_audits(table, rows, fewest=limits.fewest_audits, least_share=limits.least_share)
    lenses = list(_lenses(list(cuts), limits)) if len(rows) else []
    found = _explain(audits, lenses) if lenses else []
    shifted = tuple(_dated(each, baseline.watched_from) for each in found)
    return Seen(shifted, sum(len(lens.cut.labels) for lens in lenses), baseline, risk)


def _dated(shifted: Shifted, watched_from: int) -> Shifted:
    change = replace(shifted.change, day=shifted.change.day + watched_from)
    return replace(shifted, change=change)


def _lenses(cuts: list[Segments], limits: ResidualLimits) -> Iterator[Lens]:
    """Yield every look, the limits such that all together keep the days between false alarms."""
    singles = [cut for cut in cuts if len(cut.columns) < 2 and cut.labels]
    pairs = [cut for cut in cuts if len(cut.columns) == 2 and cut.labels]
    families: tuple[tuple[str, list[Segments], tuple[str | None, ...], float], ...] = (
        (LEVEL, singles, (None,), 0.35),
        (LEVEL, singles, DIRECTIONS, 0.30),
        (LEVEL, pairs, (None,), 0.15),
        (LEVEL, pairs, DIRECTIONS, 0.05),
        (SLOPE, singles, (None,), 0.15),
    )
    for kind, family, directions, share in families:
        looks = sum(len(cut.labels) for cut in family) * len(directions)
        limit = limits.false_alarm_days * looks / share
        for cut in family:
            yield from (Lens(kind, direction, cut, limit) for direction in directions)


def _explain(audits: WatchedAudits, lenses: list[Lens]) -> list[Shifted]:
    """Return the changes that explain all alarms, the strongest first."""
    keep = np.ones(len(audits.days), dtype=np.bool_)
    standing = _standing(audits, lenses, keep)
    told: list[Shifted] = []
    while standing:
        strongest = max(standing, key=lambda each: each.strength)
        keep &= strongest.lens.cut.codes != strongest.number
        looked = {id(each.lens): each.lens for each in standing}
        still = _standing(audits, list(looked.values()), keep)
        left = {(id(each.lens), each.number) for each in still}
        was = {(id(each.lens), each.number) for each in standing}
        gone = [each for each in standing if (id(each.lens), each.number) not in left]
        told.append(replace(strongest, includes=_names(gone, strongest)))
        standing = [each for each in still if (id(each.lens), each.number) in was]
    return told


def _names(gone: list[Shifted], strongest: Shifted) -> tuple[str, ...]:
    """Return the names of what is explained: the parts of the segment first, the whole last."""
    names = dict.fromkeys(each.name for each in gone if each.name != strongest.name)
    part = strongest.name
    return tuple(sorted(names, key=lambda name: (part not in name, name == EVERYTHING, name)))


def _standing(audits: WatchedAudits, lenses: list[Lens], keep: Flags) -> list[Shifted]:
    found = []
    for lens in lenses:
        grid = audits.grid(lens)
        likelihood = audits.likelihood(lens, keep)
        evidence = evidence_by_day(likelihood, grid, limit=lens.limit)
        for number in np.flatnonzero(evidence.stands[:, -1]):
            change = likely_change(likelihood[number], grid)
            strength = change.log_ratio - math.log(lens.limit)
            found.append(Shifted(lens, int(number), change, strength))
    return found
