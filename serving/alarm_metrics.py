"""The alarms that monitoring found, for Prometheus.

The service does not monitor: it tells what the last run of monitoring wrote into the home. So it
also tells when that was, for an alarm that nobody looks for never stands. Segments are no labels:
the report names them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from features.errors import HomeError
from features.standing_alarms import KINDS, AlarmRecord, Severity, read_alarms


class AlarmMetrics(Collector):
    """What stands, as the record says at each scrape.

    Parameters
    ----------
    record
        Of the home; see `features.standing_alarms`.
    clock
        Seconds since 1970.
    """

    def __init__(self, record: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._record = record
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; before the first run of monitoring only that the record is sound."""
        try:
            record = read_alarms(self._record)
        except HomeError:
            yield _unreadable(True)
            return
        yield _unreadable(False)
        if record.told_at is not None:
            yield from alarm_families(record, now_s=self._clock())


def alarm_families(record: AlarmRecord, *, now_s: float) -> Iterator[Metric]:
    """Yield how many alarms of each kind stand, for how long, and when monitoring last looked.

    Parameters
    ----------
    now_s
        Seconds since 1970.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> nothing = AlarmRecord(datetime(2026, 1, 2, tzinfo=UTC))
    >>> [family.name for family in alarm_families(nothing, now_s=0.0)][1:]
    ['secondlook_alarms_age_seconds', 'secondlook_monitored_timestamp_seconds']
    """
    standing = Counter((each.alarm.kind, each.alarm.severity) for each in record.standing)
    alarms = GaugeMetricFamily(
        "secondlook_alarms",
        "Alarms that stand, as monitoring last saw",
        labels=["kind", "severity"],
    )
    for kind in KINDS:
        for severity in Severity:
            alarms.add_metric([kind, severity.value], float(standing[kind, severity]))
    yield alarms
    first = min((each.first_seen.timestamp() for each in record.standing), default=now_s)
    yield GaugeMetricFamily(
        "secondlook_alarms_age_seconds",
        "For how long the oldest of them has stood; 0 where none stands",
        value=max(now_s - first, 0.0),
    )
    if record.told_at is not None:
        yield GaugeMetricFamily(
            "secondlook_monitored_timestamp_seconds",
            "When monitoring last looked for alarms, since 1970",
            value=record.told_at.timestamp(),
        )


def _unreadable(unreadable: bool) -> Metric:
    meaning = "1 while the record of the alarms cannot be read"
    return GaugeMetricFamily("secondlook_alarms_unreadable", meaning, value=float(unreadable))
