"""The published figure over days of which some are kept as sums: one figure, as in the report.

A day is summed by its rows where they are there, and read as kept where they are not; rows of a
kept day are never read. One day's rows are held at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from features.contract import DIRECTIONS
from features.errors import EstimateError, HomeError, SettingsError
from features.kept_store import KeptBatch, day_of, kept_columns, read_batches
from features.kept_sums import DAY, GROUPED_BY, OVERTURN, SEVERITY, WHOLE, kinds_of_risk
from features.ranked_day import DAY_US, days_of_rows, read_day
from features.rows import microseconds
from features.store import Store
from models.estimate import Estimate
from monitoring.kept.batches import read_batch
from monitoring.kept.day_sums import DaySums, ranked_of_day, sum_day
from monitoring.kept.figure import STEPS, Figure, estimate_figure

KINDS = (OVERTURN, *DIRECTIONS, SEVERITY)
"""What can be published: any overturn, each direction, and overturns counted by their harm."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Published figures.

    Attributes
    ----------
    by
        What the estimates are by; null = of the whole.
    what
        Of `KINDS`.
    estimates
        Sorted by label.
    kept_days
        Days of ranking that were read from sums.
    """

    by: str | None
    what: str
    estimates: tuple[Estimate, ...]
    kept_days: int


def measure_accuracy(
    store: Store,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: str | None = None,
    what: str = OVERTURN,
) -> Accuracy:
    """Estimate one rate, as `measure_figures`."""
    return measure_figures(store, [(by, what)], since=since, until=until)[0]


def measure_figures(
    store: Store,
    asked: Sequence[tuple[str | None, str]],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Accuracy]:
    """Estimate rates over what was ranked in ``since <= day < until``; each day is read once.

    Parameters
    ----------
    asked
        By what, and what of. By ``day``, ``week`` or ``month`` of the decision, or a column: of
        `features.kept_sums.GROUPED_BY`, or a ``group_*``; null = the whole. What is of `KINDS`; by
        a column other than the policy any overturn alone.
    since, until
        Midnights, UTC; null = from the first day, to the last.

    Raises
    ------
    EstimateError
        If no audit of the period is finished.
    HomeError
        If nothing was ranked in the period.
    SettingsError
        If a bound is no midnight, or the figures are not kept by what was asked.
    """
    figures = [Figure.of(by, what) for by, what in asked]
    for figure, (by, _) in zip(figures, asked, strict=True):
        _require_kind(figure, by)
    first, end = _day(since, "--since"), _day(until, "--until")
    with store.transaction() as connection:
        batches = read_batches(connection, until=end)
        columns = kept_columns(connection, [batch.batch_id for batch in batches])
    days = list(_read(store, batches, figures, end=end))
    inside = [each for each in days if first is None or each.day >= first]
    _require_audits(inside)
    columns = columns.union(*(map(str, each.audits) for each in inside))
    for figure in figures:
        _require_column(figure.column, columns)
    kept = len({batch.day for batch in batches if first is None or batch.day >= first})
    return [
        Accuracy(by, what, estimate_figure(days, figure, first=first), kept)
        for figure, (by, what) in zip(figures, asked, strict=True)
    ]


def _require_audits(days: Sequence[DaySums]) -> None:
    if not days:
        raise HomeError(
            "accuracy: no decision was ranked in the period; rank decisions first (`secondlook "
            "rank`, or POST /v1/rank), or choose another period"
        )
    if not any(len(each.audits) for each in days):
        raise EstimateError(
            "accuracy: none of the selected decisions has an audit outcome; store the outcomes "
            "first (`secondlook outcomes`, or POST /v1/outcomes)"
        )


def _require_kind(figure: Figure, by: str | None) -> None:
    if figure.what not in KINDS or figure.what not in kinds_of_risk(figure.column):
        raise SettingsError(
            f"--what {figure.what!r}, --by {by!r}: expected --what one of {', '.join(KINDS)}; "
            f"others than {OVERTURN} without --by, or by {', '.join((*STEPS, WHOLE))}"
        )


def _require_column(column: str, known: set[str]) -> None:
    groups = sorted(name for name in known if name.startswith("group_"))
    columns = [name for name in GROUPED_BY if name != DAY] + groups
    if column not in (*columns, DAY):
        raise SettingsError(f"--by {column!r}: expected one of {', '.join((*STEPS, *columns))}")


def _day(bound: datetime | None, option: str) -> int | None:
    if bound is None:
        return None
    moment = microseconds(bound)
    if moment % DAY_US:
        raise SettingsError(f"{option}: saw {bound:%Y-%m-%d %H:%M}; expected a midnight, UTC")
    return day_of(moment)


def _read(
    store: Store, batches: Sequence[KeptBatch], figures: Sequence[Figure], *, end: int | None
) -> Iterator[DaySums]:
    """Read each day up to the end: audits of days before the period recalibrate it."""
    wanted = sorted({(figure.column, figure.what) for figure in figures})
    for batch in batches:
        yield read_batch(store, batch, wanted)
    for day in days_of_rows(store, batches):
        if end is None or day < end:
            read = read_day(store, day, batches)
            if len(read.offers):
                yield sum_day(ranked_of_day(read), day, columns=[c for c, _ in wanted])
