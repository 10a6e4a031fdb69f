"""What a look at fairness found, as data: the pages, the tables and Evidently all read this.

Two faces. *Of moderation*: how often decisions of a group are wrong, in either direction. *Of the
model*: whether its risk is right there, whether it finds the group's errors, and who bears the
audits. Rates come from `models.estimate`; shares are 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.estimate import Estimate

Standing = Literal["worse", "better", "alike", "unknown"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A group against the rest of the programme.

    Attributes
    ----------
    difference
        Error rate of the group less that of all others, -1 to 1; above 0 = more errors.
    low, high
        Of the difference, so wide that all gaps looked at hold together 19 times in 20; the chance
        of audits and the chance of decisions are both in it.
    standing
        ``worse`` (more errors) or ``better`` where the interval leaves out 0, ``alike`` where not,
        ``unknown`` where there are too few audits.
    """

    difference: float
    low: float
    high: float
    standing: Standing


@dataclass(frozen=True, slots=True)
class Pooled:
    """A group's error rate drawn towards that of its grouping, the further the less is known.

    Attributes
    ----------
    rate, low, high
        0 to 1.
    own_share
        Weight of the group's own audits in it, 0 (nothing but the mean of the groups) to 1.
    """

    rate: float
    low: float
    high: float
    own_share: float


@dataclass(frozen=True, slots=True)
class Rate:
    """One kind of error in one group.

    Attributes
    ----------
    estimate
        As found, with its 95 % interval.
    gap
        Against the rest.
    pooled
        Drawn towards the others; null with fewer than three groups, or without an audit.
    """

    estimate: Estimate
    gap: Gap
    pooled: Pooled | None

    @property
    def enough(self) -> bool:
        """Whether there are enough audits to show the figure as found."""
        return bool(self.estimate.audits) and not self.estimate.audits_needed


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the model expected of a group over what audits found.

    Attributes
    ----------
    expected
        Mean of the model's own probability over all decisions of the group, 0 to 1.
    ratio
        Expected over found; 1 is right, below 1 the model sees too little risk. Null where no
        error is found.
    low, high
        95 % interval of the ratio; high is null where the rate may be 0.
    standing
        ``worse`` where there are more errors than expected beyond chance, with all groups looked
        at; ``better`` where fewer.
    """

    expected: float
    ratio: float | None
    low: float
    high: float | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Capture:
    """Which share of a group's errors the audits found.

    Attributes
    ----------
    share, low, high
        Overturns found over the errors estimated, 0 to 1, with the 95 % interval; share is null
        where no error is estimated.
    """

    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Burden:
    """Who is audited against where the errors are.

    Attributes
    ----------
    audits_share
        Of all audits, those of the group.
    errors_share, errors_low, errors_high
        Of all errors, as estimated, those of the group, with a 95 % interval; null without errors.
    """

    audits_share: float
    errors_share: float | None
    errors_low: float | None
    errors_high: float | None

    @property
    def ratio(self) -> float | None:
        """Share of audits over share of errors; above 1, more audits than its errors call for."""
        return self.audits_share / self.errors_share if self.errors_share else None


@dataclass(frozen=True, slots=True)
class AtCut:
    """The model as a yes or no: above one and the same cut of risk for everyone.

    Attributes
    ----------
    above_share
        Of the group's decisions, those above the cut (fairlearn's selection rate).
    errors_above
        Of its errors, those above the cut (true positive rate); null with few overturns.
    correct_above
        Of its correct decisions, those above the cut (false positive rate); null with few upheld.
    """

    above_share: float
    errors_above: float | None
    correct_above: float | None


@dataclass(frozen=True, slots=True)
class Reopened:
    """Correct work of people that audits re-opened: a plain count of what happened.

    Attributes
    ----------
    decisions, audits, upheld
        Of the group's decisions made by people.
    share, low, high
        Of those audits, the upheld ones, with Clopper and Pearson's 95 % interval.
    others_share
        The same of all others; null where there are none.
    standing
        ``worse`` where more of the audits were false alarms than elsewhere, beyond chance.
    """

    decisions: int
    audits: int
    upheld: int
    share: float
    low: float
    high: float
    others_share: float | None
    standing: Standing

    @property
    def per_decision(self) -> float:
        """Upheld audits per decision made by people."""
        return self.upheld / self.decisions


@dataclass(frozen=True, slots=True)
class Group:
    """One value of one column.

    Attributes
    ----------
    name
        The value.
    overturn, over, under
        All overturns, over-enforcement and under-enforcement.
    calibration, capture
        Of the model; null where there are too few audits.
    burden
        Of audits; errors null where there are too few audits.
    at_cut
        Null where there are too few audits.
    reopened
        Null where no decision of people was audited.
    """

    name: str
    overturn: Rate
    over: Rate
    under: Rate
    calibration: Calibration | None
    capture: Capture | None
    burden: Burden
    at_cut: AtCut | None
    reopened: Reopened | None

    @property
    def enough(self) -> bool:
        """Whether there are enough audits to show figures of the group alone."""
        return self.overturn.enough


@dataclass(frozen=True, slots=True)
class Comparison:
    """The groups of one column.

    Attributes
    ----------
    column, title
        Of the table, and in words; of the first where several columns divide decisions just so,
        with the titles of all.
    groups
        Most decisions first.
    unlabelled
        Decisions whose value is null; they count to the rest of every group.
    spread
        Standard deviation of the error rate between the groups beyond chance, 0 to 1; null with
        fewer than three groups.
    parity_difference
        Largest difference of the share above the cut between groups with enough audits
        (fairlearn's demographic parity difference); null with fewer than two.
    odds_difference
        Largest difference of errors above or correct above (equalised odds); null likewise.
    """

    column: str
    title: str
    groups: tuple[Group, ...]
    unlabelled: int
    spread: float | None
    parity_difference: float | None
    odds_difference: float | None

    @property
    def apart(self) -> tuple[Group, ...]:
        """Groups with more or fewer errors than the rest, in any direction, beyond chance."""
        return tuple(
            group
            for group in self.groups
            if {"worse", "better"}
            & {rate.gap.standing for rate in (group.overturn, group.over, group.under)}
        )


@dataclass(frozen=True, slots=True)
class Fairness:
    """What was found in a period.

    Attributes
    ----------
    overturn, over, under
        Of the whole programme.
    comparisons
        A column each, for those that hold two values or more.
    compared
        Gaps looked at: three kinds of error in each group of each column.
    cut_share
        Share of all decisions above the cut of `AtCut`.
    """

    overturn: Estimate
    over: Estimate
    under: Estimate
    comparisons: tuple[Comparison, ...]
    compared: int
    cut_share: float

    @property
    def groups(self) -> int:
        """Groups looked at, in all columns."""
        return sum(len(comparison.groups) for comparison in self.comparisons)
