"""The period of a report: which span it covers, and the folder that holds its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

from features.home import Home
from monitoring.ranked import Ranked


@dataclass(frozen=True, slots=True)
class Period:
    """The span of a report.

    Attributes
    ----------
    name
        Names its folder; the same span has the same name.
    ranked_from, ranked_until
        When the first and last of its decisions was ranked.
    decided_from, decided_until
        When the first and last of them was made.
    """

    name: str
    ranked_from: datetime
    ranked_until: datetime
    decided_from: datetime
    decided_until: datetime

    def folder(self, home: Home) -> Path:
        """Return the folder of this period's pages."""
        return home.reports / self.name


def period_of(
    ranked: Ranked, *, since: datetime | None = None, until: datetime | None = None
) -> Period:
    """Return the period that ranked decisions cover, named by the bounds that were asked for."""
    ranked_at, decided_at = ranked.table["selected_at"], ranked.table["decided_at"]
    first, last = ranked_at.min().to_pydatetime(), ranked_at.max().to_pydatetime()
    return Period(
        name=period_name(since or _midnight(first), until or _midnight(last)),
        ranked_from=first,
        ranked_until=last,
        decided_from=decided_at.min().to_pydatetime(),
        decided_until=decided_at.max().to_pydatetime(),
    )


def period_name(first: datetime, last: datetime) -> str:
    """Return the name of a span; a part of a day is named by its beginning.

    Examples
    --------
    >>> period_name(datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 1, 9, tzinfo=UTC))
    '2026-01-03_to_2026-01-09'
    >>> period_name(datetime(2026, 1, 3, 9, 30, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    '2026-01-03T093000'
    """
    return f"{_stamp(first)}_to_{_stamp(last)}" if first < last else _stamp(first)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def _stamp(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%dT%H%M%S}"
