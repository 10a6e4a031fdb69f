"""The threshold of admission: one an hour, made of the past, so that capacity is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.store import Store
from models.admission import AIM, first_threshold
from models.arrays import Floats, Texts
from models.plan import Plan, RiskFrame, fit_plan
from models.sampling_key import SamplingKey
from models.selection import select_admission
from serving.admission import DailyCapacity, Thresholds, read_past, threshold_at
from tests.serving.conftest import POLICIES

START = datetime(2026, 3, 1, tzinfo=UTC)
SHARE = DailyCapacity()


@dataclass(frozen=True)
class World:
    """Decisions as they come; `hour` is counted from the start."""

    risk: RiskFrame
    hour: Floats

    def of_hour(self, hour: int) -> RiskFrame:
        rows = np.flatnonzero(np.floor(self.hour) == hour)
        return rows_of(self.risk, rows)


def rows_of(risk: RiskFrame, rows: np.ndarray) -> RiskFrame:
    return RiskFrame(
        risk.decision_ids[rows],
        risk.overturn_probability[rows],
        risk.expected_harm[rows],
        risk.stratum[rows],
    )


def make_world(volumes: list[float], seed: int = 0) -> World:
    """Draw Poisson numbers of decisions around the volumes of consecutive hours."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(volumes)
    hour = np.sort(np.repeat(np.arange(len(volumes)), counts) + rng.random(counts.sum()))
    p = rng.beta(1, 12, len(hour))
    ids = np.array([f"w{seed}-{number}" for number in range(len(hour))], dtype=object)
    policies = np.array(POLICIES, dtype=object)[rng.integers(0, 3, len(hour))]
    return World(RiskFrame(ids, p, p, policies), hour.astype(np.float64))


def remember(store: Store, risk: RiskFrame, hour: Floats | float) -> None:
    """Store decisions as offered at an hour."""
    hours = pd.to_timedelta(np.broadcast_to(hour, len(risk)), unit="h")
    at = pd.Series(pd.Timestamp(START) + hours)
    decisions = pd.DataFrame(
        {
            "decision_id": risk.decision_ids,
            "decided_at": at,
            "policy": risk.stratum,
            "action": "keep",
        }
    )
    offers = pd.DataFrame(
        {
            "request_id": "r",
            "decision_id": risk.decision_ids,
            "selected_at": at,
            "over_enforcement": risk.overturn_probability,
            "under_enforcement": 0.0,
            "wrong_selection": 0.0,
            "overturn_probability": risk.overturn_probability,
            "expected_harm": risk.expected_harm,
            "priority": 1.0,
            "rank": 1,
            "inclusion_probability": 0.5,
            "threshold": 1.0,
            "selected": False,
            "reason": "",
            "random_audit": False,
            "plan_version": "p",
            "model_version": "m",
            "key_id": "k",
        }
    )
    store.add_ranking(check(decisions, DECISIONS).require(), offers)


def plan_for(volume: float, *, audits: float, seed: int = 77) -> Plan:
    """Fit a plan on another day of the same kind."""
    frame = make_world([volume / 24] * 24, seed).risk
    return fit_plan(frame, capacity=round(audits * len(frame) / volume), key_id="k")


def at_hour(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def chosen(world: World, hour: int, plan: Plan, threshold: float) -> tuple[float, int]:
    """Return expected and selected audits of an hour."""
    risk = world.of_hour(hour)
    if not len(risk):
        return 0.0, 0
    key = SamplingKey("k", bytes(32))
    drawn = select_admission(risk, plan=plan, key=key, threshold=threshold)
    return float(drawn.inclusion_probability.sum()), int(drawn.selected.sum())


def run(
    store: Store, world: World, plan: Plan, capacity: DailyCapacity, hours: range
) -> np.ndarray:
    """Return expected and selected audits of each hour; what was offered is in the store."""
    return np.array(
        [
            chosen(
                world,
                hour,
                plan,
                threshold_at(at_hour(hour + 0.5), plan=plan, capacity=capacity, store=store),
            )
            for hour in hours
        ]
    )


def test_without_a_past_the_plans_own_threshold_aims_under_its_capacity(
    store: Store, plan: Plan
) -> None:
    assert threshold_at(START, plan=plan, capacity=SHARE, store=store) == first_threshold(plan)
    few = make_world([400.0 / 24] * 24)
    remember(store, few.risk, few.hour)
    assert read_past(store, at_hour(24)) is None
    assert threshold_at(at_hour(24), plan=plan, capacity=SHARE, store=store) > plan.threshold


def test_nothing_that_comes_in_the_hour_moves_its_threshold(store: Store, plan: Plan) -> None:
    world = make_world([50.0] * 25)
    remember(
        store, rows_of(world.risk, np.flatnonzero(world.hour < 24)), world.hour[world.hour < 24]
    )
    before = threshold_at(at_hour(24.0), plan=plan, capacity=SHARE, store=store)
    late = world.of_hour(24)
    remember(store, replace(late, expected_harm=50 * late.expected_harm), 24.2)
    assert threshold_at(at_hour(24.99), plan=plan, capacity=SHARE, store=store) == before
    assert threshold_at(at_hour(25.0), plan=plan, capacity=SHARE, store=store) != before


def test_the_hour_is_the_same_in_every_zone_and_process(store: Store, plan: Plan) -> None:
    world = make_world([50.0] * 24)
    remember(store, world.risk, world.hour)
    first, second = Thresholds(store), Thresholds(store)
    here = at_hour(24.4)
    there = here.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert first.at(here, plan=plan, capacity=SHARE) == second.at(there, plan=plan, capacity=SHARE)


def test_a_threshold_is_worked_out_once_an_hour_and_anew_for_another_plan(
    store: Store, plan: Plan
) -> None:
    world = make_world([50.0] * 24)
    remember(store, world.risk, world.hour)
    thresholds = Thresholds(store)
    first = thresholds.at(at_hour(24.1), plan=plan, capacity=SHARE)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table selections rename to away")
    assert thresholds.at(at_hour(24.9), plan=plan, capacity=SHARE) == first
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table away rename to selections")
    other = plan_for(1_200, audits=240)
    assert thresholds.at(at_hour(24.9), plan=other, capacity=SHARE) != first


def test_a_decision_offered_again_counts_once(store: Store) -> None:
    world = make_world([50.0] * 24)
    remember(store, world.risk, world.hour)
    once = read_past(store, at_hour(24))
    remember(store, rows_of(world.risk, np.arange(300)), 23.5)
    again = read_past(store, at_hour(24))
    assert once is not None
    assert again is not None
    assert again.decisions_a_day == once.decisions_a_day
    assert sorted(again.risk.decision_ids) == sorted(once.risk.decision_ids)


def test_a_quiet_programme_looks_further_back(store: Store) -> None:
    world = make_world([6.0] * 24 * 7)
    remember(store, world.risk, world.hour)
    past = read_past(store, at_hour(24 * 7))
    assert past is not None
    assert past.decisions_a_day == pytest.approx(144, rel=0.1)
    assert 500 <= len(past.risk) < 700


def test_a_first_hour_is_not_taken_for_a_whole_day(store: Store) -> None:
    remember(store, make_world([600.0]).risk, np.linspace(0.0, 0.9, len(make_world([600.0]).risk)))
    past = read_past(store, at_hour(1))
    assert past is not None
    assert past.decisions_a_day == pytest.approx(24 * 600, rel=0.15)


def test_an_hour_without_decisions_does_not_let_the_next_in_whole(store: Store) -> None:
    world = make_world([100.0] * 71 + [0.0])
    remember(store, world.risk, world.hour)
    past = read_past(store, at_hour(72))
    assert past is not None
    assert past.decisions_a_day == pytest.approx(2_300, rel=0.05)


def test_capacity_in_hours_is_kept_by_a_plan_that_spends_time(store: Store) -> None:
    world = make_world([50.0] * 48)
    remember(store, world.risk, world.hour)
    frame = replace(world.risk, minutes=np.where(world.risk.stratum == "hate", 6.0, 3.0))
    plan = fit_plan(frame, capacity=1, capacity_minutes=600.0, key_id="k")
    capacity = DailyCapacity(minutes=240.0)
    threshold = threshold_at(at_hour(48), plan=plan, capacity=capacity, store=store)
    drawn = select_admission(
        world.risk, plan=plan, key=SamplingKey("k", bytes(32)), threshold=threshold
    )
    spent = float(drawn.inclusion_probability @ np.asarray(frame.minutes)) / 2  # of two days
    assert spent == pytest.approx(AIM * 240.0, rel=0.05)


def test_a_capacity_in_the_other_unit_leaves_the_plans_share(store: Store, plan: Plan) -> None:
    world = make_world([50.0] * 24)
    remember(store, world.risk, world.hour)
    asked = {"plan": plan, "store": store}
    by_share = threshold_at(at_hour(24), capacity=SHARE, **asked)  # type: ignore[arg-type]
    minutes = DailyCapacity(minutes=1.0)
    assert threshold_at(at_hour(24), capacity=minutes, **asked) == by_share  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("capacity", [DailyCapacity(audits=150.0), SHARE])
def test_over_three_weeks_the_audits_keep_to_the_capacity(
    store: Store, capacity: DailyCapacity
) -> None:
    days, volume = 23, 2_400.0
    hours = np.arange(24 * days)
    volumes = volume / 24 * (1 + 0.7 * np.sin(hours * np.pi / 12))
    world = make_world(volumes.tolist(), seed=3)
    remember(store, world.risk, world.hour)
    plan = plan_for(volume, audits=150)
    audits = run(store, world, plan, capacity, range(48, 24 * days)).reshape(-1, 24, 2).sum(axis=1)
    expected, selected = audits.mean(axis=0) / 150
    assert 0.95 < expected < 0.98
    assert 0.90 < selected < 1.00
    assert abs(selected - expected) < 3 * np.sqrt(expected / 150 / len(audits))


@pytest.mark.slow
def test_when_the_volume_doubles_the_audits_are_back_at_capacity_the_hour_after(
    store: Store,
) -> None:
    days, volume = 6, 7_200.0
    rises = 24 * 3 + 10
    volumes = np.full(24 * days, volume / 24)
    volumes[rises:] *= 2
    world = make_world(volumes.tolist(), seed=4)
    remember(store, world.risk, world.hour)
    plan, capacity = plan_for(volume, audits=480), DailyCapacity(audits=480.0)
    hours = range(48, 24 * days)
    thresholds = [
        threshold_at(at_hour(hour), plan=plan, capacity=capacity, store=store) for hour in hours
    ]
    drawn = DrawnOnce(SamplingKey("k", bytes(32)).numbers(world.risk.decision_ids))
    shares = [share_above(world.risk, plan, each, drawn) for each in thresholds]
    audits = np.array(shares) * volumes[48:]
    of_capacity = audits / (480 / 24)
    before, first, after = of_capacity[:34], of_capacity[34], of_capacity[35:]
    assert 0.9 < before.mean() < 1.03
    assert 1.8 < first < 2.1
    assert 0.8 < after[0] < 1.15
    assert 0.9 < after.mean() < 1.03
    assert after.max() < 1.2


@dataclass(frozen=True)
class DrawnOnce:
    """The random numbers of the decisions of a world, drawn once for many selections."""

    drawn: Floats

    def key_ids(self, decision_ids: Sequence[str] | Texts) -> Texts:
        return np.full(len(decision_ids), "k", dtype=object)

    def numbers(self, decision_ids: Sequence[str] | Texts) -> Floats:
        return self.drawn


def share_above(risk: RiskFrame, plan: Plan, threshold: float, drawn: DrawnOnce) -> float:
    """Return the share of decisions that a threshold is expected to select in the long run."""
    selection = select_admission(risk, plan=plan, key=drawn, threshold=threshold)
    return float(selection.inclusion_probability.mean())
