"""The tables of fairness as CSV files: one row a group of any column, unrounded, shares 0 to 1.

A figure of a group with too few audits is left empty; how many more it needs is told instead. The
pooled figure stands in columns of its own, so that nobody takes one for the other.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from monitoring.exports import write_table
from monitoring.fairness.found import Comparison, Fairness, Group, Rate

MODERATION_TABLE = "fairness.csv"
MODEL_TABLE = "fairness_model.csv"
DIFFERENCES_TABLE = "fairness_differences.csv"
_RATES = (
    ("overturn", "overturn_rate"),
    ("over", "over_enforcement"),
    ("under", "under_enforcement"),
)


def write_fairness_tables(found: Fairness, folder: Path) -> list[Path]:
    """Write the tables of moderation, of the model, and of each column as a whole."""
    groups = [(each, group) for each in found.comparisons for group in each.groups]
    tables = {
        MODERATION_TABLE: [_of_moderation(each, group, found.compared) for each, group in groups],
        MODEL_TABLE: [_of_model(each, group, found.cut_share) for each, group in groups],
        DIFFERENCES_TABLE: [_differences(each) for each in found.comparisons],
    }
    return [write_table(pd.DataFrame(rows), folder / name) for name, rows in tables.items() if rows]


def _named(comparison: Comparison, group: Group) -> dict[str, object]:
    estimate = group.overturn.estimate
    return {
        "column": comparison.column,
        "group": group.name,
        "decisions": estimate.decisions,
        "audits": estimate.audits,
    }


def _of_moderation(comparison: Comparison, group: Group, compared: int) -> dict[str, object]:
    estimate = group.overturn.estimate
    row = _named(comparison, group) | {
        "overturns": estimate.overturns,
        "effective_audits": estimate.effective_audits,
        "audits_needed": estimate.audits_needed,
    }
    for attribute, name in _RATES:
        row |= _rate(name, getattr(group, attribute))
    return row | {"gaps_looked_at": compared}


def _rate(name: str, rate: Rate) -> dict[str, object]:
    figures = {
        name: rate.estimate.overturn_rate,
        f"{name}_low": rate.estimate.low,
        f"{name}_high": rate.estimate.high,
        f"{name}_gap": rate.gap.difference,
        f"{name}_gap_low": rate.gap.low,
        f"{name}_gap_high": rate.gap.high,
    }
    shown: dict[str, object] = {
        key: value if rate.enough else None for key, value in figures.items()
    }
    pooled = rate.pooled
    return shown | {
        f"{name}_standing": rate.gap.standing,
        f"{name}_pooled": None if pooled is None else pooled.rate,
        f"{name}_pooled_low": None if pooled is None else pooled.low,
        f"{name}_pooled_high": None if pooled is None else pooled.high,
    }


def _of_model(comparison: Comparison, group: Group, cut_share: float) -> dict[str, object]:
    row = _named(comparison, group) | {"cut_share": cut_share}
    if group.calibration is not None:
        row |= {
            "expected": group.calibration.expected,
            "expected_over_found": group.calibration.ratio,
            "expected_over_found_low": group.calibration.low,
            "expected_over_found_high": group.calibration.high,
            "calibration_standing": group.calibration.standing,
        }
    if group.capture is not None:
        row |= {
            "errors_found_share": group.capture.share,
            "errors_found_share_low": group.capture.low,
            "errors_found_share_high": group.capture.high,
        }
    burden, cut = group.burden, group.at_cut
    row["audits_share"] = burden.audits_share
    if group.enough:
        row |= {
            "errors_share": burden.errors_share,
            "errors_share_low": burden.errors_low,
            "errors_share_high": burden.errors_high,
        }
    if cut is not None:
        row |= {
            "above_cut_share": cut.above_share,
            "errors_above_cut_share": cut.errors_above,
            "correct_above_cut_share": cut.correct_above,
        }
    return row | _reopened(group)


def _reopened(group: Group) -> dict[str, object]:
    reopened = group.reopened
    if reopened is None:
        return {}
    return {
        "decisions_by_people": reopened.decisions,
        "audits_of_people": reopened.audits,
        "upheld_of_people": reopened.upheld,
        "upheld_share": reopened.share,
        "upheld_share_low": reopened.low,
        "upheld_share_high": reopened.high,
        "upheld_share_others": reopened.others_share,
        "upheld_standing": reopened.standing,
    }


def _differences(comparison: Comparison) -> dict[str, object]:
    return {
        "column": comparison.column,
        "groups": len(comparison.groups),
        "decisions_without_value": comparison.unlabelled,
        "spread_beyond_chance": comparison.spread,
        "demographic_parity_difference": comparison.parity_difference,
        "equalized_odds_difference": comparison.odds_difference,
    }
