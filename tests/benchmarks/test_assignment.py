"""The benchmark of assignment runs, and finds no rule broken."""

from __future__ import annotations

from benchmarks.assignment import measure_violations
from benchmarks.assignment_exposure import CAPS, measure_exposure


def test_random_shifts_break_no_rule_and_leave_nothing_unexplained() -> None:
    found = measure_violations(40)
    assert (found["broken"], found["unexplained"]) == (0, 0)
    assert found["waiting"] > 0


def test_exposure_is_spread_and_hardly_an_error_lost() -> None:
    found = measure_exposure(seeds=1)
    before = found["before"]
    for cap in CAPS:
        after = found[f"cap_{cap:g}_minutes"]
        assert after["violations"] == 0
        assert after["highest_graphic_minutes_a_person_day"] <= cap
        assert after["longest_graphic_run"] < before["longest_graphic_run"]
        assert after["errors_lost"] < 0.02
