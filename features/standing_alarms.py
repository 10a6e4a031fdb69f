"""The alarms that stand, as monitoring writes them down and the service tells them.

One file in the home, ``standing-alarms.json``. An alarm is the same one as long as its kind and
segment are: it keeps the moment it was first seen. One that is gone is kept as ended for a while,
so that whoever was told of it can be told of its end. The file is written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

from features.errors import HomeError

KINDS = (
    "volume",
    "residual",
    "calibration",
    "drift",
    "coverage",
    "overdue",
    "agreement",
    "width",
)
"""Every kind of alarm, in the order in which they are told."""
KEPT_AFTER_END = timedelta(days=90)
_FORMAT = 1


class Severity(StrEnum):
    """How soon somebody should look: today, or at the next meeting."""

    SEVERE = "severe"
    WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that changed, beyond what chance explains or a limit allows.

    Attributes
    ----------
    kind
        Of `KINDS`.
    segment
        Of what, as ``language=hi`` or ``policy=spam, source=appeal``; ``everything`` for the whole.
        No person is ever a segment.
    title, detail
        What changed, short, and with its figures.
    since
        Since when, as 2026-01-31; null where it has no beginning.
    sure
        How sure that is, in words.
    next_step
        What to do next.
    page
        Page of the report that shows more.
    value, limit
        The figure, and what it is set against: its limit, or what was expected of it. Rates and
        shares are 0 to 1.
    severity
        How soon somebody should look.
    """

    kind: str
    segment: str
    title: str
    since: str | None
    detail: str
    sure: str
    next_step: str
    page: str
    value: float
    limit: float
    severity: Severity

    @property
    def key(self) -> str:
        """What makes it the same alarm tomorrow.

        A segment's errors and its calibration are one matter: which of the two it is may only
        become clear with more audits.
        """
        kind = "audits" if self.kind in ("residual", "calibration") else self.kind
        return f"{kind}: {self.segment}"


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm with its times.

    Attributes
    ----------
    alarm
        As it was last seen.
    first_seen, last_seen
        When monitoring saw it first and last.
    ended
        When monitoring first found it gone; null while it stands.
    """

    alarm: Alarm
    first_seen: datetime
    last_seen: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """What stands, and what has ended lately.

    Attributes
    ----------
    told_at
        When monitoring last looked; null = never.
    alarms
        One entry an alarm, first seen first.
    """

    told_at: datetime | None = None
    alarms: tuple[Standing, ...] = ()
    format: int = _FORMAT

    @property
    def standing(self) -> tuple[Standing, ...]:
        """Return those that stand."""
        return tuple(each for each in self.alarms if each.ended is None)

    @property
    def ended(self) -> tuple[Standing, ...]:
        """Return those that have ended lately."""
        return tuple(each for each in self.alarms if each.ended is not None)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changed.

    Attributes
    ----------
    record
        After the look.
    begun, over
        Alarms that this look saw first, and those that it found gone.
    """

    record: AlarmRecord
    begun: tuple[Standing, ...]
    over: tuple[Standing, ...]


def look_again(record: AlarmRecord, found: Iterable[Alarm], *, now: datetime) -> Changes:
    """Return the record after a look that found these alarms; the same look again changes nothing.

    Examples
    --------
    >>> from datetime import UTC
    >>> alarm = Alarm("volume", "everything", "Few decisions", None, "", "", "", "", 1.0, 9.0,
    ...     Severity.WATCH)
    >>> first, second, third = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))
    >>> seen = look_again(AlarmRecord(), [alarm], now=first)
    >>> again = look_again(seen.record, [alarm], now=second)
    >>> len(seen.begun), len(again.begun), again.record.standing[0].first_seen.day
    (1, 0, 1)
    >>> gone = look_again(again.record, [], now=third)
    >>> len(gone.over), gone.record.standing, gone.record.ended[0].ended.day
    (1, (), 3)
    """
    stood: Mapping[str, Standing] = {each.alarm.key: each for each in record.standing}
    present = {alarm.key: alarm for alarm in found}
    begun = tuple(Standing(a, now, now) for key, a in present.items() if key not in stood)
    kept = tuple(
        Standing(present[key], each.first_seen, now) if key in present else each
        for key, each in stood.items()
    )
    over = tuple(
        Standing(each.alarm, each.first_seen, each.last_seen, now)
        for each in kept
        if each.alarm.key not in present
    )
    still = tuple(each for each in kept if each.alarm.key in present)
    recent = tuple(
        each
        for each in record.ended
        if each.ended is not None and now - each.ended < KEPT_AFTER_END
    )
    alarms = (*recent, *over, *still, *begun)
    ordered = tuple(sorted(alarms, key=lambda each: (each.first_seen, each.alarm.key)))
    return Changes(AlarmRecord(now, ordered), begun, over)


def read_alarms(path: Path) -> AlarmRecord:
    """Read the record; where there is none yet, monitoring has never looked.

    Raises
    ------
    HomeError
        If it is damaged or of another format.
    """
    try:
        record = msgspec.json.decode(path.read_bytes(), type=AlarmRecord)
    except FileNotFoundError:
        return AlarmRecord()
    except (OSError, msgspec.DecodeError) as error:
        raise HomeError(
            f"alarms {str(path)!r}: cannot be read: {error}; move it away, and the next "
            "`secondlook monitor` begins a new one"
        ) from error
    if record.format != _FORMAT:
        raise HomeError(
            f"alarms {str(path)!r}: saw format {record.format}; expected {_FORMAT}; move it away"
        )
    return record


def write_alarms(path: Path, record: AlarmRecord) -> None:
    """Write the record beside its place first, then move it there.

    Raises
    ------
    HomeError
        If it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record), indent=2))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise HomeError(f"alarms {str(path)!r}: cannot be written: {error.strerror}") from error
