"""The comparison of monitoring: nobody sees what had not arrived, and all are counted alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.monitoring import main
from benchmarks.monitoring_counting import Detected, a_fortnight, detected, fits_column, fits_ours
from benchmarks.monitoring_detection import detection, false_alarms
from benchmarks.monitoring_looks import EvidentlyLooks, OurLooks, as_of, for_nannyml, joined
from benchmarks.monitoring_programme import (
    AUDITED_AFTER,
    LOOKED_AFTER,
    Programme,
    RankedDay,
    make_programme,
    ranked_days,
)
from benchmarks.planted import CHANGED_FROM, Change, changes_of

LEARNED, WATCHED = 6, 4


@pytest.fixture(scope="module")
def programme() -> Programme:
    return make_programme(
        days=LEARNED + WATCHED,
        learned_days=LEARNED,
        decisions_per_day=1_000,
        learned_share=0.5,
        seed=3,
    )


@pytest.fixture(scope="module")
def days(programme: Programme) -> list[RankedDay]:
    made = ranked_days(
        programme,
        programme.world,
        outcomes=programme.audits,
        first=LEARNED,
        until=LEARNED + WATCHED,
    )
    return list(made)


def spam_change() -> Change:
    return Change("rise", "", lambda world, *_: world, {"policy": "spam"}, ("skips",))


def test_each_day_is_audited_to_its_capacity(days: list[RankedDay]) -> None:
    assert [len(day.audits) for day in days] == [50] * WATCHED


def test_a_day_ranked_again_is_the_same(programme: Programme, days: list[RankedDay]) -> None:
    again = next(
        ranked_days(
            programme, programme.world, outcomes=programme.audits, first=LEARNED, until=LEARNED + 1
        )
    )
    pd.testing.assert_frame_equal(again.offers, days[0].offers)


def test_a_look_knows_no_audit_from_after_it(programme: Programme, days: list[RankedDay]) -> None:
    now = programme.world.start_of(days[2].day + 1) + LOOKED_AFTER
    seen = as_of(joined(days), now).table
    assert len(seen) == 3 * 1_000
    assert (seen["audited_at"].dropna() <= now).all()
    assert seen["verdict"].notna().equals(seen["audited"].astype(bool))


def test_half_of_the_audits_of_the_latest_day_have_arrived(
    programme: Programme, days: list[RankedDay]
) -> None:
    now = programme.world.start_of(days[-1].day + 1) + AUDITED_AFTER[0]
    seen = as_of(joined(days), now)
    latest = seen.table[seen.table["decision_id"].isin(days[-1].decisions["decision_id"])]
    assert 0.25 < latest["audited"].sum() / latest["selected"].sum() < 0.75
    assert seen.audits < seen.selected


def test_an_alert_that_stands_without_the_change_does_not_detect_it() -> None:
    name = "audits: policy=spam"
    both = {name: (CHANGED_FROM, CHANGED_FROM + 1)}
    assert detected(spam_change(), both, both, fits_ours) == Detected()
    late = detected(spam_change(), both, {name: (CHANGED_FROM,)}, fits_ours)
    assert late == Detected(2, name)


def test_an_alert_before_the_change_does_not_detect_it() -> None:
    early = {"audits: policy=spam": (CHANGED_FROM - 1,)}
    assert detected(spam_change(), early, {}, fits_ours) == Detected()


def test_an_alert_counts_once_however_long_it_stands() -> None:
    stands = {"audits: language=es": tuple(range(17, 31))}
    assert a_fortnight(stands, first=17, last=30, of=lambda _: True) == 1.0
    assert a_fortnight(stands, first=17, last=44, of=lambda _: True) == 0.5
    returns = {"drift: inputs=views": (17, 20, 25, 44)}
    assert a_fortnight(returns, first=17, last=44, of=lambda _: True) == 1.0


def test_ours_names_nobody_and_knows_every_change(programme: Programme) -> None:
    for change in changes_of(programme.world):
        assert change.segment or change.features
        assert "moderator_id" not in change.segment


def test_evidently_sees_a_column_moved_by_a_standard_deviation(
    programme: Programme, days: list[RankedDay]
) -> None:
    views = days[-1].features["log_views"]
    moved = days[-1].features.assign(log_views=views + views.std())
    looks = EvidentlyLooks(programme.bundle.profile)
    found = looks([*days[:-1], replace(days[-1], features=moved)], WATCHED)
    change = Change("c", "", lambda world, *_: world, features=("log_views",))
    assert any(fits_column(change, name) for name in found.days)
    assert not any(fits_column(change, name) for name in looks(days, WATCHED).days)


def test_ours_looks_until_it_has_found_what_is_enough(
    programme: Programme, days: list[RankedDay]
) -> None:
    gone = [
        replace(day, features=day.features.assign(automated_score=np.nan, score_mismatch=np.nan))
        for day in days
    ]
    looked: list[int] = []

    def enough(name: str, day: int) -> bool:
        looked.append(day)
        return name == "drift: inputs=automated score"

    found = OurLooks(programme)(gone, 2, enough)
    assert found.days["drift: inputs=automated score"] == (looked[-1],)
    assert looked[-1] < WATCHED


def test_nannyml_is_given_findings_of_the_audited_alone(days: list[RankedDay]) -> None:
    frame = for_nannyml(days)
    assert frame["overturned"].notna().sum() == 50 * WATCHED
    assert set(frame["overturned"].dropna()) == {0.0, 1.0}


def test_a_change_missed_in_most_worlds_is_missed() -> None:
    by_seed = [{"ordinary": {}, "c": {"secondlook": {"days": each}}} for each in (2, None, None)]
    assert detection(by_seed) == {"c": {"secondlook": None}}


def test_false_alarms_leave_out_the_inputs_that_grow() -> None:
    standing = {"team_rate": (20,), "log_views": (20, 21), "dataset": (30,)}
    by_seed = [{"ordinary": {"evidently": {"days": standing}}}]
    counted = false_alarms(by_seed)["evidently"]
    fortnights = 44 / 14
    assert counted == {
        "dataset": pytest.approx(1 / fortnights),
        "columns": pytest.approx(2 / fortnights),
        "columns_but_records": pytest.approx(1 / fortnights),
    }


@pytest.mark.slow
def test_the_commands_are_measured_on_a_home_made_for_it(tmp_path: Path) -> None:
    out = tmp_path / "cost.json"
    assert main(["--out", str(out), "--parts", "cost", "--rows", "4000"]) == 0
    cost = json.loads(out.read_text(encoding="utf-8"))["cost"]["4000"]
    assert set(cost) == {"monitor", "report", "monitor_again"}
    assert all(each["peak_mb"] > 50 for each in cost.values())
