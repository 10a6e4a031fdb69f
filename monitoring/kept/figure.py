"""A figure from days that come as sums and audited rows.

A day's risk is recalibrated on the audits of earlier days of the same model, by value where the
figure is by a column, as `monitoring.recalibrated` does with rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.kept_sums import DAY, OVERTURN, SEVERITY, WHOLE, SumKey
from models.arrays import Floats, Texts
from models.estimate import AuditedFrame, Estimate
from models.kept_estimate import KeptPart, estimate_kept_by
from models.recalibration import (
    IDENTITY,
    DomainRecalibration,
    fit_recalibration,
    fit_recalibration_by,
)
from monitoring.kept.day_sums import DaySums
from monitoring.standing import LEVEL

STEPS = {DAY: "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
"""Spans of the decision that figures can be by, and how they are named."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What is to be estimated.

    Attributes
    ----------
    what
        ``overturn_probability`` (any overturn), a direction, or ``severity``.
    column
        Whose sums are read.
    label
        The name under which a label of that column is published; null = towards the whole alone.
    by_value
        Whether each label has a recalibration of its own.
    """

    what: str
    column: str
    label: Callable[[str | None], str | None]
    by_value: bool

    @staticmethod
    def of(by: str | None, what: str) -> Figure:
        """Return the figure of the whole (`by` null), by a step of time, or by a column."""
        if by is None:
            return Figure(what, WHOLE, lambda label: "all", False)
        if by in STEPS:
            form = STEPS[by]
            return Figure(what, DAY, lambda label: _step(label, form), False)
        return Figure(what, by, lambda label: label, True)


def estimate_figure(
    days: Sequence[DaySums], figure: Figure, *, first: int | None = None
) -> tuple[Estimate, ...]:
    """Estimate a figure over the days from the first on, sorted by label.

    Parameters
    ----------
    days
        In any order, several of one day too; of those before the first only audits are used.
    first
        Of ranking, counted from 1970; null = all are of the period.
    """
    inside = [each for each in days if first is None or each.day >= first]
    audits = _judged(_joined([each.audits for each in days]), figure)
    parts: list[KeptPart] = []
    risk = audits["risk"].to_numpy(dtype=float).copy()
    own = _own(audits, "own")
    for day, model in _days_and_models(inside):
        fitted = _fit(audits, day, model, by_value=figure.by_value)
        of_day = [each for each in inside if each.day == day]
        parts += _parts(of_day, model, fitted=fitted, figure=figure)
        rows = ((audits["ranked_on"] == day) & (audits["model_version"] == model)).to_numpy()
        risk[rows] = fitted.apply(risk[rows], own[rows])
    counted = audits["ranked_on"].isin([each.day for each in inside]).to_numpy()
    frame = _frame(audits[counted], risk[counted], severe=figure.what == SEVERITY)
    labels = np.array([figure.label(name) for name in own[counted]], dtype=object)
    return tuple(estimate_kept_by(parts, frame, labels, level=LEVEL))


def _joined(audits: Sequence[pd.DataFrame]) -> pd.DataFrame:
    some = [each for each in audits if len(each)]
    return pd.concat(some, ignore_index=True) if some else audits[0]


def _step(label: str | None, form: str) -> str | None:
    return None if label is None else date.fromisoformat(label).strftime(form)


def _judged(audits: pd.DataFrame, figure: Figure) -> pd.DataFrame:
    """Return the audits with the risk and finding that count, and their own label."""
    risk = OVERTURN if figure.what == SEVERITY else figure.what
    hits = DIRECTIONS if risk == OVERTURN else (risk,)
    found = audits["verdict"].isin(hits).astype(float)
    return audits.assign(risk=audits[risk], found=found, own=_own(audits, figure.column))


def _own(audits: pd.DataFrame, column: str) -> Texts:
    if column not in audits:
        return np.full(len(audits), None, dtype=object)
    own = audits[column]
    return np.asarray(own.astype(object).where(own.notna(), None).to_numpy(dtype=object))


def _days_and_models(days: Sequence[DaySums]) -> Iterator[tuple[int, str]]:
    found = {(each.day, key.model_version) for each in days for key in each.sums}
    yield from sorted(found)


def _fit(audits: pd.DataFrame, day: int, model: str, *, by_value: bool) -> DomainRecalibration:
    """Fit on the audits of what the model ranked on days before."""
    past = audits[(audits["ranked_on"] < day) & (audits["model_version"] == model)]
    if not len(past):
        return DomainRecalibration(IDENTITY, {})
    p, y, pi = (
        past[name].to_numpy(dtype=float) for name in ("risk", "found", "inclusion_probability")
    )
    if by_value:
        return fit_recalibration_by(p, y, pi, domain=past["own"].to_numpy(dtype=object))
    return DomainRecalibration(fit_recalibration(p, y, pi), {})


def _parts(
    days: Sequence[DaySums], model: str, *, fitted: DomainRecalibration, figure: Figure
) -> Iterator[KeptPart]:
    for each in days:
        own = {
            key: sums
            for key, sums in each.sums.items()
            if key.model_version == model and key.what == figure.what
        }
        for key in _keys(own, figure.column):
            label = key.label if key.column == figure.column else None
            fit = fitted.by_domain.get(str(label), fitted.whole)
            yield KeptPart(figure.label(label), own[key], fit, each.finished_share)


def _keys(sums: Iterable[SumKey], column: str) -> list[SumKey]:
    """Return the keys of a column; of the whole where no decision has the column."""
    keys = list(sums)
    by_column = [key for key in keys if key.column == column]
    return by_column or [key for key in keys if key.column == WHOLE]


def _frame(audits: pd.DataFrame, risk: Floats, *, severe: bool) -> AuditedFrame:
    return AuditedFrame(
        overturn_probability=risk,
        inclusion_probability=audits["inclusion_probability"].to_numpy(dtype=float),
        audited=np.ones(len(audits), dtype=bool),
        overturned=audits["found"].to_numpy(dtype=float),
        severity=audits["harm"].to_numpy(dtype=float) if severe else None,
    )
