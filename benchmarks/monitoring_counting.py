"""How detection and false alarms are counted, alike for every system.

An alert detects a change if it fits it, stands from the first changed day on, and does not stand at
the same look at the same days without the change. Days to detect are counted from the first changed
day: 1 is the look at that very day. What stands where nothing changed is false; an alert is counted
when it begins, however long it stands or often it comes and goes within a fortnight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.monitoring_looks import DATASET
from benchmarks.planted import CHANGED_FROM, Change
from monitoring.alarms.drifted import source_of
from monitoring.drift.reference import grows

FORTNIGHT = 14
_OF_AUDITS = ("estimated", "realised", "target")

Fits = Callable[[Change, str], bool]
Days = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Detected:
    """How a change was found.

    Attributes
    ----------
    days
        From the first changed day, which is 1; null = not found while it was watched.
    alert
        The name of the alert; null where there is none.
    """

    days: int | None = None
    alert: str | None = None


def detected(change: Change, alerts: Days, ordinary: Days, fits: Fits) -> Detected:
    """Return the first alert that fits a change and is not raised without it.

    Parameters
    ----------
    ordinary
        Alerts of the same days without the change.

    Examples
    --------
    >>> change = Change("rise", "more errors", lambda world, *_: world, {"policy": "spam"})
    >>> ours = {"audits: policy=spam": (35, 36), "audits: policy=hate": (31,)}
    >>> detected(change, ours, {"audits: policy=spam": (35,)}, fits_ours)
    Detected(days=6, alert='audits: policy=spam')
    """
    days = [
        (day, name)
        for name, stands in alerts.items()
        if fits(change, name)
        for day in stands
        if day >= CHANGED_FROM and day not in ordinary.get(name, ())
    ]
    if not days:
        return Detected()
    day, name = min(days)
    return Detected(day - CHANGED_FROM + 1, name)


def fits_ours(change: Change, name: str) -> bool:
    """Whether an alarm of Second Look names what changed: its segment, or the input's source.

    A segment may be wider or narrower than the change in other columns, but must share a column
    and contradict none.

    Examples
    --------
    >>> change = Change("c", "", lambda world, *_: world, {"policy": "spam", "site": "manila"})
    >>> names = ["policy=spam", "site=manila, policy=spam", "policy=spam, language=en",
    ...     "policy=spam, site=dublin", "language=en", "everything"]
    >>> [fits_ours(change, f"audits: {name}") for name in names]
    [True, True, True, False, False, False]
    """
    kind, _, segment = name.partition(": ")
    if kind == "drift":
        return segment.removeprefix("inputs=") in {source_of(f) for f in change.features}
    if kind != "audits":
        return False
    named = dict(part.split("=", 1) for part in segment.split(", ") if "=" in part)
    shared = named.keys() & change.segment.keys()
    return bool(shared) and all(named[column] == change.segment[column] for column in shared)


def fits_dataset(change: Change, name: str) -> bool:
    """Whether an alert of Evidently is its verdict on all inputs together."""
    return name == DATASET


def fits_column(change: Change, name: str) -> bool:
    """Whether an alert of Evidently is its verdict on an input that changed."""
    return name in change.features


def fits_nannyml(change: Change, name: str) -> bool:
    """Whether an alert of NannyML is of an input that changed, or of performance or target.

    NannyML judges all decisions together, so that any alert on what audits find is let count.

    Examples
    --------
    >>> change = Change("c", "", lambda world, *_: world, features=("skips",))
    >>> [fits_nannyml(change, n) for n in ("drift skips", "drift views", "realised f1")]
    [True, False, True]
    """
    kind, _, of = name.partition(" ")
    return kind in _OF_AUDITS or (kind == "drift" and of in change.features)


def begun(days: Iterable[int]) -> int:
    """Count how often an alert begins; one that returns within a fortnight is the same one.

    Examples
    --------
    >>> begun([17, 18, 19, 30, 45])
    2
    """
    ordered = sorted(days)
    before = [-FORTNIGHT, *ordered]
    return sum(day - last > FORTNIGHT for last, day in zip(before, ordered, strict=False))


def a_fortnight(alerts: Days, *, first: int, last: int, of: Callable[[str], bool]) -> float:
    """Return how often alerts begin in a fortnight of the watched days from `first` to `last`."""
    spells = sum(
        begun(day for day in stands if first <= day <= last)
        for name, stands in alerts.items()
        if of(name)
    )
    return spells * FORTNIGHT / (last - first + 1)


def steady_input(name: str) -> bool:
    """Whether a name is of an input that ordinary work does not move, as track records are."""
    return not grows(name.partition(" ")[2] or name)


def median_days(found: Sequence[int | None]) -> float | None:
    """Return the median of days to detect, where never is longer than any; null = never.

    Examples
    --------
    >>> median_days([3, None, 5]), median_days([None, None, 5]), median_days([2, 5])
    (5.0, None, 3.5)
    """
    middle = float(np.median([np.inf if days is None else days for days in found]))
    return middle if np.isfinite(middle) else None
