"""Since when a feature has drifted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from monitoring.drift.found import Drift


def first_drifted(spans: Iterable[Drift], first_days: Mapping[str, str]) -> dict[str, str]:
    """Return the first drifted day of each feature that drifted, the earliest first.

    A longer span can show what none of its days does: it then counts from its first day.

    Parameters
    ----------
    spans
        Days, then weeks, then what is longer.
    first_days
        First measured day of each span that is not a day.

    Examples
    --------
    >>> from monitoring.drift.found import FeatureDrift
    >>> moved = (FeatureDrift("views", "number", 0.2, True),)
    >>> first_drifted([Drift(moved, (), 500, 500, "2026-01-06")], {})
    {'views': '2026-01-06'}
    """
    found: dict[str, str] = {}
    for span in spans:
        begun = first_days.get(span.span, span.span)
        for feature in span.drifted:
            if feature not in found or found[feature] > _last_day(span.span):
                found[feature] = begun
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def with_since(drift: Drift, starts: Mapping[str, str]) -> Drift:
    """Return a drift whose drifted features say since when, as of `first_drifted`."""
    features = (replace(f, since=starts[f.feature]) if f.drifted else f for f in drift.features)
    return replace(drift, features=tuple(features))


def _last_day(span: str) -> str:
    """Return the Sunday of a week; what is longer never ends before a day that drifted.

    Examples
    --------
    >>> _last_day("2026-W01")
    '2026-01-04'
    """
    if "-W" in span:
        return date.fromisocalendar(int(span[:4]), int(span[6:]), 7).isoformat()
    return span if span[:4].isdecimal() else "9999-12-31"
