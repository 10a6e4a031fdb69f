"""The promise, on a simulated programme: its own weekdays, waves and track records."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest

from features.contract import DECISIONS, OUTCOMES, check
from features.frame import build_frame
from features.known import known_before
from features.simulate import simulate
from features.track_record import RecordSettings
from models.risk import fit_risk
from monitoring.drift.counted import DayCounts, count_days
from monitoring.drift.measure import judge_days
from monitoring.drift.reference import Reference, reference_of

pytestmark = pytest.mark.slow

LEARNED_DAYS, DAYS = 21, 17
SHIFTED_FROM = 14
A_FEW_DAYS = 3


@dataclass(frozen=True, slots=True)
class Simulated:
    """A profile and later days of the same programme."""

    profile: pd.DataFrame
    reference: Reference
    sample: pd.DataFrame
    days: tuple[DayCounts, ...]


@pytest.fixture(scope="module", params=[1, 7])
def simulated(request: pytest.FixtureRequest) -> Simulated:
    made = simulate(
        days=LEARNED_DAYS + DAYS, decisions_per_day=8_000, audit_share=0.05, seed=request.param
    )
    decisions, outcomes = check(made.decisions, DECISIONS).good, check(made.outcomes, OUTCOMES).good
    first = decisions["decided_at"].min().normalize()
    learned_until = first + pd.Timedelta(days=LEARNED_DAYS)
    audited = decisions.merge(outcomes[["decision_id", "verdict", "audited_at"]], on="decision_id")
    audited = audited[audited["audited_at"] < learned_until].reset_index(drop=True)

    def features(rows: pd.DataFrame) -> pd.DataFrame:
        records = known_before(rows, decisions, outcomes, RecordSettings())
        return build_frame(rows, records, top_rank=5.0)

    learned = features(audited)
    risk = fit_risk(learned, audited["verdict"])
    chosen = learned.sample(5_000, random_state=0)
    profile = chosen.assign(overturn_probability=risk.risk(chosen))
    late = decisions[decisions["decided_at"] >= learned_until]
    rows = late.groupby(late["decided_at"].dt.date).sample(5_000, random_state=0)
    frame = features(rows)
    sample = frame.assign(
        overturn_probability=risk.risk(frame),
        day=rows["decided_at"].dt.strftime("%Y-%m-%d").to_numpy(),
    )
    reference = reference_of(profile)
    return Simulated(profile, reference, sample, count_days(reference, sample))


def test_a_fortnight_of_ordinary_days_raises_one_false_alarm_at_most(simulated: Simulated) -> None:
    history = judge_days(simulated.reference, simulated.days[:14])
    spans = (*history.days, *history.weeks, history.period, *history.policies,
             *history.policy_weeks)  # fmt: skip
    alarms = {(span.scope, name) for span in spans for name in span.drifted}
    assert len(alarms) <= 1


@pytest.mark.parametrize("shift", [0.1, -0.1])
def test_a_tenth_of_a_standard_deviation_is_seen_within_a_few_days(
    simulated: Simulated, shift: float
) -> None:
    moved = simulated.sample.copy()
    late = moved["day"] >= simulated.days[SHIFTED_FROM].day
    by = shift * float(simulated.profile["automated_score"].std())
    moved.loc[late, "automated_score"] = (moved.loc[late, "automated_score"] + by).clip(0, 1)
    days = count_days(simulated.reference, moved)
    history = judge_days(simulated.reference, days[: SHIFTED_FROM + A_FEW_DAYS])
    assert "automated_score" in [feature.feature for feature in history.standing]
    assert history.since["automated_score"] == simulated.days[SHIFTED_FROM].day
