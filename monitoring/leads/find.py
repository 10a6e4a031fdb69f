"""Finding leads: searched for on one half of the decisions, confirmed on the other, and back.

The decisions are halved by a hash of their item, so near-duplicates stay together. Each half is
searched; what looks bad there is tested on the audits of the other half, which had no say in its
choice. A segment is a lead where its rate is above that of the rest there by more than chance
explains, with all that were tested in both halves counted (Bonferroni): where errors concentrate
nowhere, the chance that anything is named is at most 5 %, however many segments were searched.
(Splitting before selecting: Cox 1975, "A note on data-splitting for the evaluation of significance
levels". Both ways round, so that no audit serves the choice alone.)

The probabilities of each day rest on audits of earlier days, so given one half the other's audits
still are without bias.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from features.history import group_names
from features.store import Store
from models.arrays import Flags
from models.bundle import Bundle
from models.estimate import AuditedFrame, Estimate, estimate_by, estimate_overturn_rate
from monitoring.leads.conditions import Condition, Describable, describable, in_words
from monitoring.leads.evidence import Reasoner, gather, raw_harm
from monitoring.leads.found import Evidence, Lead, Leads, kind_of
from monitoring.leads.search import LEAST_SURPRISE, Candidate, Searched, Sums, search, surprise_of
from monitoring.mover import combine
from monitoring.recalibrated import Recalibrated
from monitoring.severity import by_severity
from monitoring.standing import LEVEL, stricter_level

_REST = "rest"
_ROWS_A_BLOCK = 500_000


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """A segment that the other half bore out; `half` is that half."""

    conditions: tuple[Condition, ...]
    half: Flags


@dataclass(frozen=True, slots=True)
class _Half:
    """What one half showed, and what of it the other bore out."""

    searched: Searched
    confirmed: tuple[_Confirmed, ...]


@dataclass(frozen=True, slots=True)
class _Arranged:
    """A lead's decisions, without those of leads before it."""

    confirmed: _Confirmed
    rows: Flags
    apart_from: tuple[tuple[Condition, ...], ...]


def find_leads(
    recalibrated: Recalibrated,
    outcomes: pd.DataFrame,
    *,
    bundle: Bundle | None = None,
    store: Store | None = None,
) -> Leads:
    """Find where the errors of a period concentrate.

    Parameters
    ----------
    recalibrated
        The period.
    outcomes
        What audits noted beside the verdict: root causes and corrections.
    bundle, store
        The model, and the store that holds the decisions; with both, leads say what raised the
        risk. Null = no reasons.

    Raises
    ------
    EstimateError
        If the period holds no decision.
    """
    table, frame = recalibrated.table, recalibrated.frame()
    described = describable(table)
    halves = _halves(frame, described, first_half(table))
    found = [confirmed for half in halves for confirmed in half.confirmed]
    arranged = list(_arrange(Sums.of(frame), described, found))
    reasoner = None
    if arranged and bundle is not None and store is not None:
        reasoner = Reasoner.of(bundle, store, outcomes)
    evidence = [
        gather(table, each.rows, outcomes, conditions=each.confirmed.conditions, reasoner=reasoner)
        for each in arranged
    ]
    programme = estimate_overturn_rate(frame, level=LEVEL)
    leads = _tell(table, frame, list(zip(arranged, evidence, strict=True)), programme=programme)
    return Leads(
        leads=tuple(sorted(leads, key=lambda lead: (-lead.harm, lead.name))),
        programme=programme,
        segments=max(half.searched.segments for half in halves),
        tested=sum(len(half.searched.candidates) for half in halves),
        small_teams=described.small_teams,
        chance=round(1 - LEVEL, 9),
    )


def _halves(frame: AuditedFrame, described: Describable, first: Flags) -> list[_Half]:
    """Search each half, and confirm what it found on the other."""
    halves = []
    for half in (first, ~first):
        searched = search(frame, described, half)
        held = _confirm(frame, described, searched.candidates, ~half)
        confirmed = tuple(_Confirmed(candidate.conditions, ~half) for candidate in held)
        halves.append(_Half(searched, confirmed))
    return halves


def first_half(table: pd.DataFrame) -> Flags:
    """Return which decisions are of the first half, by a hash of what they are about.

    Examples
    --------
    >>> table = pd.DataFrame({"decision_id": ["a", "b", "c"], "item_id": ["x", "x", None]})
    >>> halves = first_half(table)
    >>> bool(halves[0] == halves[1])
    True
    """
    halves: Flags = np.empty(len(table), dtype=np.bool_)
    for start in range(0, len(table), _ROWS_A_BLOCK):
        rows = slice(start, start + _ROWS_A_BLOCK)
        hashed = pd.util.hash_array(group_names(table.iloc[rows]), categorize=False)
        halves[rows] = (hashed >> np.uint64(17)) % np.uint64(2) == 0
    return halves


def _confirm(
    frame: AuditedFrame,
    described: Describable,
    candidates: tuple[Candidate, ...],
    half: Flags,
) -> Iterator[Candidate]:
    """Yield the candidates whose rate is above that of the rest in audits not searched."""
    if not candidates or not frame.audited[half].any():
        return
    labels = np.full(int(half.sum()), _REST, dtype=object)
    for number in reversed(range(len(candidates))):  # the first to be found keeps its decisions
        labels[described.meets(candidates[number].conditions)[half]] = f"{number:02d}"
    estimates = {
        e.domain: e
        for e in estimate_by(_part(frame, half), labels, level=stricter_level(len(candidates)))
    }
    for number, candidate in enumerate(candidates):
        own = estimates.pop(f"{number:02d}", None)
        if own is not None and _above(own, list(estimates.values()), tested=len(candidates)):
            yield candidate


def _above(own: Estimate, rest: list[Estimate], *, tested: int) -> bool:
    """Whether a rate is above that of the rest, beyond the error of audits and chance in decisions.

    The intervals leave out 5 % over the number tested, on both sides: half of that above, in each
    of two halves.
    """
    size = sum(e.decisions for e in rest)
    if own.audits_needed or not own.audits or not size:
        return False
    shares = [e.decisions / size for e in rest]
    expected = combine(rest, shares)
    difference = combine([own, *rest], [1.0, *(-share for share in shares)])
    rate = min(max(expected.figure, 0.0), 1.0)
    scatter = rate * (1 - rate) * (1 / own.decisions + 1 / size)
    farthest = float(norm.ppf(1 - (1 - LEVEL) / 2 / tested))
    return difference.low > 0 and difference.figure > farthest * math.sqrt(
        difference.standard_error**2 + scatter
    )


def _arrange(sums: Sums, described: Describable, found: list[_Confirmed]) -> Iterator[_Arranged]:
    """Set the most surprising first and drop what is nothing beyond those before it."""
    waiting = {each.conditions: each for each in reversed(found)}
    left = np.ones(len(sums.predicted), dtype=bool)
    taken: list[tuple[Condition, ...]] = []
    while waiting:
        rows = {conditions: described.meets(conditions) for conditions in waiting}
        surprise = {name: surprise_of(sums, own, left) for name, own in rows.items()}
        best = max(waiting, key=lambda name: (surprise[name], name))
        if surprise[best] < LEAST_SURPRISE:
            return
        shared = [name for name in taken if (described.meets(name) & rows[best]).any()]
        yield _Arranged(waiting.pop(best), rows[best] & left, tuple(shared))
        left = left & ~rows[best]
        taken.append(best)


def _tell(
    table: pd.DataFrame,
    frame: AuditedFrame,
    arranged: list[tuple[_Arranged, Evidence]],
    *,
    programme: Estimate,
) -> list[Lead]:
    """Estimate each lead on the half that did not choose it."""
    if not arranged:
        return []
    labels = np.full(len(table), None, dtype=object)
    for number, (each, _) in enumerate(arranged):
        labels[each.rows & each.confirmed.half] = f"{number:02d}"
    estimates = estimate_by(frame, labels, level=LEVEL)
    severe = estimate_by(by_severity(frame, table), labels, level=LEVEL)
    harm, leads = raw_harm(table), []
    for estimate, weighted in zip(estimates, severe, strict=True):
        each, evidence = arranged[int(estimate.domain)]
        undone = weighted.overturn_rate * float(harm[each.rows].sum())
        leads.append(_lead(each, frame, estimate, evidence=evidence, harm=undone))
    errors = programme.overturn_rate * programme.decisions
    return [replace(lead, share_of_errors=_share(lead.errors, errors)) for lead in leads]


def _lead(
    arranged: _Arranged,
    frame: AuditedFrame,
    estimate: Estimate,
    *,
    evidence: Evidence,
    harm: float,
) -> Lead:
    rows, conditions = arranged.rows, arranged.confirmed.conditions
    size = int(rows.sum())
    return Lead(
        conditions=conditions,
        apart_from=arranged.apart_from,
        kind=kind_of(conditions),
        estimate=replace(estimate, domain=in_words(conditions)),
        decisions=size,
        audits=int(frame.audited[rows].sum()),
        overturns=int(np.nansum(frame.overturned[rows])),
        errors=estimate.overturn_rate * size,
        errors_low=estimate.low * size,
        errors_high=estimate.high * size,
        harm=harm,
        share_of_decisions=size / len(frame),
        share_of_errors=0.0,
        evidence=evidence,
    )


def _share(errors: float, of: float) -> float:
    return min(1.0, errors / of) if of > 0 else 0.0


def _part(frame: AuditedFrame, rows: Flags) -> AuditedFrame:
    return AuditedFrame(
        frame.overturn_probability[rows],
        frame.inclusion_probability[rows],
        frame.audited[rows],
        frame.overturned[rows],
    )
