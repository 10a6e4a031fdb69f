"""Minutes of an audit, from audits that were timed."""

from __future__ import annotations

import numpy as np
import pytest

from features.errors import SettingsError
from models.audit_minutes import mean_audit_minutes


def test_a_clock_left_running_does_not_carry_the_mean_away() -> None:
    minutes = np.append(np.full(999, 2.0), 900.0)
    assert mean_audit_minutes(np.full(1000, "spam"), minutes).overall == pytest.approx(2.0)


def test_audits_that_were_not_timed_do_not_count() -> None:
    minutes = np.array([3.0, np.nan, 0.0, 3.0])
    assert mean_audit_minutes(np.full(4, "spam"), minutes).overall == 3.0


def test_a_policy_with_few_audits_is_drawn_to_the_overall_mean() -> None:
    policy = np.array(["spam"] * 200 + ["hate"] * 5)
    found = mean_audit_minutes(policy, np.repeat([1.0, 9.0], [200, 5]))
    assert 1.0 < found.by_policy["hate"] < 5.0
    assert found.by_policy["spam"] == pytest.approx(1.0, abs=0.01)


def test_a_policy_without_audits_takes_the_overall_mean() -> None:
    found = mean_audit_minutes(np.full(50, "spam"), np.full(50, 4.0))
    assert found.of(np.array(["fraud", None], dtype=object)).tolist() == [4.0, 4.0]


def test_without_a_timed_audit_the_mend_is_told() -> None:
    with pytest.raises(SettingsError, match="Load outcomes with their minutes, or give audits_per"):
        mean_audit_minutes(np.full(3, "spam"), np.full(3, np.nan))
