"""The page of drift as monitoring recorded it."""

from __future__ import annotations

from features.home import Home
from monitoring.drift.page import DriftPage
from monitoring.record import EVIDENTLY_PAGE, MonitorRecord


def drift_page(home: Home, record: MonitorRecord | None) -> DriftPage:
    """Return what the page tells; without a record, that drift was not measured."""
    if record is None:
        return DriftPage(None)
    return DriftPage(
        record.drift,
        record.outcomes,
        evidently=EVIDENTLY_PAGE,
        workspace=f"{home.path.name}/{home.evidently.name}",
    )
