"""Policies that come and go: one that vanished is more often lost than gone."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from training.data_limits import DataLimits
from training.findings import Finding, Severity
from training.labels import Rate

VANISHED = "policy vanished"
UNAUDITED = "audits of a policy stopped"
NEW = "new policy"
_DAY = pd.Timedelta(days=1)
_RECENT = pd.Timedelta(days=7)
_GAPS = 3
"""Times the longest pause before, after which a policy that pauses now and then counts as gone."""


def vanished_findings(rows: pd.DataFrame, limits: DataLimits, *, check: str) -> Iterator[Finding]:
    """Yield the policies of which nothing came lately though much was due.

    Parameters
    ----------
    rows
        ``policy`` and ``decided_at`` of decisions, or of those that were audited.
    check
        Which of the two it is: `VANISHED` or `UNAUDITED`.
    """
    if rows.empty:
        return
    moments = pd.DatetimeIndex(rows["decided_at"]).sort_values()
    end, what = rows["decided_at"].max(), "decisions" if check == VANISHED else "audits"
    for policy, own in rows.groupby("policy")["decided_at"]:
        last = own.max()
        before = int(moments.searchsorted(last, side="right"))
        due = len(own) / before * (len(moments) - before)
        if due < limits.expected_decisions or end - last <= _longest_pause(own):
            continue
        yield Finding(
            check,
            f"policy = {policy}",
            Severity.SEVERE,
            seen=f"none of {len(moments) - before:,} {what} since {last:%Y-%m-%d %H:%M}",
            expected=f"about {due:,.0f}, at its share of {len(own) / before:.1%} before",
            mend="see whether the export still holds this policy, or names it otherwise; if it "
            "was ended, leave its decisions out",
        )


def _longest_pause(times: pd.Series) -> pd.Timedelta:
    pause = times.sort_values().diff().max()
    return max(_DAY, _GAPS * pause) if pd.notna(pause) else _DAY


def lost_findings(
    audited: pd.DataFrame, kept: tuple[Rate, dict[str, Rate]] | None, limits: DataLimits
) -> Iterator[Finding]:
    """Yield the policies that the champion learned from and of which no audit came."""
    overall, by_policy = kept or (Rate(0, 0, 0.0, 0.0), {})
    present = set(audited["policy"])
    for policy, rate in by_policy.items():
        due = rate.audits / max(overall.audits, 1) * len(audited)
        if policy not in present and due >= limits.expected_decisions:
            yield Finding(
                VANISHED,
                f"policy = {policy}",
                Severity.SEVERE,
                seen="no audit of it at all",
                expected=f"about {due:,.0f}: the champion learned from {rate.audits:,}",
                mend="see whether the export still holds this policy, or names it otherwise",
            )


def new_findings(
    decisions: pd.DataFrame,
    audited: pd.DataFrame,
    kept: tuple[Rate, dict[str, Rate]] | None,
) -> Iterator[Finding]:
    """Yield the policies that the champion did not know, or, without one, that began lately."""
    first = decisions.groupby("policy")["decided_at"].min()
    start, end = decisions["decided_at"].min(), decisions["decided_at"].max()
    if kept is not None:
        new = first[~first.index.isin(list(kept[1]))]
    elif end - start > 2 * _RECENT:
        new = first[first > end - _RECENT]
    else:
        return
    made, audits = decisions["policy"].value_counts(), audited["policy"].value_counts()
    for policy, since in new.items():
        yield Finding(
            NEW,
            f"policy = {policy}",
            Severity.WARNING,
            seen=f"{int(made.get(policy, 0)):,} decisions since {since:%Y-%m-%d %H:%M}, "
            f"{int(audits.get(policy, 0)):,} of them audited",
            expected="policies that audits were learned from before",
            mend="see that it is no new spelling of another; until it has audits of its own it is "
            "ranked by what holds for all",
        )
