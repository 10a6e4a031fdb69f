"""The verdict: every gate, on the whole and on each segment, with figures and reasons in words.

Champion and challenger are judged on the same audits, weighed by one over their inclusion
probabilities, and the interval of their difference is as wide as the number of segments that the
gate looks at asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from models.arrays import Floats
from training.bootstrap import EVERYTHING, capture_draws, interval
from training.compare import Comparison
from training.evidence import (
    UNPROVEN,
    Evidence,
    Segment,
    evidence_of,
    known,
    outcome_of,
    percent,
    points,
    segments_of,
)
from training.gates import Gates, Judged, ModelLimits, Outcome, Verdict
from training.judge_alone import judge_alone
from training.judge_cost import judge_cost
from training.judge_plan import judge_plan

_WORTH = {"capture": ("overturned", ""), "harm": ("harm_found", "_harm")}
"""Gate: what an audit is worth, and what the columns of scores that rank by it end in."""


def judge(comparison: Comparison, gates: Gates | None = None, *, seed: int = 0) -> Verdict:
    """Judge a challenger.

    Parameters
    ----------
    gates
        Null = all limits as they default.
    seed
        Of the draws behind the intervals.
    """
    gates = gates or Gates()
    rows = (
        *_losses(comparison, gates, seed),
        *judge_alone(comparison, gates, seed),
        *judge_plan(comparison, gates, seed),
        *judge_cost(comparison, gates.model),
    )
    return Verdict(rows, comparison.champion)


def _losses(comparison: Comparison, gates: Gates, seed: int) -> Iterator[Judged]:
    """Judge what the challenger finds against the champion; harm on the whole alone."""
    lacking = _incomparable(comparison, gates.model)
    if lacking is not None:
        yield from (
            Judged(gate, EVERYTHING, Outcome.UNKNOWN, lacking, limit=-gates.model.capture_loss)
            for gate in _WORTH
        )
        return
    rows = comparison.rows[comparison.rows["champion"].notna()].reset_index(drop=True)
    evidence = evidence_of(rows, comparison.segments)
    yield from _loss_by_segment("capture", evidence, gates, seed)
    yield from _loss_by_segment("harm", evidence_of(rows, ()), gates, seed)


def _incomparable(comparison: Comparison, limits: ModelLimits) -> str | None:
    """Return in words why there is no comparing; null where there is."""
    if comparison.champion is None:
        return "there is no champion to compare with"
    fresh = int(comparison.rows["champion"].notna().sum())
    if fresh >= limits.fewest_audits:
        return None
    until = comparison.champion_until
    return (
        f"of {len(comparison.rows):,} audits {fresh:,} are later than what the champion learned "
        f"from{'' if until is None else f' (until {until:%Y-%m-%d})'} and of items new to it; "
        f"expected at least {limits.fewest_audits:,}; compare again when later audits have come"
    )


def _loss_by_segment(gate: str, evidence: Evidence, gates: Gates, seed: int) -> Iterator[Judged]:
    column, ending = _WORTH[gate]
    worth, budget = evidence.column(column), gates.model.budget
    ours, theirs = (
        capture_draws(
            evidence.sample, evidence.column(f"{who}{ending}"), worth, budget=budget, seed=seed
        )
        for who in ("challenger", "champion")
    )
    for segment in segments_of(evidence, evidence.overturns(), gates):
        drawn = ours[:, segment.place], theirs[:, segment.place]
        yield _loss(gate, segment, drawn, budget=budget)


def _loss(gate: str, segment: Segment, draws: tuple[Floats, Floats], *, budget: float) -> Judged:
    """Judge what one segment loses against the champion."""
    ours, theirs = draws
    found = interval(ours - theirs, comparisons=segment.comparisons)
    limit = -segment.limits.capture_loss
    judged = Judged(
        gate,
        segment.name,
        Outcome.UNKNOWN,
        segment.lacking,
        champion=known(theirs[0]),
        challenger=known(ours[0]),
        difference=known(found.value),
        low=known(found.low),
        high=known(found.high),
        limit=limit,
        audits=segment.audits,
    )
    if segment.lacking:
        return judged
    outcome = outcome_of(beyond=found.value < limit, proven=found.high < 0)
    what = "errors" if gate == "capture" else "harm"
    reason = (
        f"finds {percent(ours[0])} of its {what} within the riskiest {percent(budget)} of all, "
        f"the champion {percent(theirs[0])}: {points(found.value)} points "
        f"({points(found.low)} to {points(found.high)}); limit {points(limit)}"
    )
    return replace(judged, outcome=outcome, reason=reason + UNPROVEN[outcome])
