"""The accuracy of the period read in several ways, to stand beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models.estimate import Estimate
from monitoring.auditors import LEAST_REVIEWS, Auditors
from monitoring.quality import Quality
from monitoring.uniform_check import UniformCheck
from monitoring.wording import plural


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the figure.

    Attributes
    ----------
    name, rests_on
        In words.
    rate, low, high
        Overturn rate with its 95 % interval, 0 to 1; of no meaning where it is missing.
    missing
        Why there is no figure, and what to do; empty where there is one.
    """

    name: str
    rate: float = 0.0
    low: float = 0.0
    high: float = 1.0
    rests_on: str = ""
    missing: str = ""


def read_in_other_ways(quality: Quality, auditors: Auditors) -> tuple[Reading, ...]:
    """Return the figure as published, by severity, corrected for auditors, and counted plainly."""
    audits = plural(quality.overall.audits, "audit")
    return (
        _estimated("Every decision alike", quality.overall, audits),
        _estimated("By severity", quality.by_severity, audits),
        *_corrected(auditors, audits),
        _counted(quality.uniform),
    )


def _estimated(name: str, estimate: Estimate, audits: str) -> Reading:
    if estimate.audits_needed:
        needed = plural(estimate.audits_needed, "more audit")
        return Reading(name, missing=f"needs about {needed}")
    return Reading(name, estimate.overturn_rate, estimate.low, estimate.high, audits)


def _corrected(auditors: Auditors, audits: str) -> Iterator[Reading]:
    name, found = "Corrected for auditors' errors", auditors.corrected
    if found is not None and found.raw.audits_needed:
        yield Reading(name, missing=f"needs about {plural(found.raw.audits_needed, 'more audit')}")
    elif found is not None:
        rests_on = f"{audits}, {plural(auditors.reviews, 'second review')}"
        yield Reading(name, found.overturn_rate, found.low, found.high, rests_on)
    elif auditors.reviews:
        have = plural(auditors.reviews, "second review")
        yield Reading(name, missing=f"{have} so far, needs {LEAST_REVIEWS}")
    else:
        yield Reading(name, missing="no second reviews yet; see Auditors for what to do")


def _counted(uniform: UniformCheck | None) -> Reading:
    name = "By counting alone"
    if uniform is None:
        return Reading(name, missing="no audit of the uniform sample is finished")
    rests_on = f"{plural(uniform.audits, 'audit')} picked uniformly, {uniform.overturns} overturned"
    return Reading(name, uniform.rate, uniform.low, uniform.high, rests_on)
