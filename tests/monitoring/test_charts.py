from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.estimate import Estimate
from monitoring.charts import Scale, axis, bar, fit_scale, headline, sparkline, whisker

shares = st.floats(0, 1, allow_subnormal=False)


def estimate(domain: str, rate: float, *, needed: int = 0) -> Estimate:
    return Estimate(domain, rate, rate / 2, min(1.0, rate * 2), 0.01, 100, 20, 2, 20.0, needed)


@given(st.lists(shares, min_size=1, max_size=6))
def test_a_scale_holds_all_values_within_0_and_1(values: list[float]) -> None:
    scale = fit_scale(values)
    assert 0 <= scale.low <= min(values) + 1e-9
    assert max(values) - 1e-9 <= scale.high <= 1 + 1e-9
    assert scale.ticks[-1] == pytest.approx(scale.high)


@given(shares, shares)
def test_a_value_beyond_the_axis_is_held_at_its_end(value: float, end: float) -> None:
    scale = Scale(0.4, 0.6, 0.1)
    place = scale.place(value, start=0.0, end=end)
    assert 0 <= place <= end


@given(shares, shares, shares)
def test_a_whisker_is_well_formed_and_lies_within_its_figure(a: float, b: float, c: float) -> None:
    low, figure, high = sorted((a, b, c))
    scale = fit_scale([low, high])
    drawn = ElementTree.fromstring(whisker(scale, figure=figure, low=low, high=high, reference=a))
    assert drawn.get("aria-hidden") == "true"
    places = [float(x) for e in drawn for key in ("x1", "x2", "cx") if (x := e.get(key))]
    assert all(0 <= place <= 260 for place in places)


def test_a_dot_stands_where_the_figure_is() -> None:
    drawn = ElementTree.fromstring(whisker(Scale(0.0, 1.0, 0.5), figure=0.5, low=0.4, high=0.6))
    (dot,) = drawn.iter("circle")
    assert float(dot.get("cx", "")) == 130.0


def test_an_axis_names_its_ticks_and_its_unit_once() -> None:
    assert re.findall(r">([^<>]+)</text>", axis(Scale(0.9, 1.0, 0.05))) == ["90", "95", "100 %"]


def test_a_bar_is_as_long_as_its_share() -> None:
    drawn = ElementTree.fromstring(bar(0.5, mark=0.25))
    track, filled = drawn.iter("rect")
    assert float(filled.get("width", "")) == pytest.approx(float(track.get("width", "")) / 2)


def test_a_sparkline_breaks_where_there_are_too_few_audits() -> None:
    steps = [
        estimate("2026-W01", 0.05),
        estimate("2026-W02", 0.04),
        estimate("2026-W03", 0.9, needed=5),
        estimate("2026-W04", 0.04),
    ]
    drawn = ElementTree.fromstring(sparkline(steps, scale=Scale(0.0, 1.0, 0.5)))
    points = [str(line.get("points")).split() for line in drawn.iter("polyline")]
    assert [len(each) for each in points] == [2, 1]


def test_the_headline_is_well_formed_at_the_ends() -> None:
    for rate in (0.0, 0.001, 0.5, 1.0):
        ElementTree.fromstring(headline(estimate("all", rate)))
