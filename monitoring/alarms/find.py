"""All alarms of a period, the severe ones first."""

from __future__ import annotations

from datetime import datetime

from monitoring.alarms.agreement import agreement_alarms
from monitoring.alarms.alarm import Alarm, in_order
from monitoring.alarms.coverage import coverage_alarms
from monitoring.alarms.drifted import drift_alarms
from monitoring.alarms.limits import AlarmLimits
from monitoring.alarms.overdue import overdue_alarms
from monitoring.alarms.residual import residual_alarms
from monitoring.alarms.volume import volume_alarms
from monitoring.alarms.watched import Watched
from monitoring.alarms.width import width_alarms


def find_alarms(watched: Watched, limits: AlarmLimits, *, now: datetime) -> tuple[Alarm, ...]:
    """Return every alarm that stands at the end of a period.

    Parameters
    ----------
    now
        As of when audits are overdue and days are full; for a period that is over, its end, or
        every day since would count as one without decisions.
    """
    period = watched.recalibrated
    found = [
        *volume_alarms(period, limits.volume, now=now),
        *residual_alarms(period, limits.residual),
        *drift_alarms(watched.drift, limits.drift),
        *coverage_alarms(period, limits.coverage),
        *overdue_alarms(period, limits.overdue, now=now),
        *agreement_alarms(watched.auditors, limits.agreement),
        *width_alarms(watched.promise, limits.width),
    ]
    return in_order(found)
