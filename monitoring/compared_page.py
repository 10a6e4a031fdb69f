"""The page of two periods, and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from models.estimate import Estimate
from monitoring.compared_found import RISE_WORDS, Change, Compared
from monitoring.exports import write_table
from monitoring.interval_chart import interval_chart, interval_height
from monitoring.pages import MOST_ROWS, Book
from monitoring.wording import DIRECTION_WORDS, words

CHANGES_TABLE = "comparison.csv"
PARTS_TABLE = "comparison_parts.csv"
_MOST_DRAWN = 20


def write_comparison(book: Book, compared: Compared) -> Path:
    """Write the page and its tables into the book's folder.

    Returns
    -------
    Path
        Of ``compare.html``.
    """
    write_comparison_tables(compared, book.folder)
    named = (("Policy", compared.policies), ("Language", compared.languages))
    groups = [(title, changes) for title, changes in named if changes]
    return book.write(
        "compare.html",
        compared=compared,
        groups=groups,
        drawings={
            title: (changes_chart(changes), chart_words(title, changes), interval_height(rows))
            for title, changes in groups
            for rows in [len(_drawn(changes))]
            if rows
        },
        shown=MOST_ROWS,
        rise_words=RISE_WORDS,
        change_points=change_points,
        change_between=change_between,
        change_title=change_title,
        files=(CHANGES_TABLE, PARTS_TABLE),
    )


def write_comparison_tables(compared: Compared, folder: Path) -> list[Path]:
    """Write a row a figure compared, and a row a part of the change; shares 0 to 1, unrounded."""
    scopes = (
        ("whole", (compared.overall, compared.severity)),
        ("direction", compared.directions),
        ("policy", compared.policies),
        ("language", compared.languages),
    )
    rows = [_row(scope, change) for scope, changes in scopes for change in changes]
    parts = [
        {"column": each.column, "part": name, "change": part.figure}
        | {"change_low": part.low, "change_high": part.high}
        for each in compared.decompositions
        for name, part in (("mix", each.mix), ("rate", each.rate))
    ]
    columns = ["column", "part", "change", "change_low", "change_high"]
    return [
        write_table(pd.DataFrame(rows), folder / CHANGES_TABLE),
        write_table(pd.DataFrame(parts, columns=columns), folder / PARTS_TABLE),
    ]


def change_points(change: float) -> str:
    """Return a change of a share in percentage points, with its sign.

    Examples
    --------
    >>> change_points(0.0123), change_points(-0.004), change_points(0.00001)
    ('+1.2 pt', '−0.4 pt', '0.0 pt')
    """
    size = f"{abs(100 * change):.1f}"
    sign = "" if float(size) == 0 else "+" if change > 0 else "\N{MINUS SIGN}"
    return f"{sign}{size} pt"


def change_between(low: float, high: float) -> str:
    """Return an interval of changes in percentage points.

    Examples
    --------
    >>> change_between(-0.012, 0.004)
    '−1.2 to +0.4 pt'
    """
    return f"{change_points(low).removesuffix(' pt')} to {change_points(high)}"


def change_title(change: Change) -> str:
    """Return what a change is of, in words."""
    if change.name in DIRECTION_WORDS:
        return f"{words(change.name)} (share of decisions)"
    return {"all": "Accuracy", "by severity": "Accuracy by severity"}.get(change.name, change.name)


def changes_chart(changes: Sequence[Change]) -> dict[str, Any]:
    """Return a Vega-Lite specification of the change of each group with its interval."""
    values = [
        {
            "name": change.name,
            "figure": change.difference,
            "low": change.low,
            "high": change.high,
            "said": change_points(change.difference or 0.0),
            "interval": change_between(change.low or 0.0, change.high or 0.0),
            "verdict": change.verdict,
        }
        for change in _drawn(changes)
    ]
    return interval_chart(
        values,
        reference=0.0,
        title="Change of accuracy",
        form="+.1~%",
        tooltip={
            "name": "Group",
            "said": "Change",
            "interval": "Interval",
            "verdict": "Beyond chance",
        },
        faint="datum.verdict == 'no clear change'",
    )


def chart_words(title: str, changes: Sequence[Change]) -> str:
    """Return what the chart shows, for those who do not see it."""
    rows = "; ".join(
        f"{change.name}: {change_points(change.difference or 0.0)}, {change.verdict}"
        for change in _drawn(changes)
    )
    return f"Change of accuracy by {title.lower()}. {rows}"


def _drawn(changes: Sequence[Change]) -> list[Change]:
    """Return the groups of most decisions that have enough audits in both periods."""
    return [c for c in changes if c.verdict != "too few audits"][:_MOST_DRAWN]


def _row(scope: str, change: Change) -> dict[str, object]:
    return {
        "scope": scope,
        "name": change.name,
        "of": change.of,
        **_period("earlier", change, change.earlier),
        **_period("later", change, change.later),
        "difference": change.difference,
        "difference_low": change.low,
        "difference_high": change.high,
        "verdict": change.verdict,
    }


def _period(name: str, change: Change, found: Estimate | None) -> dict[str, object]:
    fields = ("", "_low", "_high", "_decisions", "_audits", "_overturns")
    if found is None:
        return {f"{name}{field}": None for field in fields}
    low, high = found.low, found.high
    if change.of == "accuracy":
        low, high = found.accuracy_low, found.accuracy_high
    figures = (change.figure(found), low, high, found.decisions, found.audits, found.overturns)
    return {f"{name}{field}": figure for field, figure in zip(fields, figures, strict=True)}
