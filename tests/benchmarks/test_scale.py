"""The benchmarks of scale count what they say they count."""

from pathlib import Path

import pytest

from benchmarks.scale_estimate import Assumed, Measured, by_backlog, by_service
from benchmarks.scale_estimate import table_of as estimate_of
from benchmarks.scale_postgres import Spent
from benchmarks.scale_replicas import of_one_moderator
from benchmarks.scale_service import Wanted, fastest, figures_of, line_of
from benchmarks.scale_store import DAYS, Ranked, measure_sqlite, ranked_of, table_of
from benchmarks.serving_figures import Run
from benchmarks.serving_home import Traffic


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    return ranked_of(2_000, text=False, random_ids=True)


def test_processor_time_of_runs_side_by_side_is_told_for_each_decision() -> None:
    runs = [Run(1_000.0, [40.0] * 10, 50.0, 0.1), Run(1_000.0, [60.0] * 10, 70.0, 0.1)]
    told = figures_of(runs, 100, spent=Spent(0.03, 0.01, 2_000_000))
    assert told["decisions"] == 2_000
    assert told["decisions_per_s"] == 2_000.0
    assert told["service_cpu_ms"] == pytest.approx(60.0)
    assert told["postgres_cpu_ms"] == pytest.approx(20.0)
    assert told["callers_cpu_ms"] == pytest.approx(100.0)
    assert told["wal_bytes"] == 1_000.0
    assert told["cores_busy"] == pytest.approx(0.36)


def test_a_run_is_told_in_a_line() -> None:
    told = figures_of([Run(1_000.0, [40.0], 50.0, 0.1)], 500, spent=Spent(0.0, 0.0, 0))
    line = line_of({"way": "1 workers", "batch": 500} | told)
    assert line.startswith("1 workers | 500 | 1,000 | 2.0 | 40.0")


def test_enough_decisions_are_made_for_each_way_to_run_the_service() -> None:
    wanted = Wanted(seconds=2.0, batches=[500], workers=[1, 2], clients=8)
    assert wanted.rows() > 2 * fastest(500)
    assert [workers for _, workers in wanted.ways()] == [[1], [2], [1, 1]]


def test_every_decision_has_an_offer_and_each_selected_one_an_audit(ranked: Ranked) -> None:
    assert ranked.offers["decision_id"].tolist() == ranked.decisions["decision_id"].tolist()
    selected = ranked.offers.loc[ranked.offers["selected"], "decision_id"]
    assert set(selected) == set(ranked.outcomes["decision_id"])
    assert ranked.decisions["decided_at"].dt.date.nunique() == DAYS


def test_what_is_stored_by_parts_is_all_of_it(ranked: Ranked) -> None:
    assert sum(len(offers) for _, offers in ranked.parts()) == 2_000


def test_the_store_grows_by_what_its_tables_and_indexes_hold(
    ranked: Ranked, tmp_path: Path
) -> None:
    told = measure_sqlite(ranked, tmp_path)
    assert {"decisions", "selections"} <= set(told["tables"])
    assert sum(told["tables"].values()) <= told["grown"][-1]["bytes"]
    assert "selections" in table_of({"sqlite": told, "rows": 2_000})


def test_decisions_of_one_moderator_differ_in_id_alone() -> None:
    lines = ['{"decision_id":"0","policy":"a"}']
    lines += [f'{{"decision_id":"{n}","moderator_id":"m{n}","policy":"b"}}' for n in range(1, 200)]
    decisions = of_one_moderator(Traffic(lines))
    assert {(d["moderator_id"], d["policy"]) for d in decisions} == {("m1", "b")}
    assert len({d["decision_id"] for d in decisions}) == 200


def test_a_backlog_of_which_one_in_a_hundred_is_kept_takes_a_hundredth_of_the_disk() -> None:
    cost, given = Measured(80.0, 60.0, 0.75, 1.1, 60.0, backlog_s=30.0), Assumed()
    service, backlog = by_service(cost, given), by_backlog(cost, given)
    assert backlog.disk_gb == pytest.approx(0.01 * service.disk_gb)
    assert backlog.delete_hours == 0.0
    assert service.delete_hours == pytest.approx(99 * 60 / 3_600)


def test_money_is_for_cores_that_stand_all_month_and_for_every_copy_of_the_disk() -> None:
    given = Assumed(vcpu_hour=0.05, gb_month=0.1, copies=2)
    told = by_service(Measured(80.0, 60.0, 0.75, 1.1, 60.0), given)
    assert told.ranking_cores is not None
    cores = told.ranking_cores + 2 * told.postgres_cores
    assert told.money_a_month == pytest.approx(cores * 720 * 0.05 + 2 * 2_250 * 0.1)


def test_what_was_not_measured_is_said_to_be_missing() -> None:
    told = by_backlog(Measured(80.0, 60.0, 0.75, 1.1, 60.0), Assumed())
    assert told.money_a_month is None
    assert "not given" in estimate_of(Measured(80.0, 60.0, 0.75, 1.1, 60.0), Assumed())
