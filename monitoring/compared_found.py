"""What a comparison of two periods found."""

from __future__ import annotations

from dataclasses import dataclass

from models.estimate import Estimate

RISE_WORDS = {
    "rose": "▲ rose",
    "fell": "▼ fell",
    "no clear change": "no clear change",
    "too few audits": "too few audits",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both periods.

    Attributes
    ----------
    name
        Of the group, the direction, or the whole.
    of
        ``accuracy`` or ``error rate``: what `difference` is of.
    earlier, later
        In each period, at 95 %; null where the period has no such decision.
    difference, low, high
        Later less earlier, -1 to 1, with its interval: 95 % for figures of the whole; for groups,
        at the level at which all groups compared hold 95 % together. Null where either is missing.
    verdict
        ``rose``, ``fell``, ``no clear change`` or ``too few audits``.
    """

    name: str
    of: str
    earlier: Estimate | None
    later: Estimate | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str

    def figure(self, estimate: Estimate) -> float:
        """Return what this change is of, in one period."""
        return estimate.accuracy if self.of == "accuracy" else estimate.overturn_rate

    @property
    def better(self) -> bool | None:
        """Whether it changed for the better; null where there is no clear change."""
        if self.verdict not in ("rose", "fell"):
            return None
        return (self.verdict == "rose") == (self.of == "accuracy")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the change of accuracy, with its 95 % interval; -1 to 1."""

    figure: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Why the accuracy of the whole changed (Kitagawa 1955).

    Attributes
    ----------
    column
        Whose values the decisions are grouped by.
    mix
        Through other shares of the groups: what would have changed at the same accuracies.
    rate
        Through other accuracies within the groups, at the same shares.
    moved
        The groups whose share changed most, with their shares before and after; 0 to 1.
    """

    column: str
    mix: Part
    rate: Part
    moved: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The audits of one period.

    Attributes
    ----------
    first, last
        Days of the ranking, as 2026-01-31.
    decisions, audits, errors_found
        Counts.
    hours
        Spent on its audits; null where minutes are noted of less than nine in ten.
    """

    first: str
    last: str
    decisions: int
    audits: int
    errors_found: int
    hours: float | None

    @property
    def errors_an_audit(self) -> float:
        """Errors found per audit, 0 to 1; 0 without an audit."""
        return self.errors_found / self.audits if self.audits else 0.0

    @property
    def errors_an_hour(self) -> float | None:
        """Errors found per hour of audits; null where hours are not known."""
        return self.errors_found / self.hours if self.hours else None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two periods beside each other.

    Attributes
    ----------
    overall, severity, directions
        Of all decisions: the accuracy, the accuracy by severity, and the rate of each direction.
    policies, languages
        Accuracy by group, most decisions first; empty where decisions do not have the column.
    groups
        Number of groups compared, in both.
    decompositions
        By policy and by language.
    work
        Of the earlier and the later period.
    audits_for_a_point
        Audits a period that would show a change of 1 point four times in five; null where there
        are too few to tell.
    """

    overall: Change
    severity: Change
    directions: tuple[Change, ...]
    policies: tuple[Change, ...]
    languages: tuple[Change, ...]
    groups: int
    decompositions: tuple[Decomposition, ...]
    work: tuple[Work, Work]
    audits_for_a_point: int | None
