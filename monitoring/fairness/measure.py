"""Fairness of a period, measured: the groups of every column, of moderation and of the model.

Rates and their intervals come from `models.estimate`, each group's under a recalibration of its own
(`monitoring.recalibrated`); this module asks for them at two levels and puts the parts together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Flags, Floats, total_by
from models.estimate import Estimate, estimate_at_levels, estimate_overturn_rate
from monitoring.fairness.at_cut import above_cut, measure_parity
from monitoring.fairness.columns import TENURE, Labelled, columns_of, label_groups, with_tenure
from monitoring.fairness.found import AtCut, Comparison, Fairness, Group, Rate
from monitoring.fairness.gaps import gaps_to_rest
from monitoring.fairness.model_side import burdens_of, calibration_of, capture_of
from monitoring.fairness.pooling import pool_rates
from monitoring.fairness.reopened import count_reopened
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL, stricter_level

KINDS = (None, "over_enforcement", "under_enforcement")
"""The kinds of error that groups are compared in; null = overturns of any direction."""


def measure_fairness(recalibrated: Recalibrated) -> Fairness:
    """Compare the groups of each column that holds two values or more.

    Parameters
    ----------
    recalibrated
        The period. Its frames are used and kept, so that other parts need not make them again.

    Raises
    ------
    EstimateError
        If the period holds no decision.
    """
    banded = with_tenure(recalibrated)
    columns = columns_of(banded.table)
    groups = sum(int(banded.table[column].nunique()) for column, _ in columns)
    risk = recalibrated.table["overturn_probability"].to_numpy(dtype=float)
    above = above_cut(risk, recalibrated.ranked.audits)
    look = _Look(recalibrated, banded, risk=risk, above=above, compared=len(KINDS) * groups)
    overturn, over, under = (
        estimate_overturn_rate(recalibrated.frame(direction=kind), level=LEVEL) for kind in KINDS
    )
    return Fairness(
        overturn=overturn,
        over=over,
        under=under,
        comparisons=tuple(_compare(look, column, title) for column, title in columns),
        compared=look.compared,
        cut_share=float(above.mean()),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What all comparisons of a period share.

    The frames of `period` are shared with other parts of a report; `banded` is the same with bands
    of tenure, and only those are asked of it.
    """

    period: Recalibrated
    banded: Recalibrated
    risk: Floats
    above: Flags
    compared: int

    @property
    def level(self) -> float:
        """Of each interval, so that all gaps hold together."""
        return stricter_level(self.compared)

    def holding(self, column: str) -> Recalibrated:
        """Return the period that has the column."""
        return self.banded if column == TENURE else self.period


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of error by group."""

    found: list[Estimate]
    strict: list[Estimate]
    rates: list[Rate]
    spread: float | None


def _compare(look: _Look, column: str, title: str) -> Comparison:
    labelled = label_groups(look.holding(column).table[column])
    overturn, over, under = (_measure_kind(look, kind, column, labelled) for kind in KINDS)
    enough = [n for n in range(labelled.groups) if _enough(overturn.found[n])]
    parity = measure_parity(look.period.frame(), look.above, labelled.codes, enough)
    at_cut = dict(zip(enough, parity.groups, strict=True))
    groups = _groups(look, labelled, (overturn, over, under), at_cut)
    return Comparison(
        column=column,
        title=title,
        groups=tuple(sorted(groups, key=_most_decisions_first)),
        unlabelled=labelled.unlabelled,
        spread=overturn.spread,
        parity_difference=parity.parity_difference,
        odds_difference=parity.odds_difference,
    )


def _measure_kind(look: _Look, kind: str | None, column: str, labelled: Labelled) -> _Kind:
    frame = look.holding(column).frame(direction=kind, column=column)
    found, strict = estimate_at_levels(frame, labelled.labels, (LEVEL, look.level))
    gaps = gaps_to_rest(found, strict, level=look.level)
    named = labelled.groups
    pooled, spread = pool_rates(found[:named])
    rates = [Rate(*parts) for parts in zip(found[:named], gaps[:named], pooled, strict=True)]
    return _Kind(found, strict, rates, spread)


def _groups(
    look: _Look, labelled: Labelled, kinds: tuple[_Kind, _Kind, _Kind], at_cut: dict[int, AtCut]
) -> list[Group]:
    overturn, over, under = kinds
    expected = _expected(look.risk, labelled)
    burdens = burdens_of(overturn.found)
    reopened = count_reopened(
        look.period.table, labelled.codes, len(labelled.names), level=look.level
    )
    return [
        Group(
            name=labelled.names[n],
            overturn=overturn.rates[n],
            over=over.rates[n],
            under=under.rates[n],
            calibration=calibration_of(
                overturn.found[n], overturn.strict[n], expected[n], compared=look.compared
            )
            if n in at_cut
            else None,
            capture=capture_of(overturn.found[n]) if n in at_cut else None,
            burden=burdens[n],
            at_cut=at_cut.get(n),
            reopened=reopened[n],
        )
        for n in range(labelled.groups)
    ]


def _expected(risk: Floats, labelled: Labelled) -> list[float]:
    """Return the mean of the model's own probability in each group."""
    sizes = np.bincount(labelled.codes, minlength=len(labelled.names))
    means: list[float] = (total_by(labelled.codes, risk, len(labelled.names)) / sizes).tolist()
    return means


def _enough(estimate: Estimate) -> bool:
    return bool(estimate.audits) and not estimate.audits_needed


def _most_decisions_first(group: Group) -> tuple[int, str]:
    return -group.overturn.estimate.decisions, group.name
