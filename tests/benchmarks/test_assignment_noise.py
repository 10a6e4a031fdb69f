"""The benchmark of auditors who err: what is planted is what comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.assignment_noise import SCENARIOS, noise

MISSED, INVENTED = 0.08, 0.03


def test_every_scenario_tells_each_figure_and_the_same_seed_the_same() -> None:
    found: Any = noise(3, seed=1)
    assert set(SCENARIOS) < set(found)
    for name in SCENARIOS:
        for figure in ("raw", "corrected", "graded"):
            assert set(found[name][figure]) == {"bias", "sd", "coverage", "half_width"}
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(noise(3, seed=1)))


@pytest.mark.slow
def test_blind_reviews_take_out_what_was_planted_and_anchored_ones_leave_some() -> None:
    found: Any = noise(300, seed=2)
    blind, anchored = found["blind"], found["anchored_75"]
    planted = -MISSED * blind["truth"] + INVENTED * (1 - blind["truth"])
    error = blind["raw"]["sd"] / 300**0.5
    assert blind["raw"]["bias"] == pytest.approx(planted, abs=4 * error)
    assert abs(blind["corrected"]["bias"]) < 4 * blind["corrected"]["sd"] / 300**0.5
    assert blind["corrected"]["coverage"] >= 0.93
    assert anchored["corrected"]["bias"] > 0.5 * planted
    assert anchored["suspected"] > blind["suspected"] + 0.3
