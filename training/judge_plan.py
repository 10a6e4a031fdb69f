"""Gates on what a plan would audit: nobody out of sight, and nobody audited beyond measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.arrays import Floats
from training.bootstrap import EVERYTHING, interval, totals
from training.compare import CHALLENGER, CHAMPION, Allocation, Comparison
from training.evidence import (
    UNPROVEN,
    Evidence,
    evidence_of,
    outcome_of,
    percent,
    share_by_segment,
    too_few,
)
from training.gates import Gates, Judged, ModelLimits, Outcome, SegmentLimits

_HARDLY = 0.1
"""A chance below this part of the capacity is hardly one."""


def judge_plan(comparison: Comparison, gates: Gates, seed: int) -> Iterator[Judged]:
    """Judge coverage and audit burden; nothing where no plan was tried."""
    given = comparison.allocation
    if given is None:
        return
    if given.refused:
        for gate in ("coverage", "burden"):
            yield Judged(gate, EVERYTHING, Outcome.UNKNOWN, f"no plan to judge: {given.refused}")
        return
    yield _coverage(given, gates.model)
    yield from _unseen_policies(given)
    yield from _burdens(comparison, given, gates, seed)


def _coverage(given: Allocation, limits: ModelLimits) -> Judged:
    """Judge how many decisions hardly have a chance of an audit, against the champion's plan."""
    floor = _HARDLY * given.capacity
    ours = float((given.decisions[CHALLENGER] < floor).mean())
    theirs = float((given.decisions[CHAMPION] < floor).mean()) if given.has_champion else None
    more = ours - (theirs or 0.0)
    return Judged(
        "coverage",
        EVERYTHING,
        Outcome.FAILED if more > limits.uncovered else Outcome.PASSED,
        f"its plan gives {percent(ours)} of decisions a chance of an audit below {percent(floor)}"
        f"{_beside(theirs)}; limit {percent(limits.uncovered)} more",
        champion=theirs,
        challenger=ours,
        difference=None if theirs is None else more,
        limit=limits.uncovered,
    )


def _unseen_policies(given: Allocation) -> Iterator[Judged]:
    """Judge the mean chance of an audit under each policy."""
    floor = _HARDLY * given.capacity
    means = given.decisions.groupby("policy")[[CHALLENGER, CHAMPION]].mean()
    for policy, mean in means.iterrows():
        theirs = float(mean[CHAMPION]) if given.has_champion else None
        ours = float(mean[CHALLENGER])
        lost = ours < floor and (theirs is None or theirs >= floor)
        yield Judged(
            "coverage",
            f"policy = {policy}",
            Outcome.FAILED if lost else Outcome.PASSED,
            f"a decision has a chance of {percent(ours)} of an audit on average{_beside(theirs)}; "
            f"limit {percent(floor)}",
            champion=theirs,
            challenger=ours,
            difference=None if theirs is None else ours - theirs,
            limit=floor,
        )


def _burdens(
    comparison: Comparison, given: Allocation, gates: Gates, seed: int
) -> Iterator[Judged]:
    """Judge each segment's share of audits against its shares of decisions and of harm found."""
    evidence = evidence_of(comparison.rows, comparison.segments)
    lacking = too_few(evidence.audits()[0], evidence.overturns()[0], gates.model)
    audits = dict(zip(evidence.sample.segments, evidence.audits(), strict=True))
    found, shares = _harm_shares(evidence, seed), _shares(given)
    for name, share in shares.items():
        judged = Judged("burden", name, Outcome.UNKNOWN, "", audits=int(audits.get(name, 0)))
        reason = lacking or _small(share["decisions"], given, gates.segments)
        if name == EVERYTHING:
            continue
        if name in {f"policy = {policy}" for policy in given.minimums}:
            why = "policies.toml sets its least audits"
            yield replace(judged, outcome=Outcome.PASSED, reason=why)
        elif reason is not None:
            yield replace(judged, reason=reason)
        else:
            yield _burden(judged, share, found.get(name), gates.segments, len(shares) - 1)


def _small(share: float, given: Allocation, limits: SegmentLimits) -> str | None:
    """Return in words that too few of the latest decisions are of a segment; null where enough."""
    count = share * len(given.decisions)
    if count >= limits.fewest_audits:
        return None
    return (
        f"too few to judge: {count:.0f} of the latest {len(given.decisions):,} decisions; expected "
        f"at least {limits.fewest_audits:,}"
    )


def _harm_shares(evidence: Evidence, seed: int) -> dict[str, Floats]:
    """Return each segment's share of the harm found, in every draw that found any."""
    harm = evidence.column("harm_found")
    (found,) = totals(evidence.sample, lambda weights: (weights * harm,), seed=seed)
    found = found[found[:, 0] > 0]
    return dict(zip(evidence.sample.segments, (found / found[:, :1]).T, strict=True))


def _shares(given: Allocation) -> dict[str, dict[str, float]]:
    """Return each segment's share of decisions, and of audits under each plan."""
    columns = given.decisions.drop(columns=[CHALLENGER, CHAMPION])
    ones = given.decisions[CHALLENGER].to_numpy() * 0 + 1
    weights: Mapping[str, Floats] = {"decisions": ones} | {
        name: given.decisions[name].to_numpy() for name in (CHALLENGER, CHAMPION)
    }
    by = {name: share_by_segment(columns, weight) for name, weight in weights.items()}
    return {segment: {name: by[name][segment] for name in by} for segment in by["decisions"]}


def _burden(
    judged: Judged,
    share: Mapping[str, float],
    found: Floats | None,
    limits: SegmentLimits,
    comparisons: int,
) -> Judged:
    harm = None if found is None else interval(found, comparisons=comparisons)
    due = max(share["decisions"], 0.0 if harm is None else harm.value)
    most_due = max(share["decisions"], 0.0 if harm is None else harm.high)
    ours, theirs = share[CHALLENGER] / due, share[CHAMPION] / due
    worse = not share[CHAMPION] >= share[CHALLENGER]  # so also where there is no champion
    outcome = outcome_of(
        beyond=ours > limits.burden and worse, proven=share[CHALLENGER] / most_due > 1
    )
    reason = (
        f"gets {percent(share[CHALLENGER])} of audits for {percent(share['decisions'])} of "
        f"decisions and {percent(0.0 if harm is None else harm.value)} of the harm found: "
        f"{ours:.2f} times the larger; limit {limits.burden}"
    )
    return replace(
        judged,
        outcome=outcome,
        reason=reason + UNPROVEN[outcome],
        champion=theirs if theirs == theirs else None,
        challenger=ours,
        difference=ours - theirs if theirs == theirs else None,
        low=share[CHALLENGER] / most_due,
        limit=limits.burden,
    )


def _beside(theirs: float | None) -> str:
    return "" if theirs is None else f", the champion's {percent(theirs)}"
