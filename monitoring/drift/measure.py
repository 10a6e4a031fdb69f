"""Drift by day, by week and over a period, overall and by policy, from counts of days.

A feature drifted where it moved farther than chance and the ordinary ways of days make it move:

* Chance: the sampling error of both sides; the profile is as sure as its rows, repeats aside.
* Ordinary days: shifts, weekends and campaigns make days differ by more than sampling error. How
  much is read from the differences between days one to three apart, and of the same weekdays, by
  their median and the like, which a lasting change does not move.
* Many looks: each span has a risk of `FALSE_ALARM` of any false alarm, half of it for all decisions
  together and half for the policies, shared among features and the ways in which they can move.
* What matters: whatever moved by less than `LEAST_DISTANCE` standard deviations did not drift. The
  predicted risk rests on track records, which settle with every audit after training: it may move
  by `SETTLING` beyond its limit.

Days before the period are not shown; they make the ordinary spread surer. Until there is a week of
days it is taken to be wide, so that only what is plain is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from features.errors import EstimateError
from models.arrays import Floats, Positions
from monitoring.drift.contrasts import Contrasts, contrasts_of, critical
from monitoring.drift.counted import DayCounts, count_days
from monitoring.drift.found import (
    ALL,
    FALSE_ALARM,
    LATELY,
    LEAST_DISTANCE,
    PERIOD,
    Drift,
    DriftHistory,
    FeatureDrift,
)
from monitoring.drift.reference import PREDICTION, FeatureBins, Reference, grows
from monitoring.drift.since import first_drifted, with_since
from monitoring.drift.where import where_moved

SETTLING = 0.15
"""Standard deviations by which the predicted risk may move as track records settle."""
FEWEST_COMPARED = 100
"""Rows that each side must have."""
_WEEK = 7
_SPREAD_UNKNOWN = 0.1
_LAGS = (1, 2, 3)
_MEDIAN_OF_DIFFERENCE = 0.9539
"""Median of the absolute difference of two standard normal values."""
_UPPER, _UPPER_OF_DIFFERENCE = 0.7, 1.4657
"""The same for this quantile of it."""
_NEAR, _DAYS_FOR_UPPER = 2, 10
_MEAN_OF_ABSOLUTE = 0.7979


@dataclass(frozen=True, slots=True)
class _Spans:
    """Days put together: a name, the places of its days."""

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]


def counted_days(
    reference: Reference, sample: pd.DataFrame, earlier_days: Sequence[DayCounts] = ()
) -> tuple[DayCounts, ...]:
    """Count the days of a sample and return them with those counted before, in order of time.

    Parameters
    ----------
    sample
        Columns of the profile, with ``policy`` and ``day`` (as ``2026-01-31``). May be empty.
    earlier_days
        Counted before (`monitoring.drift.counted.read_days`); a day that is also in the sample is
        counted anew.

    Raises
    ------
    EstimateError
        If no feature of the profile is in the sample.
    """
    new = count_days(reference, sample) if len(sample) else ()
    days = {day.day: day for day in (*earlier_days, *new)
            if day.fingerprint == reference.fingerprint}  # fmt: skip
    return tuple(days[name] for name in sorted(days))


def judge_days(
    reference: Reference,
    days: Sequence[DayCounts],
    *,
    since: str | None = None,
    until: str | None = None,
) -> DriftHistory:
    """Judge counted days; takes a second for two months of a dozen policies.

    Parameters
    ----------
    days
        In order of time.
    since
        First day of the period; days before it only tell how ordinary days differ. Null = all.
    until
        Last day of the period; days after it are not looked at. Null = all.

    Raises
    ------
    EstimateError
        If no day is left to show.
    """
    days = [day for day in days if until is None or day.day <= until]
    shown = [k for k, day in enumerate(days) if since is None or day.day >= since]
    if not shown:
        raise EstimateError("drift: no day of the period is counted; expected one at least")
    names = [day.day for day in days]
    every_day = _Spans(tuple(names[k] for k in shown), tuple((k,) for k in shown))
    weeks = _weeks(names, shown)
    whole = _Spans((LATELY, PERIOD), (tuple(shown[-_WEEK:]), tuple(shown)))
    overall = [
        _judge(reference, days, spans, scope=ALL, scopes=1) for spans in (every_day, weeks, whole)
    ]
    by_day, by_week, (lately, period) = overall
    first_days = {
        week: names[places[0]] for week, places in zip(weeks.names, weeks.members, strict=True)
    } | {LATELY: names[shown[-_WEEK:][0]], PERIOD: names[shown[0]]}
    starts = first_drifted([*by_day, *by_week, lately, period], first_days)
    policies, policy_weeks = [], []
    for scope in sorted(scope for scope in reference.rows if scope != ALL):
        there, (_, whole_there) = (
            _judge(reference, days, spans, scope=scope, scopes=len(reference.rows) - 1)
            for spans in (weeks, whole)
        )
        begun = first_drifted([*there, whole_there], first_days)
        policies.append(with_since(whole_there, begun))
        policy_weeks += [_drifted_only(with_since(week, begun)) for week in there]
    return DriftHistory(
        period=with_since(period, starts),
        policies=tuple(policies),
        days=tuple(with_since(day, starts) for day in by_day),
        weeks=tuple(with_since(week, starts) for week in by_week),
        since=starts,
        lately=with_since(lately, starts),
        policy_weeks=tuple(policy_weeks),
        effective_reference_rows=reference.rows[ALL] / reference.repeats[ALL],
    )


def _weeks(names: Sequence[str], shown: Sequence[int]) -> _Spans:
    members: dict[str, list[int]] = {}
    for k in shown:
        members.setdefault(f"{date.fromisoformat(names[k]):%G-W%V}", []).append(k)
    return _Spans(tuple(members), tuple(tuple(places) for places in members.values()))


def _judge(
    reference: Reference, days: Sequence[DayCounts], spans: _Spans, *, scope: str, scopes: int
) -> list[Drift]:
    """Judge every feature in each of the spans."""
    rows = np.array([day.rows.get(scope, 0) for day in days], dtype=np.int64)
    sizes = [int(rows[list(places)].sum()) for places in spans.members]
    drifts = [
        Drift((), (), size, reference.rows[scope], span=name, scope=scope)
        for name, size in zip(spans.names, sizes, strict=True)
    ]
    enough = np.array(sizes) >= FEWEST_COMPARED
    if reference.rows[scope] < FEWEST_COMPARED or not enough.any():
        return drifts
    watched = sum(not grows(bins.feature) for bins in reference.bins)
    alpha = FALSE_ALARM / 2 / max(watched, 1) / scopes
    by_feature = {
        bins.feature: _feature(reference, days, spans, bins=bins, scope=scope, alpha=alpha)
        for bins in reference.bins
    }
    return [
        _with_features(drift, {n: f[k] for n, f in by_feature.items()}) if enough[k] else drift
        for k, drift in enumerate(drifts)
    ]


def _with_features(drift: Drift, found: Mapping[str, FeatureDrift | None]) -> Drift:
    features = [feature for feature in found.values() if feature is not None]
    return replace(
        drift,
        features=tuple(sorted(features, key=lambda f: (f.grows, -f.over_limit, f.feature))),
        not_compared=tuple(sorted(name for name, feature in found.items() if feature is None)),
    )


def _feature(
    reference: Reference,
    days: Sequence[DayCounts],
    spans: _Spans,
    *,
    bins: FeatureBins,
    scope: str,
    alpha: float,
) -> list[FeatureDrift | None]:
    before = reference.counts[scope][bins.feature]
    by_day = _counts_by_day(days, scope, bins)
    if not before[:-1].any():
        return [None] * len(spans.names)
    contrasts = partial(
        contrasts_of, bins, before, repeats=reference.repeats[scope], level_only=scope != ALL
    )
    ordinary = _ordinary_variances(contrasts(by_day))
    counts = np.array([by_day[list(places)].sum(axis=0) for places in spans.members])
    lengths = np.array([(by_day[list(p)].sum(axis=1) > 0).sum() for p in spans.members])
    found = contrasts(counts)
    error = _standard_error(found, ordinary, lengths)
    fewest = np.minimum(found.rows, found.reference_rows)
    limit = np.maximum(LEAST_DISTANCE, critical(alpha * found.alpha, found.skew, fewest) * error)
    if bins.feature == PREDICTION:
        limit = limit + SETTLING
    over = np.nan_to_num(np.abs(found.effects) / limit, nan=-1.0)
    best = over.argmax(axis=1)
    return [
        _found(bins, found, k, best=int(best[k]), limit=limit[k], error=error[k],
               sides=(before, counts[k])) if counts[k].any() else None
        for k in range(len(spans.names))
    ]  # fmt: skip


def _found(
    bins: FeatureBins,
    found: Contrasts,
    span: int,
    *,
    best: int,
    limit: Floats,
    error: Floats,
    sides: tuple[Positions, Positions],
) -> FeatureDrift:
    distance = float(abs(found.effects[span, best]))
    grown = grows(bins.feature)
    return FeatureDrift(
        feature=bins.feature,
        kind=bins.kind,
        distance=distance,
        drifted=bool(distance >= limit[best]) and not grown,
        by_chance=float(_MEAN_OF_ABSOLUTE * error[best]),
        limit=float(limit[best]),
        where=where_moved(bins, found.names[best], *sides),
        contrast=found.names[best],
        grows=grown,
    )


def _counts_by_day(days: Sequence[DayCounts], scope: str, bins: FeatureBins) -> Positions:
    nothing = [0] * len(bins.labels)
    return np.array(
        [day.counts.get(scope, {}).get(bins.feature, nothing) for day in days], dtype=np.int64
    )


def _standard_error(found: Contrasts, ordinary: tuple[Floats, Floats], days: Positions) -> Floats:
    """Chance on both sides, and what ordinary days add to it.

    Days in a row are alike (weekdays, a weekend), so that a few of them add as much as one.
    """
    chance = 1 / np.maximum(found.reference_rows, 1) + 1 / np.maximum(found.rows, 1)
    number = days[:, None]
    a_day, a_weekday = ordinary
    added = np.where(number < _WEEK, a_day, a_weekday / np.maximum(number, 1))
    return np.asarray(np.sqrt(chance + added))


def _ordinary_variances(days: Contrasts) -> tuple[Floats, Floats]:
    """Return by how much days, and the same weekdays, differ beyond sampling error.

    A span of a week or more holds every weekday, so that only the second adds to its error.
    """
    known = ~np.isnan(days.effects).any(axis=1)
    effects = days.effects[known]
    sampling = (1 / np.maximum(days.rows[known], 1)).mean(axis=0) if known.any() else 0.0
    if len(effects) <= _WEEK:
        wide = np.full(len(days.names), _SPREAD_UNKNOWN**2)
        return wide, wide
    a_day = np.max([_spread(effects, lag) for lag in _LAGS], axis=0) ** 2 - sampling
    a_day = np.maximum(a_day, 0)
    if days.is_range.any():  # one that is mostly empty looks steadier than it is
        usual = np.median(a_day[days.is_range])
        a_day = np.where(days.is_range, np.maximum(a_day, usual), a_day)
    if len(effects) < 2 * _WEEK:
        return a_day, a_day
    a_weekday = np.maximum(_spread(effects, _WEEK) ** 2 - sampling, 0)
    return a_day, np.minimum(a_weekday, a_day)  # all days differ as much as like days at least


def _spread(effects: Floats, lag: int) -> Floats:
    """Return the standard deviation of days, from the differences of days that far apart.

    By their median; of near days also by an upper quantile, for what is usual on most days and not
    on others. A lasting change must leave most of the differences below either.
    """
    apart = np.abs(effects[lag:] - effects[:-lag])
    spread = np.median(apart, axis=0) / _MEDIAN_OF_DIFFERENCE
    if lag <= _NEAR and len(effects) >= _DAYS_FOR_UPPER:
        upper = np.quantile(apart, _UPPER, axis=0) / _UPPER_OF_DIFFERENCE
        spread = np.maximum(spread, upper)
    return np.asarray(spread)


def _drifted_only(drift: Drift) -> Drift:
    return replace(drift, features=tuple(f for f in drift.features if f.drifted))
