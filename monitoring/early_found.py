"""What early sight found, and how it is drawn: expected figures apart from audited ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.estimate import Estimate
from monitoring.wording import between, percent, short_day

BAND_LEVEL = 0.9
"""Share of the days that a band is meant to hold."""
LEAST_DAYS = 7
"""Past days with audits before a band is given."""
FINISHED_SHARE = 0.5
"""Of a day's selected audits, from which the day no longer waits."""
MOST_DRAWN = 28
"""Days in the chart, the latest."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model expects of a day, a policy, or all days that wait.

    Attributes
    ----------
    name
        The day of the ranking as 2026-01-31, or the policy.
    decisions, selected, audits
        Ranked, selected for audit, and audited so far.
    rate, low, high
        Expected overturn rate with its 90 % band, 0 to 1; the bounds are null where there are too
        few past days to tell how far off it may be.
    audited
        The figure from audits with its 95 % interval; null where they are not in, or too few.
    """

    name: str
    decisions: int
    selected: int
    audits: int
    rate: float
    low: float | None
    high: float | None
    audited: Estimate | None

    @property
    def waits(self) -> bool:
        """Whether fewer than half of the selected audits are finished."""
        return self.audits == 0 or self.audits < FINISHED_SHARE * self.selected

    @property
    def accuracy(self) -> float:
        """Expected share of decisions that an audit would uphold."""
        return 1 - self.rate

    @property
    def accuracy_low(self) -> float:
        """Lower bound of the accuracy; 0 where there is no band."""
        return 0.0 if self.high is None else 1 - self.high

    @property
    def accuracy_high(self) -> float:
        """Upper bound of the accuracy; 1 where there is no band."""
        return 1.0 if self.low is None else 1 - self.low


@dataclass(frozen=True, slots=True)
class Hindsight:
    """How far such expectations were off on days whose audits came in.

    Attributes
    ----------
    days
        Number of them.
    bias
        Mean of audited less expected overturn rate: above 0 where the model was too hopeful.
    mean_absolute
        Mean distance of the two; the audits' own error is in it.
    audit_error
        Mean distance that the audits' error alone would make.
    own
        Root mean square of the model's own error: what is left without that of the audits, and what
        so few days cannot exclude.
    tested, covered
        Days that had enough days before them for a band, and those whose audited figure lay within
        the band, the audits' error counted.
    """

    days: int
    bias: float
    mean_absolute: float
    audit_error: float
    own: float
    tested: int
    covered: int

    @property
    def coverage(self) -> float | None:
        """Share of the tested days within their band; null where none was tested."""
        return self.covered / self.tested if self.tested else None


@dataclass(frozen=True, slots=True)
class EarlySight:
    """The expectations of a period.

    Attributes
    ----------
    days
        Every day of the ranking, in order.
    waiting
        The days that wait, as one; null where none does.
    policies
        The same by policy, most decisions first; those without enough past days have no band.
    past
        Null where no day's audits are in.
    """

    days: tuple[Expected, ...]
    waiting: Expected | None
    policies: tuple[Expected, ...]
    past: Hindsight | None

    @property
    def known(self) -> int:
        """Number of days with a figure from audits."""
        return sum(day.audited is not None for day in self.days)

    @property
    def chart(self) -> dict[str, Any]:
        """Vega-Lite specification of the latest days."""
        return _chart(self.days)

    @property
    def chart_words(self) -> str:
        """What the chart shows, for those who do not see it."""
        days = "; ".join(
            f"{day.name}: expected {percent(day.accuracy)}"
            + (f", audited {percent(day.audited.accuracy)}" if day.audited else ", not audited yet")
            for day in self.days[-MOST_DRAWN:]
        )
        return f"Accuracy by day of the ranking, expected and audited. {days}"

    @property
    def days_needed(self) -> int:
        """How many more days with audits until there is a band; 0 when there are enough."""
        return max(0, LEAST_DAYS - (0 if self.past is None else self.past.days))

    @property
    def enough(self) -> bool:
        """Whether there are enough past days for a band."""
        return self.days_needed == 0


def _chart(days: Sequence[Expected]) -> dict[str, Any]:
    """Return a Vega-Lite specification: what audits said, and what the model expected, dashed."""
    shown = days[-MOST_DRAWN:]
    expected = [_value(day, day.accuracy, day.accuracy_low, day.accuracy_high) for day in shown]
    audited = [
        _value(day, e.accuracy, e.accuracy_low, e.accuracy_high)
        for day in shown
        for e in [day.audited]
        if e is not None
    ]
    order = [short_day(day.name) for day in shown]
    bands = [
        value
        for value, day in zip(expected, shown, strict=True)
        if day.waits and day.low is not None
    ]
    colour = {"color": "var(--warn)"}
    dashed = {"strokeDash": [4, 3], "strokeWidth": 1.5, **colour}
    layers = [
        _layer(bands, {"type": "rule", **dashed}, order, to="high"),
        _layer(expected, {"type": "line", **dashed}, order, field="accuracy"),
        _layer(
            expected,
            {"type": "point", "filled": False, "shape": "square", "size": 55, **colour},
            order,
            field="accuracy",
        ),
        _layer(
            audited,
            {"type": "rule", "strokeWidth": 5, "strokeCap": "round"}
            | {"color": "var(--accent-soft)"},
            order,
            to="high",
        ),
        _layer(
            audited,
            {"type": "point", "filled": True, "size": 60, "opacity": 1}
            | {"color": "var(--accent)"},
            order,
            field="accuracy",
        ),
    ]
    return {"layer": [layer for layer in layers if layer["data"]["values"]]}


def _layer(
    values: list[dict[str, object]],
    mark: dict[str, object],
    order: list[str],
    *,
    field: str = "low",
    to: str | None = None,
) -> dict[str, Any]:
    axis = {"format": ".1~%", "grid": True}
    encoding: dict[str, Any] = {
        "x": {"field": "day", "type": "ordinal", "title": None, "scale": {"domain": order}}
        | {"axis": {"labelAngle": 0}},
        "y": {"field": field, "type": "quantitative", "title": "Accuracy", "axis": axis}
        | {"scale": {"zero": False}},
    }
    if to is not None:
        encoding["y2"] = {"field": to}
    else:
        encoding["tooltip"] = [{"field": "day", "title": "Day"}, {"field": "said", "title": "Says"}]
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _value(day: Expected, accuracy: float, low: float, high: float) -> dict[str, object]:
    return {
        "day": short_day(day.name),
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "said": f"{percent(accuracy)} ({between(low, high)})",
    }
