"""The limits of the alarms, and where alarms are sent, as ``alarms.toml`` declares them.

Every limit has a default, so that a team can start without the file; a limit that is not known is
refused. docs/alarms.md says what each alarm is for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from features.toml_text import read_toml, read_toml_file

_MEND = "; docs/alarms.md lists the limits"
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Days = Annotated[float, msgspec.Meta(ge=1, le=3650)]
Above = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Times = Annotated[float, msgspec.Meta(gt=1, le=1e6)]


class ResidualLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarms that set what audits find against what the model expects.

    Attributes
    ----------
    false_alarm_days
        Days between false alarms, over all segments and both kinds (`residual`, `calibration`).
    ordinary_misfit
        Standard deviation, over segments, of the misfit that a sound model has; in log-odds.
    baseline_audits
        Audits that the risk is recalibrated on before the watch begins.
    fewest_audits
        Of a segment in the period; with fewer it is not watched.
    least_share
        Of all decisions that a pair of columns' values must have to be watched.
    """

    false_alarm_days: Days = 30.0
    ordinary_misfit: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    baseline_audits: Count = 500
    fewest_audits: Count = 20
    least_share: Share = 0.01


class DriftLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarms on what the model reads.

    Attributes
    ----------
    days
        Days, one after the other and the latest among them, on which an input has drifted.
    broken
        Distance from which an input counts as broken: standard deviations, or 1 = wholly other.
    learned
        Distance from which what follows the audits counts: track records and the predicted risk
        move a little every day.
    related
        Inputs drifting together from which the alarm is severe.
    """

    days: Count = 2
    broken: Above = 1.0
    learned: Above = 0.2
    related: Count = 3


class CoverageLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarms on policies and languages that hardly come up for audit.

    Attributes
    ----------
    least_chance
        Inclusion probability below which a decision is as good as never audited.
    uncovered_share
        Most of a stratum's decisions, or of its expected errors, that may be below it.
    expected_audits
        Fewest audits to be expected of a stratum in the period.
    fewest_decisions
        In the period, below which a stratum is not looked at.
    """

    least_chance: Share = 0.001
    uncovered_share: Share = 0.2
    expected_audits: Above = 5.0
    fewest_decisions: Count = 500


class OverdueLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarm on audits that are not done.

    Attributes
    ----------
    days
        After which a selected audit is overdue.
    share
        Most of the audits selected that long ago that may be undone.
    fewest
        Overdue audits below which there is no alarm.
    """

    days: Days = 7.0
    share: Share = 0.1
    fewest: Count = 10


class AgreementLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarm on auditors' agreement.

    Attributes
    ----------
    kappa
        Cohen's, of first audit and second review, that agreement must not surely be below.
    fewest_reviews
        With fewer there is no judging.
    """

    kappa: Share = 0.6
    fewest_reviews: Count = 50


class VolumeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarms on the number of decisions a day.

    Attributes
    ----------
    times
        More, or fewer, than expected, from which a day is looked at.
    false_alarm_days
        Days between false alarms, over everything, each policy and each language.
    fewest_days
        With decisions, before the day that is judged.
    fewest_decisions
        Expected of a policy or language in a day, below which it is not watched.
    """

    times: Times = 1.5
    false_alarm_days: Days = 180.0
    fewest_days: Count = 7
    fewest_decisions: Count = 50


class WidthLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of the alarm on a figure that is less sure than the plan promised.

    Attributes
    ----------
    times
        Standard error that came out, against the one anticipated.
    fewest_audits
        With fewer there is no judging.
    """

    times: Times = 1.25
    fewest_audits: Count = 200


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where alarms are sent.

    Attributes
    ----------
    url
        ``https``, or ``http`` to this machine itself; null = nowhere.
    secret_file
        Holds the key that messages are signed with; in the home folder unless absolute.
    timeout_s
        For one attempt.
    attempts
        For one message in one run; what then is not taken waits for the next run.
    """

    url: str | None = None
    secret_file: str = "webhook.secret"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5


class AlarmLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of one programme."""

    residual: ResidualLimits = ResidualLimits()
    drift: DriftLimits = DriftLimits()
    coverage: CoverageLimits = CoverageLimits()
    overdue: OverdueLimits = OverdueLimits()
    agreement: AgreementLimits = AgreementLimits()
    volume: VolumeLimits = VolumeLimits()
    width: WidthLimits = WidthLimits()
    webhook: Webhook = Webhook()


def parse_limits(text: str, name: str) -> AlarmLimits:
    """Read limits from TOML text; `name` is for messages.

    Raises
    ------
    SettingsError
        If it is not TOML, or holds a limit that is not known or out of range.

    Examples
    --------
    >>> parse_limits("overdue.days = 3", "alarms.toml").overdue.days
    3.0
    >>> parse_limits("overdue.hours = 3", "alarms.toml")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    features.errors.SettingsError: alarms 'alarms.toml': Object contains unknown field `hours` -
    at `$.overdue`; docs/alarms.md lists the limits
    """
    return read_toml(text, AlarmLimits, told=f"alarms {name!r}", mend=_MEND)


def read_limits(path: Path) -> AlarmLimits:
    """Read a file of limits; without one every limit is the default.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or holds a limit that is not known or out of range.
    """
    return read_toml_file(path, AlarmLimits, told="alarms", mend=_MEND)
