"""What the QA lead should look at first, in sentences that name the figure and the next step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.estimate import Estimate
from monitoring.bands import Band
from monitoring.groups import Grouping
from monitoring.promised import Promise
from monitoring.quality import Quality
from monitoring.wording import between, count, percent, plural

LARGEST_UNFINISHED_SHARE = 0.1
HARDER = 1.25
"""Unfinished audits this many times as risky as the finished ones are said to be the hard ones."""
WIDER = 1.25
"""A figure this many times as wide as anticipated is told."""
_NAMES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that needs attention.

    Attributes
    ----------
    title
        What it is, short.
    detail
        The figures, how sure, and what to do next.
    page
        Page of the report that shows more.
    """

    title: str
    detail: str
    page: str


def find_attention(quality: Quality, *, promise: Promise | None = None) -> list[Finding]:
    """Return what needs attention, the most pressing first; drift is told by its alarms.

    Parameters
    ----------
    promise
        Of the whole period: how sure the figure was to be, and is; null = not known.
    """
    return [
        *_unfinished(quality),
        *_wider_than_promised(promise),
        *_worse_groups(quality),
        *_miscalibrated(quality.bands),
        *_too_few(quality.groupings),
        *_beside(quality),
    ]


def in_words(band: Band) -> str:
    """Return which decisions a band holds.

    Examples
    --------
    >>> riskiest = Band(0.0, 0.01, 0.3, None, None, "unknown")  # type: ignore[arg-type]
    >>> in_words(riskiest)
    'riskiest 1 %'
    """
    if band.from_share == 0:
        return f"riskiest {percent(band.to_share, 0)}"
    return f"decisions from {between(band.from_share, band.to_share, 0)}"


def _unfinished(quality: Quality) -> Iterator[Finding]:
    told, share = quality.nonresponse, quality.nonresponse.unfinished_share
    if share <= LARGEST_UNFINISHED_SHARE:
        return
    done, undone = told.risk_of_finished, told.risk_of_unfinished
    hard = undone > HARDER * done
    consequence = (
        "The risky ones were left: if they were skipped for being hard, the accuracy reads too high"
        if hard
        else "If the hard ones are left for last, the accuracy reads too high"
    )
    yield Finding(
        f"{plural(quality.unfinished, 'selected decision')} without an audit",
        f"That is {percent(share, 0)} of the {count(quality.selected)} selected. Their mean risk "
        f"is {percent(undone)}, that of the finished {percent(done)}. The figures take them to be "
        f"like the finished ones of the same policy and risk. {consequence}. Finish them, or say "
        "why they cannot be.",
        "policies.html#audits",
    )


def _wider_than_promised(promise: Promise | None) -> Iterator[Finding]:
    came = None if promise is None else promise.achieved
    if came is None or not came.achieved_ratio > WIDER * came.anticipated_ratio:
        return
    yield Finding(
        "The figure is less sure than the plan promised",
        f"Its standard error is {came.achieved_ratio:.2f} times that of a uniform sample; "
        f"{came.anticipated_ratio:.2f} was anticipated. The interval is wider with it. The usual "
        "causes are a model that is off where it is sure of itself, and unfinished audits: look at "
        "its calibration, train again, or turn the dial towards precision.",
        "plan.html#promised",
    )


def _worse_groups(quality: Quality) -> Iterator[Finding]:
    for grouping in quality.groupings:
        for segment in grouping.segments:
            if segment.standing == "worse":
                estimate = segment.estimate
                yield Finding(
                    f"{grouping.title} {estimate.domain}: accuracy {percent(estimate.accuracy)}",
                    f"{_interval(estimate)}, from {plural(estimate.audits, 'audit')}; the "
                    f"programme stands at {percent(quality.overall.accuracy)}. That is beyond "
                    f"chance, with {plural(quality.compared, 'group')} looked at. Read its "
                    "overturned decisions together.",
                    page_of(grouping.column),
                )


def _miscalibrated(bands: tuple[Band, ...]) -> Iterator[Finding]:
    for band in bands:
        if band.standing not in ("worse", "better"):
            continue
        estimate = band.estimate
        yield Finding(
            f"The model expects {'fewer' if band.standing == 'worse' else 'more'} errors than "
            "audits find",
            f"Among the {in_words(band)} by risk it expects {percent(band.predicted)}; audits say "
            f"{percent(estimate.overturn_rate)} ({between(estimate.low, estimate.high)}). The "
            "accuracy stays right; its interval is wider than it need be, and the ranking finds "
            "fewer errors. Train again.",
            "model.html#calibration",
        )
        return


def _too_few(groupings: tuple[Grouping, ...]) -> Iterator[Finding]:
    for grouping in groupings:
        if grouping.column not in ("policy", "language"):
            continue
        short = [s.estimate for s in grouping.segments if s.estimate.audits_needed]
        if short:
            names = ", ".join(
                f"{e.domain} (about {count(e.audits_needed)} more)" for e in short[:_NAMES_SHOWN]
            )
            rest = len(short) - _NAMES_SHOWN
            more = f" and {plural(rest, 'other')}" if rest > 0 else ""
            yield Finding(
                f"Too few audits to speak of {plural(len(short), *_NOUNS[grouping.column])}",
                f"{names}{more}. A longer period, or minimum audits in policies.toml, closes this.",
                page_of(grouping.column),
            )


_NOUNS = {"policy": ("policy", "policies"), "language": ("language", "languages")}


def _beside(quality: Quality) -> Iterator[Finding]:
    if quality.audits_beside:
        yield Finding(
            f"{plural(quality.audits_beside, 'audit')} beside the selection",
            "These decisions were ranked but not selected, so their chance of an audit is not "
            "known and no figure counts them. Hours spent so do not make the accuracy surer.",
            "methods.html#left-out",
        )


def page_of(column: str) -> str:
    """Return where the groups of a column are told.

    Examples
    --------
    >>> page_of("action"), page_of("site")
    ('policies.html#action', 'fairness.html#site')
    """
    page = "policies" if column in ("policy", "action", "source") else "fairness"
    return f"{page}.html#{column}"


def _interval(estimate: Estimate) -> str:
    return f"95 % interval {between(estimate.accuracy_low, estimate.accuracy_high)}"
