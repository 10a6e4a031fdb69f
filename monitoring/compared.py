"""Two periods compared: what changed beyond chance, and whether the mix or the work did it.

Each figure of each period is that of `models.estimate`, the same as on the pages of its report. The
interval of a difference comes from the two intervals (`monitoring.mover`), which takes the periods
to be independent: they must not share a decision. Groups are compared at the level at which all of
them hold together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from features.contract import DIRECTIONS
from features.errors import EstimateError
from models.arrays import Texts
from models.estimate import Estimate, estimate_by, estimate_overturn_rate
from models.planner import sample_size
from monitoring.compared_found import Change, Compared, Decomposition, Part, Work
from monitoring.labels import labels_of
from monitoring.mover import combine
from monitoring.ranked import Ranked, latest_findings, ranked_of
from monitoring.recalibrated import Recalibrated, ranked_days
from monitoring.severity import by_severity
from monitoring.standing import LEVEL, stricter_level

POINT = 0.01
"""The change for which the audits needed are told."""
NO_VALUE = "(no value)"
_MOST_MOVED = 3
_TIMED_SHARE = 0.9
_LEAST_RATE, _MOST_RATE = 0.001, 0.95

_Estimator = Callable[[Recalibrated, float], list[Estimate]]


def compare_periods(
    earlier: Recalibrated, later: Recalibrated, *, outcomes: pd.DataFrame | None = None
) -> Compared:
    """Compare two periods.

    Parameters
    ----------
    earlier, later
        The periods, each with what it is recalibrated on.
    outcomes
        Audits with their ``minutes``, for the hours; null = hours not known.

    Raises
    ------
    EstimateError
        If the periods share a decision, or one has no finished audit.
    """
    _refuse(earlier, later)
    groups = {name: _groups(earlier, later, name) for name in ("policy", "language")}
    compared = sum(len(names) for names in groups.values())
    overall = _change(earlier, later, _whole, name="all", of="accuracy")
    return Compared(
        overall=overall,
        severity=_change(earlier, later, _by_severity, name="by severity", of="accuracy"),
        directions=tuple(
            _change(earlier, later, _of_direction(direction), name=direction, of="error rate")
            for direction in DIRECTIONS
        ),
        policies=tuple(_by_group(earlier, later, "policy", groups["policy"], compared)),
        languages=tuple(_by_group(earlier, later, "language", groups["language"], compared)),
        groups=compared,
        decompositions=tuple(
            _decompose(earlier, later, name) for name, values in groups.items() if len(values) > 1
        ),
        work=(_work(earlier, outcomes), _work(later, outcomes)),
        audits_for_a_point=_audits_for_a_point(overall),
    )


def only_new(later: Ranked, earlier: Ranked) -> Ranked:
    """Leave out of a period what had been ranked in the one before it.

    A decision that is offered again counts for the period that ranked it first: whether it was
    offered again may hang on whether it was audited, and what was left out of the earlier period
    for that would bend its figure.

    Raises
    ------
    EstimateError
        If nothing is left.
    """
    again = later.table["decision_id"].isin(earlier.table["decision_id"])
    if again.all():
        raise EstimateError(
            "compare: every decision of the later period was ranked in the earlier one; choose "
            "periods of which one ends before the other begins"
        )
    if not again.any():
        return later
    return ranked_of(later.table[~again].reset_index(drop=True), later.audits_beside)


def _refuse(earlier: Recalibrated, later: Recalibrated) -> None:
    for name, period in (("earlier", earlier), ("later", later)):
        if not period.ranked.audits:
            raise EstimateError(
                f"compare: none of the {period.ranked.selected:,} selected decisions of the {name} "
                "period has an audit outcome; store the outcomes first (`secondlook outcomes`)"
            )
    shared = int(later.table["decision_id"].isin(earlier.table["decision_id"]).sum())
    if shared:
        raise EstimateError(
            f"compare: {shared:,} decisions were ranked in both periods, so these are not "
            "independent; leave them out of the later one, or choose other periods"
        )


def _whole(period: Recalibrated, level: float) -> list[Estimate]:
    return [estimate_overturn_rate(period.frame(), level=level)]


def _by_severity(period: Recalibrated, level: float) -> list[Estimate]:
    return [estimate_overturn_rate(by_severity(period.frame(), period.table), level=level)]


def _of_direction(direction: str) -> _Estimator:
    def estimate(period: Recalibrated, level: float) -> list[Estimate]:
        return [estimate_overturn_rate(period.frame(direction=direction), level=level)]

    return estimate


def _change(
    earlier: Recalibrated, later: Recalibrated, estimator: _Estimator, *, name: str, of: str
) -> Change:
    before, after = (
        replace(estimator(period, LEVEL)[0], domain=name) for period in (earlier, later)
    )
    return _judged(Change(name, of, before, after, None, None, None, ""), (before, after), 1)


def _judged(change: Change, strict: tuple[Estimate, Estimate], compared: int) -> Change:
    """Give the difference, from estimates at the level that the number compared asks for.

    A handful of decisions that were all audited have rates without an error; that they differ can
    still be chance. So the scatter of decisions counts beside that of audits for the verdict, and
    not for the interval, which is of the difference between these decisions.
    """
    sign = -1.0 if change.of == "accuracy" else 1.0
    found = combine(strict, (-sign, sign))
    sizes = [estimate.decisions for estimate in strict]
    pooled = sum(e.overturn_rate * e.decisions for e in strict) / sum(sizes)
    scatter = pooled * (1 - pooled) * sum(1 / size for size in sizes)
    farthest = float(norm.ppf(1 - (1 - LEVEL) / 2 / compared))
    clear = abs(found.figure) > farthest * math.sqrt(found.standard_error**2 + scatter)
    if any(estimate.audits_needed or not estimate.audits for estimate in strict):
        verdict = "too few audits"
    elif clear and (found.low > 0 or found.high < 0):
        verdict = "rose" if found.figure > 0 else "fell"
    else:
        verdict = "no clear change"
    return replace(change, difference=found.figure, low=found.low, high=found.high, verdict=verdict)


def _groups(earlier: Recalibrated, later: Recalibrated, column: str) -> list[str]:
    """Return the values that both periods have, where both have the column."""
    if column not in earlier.table or column not in later.table:
        return []
    values = [set(period.table[column].dropna().astype(str)) for period in (earlier, later)]
    return sorted(values[0] & values[1])


def _by_group(
    earlier: Recalibrated, later: Recalibrated, column: str, both: list[str], compared: int
) -> Iterator[Change]:
    """Yield every group of either period, those of most decisions first."""
    if column not in earlier.table or column not in later.table:
        return
    strict = stricter_level(compared)
    plain, stricter = (
        [_estimates(period, column, level) for period in (earlier, later)]
        for level in (LEVEL, strict)
    )
    size = {
        name: sum(found[name].decisions for found in plain if name in found)
        for name in {*plain[0], *plain[1]}
    }
    for name in sorted(size, key=lambda group: (-size[group], group)):
        before, after = plain[0].get(name), plain[1].get(name)
        change = Change(name, "accuracy", before, after, None, None, None, "too few audits")
        if name in both:
            change = _judged(change, (stricter[0][name], stricter[1][name]), compared)
        yield change


def _estimates(period: Recalibrated, column: str, level: float) -> dict[str, Estimate]:
    found = estimate_by(period.frame(column=column), labels_of(period.table[column]), level=level)
    return {estimate.domain: estimate for estimate in found}


def _decompose(earlier: Recalibrated, later: Recalibrated, column: str) -> Decomposition:
    """Part the change into mix and rate: each at the mean of both periods of the other."""
    found = [_of_labels(period, column) for period in (earlier, later)]
    names = sorted({*found[0], *found[1]})
    shares = np.array([_shares(each, names) for each in found])
    moved, mean = shares[1] - shares[0], shares.mean(axis=0)
    mix: list[tuple[Estimate, float]] = []
    rate: list[tuple[Estimate, float]] = []
    for place, name in enumerate(names):
        present = [each[name] for each in found if name in each]
        mix += [(estimate, -float(moved[place]) / len(present)) for estimate in present]
        if len(present) == 2:
            weight = float(mean[place])
            rate += [(present[0], weight), (present[1], -weight)]
    order = np.argsort(-np.abs(moved), kind="stable")[:_MOST_MOVED]
    return Decomposition(
        column=column,
        mix=_part(mix),
        rate=_part(rate),
        moved=tuple(
            (names[place], float(shares[0, place]), float(shares[1, place])) for place in order
        ),
    )


def _of_labels(period: Recalibrated, column: str) -> dict[str, Estimate]:
    """Estimate each value, null ones too, under one recalibration: their mean is the whole."""
    found = estimate_by(period.frame(), _labels(period, column), level=LEVEL)
    return {estimate.domain: estimate for estimate in found}


def _shares(found: dict[str, Estimate], names: list[str]) -> list[float]:
    total = sum(estimate.decisions for estimate in found.values())
    return [found[name].decisions / total if name in found else 0.0 for name in names]


def _part(weighted: list[tuple[Estimate, float]]) -> Part:
    found = combine([e for e, _ in weighted], [weight for _, weight in weighted])
    return Part(found.figure, found.low, found.high)


def _labels(period: Recalibrated, column: str) -> Texts:
    labels = np.array(labels_of(period.table[column]), dtype=object)
    labels[pd.isna(labels)] = NO_VALUE
    return labels


def _work(period: Recalibrated, outcomes: pd.DataFrame | None) -> Work:
    table, days = period.table, ranked_days(period.table)
    first, last = (str(np.datetime64(int(day), "D")) for day in (days.min(), days.max()))
    audited = table.loc[table["audited"].to_numpy(dtype=bool), "decision_id"]
    return Work(
        first=first,
        last=last,
        decisions=len(table),
        audits=period.ranked.audits,
        errors_found=int(table["overturned"].sum()),
        hours=None if outcomes is None else _hours(audited, outcomes),
    )


def _hours(audited: pd.Series, outcomes: pd.DataFrame) -> float | None:
    """Return the hours of these audits; the few without minutes are taken to be as long."""
    if "minutes" not in outcomes:
        return None
    own = latest_findings(outcomes[outcomes["decision_id"].isin(audited)], "audit")
    minutes = own["minutes"].dropna().astype(float)
    if len(minutes) < _TIMED_SHARE * len(audited):
        return None
    return float(minutes.mean()) * len(audited) / 60


def _audits_for_a_point(overall: Change) -> int | None:
    """Return the audits that a change of 1 point needs, at the later period's efficiency."""
    later = overall.later
    if later is None or later.audits_needed or not later.effective_audits:
        return None
    rate = min(max(later.overturn_rate, _LEAST_RATE), _MOST_RATE)
    ratio = math.sqrt(later.audits / later.effective_audits)
    return sample_size(rate, POINT, ratio=ratio)
