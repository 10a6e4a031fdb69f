"""Alarms as monitoring tells them: in which order, and what a command answers with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from features.standing_alarms import KINDS, Alarm, Severity

__all__ = ["ALARM_STANDS", "Alarm", "Severity", "exit_status", "in_order"]

ALARM_STANDS = 3
"""Exit status of a command that found an alarm; 1 and 2 are failures and wrong usage."""


def exit_status(alarms: Sequence[Alarm]) -> int:
    """Return 0 where nothing stands, else `ALARM_STANDS`.

    Examples
    --------
    >>> exit_status([])
    0
    """
    return ALARM_STANDS if alarms else 0


def in_order(alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Return alarms with the severe ones first, then by kind, in the order given."""
    return tuple(
        sorted(alarms, key=lambda a: (a.severity is not Severity.SEVERE, KINDS.index(a.kind)))
    )
