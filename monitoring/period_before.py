"""A period beside an earlier one: the one asked for, or that of the same length before it."""

from __future__ import annotations

from datetime import datetime

from features.errors import EstimateError
from monitoring.compared import compare_periods, only_new
from monitoring.compared_found import Compared
from monitoring.ranked import History, earlier_period
from monitoring.recalibrated import Recalibrated


def compare_with(
    history: History, later: Recalibrated, *, since: datetime, until: datetime
) -> Compared:
    """Compare a period with an earlier one that was asked for.

    Parameters
    ----------
    since, until
        Of the earlier ranking, ``since <= selected_at < until``.

    Raises
    ------
    EstimateError
        If nothing that was ranked then is audited, or all of the later period had been ranked then.
    """
    earlier = earlier_period(history, since=since, until=until)
    if earlier is None:
        raise EstimateError(
            f"compare: nothing that was ranked from {since:%Y-%m-%d %H:%M} until "
            f"{until:%Y-%m-%d %H:%M} and before this period is audited; choose another period"
        )
    new = only_new(later.ranked, earlier.ranked)
    if new is not later.ranked:
        later = Recalibrated(new, later.earlier)
    return compare_periods(Recalibrated.of(earlier), later, outcomes=history.outcomes)


def compare_with_before(
    history: History, later: Recalibrated, *, since: datetime | None, until: datetime
) -> Compared | None:
    """Compare a period with that of the same length before it.

    Null where the period begins with the first ranking (`since` is null), or where there is nothing
    to compare with: then nobody asked for it, and the page is left out.
    """
    if since is None:
        return None
    try:
        return compare_with(history, later, since=since - (until - since), until=since)
    except EstimateError:
        return None
