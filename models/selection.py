"""Which decisions to audit, and the chance that each had: exact, so that the figure is honest.

A closed batch takes the highest priorities. Given everyone else's numbers, a decision is taken if
and only if its own priority passes a threshold set by the others alone: for those taken, the first
priority left out; for those left out, the priority that they would have had to beat. Its inclusion
probability is the chance of passing that threshold (the argument of priority sampling: Duffield,
Lund and Thorup, 2007). Admission uses a threshold fixed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import BadValue, CapacityError, ContractError
from models.arrays import Flags, Floats, Positions, Texts
from models.plan_record import LEAST_RISK, Plan, bonus, minutes_of, variance_weight
from models.risk_frame import RiskFrame, check_risk, numbered_strata
from models.sampling_key import Numbers
from models.threshold import inclusion_probability

Codes: TypeAlias = npt.NDArray[np.int8]

REASONS = ("", "risk", "random", "minimum", "certain")
"""Why a decision was selected; the first stands for one that was not."""
_NO_STRATUM = -2
_NOT, _RISK, _RANDOM, _MINIMUM, _CERTAIN = range(len(REASONS))
LONGEST_TIMES_MEAN = 8.0
"""Where capacity is time, no audit is expected to take more than this many times the longest mean
of a stratum; one that did would have less than the uniform sample's chance of being in it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A draw; every array is in the order of the frame it was drawn from.

    Attributes
    ----------
    selected
        True where the decision is to be audited.
    priority
        ``harm + eta c / u**2``, per minute where capacity is time; higher first.
    rank
        1 for the highest priority; ties by decision id.
    inclusion_probability
        Chance of being selected, in (0, 1].
    threshold
        What the priority had to pass, per row; 0 where nothing was left out.
    reason_codes
        Places in `REASONS`: ``certain`` (chance 1), ``minimum`` (taken for its stratum's minimum),
        ``random`` (in the embedded uniform sample), ``risk``; empty where not selected.
    random_audit
        True in the embedded uniform sample: every decision of the frame had the same chance,
        ``uniform_probability``, of being in it, so that plain counting over it checks the
        weighted figure.
    common_threshold
        Priority above which any decision was taken, whatever its stratum's minimum: the first one
        left out of a batch (0 where none was), or the threshold of admission.
    """

    selected: Flags
    priority: Floats
    rank: Positions
    inclusion_probability: Floats
    threshold: Floats
    reason_codes: Codes
    random_audit: Flags
    uniform_probability: float
    common_threshold: float

    @property
    def reason(self) -> Texts:
        """Return the reasons as text."""
        return np.array(REASONS, dtype=object)[self.reason_codes]


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a draw works on; priorities and thresholds are per unit of cost."""

    harm: Floats
    price: Floats
    cost: Floats
    uniform: Floats
    priority: Floats
    order: Positions

    def chance(self, threshold: float | Floats) -> Floats:
        return inclusion_probability(self.harm, self.price, threshold * self.cost)


def select_batch(risk: RiskFrame, *, plan: Plan, key: Numbers, capacity: float) -> Selection:
    """Select the audits of one closed batch, with exact inclusion probabilities.

    Parameters
    ----------
    key
        One key, or the ring of keys under which the decisions were first offered.
    capacity
        Audits, or minutes where the plan's capacity is time. Minutes are spent down the ranking
        and stop at the first audit that does not fit.

    Raises
    ------
    CapacityError
        The plan's minimums alone exceed the capacity, or leave the other strata no chance.
    ContractError
        A risk is null, negative or impossible, or a decision id is repeated.

    Examples
    --------
    >>> from models.plan import fit_plan
    >>> from models.sampling_key import SamplingKey
    >>> p = np.random.default_rng(0).beta(1, 15, 1000)
    >>> ids = np.array([f"d-{i}" for i in range(1000)])
    >>> risk = RiskFrame(ids, p, p, np.array(["spam"] * 1000))
    >>> plan = fit_plan(risk, capacity=50, key_id="k1")
    >>> drawn = select_batch(risk, plan=plan, key=SamplingKey("k1", bytes(32)), capacity=50)
    >>> int(drawn.selected.sum()), bool(drawn.inclusion_probability.min() > 0)
    (50, True)
    """
    check_risk(risk)
    draw = _prepare(risk, plan, key)
    if draw.cost.sum() <= capacity:
        return _everything(draw)
    quota, quota_entry, quota_exit = _quotas(draw, risk, plan)
    left = capacity - float(draw.cost[quota].sum())
    _check_capacity(risk, plan, draw.cost, capacity)
    filled, first_left_out, beaten = _fill(draw, ~quota, left)
    selected = quota | filled
    threshold = np.where(
        selected, np.minimum(first_left_out, quota_exit), np.minimum(beaten, quota_entry)
    )
    return _selection(draw, selected, threshold, quota & ~(draw.priority > first_left_out))


def select_admission(
    risk: RiskFrame, *, plan: Plan, key: Numbers, threshold: float | None = None
) -> Selection:
    """Select each decision on its own: audit if its priority passes a threshold fixed beforehand.

    Parameters
    ----------
    threshold
        The plan's where null. It may move only on the past, never on the decisions offered.

    Examples
    --------
    >>> from models.plan import fit_plan
    >>> from models.sampling_key import SamplingKey
    >>> p = np.random.default_rng(0).beta(1, 15, 1000)
    >>> ids = np.array([f"d-{i}" for i in range(1000)])
    >>> risk = RiskFrame(ids, p, p, np.array(["spam"] * 1000))
    >>> plan = fit_plan(risk, capacity=50, key_id="k1")
    >>> drawn = select_admission(risk, plan=plan, key=SamplingKey("k1", bytes(32)))
    >>> round(float(drawn.inclusion_probability.sum()), 6)
    50.0
    """
    check_risk(risk)
    draw = _prepare(risk, plan, key)
    common = plan.threshold if threshold is None else threshold
    own = stratum_thresholds(plan, risk.stratum)
    limit = np.minimum(common, own)
    chance = draw.chance(limit)
    selected = draw.uniform < chance
    uniform_probability = _least_chance(plan, common)
    return _finish(
        draw,
        selected=selected,
        threshold=limit,
        chance=chance,
        for_minimum=selected & ~(draw.priority > common),
        uniform_probability=uniform_probability,
        common_threshold=common,
    )


def _prepare(risk: RiskFrame, plan: Plan, key: Numbers) -> _Draw:
    uniform = key.numbers(risk.decision_ids)
    harm = np.asarray(risk.expected_harm, dtype=np.float64)
    price = bonus(plan, np.asarray(risk.overturn_probability, np.float64), risk.stratum)
    cost = minutes_of(plan, risk)
    priority = (harm + price / uniform**2) / cost
    order = _ranking(priority, risk.decision_ids)
    _check_ids(uniform, risk.decision_ids)
    return _Draw(harm, price, cost, uniform, priority, order)


def _ranking(priority: Floats, decision_ids: Texts) -> Positions:
    """Positions by descending priority; only rows that tie are compared by id."""
    order = np.argsort(-priority)
    alike = _runs(priority[order])
    if len(alike):
        rows = order[alike]
        texts = np.asarray(decision_ids.take(rows), dtype=str)
        order[alike] = rows[np.lexsort((texts, -priority[rows]))]
    return order


def _runs(in_order: Floats) -> Positions:
    """Return the places of an ordered array whose value stands beside them again."""
    same = np.flatnonzero(in_order[1:] == in_order[:-1])
    return np.union1d(same, same + 1)


def _check_ids(uniform: Floats, decision_ids: Texts) -> None:
    """Refuse a repeated id; equal ids have equal numbers, and numbers are quicker to compare."""
    in_order = np.sort(uniform)
    alike = in_order[_runs(in_order)]
    if not len(alike):
        return
    rows = np.flatnonzero(np.isin(uniform, alike))
    texts = np.asarray(decision_ids.take(rows), dtype=object)
    repeated = np.flatnonzero(pd.Series(texts).duplicated())
    if len(repeated):
        raise ContractError(
            "risk",
            [
                BadValue(
                    int(rows[place]), "decision_ids", repr(str(texts[place])), "an id not repeated"
                )
                for place in repeated
            ],
        )


def _everything(draw: _Draw) -> Selection:
    """Take the whole batch: the capacity covers it."""
    rows = len(draw.harm)
    return _selection(
        draw, np.ones(rows, np.bool_), np.zeros(rows), for_minimum=np.zeros(rows, np.bool_)
    )


def _quotas(draw: _Draw, risk: RiskFrame, plan: Plan) -> tuple[Flags, Floats, Floats]:
    """Take the m_g highest priorities of each stratum with a minimum.

    Returns who they are; per row the priority that an outsider of the stratum would have had to
    beat to be among them; and the one below which an insider would have dropped out (infinite
    where the stratum has no minimum, 0 where it is taken whole).
    """
    rows = len(draw.harm)
    taken = np.zeros(rows, np.bool_)
    entry, leave = np.full(rows, np.inf), np.full(rows, np.inf)
    numbers, names = numbered_strata(risk.stratum)
    in_order = numbers[draw.order]
    for name, each in plan.strata.items():
        if not each.minimum:
            continue
        members = draw.order[in_order == names.get(name, _NO_STRATUM)]
        taken[members[: each.minimum]] = True
        whole = len(members) <= each.minimum
        entry[members] = 0.0 if whole else draw.priority[members[each.minimum - 1]]
        leave[members] = 0.0 if whole else draw.priority[members[each.minimum]]
    return taken, entry, leave


def _fill(draw: _Draw, pool: Flags, budget: float) -> tuple[Flags, float, Floats]:
    """Spend the budget down the pool's ranking, stopping at the first that does not fit.

    Returns who was taken, the first priority left out, and per row the priority that it would
    have had to beat (infinite where even alone it would not fit).
    """
    queue = draw.order[pool[draw.order]]
    spent = np.cumsum(draw.cost[queue])
    taken = np.zeros(len(pool), np.bool_)
    count = int(np.searchsorted(spent, budget + 1e-9, side="right"))
    taken[queue[:count]] = True
    first_left_out = float(draw.priority[queue[count]]) if count < len(queue) else 0.0
    position = np.searchsorted(spent, budget + 1e-9 - draw.cost, side="right")
    ranked = np.append(draw.priority[queue], 0.0)
    beaten = np.where(draw.cost > budget + 1e-9, np.inf, ranked[np.minimum(position, len(queue))])
    return taken, first_left_out, beaten


def _check_capacity(risk: RiskFrame, plan: Plan, cost: Floats, capacity: float) -> None:
    """Refuse a capacity that the minimums may exceed, or after which some would have no chance.

    Judged on the frame, not on the draw: a refusal must not depend on the random numbers.
    """
    numbers, names = numbered_strata(risk.stratum)
    needed, without = 0.0, np.ones(len(cost), np.bool_)
    for name, each in plan.strata.items():
        if each.minimum:
            rows = numbers == names.get(name, _NO_STRATUM)
            needed += float(np.sort(cost[rows])[::-1][: each.minimum].sum())
            without &= ~rows
    unit = "audits" if plan.capacity_minutes is None else "minutes"
    if needed > capacity + 1e-9:
        raise CapacityError(
            f"The minimums alone need {needed:,.0f} {unit}, {needed - capacity:,.0f} more than the "
            f"capacity of {capacity:,.0f}. Raise the capacity or lower the minimums."
        )
    longest = float(cost[without].max()) if without.any() else 0.0
    if needed + longest > capacity + 1e-9:
        raise CapacityError(
            f"After the minimums ({needed:,.0f} {unit}) the capacity of {capacity:,.0f} leaves "
            f"{capacity - needed:,.1f}, and {int(without.sum()):,} decisions of other strata need "
            f"up to {longest:,.1f} each: some would have no chance of an audit. Raise the capacity "
            f"by {needed + longest - capacity:,.1f} or lower the minimums."
        )


def _selection(draw: _Draw, selected: Flags, threshold: Floats, for_minimum: Flags) -> Selection:
    """Complete a closed batch; the uniform sample is the rows with u below every row's chance.

    Its bound uses the first priority left out, which, given that a row is below the bound, is set
    by the other rows alone: each row's chance of being in it is then the bound itself.
    """
    left_out = draw.priority[~selected]
    first_left_out = float(left_out.max()) if len(left_out) else 0.0
    bound = draw.chance(first_left_out)
    return _finish(
        draw,
        selected=selected,
        threshold=threshold,
        chance=draw.chance(threshold),
        for_minimum=for_minimum,
        uniform_probability=float(bound.min()) if len(bound) else 1.0,
        common_threshold=first_left_out,
    )


def _finish(
    draw: _Draw,
    *,
    selected: Flags,
    threshold: Floats,
    chance: Floats,
    for_minimum: Flags,
    uniform_probability: float,
    common_threshold: float,
) -> Selection:
    random_audit = selected & (draw.uniform < uniform_probability)
    reason = np.full(len(selected), _RISK, dtype=np.int8)
    reason[random_audit] = _RANDOM
    reason[for_minimum] = _MINIMUM
    reason[chance >= 1.0] = _CERTAIN
    reason[~selected] = _NOT
    rank = np.empty(len(draw.order), dtype=np.int64)
    rank[draw.order] = np.arange(1, len(draw.order) + 1)
    return Selection(
        selected=selected,
        priority=draw.priority,
        rank=rank,
        inclusion_probability=chance,
        threshold=threshold,
        reason_codes=reason,
        random_audit=random_audit,
        uniform_probability=uniform_probability,
        common_threshold=common_threshold,
    )


def stratum_thresholds(plan: Plan, stratum: Texts) -> Floats:
    """Return each row's own threshold under admission; infinite where its stratum has none."""
    own = {name: each.threshold for name, each in plan.strata.items() if each.threshold is not None}
    if not own:
        return np.full(len(stratum), np.inf)
    numbers, names = numbered_strata(stratum)
    limits = np.array([own.get(name, np.inf) for name in names] + [np.inf])
    return limits[numbers]  # a null stratum has the number -1 and so takes the last


def _least_chance(plan: Plan, threshold: float) -> float:
    """Bound every chance that the plan can give from below, the same in every admission."""
    names = np.array([*plan.strata, ""], dtype=object)
    weight = variance_weight(plan, np.full(len(names), LEAST_RISK), names, plan.smoothing)
    means = [each.minutes for each in plan.strata.values() if each.minutes is not None]
    longest = LONGEST_TIMES_MEAN * max(means, default=1.0) if plan.capacity_minutes else 1.0
    nothing = np.zeros(1)
    price = np.array([plan.eta * float(weight.min())])
    return float(inclusion_probability(nothing, price, threshold * longest)[0])
