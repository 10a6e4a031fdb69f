"""Gates on what the challenger says by itself: whether it is calibrated, and better than chance.

A model that learned from shuffled labels loses nothing against a champion that is judged by the
same labels: it is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from training.bootstrap import EVERYTHING, Interval, capture_draws, interval, sample_of
from training.calibration import chance_error, log_ratio_draws
from training.compare import CHALLENGER, CHAMPION, Comparison
from training.evaluate import calibration_error
from training.evidence import (
    UNPROVEN,
    Evidence,
    Segment,
    evidence_of,
    known,
    outcome_of,
    percent,
    segments_of,
    too_few,
)
from training.gates import Gates, Judged, ModelLimits, Outcome

_TENTH = np.log(1.1)


def judge_alone(comparison: Comparison, gates: Gates, seed: int) -> Iterator[Judged]:
    """Judge lift and calibration on all audits of the comparison, champion or none."""
    evidence = evidence_of(comparison.rows, comparison.segments)
    yield _lift(evidence, gates.model, seed)
    yield _error(evidence, gates.model, seed)
    yield from _ratios(comparison, evidence, gates, seed)


def _lift(evidence: Evidence, limits: ModelLimits, seed: int) -> Judged:
    """Judge whether the challenger finds errors that a uniform sample of the same size would not.

    Here the burden of proof is the challenger's: it fails if chance explains what it finds.
    """
    score, wrong = evidence.column(CHALLENGER), evidence.column("overturned")
    drawn = capture_draws(evidence.sample, score, wrong, budget=limits.lift_budget, seed=seed)
    found = interval(drawn[:, 0] / limits.lift_budget)
    audits = int(evidence.audits()[0])
    judged = Judged(
        "lift",
        EVERYTHING,
        Outcome.UNKNOWN,
        too_few(audits, evidence.overturns()[0], limits) or "",
        challenger=known(found.value),
        low=known(found.low),
        high=known(found.high),
        limit=limits.lift,
        audits=audits,
    )
    if judged.reason:
        return judged
    outcome = outcome_of(beyond=found.value < limits.lift, proven=found.low <= 1)
    reason = (
        f"finds {found.value:.2f} times the errors of a uniform sample of "
        f"{percent(limits.lift_budget)} ({found.low:.2f} to {found.high:.2f}); limit {limits.lift}"
    )
    if outcome is Outcome.FAILED:
        reason += "; chance alone may explain what it finds: are the labels right?"
    return replace(judged, outcome=outcome, reason=reason + UNPROVEN[outcome])


def _error(evidence: Evidence, limits: ModelLimits, seed: int) -> Judged:
    """Judge the mean gap between predicted and found rates, against what chance alone makes."""
    predicted, wrong = evidence.column(CHALLENGER), evidence.column("overturned")
    weight = evidence.sample.weight
    rate = float(np.average(wrong, weights=weight))
    error = calibration_error(predicted, wrong, weight)
    audits = int(evidence.audits()[0])
    judged = Judged(
        "calibration error",
        EVERYTHING,
        Outcome.UNKNOWN,
        too_few(audits, evidence.overturns()[0], limits) or "",
        challenger=error,
        limit=limits.calibration_error * rate,
        audits=audits,
    )
    if judged.reason:
        return judged
    chance = chance_error(predicted, weight, evidence.sample.group, seed=seed)
    outcome = outcome_of(beyond=error > limits.calibration_error * rate, proven=error > chance)
    reason = (
        f"predictions are {percent(error)} off on average over ten bins, where chance alone makes "
        f"up to {percent(chance)}; limit {limits.calibration_error} of the rate found, "
        f"{percent(rate)}"
    )
    return replace(judged, outcome=outcome, reason=reason + UNPROVEN[outcome])


def _ratios(
    comparison: Comparison, evidence: Evidence, gates: Gates, seed: int
) -> Iterator[Judged]:
    """Judge how many overturns are predicted for each that is found."""
    predicted = evidence.column(CHALLENGER)
    drawn = log_ratio_draws(evidence.sample, predicted, evidence.column("overturned"), seed=seed)
    due = np.maximum(evidence.expected(predicted), evidence.overturns())
    theirs = _champions_ratios(comparison)
    for segment in segments_of(evidence, due, gates):
        found = interval(drawn[:, segment.place], comparisons=segment.comparisons)
        figures = Interval(*np.exp([found.value, found.low, found.high]).tolist())
        first = comparison.champion is None
        yield _ratio(segment, figures, theirs.get(segment.name), first=first)


def _champions_ratios(comparison: Comparison) -> dict[str, float]:
    """Return the same ratio of the champion, on the audits that it did not learn from."""
    fresh = comparison.rows[comparison.rows[CHAMPION].notna()].reset_index(drop=True)
    if fresh.empty:
        return {}
    sample = sample_of(fresh, comparison.segments)
    predicted, wrong = (fresh[name].to_numpy(dtype=float) for name in (CHAMPION, "overturned"))
    ratios = np.exp(log_ratio_draws(sample, predicted, wrong, replicates=0)[0])
    return dict(zip(sample.segments, ratios.tolist(), strict=True))


def _ratio(segment: Segment, found: Interval, theirs: float | None, *, first: bool) -> Judged:
    """Judge one ratio; a first version must be shown to be past the limit, not only off.

    Where nothing serves there is nothing better to keep, and a young programme has few audits.
    """
    limit = segment.limits.calibration_ratio
    judged = Judged(
        "calibration",
        segment.name,
        Outcome.UNKNOWN,
        segment.lacking,
        champion=theirs,
        challenger=known(found.value),
        low=known(found.low),
        high=known(found.high),
        limit=limit,
        audits=segment.audits,
    )
    if segment.lacking:
        return judged
    certain = limit if first else 1.0
    over = found.value > limit and found.low > certain
    under = found.value < 1 / limit and found.high < 1 / certain
    beyond = not 1 / limit <= found.value <= limit
    outcome = outcome_of(beyond=beyond, proven=over or under)
    reason = (
        f"predicts {found.value:.2f} overturns for each that is found ({found.low:.2f} to "
        f"{found.high:.2f}); limit {limit} either way"
    )
    if outcome is Outcome.FAILED and segment.place and _as_far_off(found.value, theirs):
        reason += f"; the champion is as far off, at {theirs:.2f}: the segment has changed"
        return replace(judged, reason=reason)
    return replace(judged, outcome=outcome, reason=reason + UNPROVEN[outcome])


def _as_far_off(ours: float, theirs: float | None) -> bool:
    """Say whether the champion's ratio is off the same way, and by no less but a tenth."""
    if theirs is None:
        return False
    return bool(np.sign(np.log(ours)) * np.log(theirs) > abs(np.log(ours)) - _TENTH)
