"""How soon planted changes are told, and how often nothing is: the figures of docs/alarms.md.

Run as ``python -m tests.monitoring.alarms.measured --seeds 5 --fortnights 30``; it takes minutes.
"""

from __future__ import annotations

import argparse
import bisect
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pandas as pd

from features.standing_alarms import Alarm
from monitoring.alarms.find import find_alarms
from monitoring.alarms.limits import AlarmLimits
from monitoring.alarms.watched import Watched
from monitoring.recalibrated import Recalibrated
from tests.monitoring.alarms.worlds import FIRST_DAY, Plant, make_watched, until

CHANGES_ON, WATCHED_AFTER = 10, 28


def inside(**values: str) -> Callable[[pd.DataFrame], pd.Series]:
    """Return which decisions have these values."""

    def where(table: pd.DataFrame) -> pd.Series:
        return pd.Series(np.all([table[name] == value for name, value in values.items()], axis=0))

    return where


def _enforced(team: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda table: (table["moderator_team"] == team) & (table["action"] != "keep")


def _upside_down(risk: np.ndarray) -> np.ndarray:
    return np.asarray(np.sort(risk)[::-1][np.argsort(np.argsort(risk))])


def _times(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda risk: np.asarray(np.minimum(factor * risk, 0.95))


def _blind(**values: str) -> list[Plant]:
    where = inside(**values)
    known = Plant(0, where, lambda risk: risk * 0.01 / risk.mean(), known=True)
    return [known, Plant(CHANGES_ON, where, lambda risk: np.full(len(risk), 0.2))]


CHANGES: dict[str, tuple[str, list[Plant]]] = {
    "harassment (17 %): errors double": (
        "policy=harassment",
        [Plant(CHANGES_ON, inside(policy="harassment"), _times(2))],
    ),
    "illegal_goods (4 %): errors double": (
        "policy=illegal_goods",
        [Plant(CHANGES_ON, inside(policy="illegal_goods"), _times(2))],
    ),
    "spam (24 %, 18 audits a day): errors double": (
        "policy=spam",
        [Plant(CHANGES_ON, inside(policy="spam"), _times(2))],
    ),
    "Hindi (6 %): risk upside down": (
        "language=hi",
        [Plant(CHANGES_ON, inside(language="hi"), _upside_down)],
    ),
    "team-02 (11 to 19 %): over-enforcement up by half": (
        "moderator_team=team-02",
        [Plant(CHANGES_ON, _enforced("team-02"), _times(1.5), "over_enforcement")],
    ),
    "blind spot, graphic_violence (7 %): 1 % to 20 %": (
        "policy=graphic_violence",
        _blind(policy="graphic_violence"),
    ),
}


def delays(name: str, seeds: int) -> Iterator[int | None]:
    """Yield, a world, the days until a change is told; null = never."""
    segment, plants = CHANGES[name]
    for seed in range(1, seeds + 1):
        watched = make_watched(seed=seed, days=CHANGES_ON + WATCHED_AFTER, plants=plants)
        yield _first_told(watched, segment)


def _first_told(watched: Recalibrated, segment: str) -> int | None:
    """Return the first day on which a segment, or a part of it, is told: an alarm stands then."""

    def is_told(day: int) -> bool:
        found = _alarms(until(watched, CHANGES_ON + day), CHANGES_ON + day)
        return any(segment in alarm.segment for alarm in found)

    if not is_told(WATCHED_AFTER):
        return None
    return bisect.bisect_left(range(WATCHED_AFTER), True, lo=1, key=is_told)


def false_alarms(fortnights: int) -> Iterator[int]:
    """Yield, an ordinary fortnight that is looked at every day, how many alarms were raised."""
    for seed in range(200, 200 + fortnights):
        watched = make_watched(seed=seed, days=14)
        raised = {a.key for day in range(4, 15) for a in _alarms(until(watched, day), day)}
        yield len(raised)


def _alarms(period: Recalibrated, day: int) -> tuple[Alarm, ...]:
    now = FIRST_DAY + timedelta(days=day, hours=9)
    return find_alarms(Watched(period), AlarmLimits(), now=now)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fortnights", type=int, default=30)
    asked = parser.parse_args()
    for name in CHANGES if asked.seeds else ():
        days = list(delays(name, asked.seeds))
        middle = float(np.median([np.inf if told is None else told for told in days]))
        sys.stdout.write(f"{name}: median {middle:g} days, each {days}\n")
    raised = list(false_alarms(asked.fortnights))
    most = max(raised, default=0)
    sys.stdout.write(f"{len(raised)} ordinary fortnights: {sum(raised)} alarms, {most} at most\n")


if __name__ == "__main__":
    main()
