"""Small figures as inline SVG: they print, scale, follow the theme and need no script.

Every figure stands beside the numbers that it draws, so it is hidden from screen readers unless it
carries a description. Colours come from the page's style sheet by class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from models.estimate import Estimate
from monitoring.wording import percent

_WIDTH, _HEIGHT, _MARGIN = 260.0, 22.0, 8.0
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear axis of shares.

    Attributes
    ----------
    low, high
        Its ends, 0 to 1.
    step
        Between ticks.
    """

    low: float
    high: float
    step: float

    @property
    def ticks(self) -> list[float]:
        """The places of the ticks, ends included."""
        return [
            self.low + i * self.step for i in range(round((self.high - self.low) / self.step) + 1)
        ]

    def place(self, value: float, *, start: float, end: float) -> float:
        """Return where a value lies between two coordinates; beyond the ends it is held there."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return start + part * (end - start)


def fit_scale(values: Sequence[float], *, ticks: int = 4) -> Scale:
    """Return the shortest axis of round steps that holds all values.

    Examples
    --------
    >>> scale = fit_scale([0.913, 0.987])
    >>> round(scale.low, 3), round(scale.high, 3), scale.step
    (0.9, 1.0, 0.05)
    """
    low, high = (min(values), max(values)) if len(values) else (0.0, 1.0)
    for step in _STEPS:
        start, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if end - start <= ticks:
            break
    start = max(min(start, end - 1), 0)
    return Scale(start * step, max(end, start + 1) * step, step)


def accuracy_scale(estimates: Sequence[Estimate]) -> Scale:
    """Return one axis of accuracy for all estimates that have enough audits."""
    shown = [e for e in estimates if not e.audits_needed]
    return fit_scale([bound for e in shown for bound in (e.accuracy_low, e.accuracy_high)])


def rate_scale(estimates: Sequence[Estimate]) -> Scale:
    """Return one axis of overturn rates, from 0."""
    return fit_scale([0.0, *(e.high for e in estimates)])


def axis(scale: Scale) -> Markup:
    """Draw the axis that stands above a column of whiskers."""
    last = len(scale.ticks) - 1
    labels = Markup("").join(
        Markup('<text x="{:.1f}" y="13" text-anchor="{}">{}</text>').format(
            _x(scale, tick),
            "start" if place == 0 else "end" if place == last else "middle",
            percent(tick, 1 if scale.step < 0.01 else 0).replace(
                " %", "" if place < last else " %"
            ),
        )
        for place, tick in enumerate(scale.ticks)
    )
    return _svg(Markup('<g class="ticks">{}</g>').format(labels))


def whisker(
    scale: Scale, *, figure: float, low: float, high: float, reference: float | None = None
) -> Markup:
    """Draw a dot with its interval, and a line where the whole stands."""
    middle = _HEIGHT / 2
    grid = Markup("").join(
        Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(
            _x(scale, tick), _HEIGHT
        )
        for tick in scale.ticks
    )
    line = Markup("")
    if reference is not None:
        line = Markup('<line class="reference" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(
            _x(scale, reference), _HEIGHT
        )
    bar = Markup(
        '<line class="whisker" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
        '<circle class="dot" cx="{:.1f}" cy="{}" r="4"/>'
    ).format(_x(scale, low), _x(scale, high), middle, middle, _x(scale, figure), middle)
    return _svg(grid + line + bar)


def bar(share: float, *, mark: float | None = None, most: float = 1.0) -> Markup:
    """Draw a share as a bar of a common length, with a mark to set it against."""
    scale = Scale(0.0, most, most)
    drawn = Markup(
        '<rect class="track" x="{0}" y="7" width="{1}" height="8" rx="2"/>'
        '<rect class="bar" x="{0}" y="7" width="{2:.1f}" height="8" rx="2"/>'
    ).format(_MARGIN, _WIDTH - 2 * _MARGIN, _x(scale, share) - _MARGIN)
    if mark is not None:
        drawn += Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="3" y2="19"/>').format(
            _x(scale, mark)
        )
    return _svg(drawn)


def headline(estimate: Estimate) -> Markup:
    """Draw the overall accuracy on a wide axis of its own."""
    width, left, right = 640.0, 44.0, 596.0
    margin = 0.5 * (estimate.accuracy_high - estimate.accuracy_low)
    scale = fit_scale(
        [max(0.0, estimate.accuracy_low - margin), min(1.0, estimate.accuracy_high + margin)],
        ticks=5,
    )
    ticks = Markup("").join(
        Markup(
            '<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="4" y2="36"/>'
            '<text x="{0:.1f}" y="58" text-anchor="middle">{1}</text>'
        ).format(
            scale.place(tick, start=left, end=right), percent(tick, 1 if scale.step < 0.01 else 0)
        )
        for tick in scale.ticks
    )
    ends = [
        scale.place(value, start=left, end=right)
        for value in (estimate.accuracy_low, estimate.accuracy_high, estimate.accuracy)
    ]
    drawn = Markup(
        '<g class="ticks">{}</g>'
        '<line class="whisker wide" x1="{:.1f}" x2="{:.1f}" y1="20" y2="20"/>'
        '<circle class="dot" cx="{:.1f}" cy="20" r="8"/>'
    ).format(ticks, *ends)
    return Markup(
        '<svg class="headline" viewBox="0 0 {:.0f} 64" aria-hidden="true">{}</svg>'
    ).format(width, drawn)


def sparkline(steps: Sequence[Estimate], *, scale: Scale) -> Markup:
    """Draw a figure's accuracy step by step, small: a band of its intervals and a line in it.

    Steps with too few audits are left open, so that the line breaks there.
    """
    width, height, margin = 132.0, 30.0, 4.0
    room = (width - 2 * margin) / max(len(steps) - 1, 1)
    drawn = Markup("")
    for run in _runs(steps):
        places = [
            (margin + number * room, *(_down(scale, share) for share in _shares(estimate)))
            for number, estimate in run
        ]
        upper = [(x, high) for x, _, _, high in places]
        lower = [(x, low) for x, _, low, _ in reversed(places)]
        drawn += Markup('<polygon class="band" points="{}"/>').format(_points(upper + lower))
        drawn += Markup('<polyline class="line" points="{}"/>').format(
            _points([(x, figure) for x, figure, _, _ in places])
        )
        x, figure, _, _ = places[-1]
        drawn += Markup('<circle class="end" cx="{:.1f}" cy="{:.1f}" r="2"/>').format(x, figure)
    return Markup(
        '<svg class="spark" viewBox="0 0 {:.0f} {:.0f}" aria-hidden="true">{}</svg>'
    ).format(width, height, drawn)


def _runs(steps: Sequence[Estimate]) -> Iterator[list[tuple[int, Estimate]]]:
    """Yield the steps without a gap between them, each with its number."""
    run: list[tuple[int, Estimate]] = []
    for number, estimate in enumerate(steps):
        if estimate.audits_needed:
            if run:
                yield run
            run = []
        else:
            run.append((number, estimate))
    if run:
        yield run


def _shares(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.accuracy, estimate.accuracy_low, estimate.accuracy_high


def _down(scale: Scale, share: float) -> float:
    return scale.place(share, start=27.0, end=3.0)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _x(scale: Scale, value: float) -> float:
    return scale.place(value, start=_MARGIN, end=_WIDTH - _MARGIN)


def _svg(drawn: Markup) -> Markup:
    return Markup(
        '<svg class="figure" viewBox="0 0 {:.0f} {:.0f}" aria-hidden="true">{}</svg>'
    ).format(_WIDTH, _HEIGHT, drawn)
