"""What gates and backtests found, as the commands tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.markup import escape
from rich.table import Table

from commands.options import errors, out

if TYPE_CHECKING:
    from training.backtest import Backtest
    from training.data_gate import DataReport
    from training.gates import Verdict

_TOO_FEW = "too few to judge"


def tell_findings(report: DataReport) -> None:
    """Tell what the data gate found; nothing where it found nothing."""
    for finding in report.findings:
        errors.print(escape(str(finding)), highlight=False, soft_wrap=True)


def tell_verdict(verdict: Verdict) -> None:
    """Tell which gates failed or could not be judged, and how many passed.

    Segments with too few audits for a gate stand in one line.
    """
    thin: dict[str, list[str]] = {}
    for row in (*verdict.failed, *verdict.unknown):
        if row.reason.startswith(_TOO_FEW):
            thin.setdefault(row.gate, []).append(f"{row.segment} ({row.audits:,})")
        else:
            _tell(f"{row.outcome}: {row.gate}, {row.segment}: {row.reason}")
    for gate, segments in thin.items():
        _tell(f"unknown: {gate}: {_TOO_FEW} {len(segments)} (audits): {'; '.join(segments)}")
    failed, unknown = len(verdict.failed), len(verdict.unknown)
    passed = len(verdict.rows) - failed - unknown
    against = f"against {verdict.champion}" if verdict.champion else "without a champion"
    out.print(f"Gates, {against}: {passed} passed, {unknown} not known, {failed} failed.")


def tell_backtest(replayed: Backtest) -> None:
    """Tell what each contender would have found, and which weeks could not be tried."""
    overall = replayed.overall
    title = f"{len(replayed.rows):,} audits of {replayed.rows['week'].nunique()} weeks, by 1/π"
    table = Table("ranked by", "audits", "capture 5 %", "AUROC", "less challenger's", title=title)
    for row in overall.to_dict("records"):
        low, high = _told(row["low"]), _told(row["high"])
        figures = (f"{int(row['audits']):,}", _told(row["capture_05"]), _told(row["auroc"]))
        table.add_row(escape(str(row["contender"])), *figures, f"{low} to {high}")
    out.print(table)
    for words in replayed.skipped:
        out.print(f"Not tried: {escape(words)}", soft_wrap=True)


def _tell(words: str) -> None:
    out.print(escape(words), highlight=False, soft_wrap=True)


def _told(figure: float) -> str:
    return "-" if pd.isna(figure) else f"{figure:.3f}"
