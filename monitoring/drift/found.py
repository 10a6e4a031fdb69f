"""What a drift measurement found, in a form that is kept as JSON.

Apart from what measures it and from Evidently, which takes seconds to import, so that pages, alarms
and records read it at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

THRESHOLD = 0.1
"""Distance from which a feature counts as drifted where no limit was worked out for it."""
LARGEST_SHARE = 0.25
"""Share of drifted features above which they need attention."""
FALSE_ALARM = 0.005
"""Risk that a day, a week or a period raises any false alarm."""
LEAST_DISTANCE = 0.05
"""Standard deviations; less has not drifted, however sure it is."""
ALL = "all"
"""The scope of all decisions, beside the policies."""
PERIOD = "period"
"""The span of the whole period, beside its days and weeks."""
LATELY = "last 7 days"
"""The span of the last seven days measured, whatever the day of the week."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature moved from what the model learned from.

    Attributes
    ----------
    feature
        Name of the column.
    kind
        ``number`` or ``category``.
    distance
        In standard deviations of the training profile, from 0 up. Of a level or a spread: how far
        the mean, or the squared deviation, moved. Of a share (of a category, of nulls, of values
        in one range): the difference of arcsines, ``2 asin(sqrt(p))``, which has the same scale
        (Cohen, 1988: .2 is small).
    drifted
        Whether the distance reached the limit, and the feature is not one that grows by nature.
    by_chance
        Distance to be expected on average had nothing moved: samples always differ, and so do
        days. 0 where it was not worked out.
    limit
        Distance from which it counts, for this many decisions; 0 where it was not worked out.
    where
        Between which values it moved, in words.
    contrast
        Which way of moving it is: ``level``, ``spread``, or the name of the share.
    grows
        Whether it changes in the ordinary run of things (a count of past audits, say): it is shown
        and never drifts.
    since
        First day of the period, as ``2026-01-31``, on which it drifted in this scope; null where
        it did not drift.
    """

    feature: str
    kind: str
    distance: float
    drifted: bool
    by_chance: float = 0.0
    limit: float = 0.0
    where: str = ""
    contrast: str = ""
    grows: bool = False
    since: str | None = None

    @property
    def over_limit(self) -> float:
        """The distance over its limit: 1 and above has drifted.

        Examples
        --------
        >>> FeatureDrift("views", "number", 0.12, True, limit=0.08).over_limit
        1.5
        """
        return self.distance / (self.limit or THRESHOLD)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the features of one span and scope moved from the reference.

    Attributes
    ----------
    features
        Those compared, the farthest over its limit first.
    not_compared
        Features that the current or the reference rows do not hold.
    current_rows, reference_rows
        Rows compared, after sampling; no feature is compared where either is too few.
    span
        A day, ``2026-01-31``, an ISO week, ``2026-W05``, ``last 7 days`` or ``period``.
    scope
        ``all`` or a policy.
    """

    features: tuple[FeatureDrift, ...]
    not_compared: tuple[str, ...]
    current_rows: int
    reference_rows: int
    span: str = PERIOD
    scope: str = ALL

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the features that drifted, the farthest first."""
        return tuple(feature.feature for feature in self.features if feature.drifted)

    @property
    def watched(self) -> tuple[FeatureDrift, ...]:
        """The features compared, but for those that grow by nature."""
        return tuple(feature for feature in self.features if not feature.grows)

    @property
    def share(self) -> float:
        """Share of the compared features that drifted, 0 to 1."""
        return len(self.drifted) / max(len(self.features), 1)


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """Drift of a period: as a whole, by policy, by day and by week.

    Attributes
    ----------
    period
        Of all decisions of the period.
    policies
        Of each policy, over the whole period, in the order of their names.
    days, weeks
        Of all decisions, in order of time. The last week is as far as it has come.
    since
        For each feature that drifted in any span of all decisions: the first day of it. Where a
        week shows what none of its days does, that is its first measured day.
    lately
        Of all decisions of the last seven days measured; null where nothing was.
    policy_weeks
        Of each policy and week; only features that drifted are kept.
    effective_reference_rows
        Rows of the profile had each come once: rows that stand for many decisions come repeatedly,
        and the profile is as sure as this many.
    """

    period: Drift
    policies: tuple[Drift, ...]
    days: tuple[Drift, ...]
    weeks: tuple[Drift, ...]
    since: Mapping[str, str]
    lately: Drift | None = None
    policy_weeks: tuple[Drift, ...] = ()
    effective_reference_rows: float = 0.0

    @property
    def standing(self) -> tuple[FeatureDrift, ...]:
        """Features that drift now: in the last day, the last week, or the last seven days.

        Each once, from the longest of these spans in which it drifted, farthest first.
        """
        now: dict[str, FeatureDrift] = {}
        lately = () if self.lately is None else (self.lately,)
        for span in (*lately, *self.weeks[-1:], *self.days[-1:]):
            for feature in span.features:
                if feature.drifted:
                    now.setdefault(feature.feature, feature)
        return tuple(sorted(now.values(), key=lambda f: -f.over_limit))
