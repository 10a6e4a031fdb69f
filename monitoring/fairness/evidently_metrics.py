"""Fairness as Evidently metrics, so that it stands in Evidently's reports and in its workspace.

Evidently has no fairness metric of its own. These put the figures of `monitoring.fairness.measure`
into a report: one metric a column and figure, with a value a group, so that a dashboard can draw a
group over time. They do not compute from the rows that the report is run on: those are a sample,
and the figures are of all decisions, weighted by one over the chance of each audit.

The results are of Evidently's own kinds, so its interface reads a snapshot without this module.
Importing it imports Evidently, which takes seconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from monitoring.fairness.found import Comparison, Fairness, Group, Rate
from monitoring.fairness.said import gap_words
from monitoring.wording import STANDING_WORDS, between, count, percent

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently._pydantic_compat import PrivateAttr
    from evidently.core.metric_types import ByLabelCalculation, ByLabelMetric, ByLabelValue
    from evidently.legacy.renderers.html_widgets import table_data


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One figure of every group of one column.

    Attributes
    ----------
    title
        Over the table.
    values
        By group; those with too few audits are left out.
    header, rows
        Of the table: the figure in words, with its interval and its n.
    """

    title: str
    values: dict[str, float]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class FairnessByGroup(ByLabelMetric):  # type: ignore[misc]
    """One figure of every group of one column, as an Evidently metric.

    Its name in a snapshot, and so in a dashboard, is made of `column` and `figure` alone: it stays
    the same from one period to the next.
    """

    column: str
    figure: str
    _figures: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, column: str, figure: str, figures: GroupFigures) -> FairnessByGroup:
        """Return the metric of figures that are known."""
        metric = cls(column=column, figure=figure)
        metric._figures = figures
        return metric

    @property
    def figures(self) -> GroupFigures:
        """The figures that it puts into a report."""
        figures: GroupFigures = self._figures
        return figures


class FairnessByGroupCalculation(ByLabelCalculation[FairnessByGroup]):  # type: ignore[misc]
    """Puts the figures into a report, with their table."""

    def calculate(self, context: object, current_data: object, reference_data: object) -> Any:
        """Return the figures; the data of the report is not read."""
        figures: GroupFigures = self.metric.figures
        result: ByLabelValue = self.result(figures.values)
        result.widget = [
            table_data(title=figures.title, column_names=figures.header, data=figures.rows)
        ]
        return result

    def display_name(self) -> str:
        """Return the title."""
        return str(self.metric.figures.title)


def fairness_metrics(found: Fairness) -> list[FairnessByGroup]:
    """Return the metrics of a period, for ``Report(fairness_metrics(found) + ...)``.

    Of each column: ``overturn_rate``, ``over_enforcement`` and ``under_enforcement``, and of the
    model ``expected_over_found``, ``errors_found_share``, ``audits_over_errors`` and
    ``upheld_share``. A figure that no group has is left out.
    """
    return [
        FairnessByGroup.of(each.column, figure, figures)
        for each in found.comparisons
        for figure, figures in (*_rates(each), *_of_model(each))
        if figures.values
    ]


_RATES: tuple[tuple[str, str, Callable[[Group], Rate]], ...] = (
    ("overturn_rate", "Overturn rate", lambda group: group.overturn),
    ("over_enforcement", "Over-enforcement", lambda group: group.over),
    ("under_enforcement", "Under-enforcement", lambda group: group.under),
)
_RATE_HEADER = (
    *("Group", "Rate", "95 % interval", "Gap to the rest (all gaps hold)", "Standing"),
    *("Drawn to the others", "Decisions", "Audits"),
)
_MODEL_HEADER = ("Group", "Figure", "Decisions", "Audits")


def _rates(each: Comparison) -> Iterator[tuple[str, GroupFigures]]:
    for figure, words, rate_of in _RATES:
        rates = [(group, rate_of(group)) for group in each.groups]
        yield (
            figure,
            GroupFigures(
                title=f"{words} by {each.title.lower()}",
                values={g.name: rate.estimate.overturn_rate for g, rate in rates if rate.enough},
                header=_RATE_HEADER,
                rows=tuple(_rate_row(group, rate) for group, rate in rates),
            ),
        )


def _rate_row(group: Group, rate: Rate) -> tuple[str, ...]:
    estimate, pooled = rate.estimate, rate.pooled
    needed = f"needs about {count(estimate.audits_needed)} more audits"
    told = (
        percent(estimate.overturn_rate),
        between(estimate.low, estimate.high),
        gap_words(rate.gap),
        STANDING_WORDS[rate.gap.standing],
    )
    return (
        group.name,
        *(told if rate.enough else (needed, "", "", STANDING_WORDS["unknown"])),
        "" if pooled is None else f"{percent(pooled.rate)} ({between(pooled.low, pooled.high)})",
        count(estimate.decisions),
        count(estimate.audits),
    )


def _of_model(each: Comparison) -> Iterator[tuple[str, GroupFigures]]:
    for figure, words, read in _MODEL_FIGURES:
        values = {
            group.name: value
            for group in each.groups
            if group.enough and (value := read(group)) is not None
        }
        yield (
            figure,
            GroupFigures(
                title=f"{words} by {each.title.lower()}",
                values=values,
                header=_MODEL_HEADER,
                rows=tuple(_model_row(group, values.get(group.name)) for group in each.groups),
            ),
        )


def _model_row(group: Group, value: float | None) -> tuple[str, ...]:
    estimate = group.overturn.estimate
    return (
        group.name,
        "not known" if value is None else f"{value:.3f}",
        count(estimate.decisions),
        count(estimate.audits),
    )


def _ratio(group: Group) -> float | None:
    return None if group.calibration is None else group.calibration.ratio


def _captured(group: Group) -> float | None:
    return None if group.capture is None else group.capture.share


def _upheld(group: Group) -> float | None:
    return None if group.reopened is None else group.reopened.share


_MODEL_FIGURES: tuple[tuple[str, str, Callable[[Group], float | None]], ...] = (
    ("expected_over_found", "Errors the model expects over errors found", _ratio),
    ("errors_found_share", "Share of errors that audits found", _captured),
    (
        "audits_over_errors",
        "Share of audits over share of errors",
        lambda group: group.burden.ratio,
    ),
    ("upheld_share", "Share of audits of people's decisions that upheld them", _upheld),
)
