"""Accuracy by policy, language, team and other columns, each group set against the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from models.estimate import Estimate, estimate_at_levels
from monitoring.labels import labels_of
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL, standing_of, stricter_level

_GROUPINGS = (
    ("policy", "Policy"),
    ("language", "Language"),
    ("action", "Action"),
    ("decided_by", "Decided by"),
    ("moderator_team", "Team"),
    ("site", "Site"),
    ("region", "Region"),
    ("source", "How it came in"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One group's estimate and how it stands against the whole.

    Attributes
    ----------
    estimate
        Of the group.
    standing
        ``worse`` or ``better`` where the group's rate differs from the overall one by more than
        chance explains, with all groups of all groupings looked at; ``alike`` otherwise;
        ``unknown`` where there are too few audits.
    """

    estimate: Estimate
    standing: str


@dataclass(frozen=True, slots=True)
class Grouping:
    """Estimates by one column.

    Attributes
    ----------
    column, title
        Of the contract, and in words.
    segments
        The groups, most decisions first.
    unlabelled
        Decisions whose value is null; they count towards the whole.
    """

    column: str
    title: str
    segments: tuple[Segment, ...]
    unlabelled: int


def measure_groups(period: Recalibrated, *, overall: float) -> Iterator[Grouping]:
    """Estimate each value of each column, under a recalibration of its own.

    Parameters
    ----------
    overall
        Overturn rate of the whole, 0 to 1, that the groups are set against.
    """
    columns = groupings_of(period.table)
    compared = sum(period.table[column].nunique() for column, _ in columns)
    for column, title in columns:
        labels = labels_of(period.table[column])
        frame = period.frame(column=column)
        estimates, stricter = estimate_at_levels(frame, labels, (LEVEL, stricter_level(compared)))
        segments = [
            Segment(estimate, standing_of(strict, overall, compared=compared))
            for estimate, strict in zip(estimates, stricter, strict=True)
        ]
        segments.sort(key=lambda segment: (-segment.estimate.decisions, segment.estimate.domain))
        yield Grouping(column, title, tuple(segments), int(pd.isna(labels).sum()))


def groupings_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the columns to group by, with their titles: those with two values or more."""
    own = [
        (name, name.removeprefix("group_").replace("_", " ").capitalize())
        for name in sorted(map(str, table))
        if name.startswith("group_")
    ]
    return [
        (name, title)
        for name, title in (*_GROUPINGS, *own)
        if name in table and table[name].nunique() > 1
    ]
