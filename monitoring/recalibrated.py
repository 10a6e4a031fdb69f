"""Each day's risk, recalibrated on audits of what the same model ranked on earlier days.

The estimates need a probability that does not depend on the audits it is compared with. So the
decisions ranked on one day are recalibrated on audits of those ranked before that day, in this
period or earlier; where there are none, the model is taken as it is. The days are then one frame.

For figures by a column (language, say), level and slope are fitted for each of its values: a model
that is upside down in one language would be too sure of itself there under one fit for all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from models.arrays import Floats, Positions, Texts
from models.estimate import AuditedFrame
from models.recalibration import (
    LEAST_PROBABILITY,
    DomainRecalibration,
    fit_recalibration,
    fit_recalibration_by,
)
from monitoring.labels import labels_of
from monitoring.ranked import History, Ranked

_BEFORE = -1
"""The day of whatever was ranked before the period: earlier than each of its days."""
_KEPT_FRAMES = 4
"""Frames by a column that are kept: each holds a number for every decision of the period."""
_ROWS_A_BLOCK = 500_000

_Way = tuple[str | None, str | None]
"""Direction and column; null = overturns of any direction, one recalibration for all."""


class Recalibrated:
    """A period with the frames that its figures are made from.

    What is fitted is fitted once; a frame by a column is made anew when several others have been
    asked for since.

    Parameters
    ----------
    ranked
        The period.
    earlier
        What was ranked before it and not in it, to recalibrate on; null = nothing.
    """

    def __init__(self, ranked: Ranked, earlier: Ranked | None = None) -> None:
        self.ranked = ranked
        self.earlier = earlier
        self._fits: dict[_Way, list[DomainRecalibration | None]] = {}
        self._plain: dict[str | None, AuditedFrame] = {}
        self._whole: dict[str | None, AuditedFrame] = {}
        self._by_column: OrderedDict[_Way, AuditedFrame] = OrderedDict()

    @staticmethod
    def of(history: History) -> Recalibrated:
        """Return the period of a history."""
        return Recalibrated(history.ranked, history.earlier)

    @property
    def table(self) -> pd.DataFrame:
        """The decisions, as of `monitoring.ranked.Ranked`."""
        return self.ranked.table

    @property
    def recalibrated_decisions(self) -> int:
        """Number of decisions before whose day there was an audit to learn from."""
        sizes = np.bincount(self._days.codes, minlength=len(self._days.numbers))
        return sum(int(size) for size, past in zip(sizes, self._past(), strict=True) if len(past))

    def frame(self, *, direction: str | None = None, column: str | None = None) -> AuditedFrame:
        """Return `recalibrated_frame` of the period; do not change it."""
        if column is None:
            if direction not in self._whole:
                self._whole[direction] = self._made(direction, None)
            return self._whole[direction]
        way = (direction, column)
        if way not in self._by_column:
            self._by_column[way] = self._made(*way)
        self._by_column.move_to_end(way)
        if len(self._by_column) > _KEPT_FRAMES:
            self._by_column.popitem(last=False)
        return self._by_column[way]

    @cached_property
    def _days(self) -> _Days:
        return _Days.of(self.table)

    @cached_property
    def _audits(self) -> _Audits:
        return _Audits.of(self.ranked, self.earlier)

    def _past(self) -> Iterator[Positions]:
        """Yield the audits that each day is recalibrated on."""
        for version, day in self._days.numbers:
            yield self._audits.before(version, day)

    def _made(self, direction: str | None, column: str | None) -> AuditedFrame:
        frame = self._plain_frame(direction)
        codes, names = _coded(self.table, column)
        levels, slopes = self._parameters(direction, column, names)
        risk = frame.overturn_probability.copy()
        for start in range(0, len(risk), _ROWS_A_BLOCK):
            rows = slice(start, start + _ROWS_A_BLOCK)
            places = self._days.codes[rows], codes[rows]
            risk[rows] = _tilted(risk[rows], levels[places], slopes[places])
        return replace(frame, overturn_probability=risk)

    def _plain_frame(self, direction: str | None) -> AuditedFrame:
        """Return the frame before it is recalibrated; all directions share what they can."""
        if direction not in self._plain:
            frame = self.ranked.audited_frame(direction)
            if self._plain:
                shared = next(iter(self._plain.values()))
                frame = replace(frame, inclusion_probability=shared.inclusion_probability)
            self._plain[direction] = frame
        return self._plain[direction]

    def _parameters(
        self, direction: str | None, column: str | None, names: list[str]
    ) -> tuple[Floats, Floats]:
        """Return level and slope of each day and label; the last label is null.

        Days without earlier audits have neither (NaN).
        """
        way = (direction, column)
        if way not in self._fits:
            self._fits[way] = self._fitted(direction, column)
        table = np.full((len(self._fits[way]), len(names) + 1, 2), np.nan)
        for day, fit in enumerate(self._fits[way]):
            if fit is not None:
                each = [*(fit.by_domain.get(name, fit.whole) for name in names), fit.whole]
                table[day] = [(one.intercept, one.slope) for one in each]
        return table[:, :, 0], table[:, :, 1]

    def _fitted(
        self, direction: str | None, column: str | None
    ) -> list[DomainRecalibration | None]:
        risk, overturned, chance = self._audits.numbers(direction)
        domain = None if column is None else self._audits.labels(column)
        found: list[DomainRecalibration | None] = []
        for rows in self._past():
            past = risk[rows], overturned[rows], chance[rows]
            if not len(rows):
                found.append(None)
            elif domain is None:
                found.append(DomainRecalibration(fit_recalibration(*past), {}))
            else:
                found.append(fit_recalibration_by(*past, domain=domain[rows]))
        return found


def recalibrated_frame(
    ranked: Ranked,
    earlier: Ranked | None = None,
    *,
    direction: str | None = None,
    column: str | None = None,
) -> AuditedFrame:
    """Return the period's frame with each day's risk recalibrated on earlier days' audits.

    Parameters
    ----------
    earlier
        What was ranked before the period and not in it; null = nothing.
    direction
        Of `features.contract.DIRECTIONS`; null = overturns of any direction.
    column
        Whose values have a recalibration each; null = one for all.

    Returns
    -------
    AuditedFrame
        To be estimated from without a further recalibration.
    """
    return Recalibrated(ranked, earlier).frame(direction=direction, column=column)


def recalibrated_decisions(ranked: Ranked, earlier: Ranked | None = None) -> int:
    """Count the decisions of the period before whose day there was an audit to learn from."""
    return Recalibrated(ranked, earlier).recalibrated_decisions


def ranked_days(table: pd.DataFrame) -> Positions:
    """Return the day on which each decision was ranked last, in UTC, counted from 1970.

    Examples
    --------
    >>> when = pd.to_datetime(["1970-01-02T23:59+00:00", "1970-01-03T00:00+00:00"])
    >>> ranked_days(pd.DataFrame({"selected_at": when})).tolist()
    [1, 2]
    """
    moment = table["selected_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    days: Positions = moment.to_numpy().astype("datetime64[D]").astype(np.int64)
    return days


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of a period, apart for each version of the model.

    Attributes
    ----------
    codes
        Of each decision, its place among `numbers`.
    numbers
        The version of the model, and the day from 1970.
    """

    codes: Positions
    numbers: list[tuple[str, int]]

    @staticmethod
    def of(table: pd.DataFrame) -> _Days:
        days = ranked_days(table)
        models, names = pd.factorize(table["model_version"])
        first = int(days.min(initial=0))
        span = int(days.max(initial=0)) - first + 1
        codes, found = pd.factorize(models * span + (days - first), sort=True)
        places = [divmod(int(each), span) for each in found]
        return _Days(codes, [(str(names[model]), first + day) for model, day in places])


class _Audits:
    """Finished audits in the order of their days.

    Parameters
    ----------
    parts
        What was ranked before the period, where there was anything, and in it; finished ones alone.
    """

    def __init__(self, parts: list[Ranked]) -> None:
        self._parts = parts
        days = [ranked_days(part.table) for part in parts]
        days[:-1] = [np.full(len(each), _BEFORE) for each in days[:-1]]
        self._order = np.argsort(np.concatenate(days), kind="stable")
        self._days = np.concatenate(days)[self._order]
        self._versions = self.labels("model_version")

    @staticmethod
    def of(ranked: Ranked, earlier: Ranked | None) -> _Audits:
        every = [ranked] if earlier is None else [earlier, ranked]
        return _Audits([replace(each, table=each.table[each.table["audited"]]) for each in every])

    def before(self, version: str, day: int) -> Positions:
        """Return the audits of what a version of the model ranked on earlier days."""
        own: Positions = np.flatnonzero(self._versions == version)
        return own[: int(np.searchsorted(self._days[own], day))]

    def numbers(self, direction: str | None) -> tuple[Floats, Floats, Floats]:
        """Return risk, outcome and chance of each."""
        frames = [part.audited_frame(direction) for part in self._parts]
        names = ("overturn_probability", "overturned", "inclusion_probability")
        risk, overturned, chance = (
            np.concatenate([getattr(frame, name) for frame in frames])[self._order]
            for name in names
        )
        return risk, overturned, chance

    def labels(self, column: str) -> Texts:
        """Return the value that each one's decision has in a column; null = there is none."""
        labels: Texts = np.concatenate(
            [
                labels_of(part.table[column])
                if column in part.table
                else np.full(len(part.table), None, dtype=object)
                for part in self._parts
            ]
        )
        return labels[self._order]


def _coded(table: pd.DataFrame, column: str | None) -> tuple[Positions, list[str]]:
    """Return the number of each decision's label, that of null the last, and the labels."""
    if column is None or column not in table:
        return np.full(len(table), -1, dtype=np.int8), []
    codes, found = pd.factorize(table[column])
    return codes, [str(value) for value in found]


def _tilted(risk: Floats, level: Floats, slope: Floats) -> Floats:
    """Return risks under a recalibration each; as they are where there is none (NaN)."""
    none = np.isnan(level)
    clipped = np.clip(risk, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
    found = expit(level + slope * logit(clipped))
    return np.where(none, risk, found) if none.any() else found
