"""What is known of the auditors as CSV files: spreads and counts, and nobody's own figure."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from monitoring.auditor_skill import AuditorSkill
from monitoring.exports import write_table


def write_skill_tables(found: AuditorSkill, folder: Path) -> list[Path]:
    """Write how skill is spread, the figure by the reviewers, the golden set, and disputes.

    A table without rows is not written.
    """
    disputes = {**asdict(found.disputes), "changed_share": found.disputes.changed_share}
    tables: dict[str, list[dict[str, object]]] = {
        "auditor_skill.csv": [asdict(spread) for spread in found.spreads],
        "reviewers.csv": _reviewers(found),
        "golden_set.csv": [
            {"state": state, "items": items} for state, items in found.golden.states.items()
        ],
        "disputes.csv": [disputes] if found.disputes.opened else [],
    }
    return [write_table(pd.DataFrame(rows), folder / name) for name, rows in tables.items() if rows]


def _reviewers(found: AuditorSkill) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "figure": "if reviewers are right at least",
            "reviewers_right": bound.right,
            "accuracy": None,
            "accuracy_low": 1 - bound.high,
            "accuracy_high": 1 - bound.low,
        }
        for bound in found.bounds
    ]
    graded = found.graded
    if graded is not None:
        rows.append(
            {
                "figure": "corrected by third looks",
                "reviewers_right": graded.agreement,
                "accuracy": 1 - graded.overturn_rate,
                "accuracy_low": 1 - graded.high,
                "accuracy_high": 1 - graded.low,
            }
        )
    return rows
