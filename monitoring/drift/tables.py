"""The tables of drift as CSV files beside its page: shares 0 to 1, distances unrounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from monitoring.drift.found import Drift, DriftHistory
from monitoring.drift.outcome import SpanOutcome
from monitoring.exports import write_table

DRIFT_TABLE = "drift.csv"
BY_TIME_TABLE = "drift_by_time.csv"
BY_POLICY_TABLE = "drift_policy.csv"
OUTCOME_TABLE = "drift_outcome.csv"
PERFORMANCE_TABLE = "performance.csv"
_COLUMNS = (
    *("span", "scope", "feature", "kind", "distance", "by_chance", "limit", "drifted", "grows"),
    *("since", "where", "decisions", "training_rows"),
)


def write_drift_tables(
    history: DriftHistory, outcomes: Sequence[SpanOutcome], folder: Path
) -> list[Path]:
    """Write the distances of the period, by day and week, and by policy; and the outcomes."""
    by_time = (*history.days, *history.weeks, *([history.lately] if history.lately else ()))
    tables = {
        DRIFT_TABLE: _drifts([history.period]),
        BY_TIME_TABLE: _drifts(by_time),
        BY_POLICY_TABLE: _drifts((*history.policies, *history.policy_weeks)),
        OUTCOME_TABLE: _outcomes(outcomes),
        PERFORMANCE_TABLE: pd.DataFrame(
            [{"span": o.span, **asdict(o.performance)} for o in outcomes if o.performance]
        ),
    }
    return [
        write_table(table, folder / name)
        for name, table in tables.items()
        if len(table) or name == DRIFT_TABLE
    ]


def _drifts(drifts: Iterable[Drift]) -> pd.DataFrame:
    rows = [
        {
            **asdict(feature),
            "span": drift.span,
            "scope": drift.scope,
            "decisions": drift.current_rows,
            "training_rows": drift.reference_rows,
        }
        for drift in drifts
        for feature in drift.features
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _outcomes(outcomes: Iterable[SpanOutcome]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "span": span.span,
                "kind": outcome.kind,
                "in_training": outcome.trained,
                "expected": outcome.expected,
                "overturn_rate": outcome.estimate.overturn_rate,
                "overturn_rate_low": outcome.estimate.low,
                "overturn_rate_high": outcome.estimate.high,
                "decisions": outcome.estimate.decisions,
                "audits": outcome.estimate.audits,
                "audits_needed": outcome.estimate.audits_needed,
                "standing": outcome.standing,
            }
            for span in outcomes
            for outcome in span.outcomes
        ]
    )
