"""The drawings of a model card as inline SVG; their colours come from the page by class.

A drawing that stands alone carries a description; a whisker stands beside the figures that it
draws, so it is hidden from screen readers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.bootstrap import Interval

_WIDTH, _HEIGHT, _MARGIN = 180.0, 22.0, 8.0
_PLOT_WIDTH, _PLOT_HEIGHT = 640.0, 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 92.0, 596.0, 18.0, 356.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_RATES = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis with round ends."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Axis:
        """Return the axis that holds all values that are known.

        Examples
        --------
        >>> Axis.of([0.12, 0.58])
        Axis(low=0.0, high=0.6)
        """
        known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
        step = next((s for s in _STEPS if (max(known) - min(known)) / s <= 4), _STEPS[-1])
        low = math.floor(min(known) / step + 1e-9)
        high = max(math.ceil(max(known) / step - 1e-9), low + 1)
        return cls(round(low * step, 6), round(high * step, 6))

    def place(self, value: float) -> float:
        """Return where a value is drawn in a table."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _MARGIN + part * (_WIDTH - 2 * _MARGIN)


def draw_axis(axis: Axis) -> Markup:
    """Draw the ends of an axis above its whiskers."""
    shares = axis.low >= -1 and axis.high <= 1
    ends = [(axis.low, "start", _MARGIN), (axis.high, "end", _WIDTH - _MARGIN)]
    labels = Markup("").join(
        Markup('<text x="{:.0f}" y="15" text-anchor="{}">{}</text>').format(
            x, anchor, f"{100 * end:.0f} %" if shares else f"{end:g}"
        )
        for end, anchor, x in ends
    )
    return _row(labels)


def draw_whisker(axis: Axis, *, value: float, low: float, high: float) -> Markup:
    """Draw a figure as a dot on its interval; an interval that is not known is left out."""
    middle = _HEIGHT / 2
    ends = Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(
        _MARGIN, _WIDTH - _MARGIN, middle
    )
    if math.isfinite(low) and math.isfinite(high):
        ends += Markup('<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>').format(
            axis.place(low), axis.place(high), middle, middle
        )
    dot = Markup('<circle class="dot" cx="{:.1f}" cy="{}" r="4"/>').format(
        axis.place(value), middle
    )
    return _row(ends + dot)


@dataclass(frozen=True, slots=True)
class _Plane:
    """A square of shares from 0 to `top`; on square-root axes small shares have more room."""

    top: float = 1.0
    square_root: bool = False

    def across(self, value: float) -> float:
        """Return where a share lies from left to right."""
        return _LEFT + self._part(value) * (_RIGHT - _LEFT)

    def down(self, value: float) -> float:
        """Return where a share lies from the top."""
        return _BOTTOM - self._part(value) * (_BOTTOM - _TOP)

    def _part(self, value: float) -> float:
        part = min(max(value / self.top, 0.0), 1.0)
        return math.sqrt(part) if self.square_root else part


def draw_capture(
    curve: Iterable[tuple[float, float]],
    best: Iterable[tuple[float, float]],
    budgets: Mapping[float, Interval],
) -> Markup:
    """Draw the share of errors found by the share of decisions audited.

    Parameters
    ----------
    curve, best
        Points of the ranking by risk, and of one that knew every error.
    budgets
        Capture with its interval at some budgets.
    """
    plane = _Plane()
    drawn = _grid(plane, _SHARES, "share of decisions audited")
    drawn += _line(plane, "best", best) + _diagonal(plane) + _line(plane, "curve", curve)
    drawn += Markup("").join(_upright(plane, *each) for each in budgets.items())
    told = "; ".join(
        f"{100 * budget:.0f} % of decisions hold {100 * found.value:.0f} % of errors"
        for budget, found in budgets.items()
    )
    return _alone(drawn, f"Capture at budget: {told}. A uniform sample lies on the diagonal.")


def draw_calibration(bins: Sequence[tuple[float, Interval]]) -> Markup:
    """Draw found overturn rates by those that the model gave, on square-root axes."""
    highest = max(
        rate
        for expected, found in bins
        for rate in (expected, found.value, found.high)
        if math.isfinite(rate)
    )
    top = min((rate for rate in _RATES if rate >= highest), default=1.0)
    plane = _Plane(top, square_root=True)
    drawn = _grid(plane, [rate for rate in _RATES if rate <= top], "overturn rate expected")
    drawn += _diagonal(plane) + Markup("").join(_upright(plane, *each) for each in bins)
    told = "; ".join(
        f"expected {100 * expected:.1f} %, found {100 * found.value:.1f} %"
        for expected, found in bins
    )
    return _alone(drawn, f"Calibration: {told}. On the diagonal both are equal.")


def _grid(plane: _Plane, ticks: Sequence[float], across: str) -> Markup:
    lines = [
        Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
            '<text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
            '<text x="{6:.1f}" y="{7}" text-anchor="middle">{5}</text>'
        ).format(
            *(_LEFT, _RIGHT, plane.down(tick), _LEFT - 10, plane.down(tick) + 5),
            *(f"{100 * tick:g} %", plane.across(tick), _BOTTOM + 26),
        )
        for tick in ticks
    ]
    title = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="middle">{}</text>').format(
        (_LEFT + _RIGHT) / 2, _PLOT_HEIGHT - 10, across
    )
    return Markup("").join(lines) + title


def _diagonal(plane: _Plane) -> Markup:
    return _line(plane, "reference", [(0.0, 0.0), (plane.top, plane.top)])


def _line(plane: _Plane, name: str, points: Iterable[tuple[float, float]]) -> Markup:
    places = " ".join(f"{plane.across(x):.1f},{plane.down(y):.1f}" for x, y in points)
    return Markup('<polyline class="{}" points="{}"/>').format(name, places)


def _upright(plane: _Plane, x: float, found: Interval) -> Markup:
    dot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(
        plane.across(x), plane.down(found.value)
    )
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return dot
    bar = Markup('<line class="whisker" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>')
    return bar.format(plane.across(x), plane.down(found.low), plane.down(found.high)) + dot


def _alone(drawn: Markup, told: str) -> Markup:
    return Markup(
        '<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>'
    ).format(_PLOT_WIDTH, _PLOT_HEIGHT, told, drawn)


def _row(drawn: Markup) -> Markup:
    return Markup(
        '<svg class="figure" viewBox="0 0 {:.0f} {:.0f}" aria-hidden="true">{}</svg>'
    ).format(_WIDTH, _HEIGHT, drawn)
