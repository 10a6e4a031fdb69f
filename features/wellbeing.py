"""What limits an auditor's day, when audits are due, and how many get a second review.

::

    graphic_from = 2              # lowest graphic level that is limited
    graphic_minutes_a_day = 120.0
    graphic_items_a_day = 60
    graphic_minutes_an_hour = 25.0
    graphic_items_an_hour = 12
    most_in_a_row = 3             # graphic items before another one or a break
    break_minutes = 5.0
    apart_from_team = true        # nobody audits decisions of their own team
    apart_from_site = false       # nor of their own site
    rotation_days = 14            # days over which exposure is evened out
    golden_share = 0.02           # chance of an item whose verdict is agreed, after each audit
    oldest_days = 28              # audits selected longer ago are not handed out any more
    untimed_minutes = 5.0         # that an audit is planned for while none was timed
    [due_hours]                   # from the selection of a decision until its audit is due
    default = 72.0
    # child_safety = 24.0
    [reviews]                     # second, blind reviews by another person
    of_overturns = 0.5            # chance of a review of an audit that overturned the decision
    of_rest = 0.06                # mean chance of the others
    # since = 2026-12-01          # audits finished before this day are not drawn any more

Everything defaults. How much of such material is too much is not known; the limits are a
programme's own, set with the people they are for. See docs/wellbeing.md.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from features.toml_text import read_toml, read_toml_file

WELLBEING_TEMPLATE = """\
# What limits an auditor's day, and when audits are due. All have the limits shown.
# See docs/wellbeing.md.
# graphic_from = 2              # lowest graphic level, 1 to 3, that is limited
# graphic_minutes_a_day = 120.0 # of a person
# graphic_items_a_day = 60
# graphic_minutes_an_hour = 25.0
# graphic_items_an_hour = 12
# most_in_a_row = 3             # graphic items before another one or a break
# break_minutes = 5.0
# apart_from_team = true        # nobody audits decisions of their own team
# apart_from_site = false       # nor of their own site
# rotation_days = 14            # days over which exposure is evened out
# golden_share = 0.02           # chance of an item whose verdict is agreed, after each audit
# oldest_days = 28              # audits selected longer ago are not handed out any more
# untimed_minutes = 5.0         # that an audit is planned for while none was timed
# [due_hours]                   # from the selection of a decision until its audit is due
# default = 72.0
# [reviews]                     # second, blind reviews by another person
# of_overturns = 0.5            # chance of a review of an audit that overturned the decision
# of_rest = 0.06                # mean chance of the others
# # since = 2026-12-01          # the day on which these shares were changed (default: never)
"""

_MEND = "; see docs/wellbeing.md"
Hours = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
DayMinutes = Annotated[float, msgspec.Meta(ge=0, le=1_440)]


def _usual_due_hours() -> dict[str, float]:
    return {"default": 72.0}


class ReviewShares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the finished audits get a second, blind review.

    Attributes
    ----------
    of_overturns
        Chance of a review for an audit that overturned the decision, above 0 to 1.
    of_rest
        Mean chance for the others, above 0 to 1; each has one in proportion to what it weighs in
        the figure, and none less than one in a hundred.
    since
        The day, in UTC, from which these shares hold: audits finished before it are not drawn any
        more. Each review counts by one over the chance that it was drawn by, and one audit cannot
        be drawn by two. Null = they have held from the first.
    """

    of_overturns: Share = 0.5
    of_rest: Share = 0.06
    since: date | None = None


class Wellbeing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one programme.

    Attributes
    ----------
    graphic_from
        Lowest graphic level that counts as graphic.
    graphic_minutes_a_day, graphic_items_a_day
        Caps of a person and day; a day is that on which the shift begins, in UTC.
    graphic_minutes_an_hour, graphic_items_an_hour
        Caps of a person and hour of the shift.
    most_in_a_row
        Graphic items one after another, at most, before another item or a break.
    rotation_days
        Days before today whose graphic minutes count when exposure is evened out.
    golden_share
        Chance of a golden item after each audit of a shift: one whose verdict is agreed.
    oldest_days
        Days after which a selected audit that was not done is not handed out any more; it is
        nonresponse from then on.
    untimed_minutes
        Minutes that an audit is planned for where no audit was timed yet.
    due_hours
        By policy, hours from the selection until the audit is due; "default" for all others.
    reviews
        How many of the finished audits get a second review.
    """

    graphic_from: Annotated[int, msgspec.Meta(ge=1, le=3)] = 2
    graphic_minutes_a_day: DayMinutes = 120.0
    graphic_items_a_day: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 60
    graphic_minutes_an_hour: Annotated[float, msgspec.Meta(gt=0, le=60)] = 25.0
    graphic_items_an_hour: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 12
    most_in_a_row: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    break_minutes: Annotated[float, msgspec.Meta(ge=0.5, le=120)] = 5.0
    apart_from_team: bool = True
    apart_from_site: bool = False
    rotation_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 14
    golden_share: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.02
    oldest_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 28
    untimed_minutes: Annotated[float, msgspec.Meta(gt=0, le=1_440)] = 5.0
    due_hours: dict[str, Hours] = msgspec.field(default_factory=_usual_due_hours)
    reviews: ReviewShares = msgspec.field(default_factory=ReviewShares)

    @property
    def least_graphic_minutes(self) -> float:
        """Return the minutes that a graphic item is planned for at least: its part of an hour.

        Where each takes at least that, the cap of minutes an hour holds the cap of items too.

        Examples
        --------
        >>> Wellbeing(graphic_minutes_an_hour=25.0, graphic_items_an_hour=10).least_graphic_minutes
        2.5
        """
        return self.graphic_minutes_an_hour / self.graphic_items_an_hour

    def due_at(self, policy: str, selected_at: datetime) -> datetime:
        """Return when an audit under a policy is due.

        Examples
        --------
        >>> noon = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
        >>> str(Wellbeing(due_hours={"hate": 24.0}).due_at("hate", noon))
        '2026-03-02 12:00:00+00:00'
        >>> str(Wellbeing(due_hours={"hate": 24.0}).due_at("spam", noon))
        '2026-03-04 12:00:00+00:00'
        """
        usual = self.due_hours.get("default", _usual_due_hours()["default"])
        return selected_at + timedelta(hours=self.due_hours.get(policy, usual))


def parse_wellbeing(text: str, told: str = "wellbeing.toml") -> Wellbeing:
    """Read limits from TOML text.

    Raises
    ------
    SettingsError
        If it is not TOML, or holds a limit that is not known or out of range.

    Examples
    --------
    >>> parse_wellbeing("graphic_minutes_a_day = 90").graphic_minutes_a_day
    90.0
    >>> parse_wellbeing("graphic_minutes = 90")
    Traceback (most recent call last):
    features.errors.SettingsError: wellbeing.toml: Object contains unknown field ...
    """
    return read_toml(text, Wellbeing, told=told, mend=_MEND)


def read_wellbeing(path: Path) -> Wellbeing:
    """Read the limits of a home; without a file all are the defaults.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or holds a limit that is not known or out of range.
    """
    return read_toml_file(path, Wellbeing, told="limits", mend=_MEND)
