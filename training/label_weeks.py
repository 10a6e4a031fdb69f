"""Whether some week's audits find fewer errors, or more, than those of the weeks before.

A week whose audits are unfinished and were filled in as correct looks like a good week. So does one
whose overturns take longer to arrive; hence each audit is set against what earlier audits had found
by the same age. What was filled in at one stroke shows best by the day on which it arrived; so
weeks are taken both ways. Only policies and languages that came before are compared, so that a
change of the mix is none of the rate, and days differ by more than chance as much as earlier days
did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from training.data_limits import DataLimits
from training.findings import Finding, Severity
from training.labels import Rate, chance_of_change, overturned, ratio
from training.timestamps import days_between

CHECK = "positive rate by week"
_ALPHA = 0.001
_DAY = pd.Timedelta(days=1)
_DAYS_BEFORE = 7
_LAST_DAYS = range(6, 0, -1)
_FEWEST_OF_AGE = 30
_STRENGTH = 20.0
"""Audits' worth of the overall rate that the rate of a policy and language starts from."""


@dataclass(frozen=True, slots=True)
class _Audits:
    """Audited decisions as arrays.

    Attributes
    ----------
    day
        Whole days since 1970 on which each was decided, or audited.
    delay, age
        In days: from the decision to its audit, and to the last audit that `day` could have.
    kind
        Code of its policy and language.
    wrong, weight
        0 or 1, and one over the inclusion probability.
    """

    day: np.ndarray
    delay: np.ndarray
    age: np.ndarray
    kind: np.ndarray
    wrong: np.ndarray
    weight: np.ndarray

    def take(self, rows: np.ndarray) -> _Audits:
        """Return some of them."""
        return _Audits(
            self.day[rows],
            self.delay[rows],
            self.age[rows],
            self.kind[rows],
            self.wrong[rows],
            self.weight[rows],
        )


@dataclass(frozen=True, slots=True)
class _Window:
    """Days that are compared with those before them; days are counted from 1970."""

    name: str
    first: int
    until: int


@dataclass(frozen=True, slots=True)
class _Compared:
    """A window by the day on which decisions were ``decided``, or ``audited``, with its rates."""

    word: str
    window: _Window
    before: Rate
    now: Rate


def week_findings(audited: pd.DataFrame, limits: DataLimits) -> Iterator[Finding]:
    """Yield the weeks, and the last days, whose rate is unlike that of what was decided before.

    Parameters
    ----------
    audited
        ``decided_at``, ``audited_at``, ``policy``, ``verdict``, ``inclusion`` and, where it came,
        ``language``.
    """
    if audited.empty:
        return
    decided, known = audited["decided_at"], audited["audited_at"]
    audits = _arrays(audited)
    views = {
        "decided": replace(audits, day=_days(decided), age=days_between(decided, known.max())),
        "audited": replace(audits, day=_days(known)),
    }
    compared = [
        _Compared(word, window, *pair)
        for word, view in views.items()
        for window in _windows(view.day)
        if (pair := _compare(view, window)) is not None
    ]
    end = {word: int(view.day.max()) for word, view in views.items()}
    end_is_named = False
    for each in compared:
        chance = min(1.0, chance_of_change(each.before, each.now) * len(compared))
        large = ratio(each.before, each.now) >= limits.rate_ratio
        due = each.before.rate * each.now.effective >= limits.expected_overturns
        at_end = each.window.until == end[each.word]
        if large and due and chance < _ALPHA and not (at_end and end_is_named):
            end_is_named |= at_end
            yield _finding(each, chance)


def _finding(each: _Compared, chance: float) -> Finding:
    fewer = each.now.rate < each.before.rate
    return Finding(
        CHECK,
        f"{each.window.name}, {each.word}",
        Severity.SEVERE,
        seen=f"{each.now}; chance of so large a change {chance:.1g}",
        expected=f"about {each.before.rate * each.now.audits:,.0f} overturns, as audits of the "
        "same policies and languages had found by the same age before",
        mend="leave out audits that are not finished: none is no correct verdict"
        if fewer
        else "compare the verdicts of these days with their source",
    )


def _days(times: pd.Series) -> np.ndarray:
    return np.asarray(((times - pd.Timestamp(0, tz="UTC")) // _DAY).to_numpy())


def _arrays(audited: pd.DataFrame) -> _Audits:
    language = audited.get("language", pd.Series("", index=audited.index)).fillna("")
    delay = days_between(audited["decided_at"], audited["audited_at"])
    return _Audits(
        day=_days(audited["decided_at"]),
        delay=delay,
        age=np.full(len(audited), np.inf),
        kind=pd.factorize(audited["policy"] + "\x1f" + language)[0],
        wrong=overturned(audited["verdict"]),
        weight=1.0 / audited["inclusion"].to_numpy(dtype=float),
    )


def _windows(day: np.ndarray) -> Iterator[_Window]:
    """Yield each calendar week, and the last days, the most of them first."""
    first, last = int(day.min()), int(day.max())
    # 1970-01-05 was a Monday.
    for monday in range(first - (first - 4) % 7, last + 1, 7):
        if monday - first >= _DAYS_BEFORE:
            yield _Window(f"week of {_date(monday)}", monday, min(monday + 6, last))
    for length in _LAST_DAYS:
        start = last + 1 - length
        if start - first >= _DAYS_BEFORE:
            yield _Window(f"{_date(start)} to {_date(last)}", start, last)


def _date(day: int) -> str:
    return f"{pd.Timestamp(day, unit='D'):%Y-%m-%d}"


def _compare(audits: _Audits, window: _Window) -> tuple[Rate, Rate] | None:
    """Return the rate expected in a window, and the one found; null = nothing to compare."""
    before = audits.take(audits.day < window.first)
    inside = (audits.day >= window.first) & (audits.day <= window.until)
    now = audits.take(inside & np.isin(audits.kind, before.kind))
    if not len(now.wrong) or not before.wrong.any():
        return None
    by_age, overall = _rate_by_age(before, now.age), _mean(before.wrong, before.weight)
    expected = np.clip(_rate_by_kind(before, now.kind) * by_age / overall, 0, 1)
    spread = _overdispersion(before)
    sizes = [side.weight.sum() ** 2 / (side.weight**2).sum() / spread for side in (before, now)]
    usual = Rate(len(before.wrong), int(before.wrong.sum()), sizes[0], _mean(expected, now.weight))
    return usual, Rate(len(now.wrong), int(now.wrong.sum()), sizes[1], _mean(now.wrong, now.weight))


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    return float(np.average(values, weights=weight))


def _rate_by_kind(before: _Audits, kind: np.ndarray) -> np.ndarray:
    """Return the earlier rate of each kind, drawn towards that of all."""
    size = int(max(before.kind.max(), kind.max())) + 1
    weight = before.weight / before.weight.mean()
    audits = np.bincount(before.kind, weight, size)
    wrong = np.bincount(before.kind, weight * before.wrong, size)
    prior = _mean(before.wrong, before.weight)
    return np.asarray(((wrong + _STRENGTH * prior) / (audits + _STRENGTH))[kind])


def _rate_by_age(before: _Audits, age: np.ndarray) -> np.ndarray:
    """Return the rate among the earlier audits that had arrived by each age."""
    order = np.argsort(before.delay, kind="stable")
    weight = np.cumsum(before.weight[order])
    wrong = np.cumsum((before.weight * before.wrong)[order])
    arrived = np.searchsorted(before.delay[order], age, side="right")
    place = np.maximum(arrived - 1, 0)
    overall = wrong[-1] / weight[-1]
    known = arrived >= _FEWEST_OF_AGE
    return np.asarray(np.where(known, wrong[place] / weight[place], overall))


def _overdispersion(before: _Audits) -> float:
    """Return how many times more than chance the overturns of earlier days vary, at least 1."""
    expected = _rate_by_kind(before, before.kind)
    gap = np.bincount(before.day - before.day.min(), before.weight * (before.wrong - expected))
    chance = np.bincount(
        before.day - before.day.min(), before.weight**2 * expected * (1 - expected)
    )
    days = chance > 0
    if days.sum() < _DAYS_BEFORE:
        return 1.0
    return max(1.0, float(np.mean(gap[days] ** 2 / chance[days])))
