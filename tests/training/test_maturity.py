"""How long audits take, read from those that have arrived."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.data_limits import DataLimits
from training.findings import Severity
from training.maturity import delay_curve, find_mature, maturity_findings
from training.timestamps import days_between

START = pd.Timestamp("2026-01-01", tz="UTC")


def programme(
    rng: np.random.Generator, *, days: float, rows: int = 4_000, share: float = 0.5
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return decisions, the audits that arrived by the end, and all delays, which are gamma."""
    decided = np.sort(rng.uniform(0, days, rows))
    delay = rng.gamma(2.0, 1.5, rows)
    decisions = pd.DataFrame(
        {
            "decision_id": [f"d{number}" for number in range(rows)],
            "decided_at": START + pd.to_timedelta(decided, unit="D"),
        }
    )
    arrived = (rng.random(rows) < share) & (decided + delay <= days)
    audits = decisions[arrived].assign(
        audited_at=START + pd.to_timedelta((decided + delay)[arrived], unit="D")
    )
    return decisions, audits, delay


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_the_age_is_that_by_which_the_share_has_arrived(share: float) -> None:
    """Even where many audits of the window are still to come, which a plain quantile forgets."""
    ages, plain = [], []
    for seed in range(20):
        decisions, audits, _ = programme(np.random.default_rng(seed), days=20)
        mature = find_mature(decisions, audits, DataLimits(mature_share=share))
        ages.append(mature.age_days)
        arrived = days_between(audits["decided_at"], audits["audited_at"])
        plain.append(float(np.quantile(arrived, share)))
    true = float(np.quantile(np.random.default_rng(0).gamma(2.0, 1.5, 1_000_000), share))
    assert np.mean(ages) == pytest.approx(true, rel=0.04)
    assert abs(np.mean(plain) - true) > 2 * abs(np.mean(ages) - true)


def test_the_curve_rises_to_one() -> None:
    rng = np.random.default_rng(1)
    delay = rng.exponential(2.0, 500)
    observed = delay + rng.exponential(3.0, 500)
    curve = delay_curve(delay, observed)
    assert np.all(np.diff(curve.days) > 0)
    assert np.all(np.diff(curve.share) >= 0)
    assert curve.share[-1] == 1.0


def test_without_truncation_the_curve_is_that_of_the_delays() -> None:
    delay = np.array([1.0, 2.0, 2.0, 4.0])
    curve = delay_curve(delay, np.full(4, 100.0))
    assert curve.share.tolist() == [0.25, 0.75, 1.0]


def test_young_decisions_are_left_out_with_their_outcomes() -> None:
    decisions, audits, _ = programme(np.random.default_rng(2), days=30)
    mature = find_mature(decisions, audits, DataLimits())
    old, outcomes = mature.keep(decisions, audits[["decision_id"]])
    assert old["decided_at"].max() <= mature.cutoff
    assert (len(old), len(outcomes)) == (mature.decisions, mature.audits)
    assert mature.decisions + mature.young_decisions == len(decisions)
    assert mature.audits + mature.young_audits == len(audits)
    assert set(outcomes["decision_id"]) <= set(old["decision_id"])


def test_of_the_decisions_kept_nearly_all_audits_have_arrived() -> None:
    rng = np.random.default_rng(3)
    decisions, audits, delay = programme(rng, days=30, rows=20_000)
    mature = find_mature(decisions, audits, DataLimits())
    old = (decisions["decided_at"] <= mature.cutoff).to_numpy()
    due = decisions["decided_at"] + pd.to_timedelta(delay, unit="D")
    assert (due[old] <= mature.known_until).mean() > DataLimits().mature_share


def test_audits_that_stopped_long_ago_leave_old_decisions_in() -> None:
    decisions, audits, _ = programme(np.random.default_rng(4), days=20)
    later = decisions.assign(
        decision_id="later-" + decisions["decision_id"],
        decided_at=decisions["decided_at"] + pd.Timedelta(days=100),
    )
    alone = find_mature(decisions, audits, DataLimits())
    both = find_mature(pd.concat([decisions, later]), audits, DataLimits())
    assert both.cutoff == alone.cutoff
    assert both.young_decisions == alone.young_decisions + len(later)


def test_equal_delays_leave_everything_in() -> None:
    decisions, _, _ = programme(np.random.default_rng(5), days=10, rows=800)
    audits = decisions.assign(audited_at=decisions["decided_at"] + pd.Timedelta(days=1))
    mature = find_mature(decisions, audits, DataLimits())
    assert mature.age_days == 1.0
    assert mature.young_decisions == 0
    assert list(maturity_findings(mature, DataLimits())) == []


def test_what_is_left_out_is_told_and_too_little_is_a_warning() -> None:
    decisions, audits, _ = programme(np.random.default_rng(6), days=20, rows=900)
    mature = find_mature(decisions, audits, DataLimits())
    found = list(maturity_findings(mature, DataLimits()))
    assert [finding.severity for finding in found] == [Severity.NOTE, Severity.WARNING]
    assert f"{mature.young_decisions:,} decisions" in found[0].seen
    assert f"{mature.audits:,} audits" in found[1].seen


def test_a_handful_of_audits_sets_no_age() -> None:
    decisions, audits, _ = programme(np.random.default_rng(7), days=20, rows=900)
    mature = find_mature(decisions, audits.head(5), DataLimits())
    assert mature.age_days == 0.0
    assert mature.cutoff == audits["audited_at"].head(5).max()
