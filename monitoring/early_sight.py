"""Early sight: how good the latest decisions look to the model, before their audits are in.

An estimate from the model, not from audits: the mean recalibrated risk of a day's decisions. How
far it can be trusted is told by its own past: on days whose audits came in, what was expected is
set against the audits' figure, and the error beyond the audits' own becomes the band of the days
that still wait. With the error of the past left out, as in confidence-based performance estimation
(CBPE of NannyML), the band would hold the scatter of decisions alone, and only for as long as the
risk is true.

What a past day was expected to be rests on audits of decisions ranked before that day, as it does
for the days that wait. No figure here enters the accuracy, an interval of it, or a regulator's
table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from models.arrays import Flags, Floats, Positions, Texts, total_by
from models.estimate import AuditedFrame, estimate_by
from monitoring.early_found import BAND_LEVEL, LEAST_DAYS, EarlySight, Expected, Hindsight
from monitoring.labels import labels_of
from monitoring.recalibrated import Recalibrated, ranked_days
from monitoring.standing import LEVEL


@dataclass(frozen=True, slots=True)
class _Past:
    """Expected rates of past days, the audited figures less them, and these figures' variances."""

    expected: Floats
    error: Floats
    variance: Floats

    def up_to(self, number: int) -> _Past:
        return _Past(self.expected[:number], self.error[:number], self.variance[:number])

    def own_variance(self) -> float:
        """Mean square of the model's own error, and what so few days cannot exclude."""
        excess = float(np.mean(self.error**2 - self.variance))
        return max(0.0, excess) + float(np.mean(self.variance)) / len(self.error)


def look_early(recalibrated: Recalibrated) -> EarlySight:
    """Tell what is expected of each day and policy, and how such expectations fared.

    Parameters
    ----------
    recalibrated
        The period; each day's risk is recalibrated on what was ranked before it.

    Raises
    ------
    EstimateError
        If the period holds no decision.
    """
    days, frame = _days(recalibrated), recalibrated.frame()
    past = _past([day for day in days if not day.waits])
    known = len(past.error) >= LEAST_DAYS
    own = past.own_variance() if known else None
    codes = np.unique(ranked_days(recalibrated.table), return_inverse=True)[1]
    scatter = _scatter(frame, codes, len(days))
    days = [
        _banded(day, own, float(scattered)) for day, scattered in zip(days, scatter, strict=True)
    ]
    late = np.array([day.waits for day in days])[codes]
    return EarlySight(
        days=tuple(days),
        waiting=_waiting(recalibrated, frame, late, own=own),
        policies=tuple(_policies(recalibrated, late, codes)),
        past=_hindsight(past, scatter[[not day.waits for day in days]]),
    )


def _days(recalibrated: Recalibrated) -> list[Expected]:
    numbers, codes = np.unique(ranked_days(recalibrated.table), return_inverse=True)
    names = numbers.astype("datetime64[D]").astype(str)
    return _expected(recalibrated, recalibrated.frame(), codes.astype(np.int64), names)


def _expected(
    recalibrated: Recalibrated, frame: AuditedFrame, codes: Positions, names: Texts
) -> list[Expected]:
    """Tell what is expected of each group; `codes` numbers it, below 0 = of none."""
    inside = codes >= 0
    labels = np.full(len(codes), None, dtype=object)
    labels[inside] = codes[inside]
    found = {int(e.domain): e for e in estimate_by(frame, labels, level=LEVEL)}
    selected = recalibrated.table["selected"].to_numpy(dtype=float)
    totals = [
        total_by(codes[inside], weight[inside], len(names))
        for weight in (np.ones(len(frame)), frame.overturn_probability, selected)
    ]
    return [
        Expected(
            name=str(name),
            decisions=int(size),
            selected=int(chosen),
            audits=found[number].audits,
            rate=float(risk / size),
            low=None,
            high=None,
            audited=replace(found[number], domain=str(name)) if found[number].audits else None,
        )
        for number, (name, size, risk, chosen) in enumerate(zip(names, *totals, strict=True))
        if size
    ]


def _past(days: Sequence[Expected]) -> _Past:
    expected = np.array([day.rate for day in days])
    found = [day.audited for day in days if day.audited is not None]
    return _Past(
        expected=expected,
        error=np.array([e.overturn_rate for e in found]) - expected,
        variance=np.array([e.standard_error**2 for e in found]),
    )


def _banded(expected: Expected, own_variance: float | None, scatter: float) -> Expected:
    """Give the band, and leave out a figure that rests on too few audits."""
    audited = expected.audited
    if audited is not None and (audited.audits_needed or expected.waits):
        audited = None
    if own_variance is None:
        return replace(expected, audited=audited)
    half = _half(own_variance + scatter)
    low, high = max(0.0, expected.rate - half), min(1.0, expected.rate + half)
    return replace(expected, low=low, high=high, audited=audited)


def _half(variance: float) -> float:
    return float(norm.ppf(0.5 + BAND_LEVEL / 2)) * math.sqrt(variance)


def _scatter(frame: AuditedFrame, codes: Positions, groups: int) -> Floats:
    """Return the variance of each group's true rate about its mean risk, decisions being few."""
    f = frame.overturn_probability
    size = total_by(codes, np.ones(len(f)), groups)
    scatter: Floats = total_by(codes, f * (1 - f), groups) / np.maximum(size, 1) ** 2
    return scatter


def _hindsight(past: _Past, scatter: Floats) -> Hindsight | None:
    """Look back: each day against the band that the days before it would have given."""
    days = len(past.error)
    if not days:
        return None
    tested = range(LEAST_DAYS, days)
    covered = sum(
        abs(float(past.error[day]))
        <= _half(past.up_to(day).own_variance() + float(scatter[day] + past.variance[day]))
        for day in tested
    )
    return Hindsight(
        days=days,
        bias=float(past.error.mean()),
        mean_absolute=float(np.abs(past.error).mean()),
        audit_error=float(np.sqrt(2 / np.pi) * np.sqrt(past.variance).mean()),
        own=math.sqrt(past.own_variance()),
        tested=len(tested),
        covered=covered,
    )


def _waiting(
    recalibrated: Recalibrated, frame: AuditedFrame, late: Flags, *, own: float | None
) -> Expected | None:
    """Tell of all days that wait as one; their errors are taken to be one and the same."""
    if not late.any():
        return None
    codes = np.where(late, 0, -1)
    (whole,) = _expected(recalibrated, frame, codes, np.array(["all that wait"], dtype=object))
    f = frame.overturn_probability[late]
    return _banded(whole, own, float((f * (1 - f)).sum()) / len(f) ** 2)


def _policies(recalibrated: Recalibrated, late: Flags, days: Positions) -> Iterator[Expected]:
    """Tell of the days that wait by policy.

    A policy's error grows with its rate: what past days say of all policies together is taken as a
    share of the rate, and each policy adds what its own audits cannot exclude.
    """
    if not late.any():
        return
    frame = recalibrated.frame(column="policy")
    labels = labels_of(recalibrated.table["policy"])
    policies, number = np.unique(labels.astype(str), return_inverse=True)
    by_day = days.max() + 1
    cell = np.where(late, -1, number * by_day + days)
    names = np.repeat(policies, by_day).astype(object)
    cells = [each for each in _expected(recalibrated, frame, cell, names) if each.audits]
    past = {name: _past([each for each in cells if each.name == name]) for name in policies}
    relative = _relative_error(list(past.values()))
    scatter = _scatter(frame, np.where(late, number, len(policies)), len(policies) + 1)
    found = _expected(recalibrated, frame, np.where(late, number, -1), policies.astype(object))
    for each in sorted(found, key=lambda policy: (-policy.decisions, policy.name)):
        own, place = past[each.name], int(np.searchsorted(policies, each.name))
        variance = None
        if len(own.error) >= LEAST_DAYS:
            unknown = float(np.mean(own.variance)) / len(own.error)
            variance = relative * each.rate**2 + unknown
        yield _banded(each, variance, float(scatter[place]))


def _relative_error(past: Sequence[_Past]) -> float:
    """Return the mean square of the model's own error as a share of the rate, over all policies."""
    error, variance, expected = (
        np.concatenate([getattr(each, name) for each in past] or [np.zeros(0)])
        for name in ("error", "variance", "expected")
    )
    square = float((expected**2).sum())
    return max(0.0, float((error**2 - variance).sum()) / square) if square > 0 else 0.0
