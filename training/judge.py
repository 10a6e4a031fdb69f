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
    evidence_of,
    outcome_of,
    percent,
    points,
    too_few,
)
from training.gates import Gates, Judged, ModelLimits, Outcome, SegmentLimits, Verdict
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
    return (
        f"of {len(comparison.rows):,} audits {fresh:,} are later than what the champion learned "
        f"from (until {comparison.champion_until}) and of items new to it; expected at least "
        f"{limits.fewest_audits:,}; a backtest learns both anew and can compare them"
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
    counts = list(zip(evidence.audits(), evidence.overturns(), strict=True))
    limits = [gates.segments if place else gates.model for place in range(len(counts))]
    lacking = [too_few(*count, limit) for count, limit in zip(counts, limits, strict=True)]
    judgeable = max(sum(each is None for each in lacking[1:]), 1)
    for place, name in enumerate(evidence.sample.segments):
        yield _loss(
            Judged(gate, name, Outcome.UNKNOWN, lacking[place] or "", audits=int(counts[place][0])),
            (ours[:, place], theirs[:, place]),
            limits[place],
            comparisons=judgeable if place else 1,
            budget=budget,
        )


def _loss(
    judged: Judged,
    draws: tuple[Floats, Floats],
    limits: ModelLimits | SegmentLimits,
    *,
    comparisons: int,
    budget: float,
) -> Judged:
    """Fill in the figures of both and what they come to; what has a reason already keeps it."""
    ours, theirs = draws
    found = interval(ours - theirs, comparisons=comparisons)
    filled = replace(
        judged,
        champion=float(theirs[0]),
        challenger=float(ours[0]),
        difference=found.value,
        low=found.low,
        high=found.high,
        limit=-limits.capture_loss,
    )
    if judged.reason:
        return filled
    outcome = outcome_of(beyond=found.value < -limits.capture_loss, proven=found.high < 0)
    what = "errors" if judged.gate == "capture" else "harm"
    reason = (
        f"finds {percent(ours[0])} of its {what} within the riskiest {percent(budget)} of all, "
        f"the champion {percent(theirs[0])}: {points(found.value)} points "
        f"({points(found.low)} to {points(found.high)}); limit {points(-limits.capture_loss)}"
    )
    return replace(filled, outcome=outcome, reason=reason + UNPROVEN[outcome])
