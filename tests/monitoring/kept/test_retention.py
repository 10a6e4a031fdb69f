from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from features import schema
from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.errors import HomeError
from features.retention import drop_offers
from features.store import Store
from models.estimate import Estimate, estimate_by
from monitoring.kept import retention
from monitoring.kept.accuracy import Accuracy, measure_accuracy, measure_figures
from monitoring.kept.retention import Retention, Rule, retain
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import read_history
from monitoring.recalibrated import Recalibrated
from tests.monitoring.ranked_days import FIRST_DAY, rank_days

COMPARED = ("overturn_rate", "low", "high", "standard_error", "decisions", "audits", "overturns")
WITHIN = 1e-6


def run(store: Store, rule: Rule, *, apply: bool = True, after_days: int = 6) -> Retention:
    now = FIRST_DAY + timedelta(days=after_days, hours=3)
    return retain(store, rule, now=now, by="tests@here", apply=apply)


def quality_of(
    store: Store, since: datetime | None = None, until: datetime | None = None
) -> tuple[Quality, Recalibrated]:
    period = Recalibrated.of(read_history(store, since=since, until=until))
    return measure_quality(period), period


def same(found: Accuracy, expected: list[Estimate]) -> bool:
    mine = {each.domain: each for each in found.estimates}
    theirs = {each.domain: each for each in expected}
    assert mine.keys() == theirs.keys()
    return all(
        getattr(mine[name], field) == pytest.approx(getattr(theirs[name], field), abs=WITHIN)
        for name in theirs
        for field in COMPARED
    )


def figures(store: Store) -> dict[tuple[str | None, str], Accuracy]:
    asked: list[tuple[str | None, str]] = [(None, "overturn_probability"), (None, "severity")]
    asked += [("policy", "severity")]
    asked += [(None, each) for each in DIRECTIONS]
    asked += [("policy", "over_enforcement"), ("day", "under_enforcement")]
    asked += [
        (by, "overturn_probability")
        for by in ("policy", "language", "decided_by", "action", "group_vendor")
    ]
    asked += [(by, "overturn_probability") for by in ("day", "week", "month")]
    return dict(zip(asked, measure_figures(store, asked), strict=True))


def rows_of(store: Store, table: sa.Table) -> int:
    with store.transaction() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def test_the_report_s_figures_are_those_of_accuracy_before_and_after_rows_are_dropped(
    store: Store,
) -> None:
    rank_days(store, days=9, decisions_a_day=150)
    quality, _ = quality_of(store)
    before = figures(store)
    assert run(store, Rule(keep_days=3), after_days=9).days
    after = figures(store)
    reported: dict[tuple[str | None, str], list[Estimate]] = {
        (None, "overturn_probability"): [quality.overall],
        (None, "severity"): [replace(quality.by_severity, domain="all")],
        ("day", "overturn_probability"): list(quality.days),
        ("week", "overturn_probability"): list(quality.weeks),
    }
    for direction in quality.directions:
        reported[(None, direction.domain)] = [replace(direction, domain="all")]
    for grouping in quality.groupings:
        own = [segment.estimate for segment in grouping.segments]
        reported[(grouping.column, "overturn_probability")] = own
    for asked, found in before.items():
        assert same(after[asked], list(found.estimates)), asked
        if asked in reported:
            assert same(found, reported[asked]), asked
    assert after[None, "overturn_probability"].kept_days > 0
    assert len(set(reported) & set(before)) >= 10


def test_with_audits_left_undone_a_day_is_the_report_s_and_stays_the_same(store: Store) -> None:
    rank_days(store, finished=0.8)
    quality, _ = quality_of(store, until=FIRST_DAY + timedelta(days=1))
    day = measure_accuracy(store, until=FIRST_DAY + timedelta(days=1))
    assert same(day, [quality.overall])
    before = figures(store)
    run(store, Rule(keep_days=4, open_too=True))
    assert all(
        same(figures(store)[asked], list(found.estimates)) for asked, found in before.items()
    )


def test_a_period_begins_with_the_audits_before_it(store: Store) -> None:
    rank_days(store)
    since = FIRST_DAY + timedelta(days=2)
    quality, _ = quality_of(store, since=since)
    assert same(measure_accuracy(store, since=since), [quality.overall])
    run(store, Rule(keep_days=3))
    assert same(measure_accuracy(store, since=since), [quality.overall])


def test_without_apply_nothing_changes(store: Store) -> None:
    rank_days(store)
    told = run(store, Rule(keep_days=1), apply=False)
    assert sum(day.offers for day in told.days) > 1_000
    assert rows_of(store, schema.selections) == 1_600
    assert rows_of(store, schema.kept_batches) == 0


def test_what_was_selected_keeps_its_rows_and_the_rest_of_the_day_goes(store: Store) -> None:
    made = rank_days(store)
    run(store, Rule(keep_days=4))
    left = store.selections()
    first = pd.Timestamp(FIRST_DAY + timedelta(days=2))
    offers = made.offers
    kept = offers[offers["selected"] | (offers["selected_at"] >= first)]
    assert set(left["decision_id"]) == set(kept["decision_id"])
    assert rows_of(store, schema.decisions) == len(offers)  # younger than 90 days


def test_decisions_that_nothing_needs_go_with_their_content_when_they_are_old(
    store: Store,
) -> None:
    made = rank_days(store)
    run(store, Rule(keep_days=1))
    run(store, Rule(keep_days=1, keep_decisions_days=30), after_days=60)
    audited = made.offers.loc[made.offers["selected"], "decision_id"]
    early = made.decisions["decided_at"] < FIRST_DAY  # before the first day of ranking
    stay = set(audited) | set(made.decisions.loc[early, "decision_id"])
    assert set(store.decisions()["decision_id"]) == stay
    assert rows_of(store, schema.contents) == len(stay)


def test_a_day_with_open_audits_stays_unless_told(store: Store) -> None:
    rank_days(store, finished=0.7)
    told = run(store, Rule(keep_days=1))
    assert all("open" in day.stays for day in told.days)
    assert rows_of(store, schema.kept_batches) == 0
    assert not any(day.stays for day in run(store, Rule(keep_days=1, open_too=True)).days)


def test_a_day_whose_sums_are_not_its_rows_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank_days(store)
    monkeypatch.setattr(retention, "largest_difference", lambda ranked, sums: 1e-3)
    told = run(store, Rule(keep_days=1))
    assert all("differ" in day.stays for day in told.days)
    assert rows_of(store, schema.selections) == 1_600


def test_the_same_again_does_nothing(store: Store) -> None:
    rank_days(store)
    run(store, Rule(keep_days=1))
    batches, sums = rows_of(store, schema.kept_batches), rows_of(store, schema.kept_sums)
    assert run(store, Rule(keep_days=1)).days == ()
    assert (rows_of(store, schema.kept_batches), rows_of(store, schema.kept_sums)) == (
        batches,
        sums,
    )


def test_a_run_that_fails_in_a_day_leaves_that_day_as_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank_days(store)
    expected = measure_accuracy(store)
    calls: list[int] = []

    def failing(connection: sa.Connection, day: int) -> int:
        calls.append(day)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return drop_offers(connection, day)

    monkeypatch.setattr(retention, "drop_offers", failing)
    with pytest.raises(RuntimeError):
        run(store, Rule(keep_days=1))
    assert rows_of(store, schema.kept_batches) == 1
    assert same(measure_accuracy(store), list(expected.estimates))


def test_an_audit_that_comes_after_its_day_was_kept_has_no_part_in_the_figure(
    store: Store,
) -> None:
    made = rank_days(store, finished=0.7)
    run(store, Rule(keep_days=1, open_too=True))
    before = measure_accuracy(store)
    audited = set(store.outcomes()["decision_id"])
    late = made.offers[made.offers["selected"] & ~made.offers["decision_id"].isin(audited)]
    outcomes = pd.DataFrame(
        {
            "audit_id": [f"late-{name}" for name in late["decision_id"]],
            "decision_id": late["decision_id"].to_numpy(),
            "audited_at": FIRST_DAY + timedelta(days=7),
            "verdict": "over_enforcement",
        }
    )
    store.add_outcomes(check(outcomes, OUTCOMES).require())
    assert same(measure_accuracy(store), list(before.estimates))


def test_an_outcome_that_replaces_one_of_a_kept_day_counts(store: Store) -> None:
    rank_days(store)
    run(store, Rule(keep_days=1))
    first = store.outcomes().iloc[0]
    turned = "correct" if first["verdict"] != "correct" else "over_enforcement"
    replaced = pd.DataFrame(
        {
            "audit_id": ["new"],
            "decision_id": [first["decision_id"]],
            "audited_at": [FIRST_DAY + timedelta(days=7)],
            "verdict": [turned],
            "supersedes": [first["audit_id"]],
        }
    )
    before = measure_accuracy(store).estimates[0].overturns
    store.add_outcomes(check(replaced, OUTCOMES).require())
    change = -1 if turned == "correct" else 1
    assert measure_accuracy(store).estimates[0].overturns == before + change


def test_a_decision_that_was_offered_again_counts_once_on_its_last_day(store: Store) -> None:
    made = rank_days(store)
    again = made.offers.iloc[:50].assign(
        selected_at=FIRST_DAY + timedelta(days=3, hours=10),
        request_id="again",
        model_version="2",
        selected=False,
    )
    store.add_ranking(check(made.decisions.iloc[:50], DECISIONS).good, again)
    quality, _ = quality_of(store)
    assert same(measure_accuracy(store), [quality.overall])
    run(store, Rule(keep_days=3))  # their first day goes, their last stays
    assert same(measure_accuracy(store), [quality.overall])
    run(store, Rule(keep_days=1))
    assert same(measure_accuracy(store), [quality.overall])


def test_a_selected_decision_of_a_kept_day_that_is_offered_again_counts_once(
    store: Store,
) -> None:
    made = rank_days(store)
    expected = measure_accuracy(store)
    run(store, Rule(keep_days=1))
    chosen = made.offers[made.offers["selected"]].iloc[:20]
    later = chosen.assign(selected_at=FIRST_DAY + timedelta(days=20), request_id="again")
    decisions = made.decisions[made.decisions["decision_id"].isin(chosen["decision_id"])]
    store.add_ranking(check(decisions, DECISIONS).good, later)
    assert same(measure_accuracy(store), list(expected.estimates))


def test_what_was_dropped_when_and_by_whom_is_logged(store: Store) -> None:
    rank_days(store)
    done = run(store, Rule(keep_days=1))
    with store.transaction() as connection:
        events = connection.execute(sa.select(schema.retention_events)).fetchall()
    assert [(each.by, each.dropped, each.rows) for each in events] == [
        ("tests@here", "offers", day.offers) for day in done.days
    ]


def test_a_report_over_a_kept_day_is_refused_and_the_mend_named(store: Store) -> None:
    rank_days(store)
    run(store, Rule(keep_days=4))
    with pytest.raises(HomeError, match=r"2026-01-05 to 2026-01-06.*--since 2026-01-07"):
        read_history(store)
    history = read_history(store, since=FIRST_DAY + timedelta(days=2))
    assert history.before.empty


def test_sums_of_a_day_give_the_rows_figures(store: Store) -> None:
    """`estimate_by` is what retention compares with; here it is asked apart from it."""
    rank_days(store, days=1)
    history = read_history(store)
    rows = estimate_by(
        history.ranked.audited_frame(), history.ranked.table["policy"].to_numpy(dtype=object)
    )
    assert same(measure_accuracy(store, by="policy"), rows)
