"""Each day's risk, recalibrated on audits of what the same model ranked on earlier days.

The estimates need a probability that does not depend on the audits it is compared with. So the
decisions ranked on one day are recalibrated on audits of those ranked before that day, in this
period or earlier; where there are none, the model is taken as it is. The days are then one frame.

For figures by a column (language, say), level and slope are fitted for each of its values: a model
that is upside down in one language would be too sure of itself there under one fit for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from models.arrays import Floats, Positions, Texts
from models.estimate import AuditedFrame
from models.recalibration import fit_recalibration, fit_recalibration_by
from monitoring.ranked import History, Ranked

_BEFORE = -1
"""The day of whatever was ranked before the period: earlier than each of its days."""


class Recalibrated:
    """A period with the frames that its figures are made from, each made once.

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
        self._frames: dict[tuple[str | None, str | None], AuditedFrame] = {}

    @staticmethod
    def of(history: History) -> Recalibrated:
        """Return the period of a history."""
        return Recalibrated(history.ranked, history.earlier)

    @property
    def table(self) -> pd.DataFrame:
        """The decisions, as of `monitoring.ranked.Ranked`."""
        return self.ranked.table

    def frame(self, *, direction: str | None = None, column: str | None = None) -> AuditedFrame:
        """Return `recalibrated_frame` of the period; do not change it."""
        key = (direction, column)
        if key not in self._frames:
            self._frames[key] = recalibrated_frame(
                self.ranked, self.earlier, direction=direction, column=column
            )
        return self._frames[key]


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
    frame = ranked.audited_frame(direction)
    domain = _domains(ranked.table, column)
    risk = frame.overturn_probability.copy()
    for rows, audits in _by_day(ranked, earlier, direction=direction, column=column):
        risk[rows] = _recalibrated(risk[rows], domain[rows], audits, by_domain=column is not None)
    return replace(frame, overturn_probability=risk)


def recalibrated_decisions(ranked: Ranked, earlier: Ranked | None = None) -> int:
    """Count the decisions of the period before whose day there was an audit to learn from."""
    return sum(len(rows) for rows, _ in _by_day(ranked, earlier))


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


def labels_of(values: pd.Series) -> Texts:
    """Return a column's values as text, null where they are null."""
    return np.asarray(values.astype("str").astype(object).where(values.notna(), None))


def _by_day(
    ranked: Ranked,
    earlier: Ranked | None,
    *,
    direction: str | None = None,
    column: str | None = None,
) -> Iterator[tuple[Positions, pd.DataFrame]]:
    """Yield the rows of each day and model that has earlier audits, with those audits."""
    days = ranked_days(ranked.table)
    known = _audits(ranked, days, direction, column)
    if earlier is not None:
        before = np.full(len(earlier.table), _BEFORE, dtype=np.int64)
        known = pd.concat([_audits(earlier, before, direction, column), known])
    known = known.sort_values("day", kind="stable")
    models, versions = pd.factorize(ranked.table["model_version"])
    for model, version in enumerate(versions):
        audits, own = known[known["model"] == version], np.flatnonzero(models == model)
        own = own[np.argsort(days[own], kind="stable")]
        starts = np.flatnonzero(np.diff(days[own], prepend=days[own[0]] - 1))
        for rows in np.split(own, starts[1:]):
            past = audits.iloc[: int(audits["day"].searchsorted(days[rows[0]]))]
            if len(past):
                yield rows, past


def _audits(
    ranked: Ranked, days: Positions, direction: str | None, column: str | None
) -> pd.DataFrame:
    """Return the finished audits, one a row."""
    frame = ranked.audited_frame(direction)
    rows = np.flatnonzero(frame.audited)
    table = ranked.table.iloc[rows]
    return pd.DataFrame(
        {
            "day": days[rows],
            "model": table["model_version"].to_numpy(dtype=object),
            "domain": _domains(table, column),
            "risk": frame.overturn_probability[rows],
            "overturned": frame.overturned[rows],
            "chance": frame.inclusion_probability[rows],
        }
    )


def _domains(table: pd.DataFrame, column: str | None) -> Texts:
    if column is None or column not in table:
        return np.full(len(table), None, dtype=object)
    return labels_of(table[column])


def _recalibrated(risk: Floats, domain: Texts, audits: pd.DataFrame, *, by_domain: bool) -> Floats:
    p, y, pi = (audits[name].to_numpy() for name in ("risk", "overturned", "chance"))
    if not by_domain:
        return fit_recalibration(p, y, pi).apply(risk)
    fitted = fit_recalibration_by(p, y, pi, domain=audits["domain"].to_numpy(dtype=object))
    return fitted.apply(risk, domain)
