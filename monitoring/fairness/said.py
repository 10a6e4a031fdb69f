"""What was found, in words: how a group stands, what stands out first, and what could be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from monitoring.fairness.found import Comparison, Fairness, Gap, Group, Rate, Standing
from monitoring.wording import between, count, percent

MOST_SAID = 8
_KINDS = (
    ("overturn", "errors"),
    ("over", "over-enforcement"),
    ("under", "under-enforcement"),
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A standing in words.

    Attributes
    ----------
    standing
        As of `monitoring.fairness.found.Gap`; names its look on the page.
    words
        What to read.
    """

    standing: Standing
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A gap beyond chance that should be looked at.

    Attributes
    ----------
    title, text
        In words.
    link
        To the table that it is from.
    """

    title: str
    text: str
    link: str


def sayings_of(group: Group) -> list[Saying]:
    """Say how a group stands against the rest, in each kind of error that stands out.

    Where the direction stands out as well as the whole, both are said.
    """
    if not group.enough:
        return [Saying("unknown", "too few audits")]
    told = [
        Saying("worse", f"▼ more {words}")
        if standing == "worse"
        else Saying("better", f"▲ fewer {words}" if kind == "overturn" else f"▲ less {words}")
        for kind, words in _KINDS
        for standing in [_rate(group, kind).gap.standing]
        if standing in ("worse", "better")
    ]
    return told or [Saying("alike", "no clear difference")]


def signed_points(share: float) -> str:
    """Return a difference of shares in percentage points, with its sign.

    Examples
    --------
    >>> signed_points(0.0123), signed_points(-0.2), signed_points(0.0)
    ('+1.2', '−20.0', '0.0')
    """
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"


def gap_words(gap: Gap) -> str:
    """Return a gap with its interval.

    Examples
    --------
    >>> gap_words(Gap(0.021, 0.004, 0.039, "worse"))
    '+2.1 pt (+0.4 to +3.9)'
    """
    low, high = signed_points(gap.low), signed_points(gap.high)
    return f"{signed_points(gap.difference)} pt ({low} to {high})"


def findings_of(found: Fairness) -> tuple[list[Finding], int]:
    """Return the groups with more errors than the rest beyond chance, and how many are not told.

    The ones that are surest to be large come first: by the bound of the gap that is nearest to 0.
    A group is told once, for the kind of error in which it stands out most.
    """
    worse = [
        (rate.gap.low, each, group, words, rate)
        for each in found.comparisons
        for group in each.groups
        for rate, words in [_worst(group)]
        if rate.gap.standing == "worse"
    ]
    worse.sort(key=lambda row: -row[0])
    told = [_finding(each, group, words, rate) for _, each, group, words, rate in worse[:MOST_SAID]]
    return told, len(worse) - len(told)


def least_visible(groups: Sequence[Group]) -> float | None:
    """Return how large a gap of a middling group would have to be to stand out; null with none."""
    known = [group.overturn.gap for group in groups if group.enough]
    return median((gap.high - gap.low) / 2 for gap in known) if known else None


def _rate(group: Group, kind: str) -> Rate:
    return {"overturn": group.overturn, "over": group.over, "under": group.under}[kind]


def _worst(group: Group) -> tuple[Rate, str]:
    """Return the kind of error that stands out most; of the whole where none does."""
    apart = [
        (_rate(group, kind), words)
        for kind, words in _KINDS
        if _rate(group, kind).gap.standing == "worse"
    ]
    return max(apart, key=lambda pair: pair[0].gap.low, default=(group.overturn, "errors"))


def _finding(comparison: Comparison, group: Group, words: str, rate: Rate) -> Finding:
    estimate = rate.estimate
    return Finding(
        f"{comparison.title} {group.name}: more {words} than the rest",
        f"{percent(estimate.overturn_rate)} of its decisions "
        f"({between(estimate.low, estimate.high)}), {gap_words(rate.gap)} against all others; "
        f"n = {count(estimate.decisions)} decisions, {count(estimate.audits)} audits.",
        f"#{comparison.column}",
    )
