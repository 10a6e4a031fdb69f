"""Gates on what a plan would audit: nobody out of sight, and nobody audited beyond measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from scipy.special import ndtri

from models.arrays import Floats
from training.bootstrap import EVERYTHING, Interval, interval, totals
from training.compare import CHALLENGER, CHAMPION, Allocation, Comparison
from training.evidence import (
    UNPROVEN,
    Evidence,
    evidence_of,
    known,
    outcome_of,
    percent,
    share_by_segment,
    too_few,
)
from training.gates import Gates, Judged, ModelLimits, Outcome, SegmentLimits

_HARDLY = 0.1
"""A chance below this part of the capacity is hardly one."""
_UNSEEN = Interval(0.0, 0.0, 1.0)
"""Share of the harm of a segment of which no audit is known: it may be any."""


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
    """Judge how many decisions hardly have a chance of an audit, against the champion's plan.

    How many there should be at most is the dial's to say; a champion at the same dial tells.
    """
    floor = _HARDLY * given.capacity
    ours = float((given.decisions[CHALLENGER] < floor).mean())
    theirs = float((given.decisions[CHAMPION] < floor).mean()) if given.has_champion else None
    more = 0.0 if theirs is None else ours - theirs
    outcome = Outcome.FAILED if more > limits.uncovered else Outcome.PASSED
    return Judged(
        "coverage",
        EVERYTHING,
        Outcome.UNKNOWN if theirs is None else outcome,
        f"its plan gives {percent(ours)} of decisions a chance of an audit below {percent(floor)}"
        f"{_beside(theirs)}; limit {percent(limits.uncovered)} more than the champion's",
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
    """Judge each segment's share of audits against what its size and its errors call for."""
    evidence = evidence_of(comparison.rows, comparison.segments)
    lacking = too_few(evidence.audits()[0], evidence.overturns()[0], gates.model)
    audits = dict(zip(evidence.sample.segments, evidence.audits(), strict=True))
    shares = _shares(given)
    del shares[EVERYTHING]
    due = _due(evidence, comparisons=len(shares), seed=seed)
    for name, share in shares.items():
        judged = Judged("burden", name, Outcome.UNKNOWN, "", audits=int(audits.get(name, 0)))
        reason = lacking or _small(share["decisions"], given, gates.segments)
        if name in {f"policy = {policy}" for policy in given.minimums}:
            why = "policies.toml sets its least audits"
            yield replace(judged, outcome=Outcome.PASSED, reason=why)
        elif reason is not None:
            yield replace(judged, reason=reason)
        else:
            yield _burden(judged, share, due.get(name, _UNSEEN), gates.segments)


def _due(evidence: Evidence, *, comparisons: int, seed: int) -> dict[str, Interval]:
    """Return each segment's share of the harm: of all that was found, or of what the plan finds.

    The larger counts. Audits go where harm is foreseen: a segment whose errors are easy to see
    rightly gets more of them than its share of all errors. The high end is never below that of a
    segment of which not one error was found (Wilson's interval).
    """
    harm, chance = evidence.column("harm_found"), evidence.column(f"{CHALLENGER}_inclusion")
    z = ndtri(1 - 0.05 / (2 * comparisons))
    least = float(z**2 / (evidence.sample.effective(harm)[0] + z**2))
    kinds = totals(evidence.sample, lambda w: (w * harm, w * harm * chance), seed=seed)
    shares = [total[total[:, 0] > 0] / total[total[:, 0] > 0][:, :1] for total in kinds]
    due = {}
    for place, name in enumerate(evidence.sample.segments):
        each = [interval(share[:, place], comparisons=comparisons) for share in shares]
        value, high = max(e.value for e in each), max(e.high for e in each)
        due[name] = Interval(value, value, max(high, least))
    return due


def _small(share: float, given: Allocation, limits: SegmentLimits) -> str | None:
    """Return in words that too few of the latest decisions are of a segment; null where enough."""
    count = share * len(given.decisions)
    if count >= limits.fewest_audits:
        return None
    return (
        f"too few to judge: {count:.0f} of the latest {len(given.decisions):,} decisions; expected "
        f"at least {limits.fewest_audits:,}"
    )


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
    judged: Judged, share: Mapping[str, float], harm: Interval, limits: SegmentLimits
) -> Judged:
    due, most_due = (max(share["decisions"], each) for each in (harm.value, harm.high))
    ours, theirs = share[CHALLENGER] / due, share[CHAMPION] / due
    worse = not share[CHAMPION] >= share[CHALLENGER]  # so also where there is no champion
    outcome = outcome_of(
        beyond=ours > limits.burden and worse, proven=share[CHALLENGER] / most_due > 1
    )
    reason = (
        f"gets {percent(share[CHALLENGER])} of audits for {percent(share['decisions'])} of "
        f"decisions and {percent(harm.value)} of the harm: {ours:.2f} times the larger; limit "
        f"{limits.burden}"
    )
    return replace(
        judged,
        outcome=outcome,
        reason=reason + UNPROVEN[outcome],
        champion=known(theirs),
        challenger=ours,
        difference=known(ours - theirs),
        low=known(share[CHALLENGER] / most_due),
        limit=limits.burden,
    )


def _beside(theirs: float | None) -> str:
    return "" if theirs is None else f", the champion's {percent(theirs)}"
