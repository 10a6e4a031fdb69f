"""The store, the same on both databases: ids never reused, nothing lost, nothing half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from features import schema
from features.contract import DECISIONS, OUTCOMES, Table, check
from features.earlier_offers import FirstOffer
from features.errors import StoreError
from features.simulate import simulate
from features.store import Added, Store, open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def typed(frame: pd.DataFrame, table: Table = DECISIONS) -> pd.DataFrame:
    return check(frame, table).require()


def decisions(*ids: str, **columns: object) -> pd.DataFrame:
    required = {"decision_id": ids, "decided_at": NOON, "policy": "spam", "action": "remove"}
    return typed(pd.DataFrame({n: _column(v, len(ids)) for n, v in (required | columns).items()}))


def outcomes(*pairs: tuple[str, str], **columns: object) -> pd.DataFrame:
    required = {
        "audit_id": [audit_id for audit_id, _ in pairs],
        "decision_id": [decision_id for _, decision_id in pairs],
        "audited_at": NOON,
        "verdict": "correct",
    }
    named = {n: _column(v, len(pairs)) for n, v in (required | columns).items()}
    return typed(pd.DataFrame(named), OUTCOMES)


def _column(values: object, size: int) -> list[object]:
    return list(values) if isinstance(values, (list, tuple)) else [values] * size


def selections(*ids: str, request_id: str = "r1", **columns: object) -> pd.DataFrame:
    row: dict[str, object] = {
        "request_id": request_id,
        "selected_at": pd.Timestamp(NOON),
        "over_enforcement": 0.1,
        "under_enforcement": 0.2,
        "wrong_selection": 0.05,
        "overturn_probability": 0.35,
        "expected_harm": 0.4,
        "priority": 1.5,
        "rank": 1,
        "inclusion_probability": 0.25,
        "threshold": 0.9,
        "selected": True,
        "reason": "risk",
        "random_audit": False,
        "plan_version": "p1",
        "model_version": "m1",
        "key_id": "k1",
    }
    named = {n: _column(v, len(ids)) for n, v in (row | columns).items()}
    return pd.DataFrame({"decision_id": ids} | named)


def seen(added: Added) -> list[tuple[int, str, str]]:
    return [(bad.row, bad.column, bad.seen) for bad in added.refused]


def test_what_was_stored_comes_back_as_it_was(store: Store) -> None:
    made = simulate(days=2, decisions_per_day=300, audit_share=0.2, seed=1)
    given = typed(made.decisions)
    audits = typed(made.outcomes, OUTCOMES)
    assert len(store.add_decisions(given).ids) == len(given)
    assert len(store.add_outcomes(audits).ids) == len(audits)
    back = store.decisions().set_index("decision_id").loc[given["decision_id"]].reset_index()
    present = [name for name in given if given[name].notna().any()]
    pd.testing.assert_frame_equal(back[present], given[present])
    found = store.outcomes().set_index("audit_id").loc[audits["audit_id"]].reset_index()
    present = [name for name in audits if audits[name].notna().any()]
    pd.testing.assert_frame_equal(found[present], audits[present])


def test_the_same_rows_again_change_nothing(store: Store) -> None:
    given = decisions("a", "b", views=[3, None], language=["en", None], x_risk=[0.1, None])
    assert store.add_decisions(given) == Added(("a", "b"), 0, ())
    before = store.decisions()
    assert store.add_decisions(given[::-1]) == Added((), 2, ())
    pd.testing.assert_frame_equal(store.decisions(), before)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("policy", "fraud"),
        ("views", 4),
        ("decided_at", NOON + timedelta(microseconds=1)),
        ("language", None),
        ("moderator_id", "m"),
        ("x_risk", 0.2),
        ("group_age", "old"),
        ("x_new", "more"),
    ],
)
def test_other_content_under_a_used_id_is_refused_and_its_column_named(
    store: Store, column: str, value: object
) -> None:
    first: dict[str, object] = {
        "views": 3,
        "language": "en",
        "x_risk": 0.1,
        "group_age": "young",
    }
    store.add_decisions(decisions("a", **first))
    before = store.decisions()
    fresh = NOON if column == "decided_at" else "7"
    again = decisions("new", "a", **(first | {column: [fresh, value]}))
    added = store.add_decisions(again)
    assert added.ids == ("new",)
    assert seen(added) == [(1, "decision_id", f"'a' with another {column}")]
    after = store.decisions(decision_ids=["a"])
    pd.testing.assert_frame_equal(after[before.columns], before)


def test_a_decision_that_lost_a_column_is_another_decision(store: Store) -> None:
    store.add_decisions(decisions("a", views=3))
    assert seen(store.add_decisions(decisions("a"))) == [
        (0, "decision_id", "'a' with another views")
    ]


def test_an_extra_may_come_again_as_number_or_as_text(store: Store) -> None:
    store.add_decisions(decisions("a", x_code=1))
    store.add_decisions(decisions("b", x_code="red"))
    again = pd.concat([decisions("a", x_code="1"), decisions("b", x_code="red")])
    assert store.add_decisions(again.reset_index(drop=True)).unchanged == 2
    assert store.decisions()["x_code"].tolist() == ["1", "red"]


def test_an_outcome_again_with_another_verdict_is_refused(store: Store) -> None:
    store.add_decisions(decisions("a", "b"))
    store.add_outcomes(outcomes(("o1", "a")))
    again = outcomes(("o1", "a"), ("o2", "b"), verdict="over_enforcement")
    added = store.add_outcomes(again)
    assert (added.ids, seen(added)) == (
        ("o2",),
        [(0, "audit_id", "'o1' with another verdict")],
    )
    assert store.outcomes()["verdict"].tolist() == ["correct", "over_enforcement"]


def test_an_outcome_of_an_unknown_decision_is_refused_and_the_others_kept(store: Store) -> None:
    store.add_decisions(decisions("a"))
    added = store.add_outcomes(outcomes(("o1", "a"), ("o2", "ghost")))
    assert added.ids == ("o1",)
    assert seen(added) == [(1, "decision_id", "'ghost'")]
    assert added.refused[0].expected == "a decision that the store holds"


def test_extras_come_back_under_their_names_and_kinds(store: Store) -> None:
    given = decisions(
        "a",
        "b",
        "c",
        x_risk=[0.1 + 0.2, None, 3],
        x_kind=["red", "blå", None],
        group_age=["20", None, None],
    )
    store.add_decisions(given)
    back = store.decisions()
    names = ["x_risk", "x_kind", "group_age"]
    pd.testing.assert_frame_equal(back[names], given[names])


def test_columns_that_never_came_are_left_out_and_required_ones_stay(store: Store) -> None:
    assert store.decisions().columns.tolist() == ["decision_id", "decided_at", "policy", "action"]
    store.add_decisions(decisions("a", language="en"))
    assert "language" in store.decisions()
    assert "views" not in store.decisions()


def test_content_is_kept_apart_and_given_only_when_asked_for(store: Store) -> None:
    given = decisions("a", "b", text=["hello", None], embedding=[[0.5, 1.5], None])
    store.add_decisions(given)
    assert not {"text", "embedding"} & set(store.decisions())
    back = store.decisions(with_content=True)
    assert back["text"].tolist()[0] == "hello"
    assert back["embedding"].tolist()[0] == [0.5, 1.5]
    assert back[["text", "embedding"]].iloc[1].isna().all()
    with store.engine.connect() as connection:
        assert connection.scalars(sa.select(schema.contents.c.decision_id)).all() == ["a"]


def test_another_text_under_a_used_id_is_refused_without_showing_it(store: Store) -> None:
    store.add_decisions(decisions("a", "b", text=["first words", None]))
    added = store.add_decisions(decisions("b", "a", text=[None, "other words"]))
    assert added.unchanged == 1
    assert seen(added) == [(1, "decision_id", "'a' with another text")]
    assert store.decisions(with_content=True)["text"].tolist()[0] == "first words"


def test_a_decision_again_without_its_text_is_the_same_decision(store: Store) -> None:
    store.add_decisions(decisions("a", text="words"))
    assert store.add_decisions(decisions("a")).unchanged == 1
    assert store.add_decisions(decisions("a", text="words")).unchanged == 1


def test_times_are_exact_to_the_microsecond(store: Store) -> None:
    times = [
        datetime(1990, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 9, 30, 0, 123_457, tzinfo=UTC),
        datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    store.add_decisions(decisions("a", "b", "c", decided_at=times))
    assert store.decisions()["decided_at"].tolist() == [pd.Timestamp(time) for time in times]


def test_numbers_come_back_to_the_last_bit(store: Store) -> None:
    values = np.random.default_rng(0).random(50).tolist()
    ids = [f"d{place:02}" for place in range(50)]
    store.add_decisions(decisions(*ids, automated_score=values, x_risk=values))
    back = store.decisions()
    assert back["automated_score"].tolist() == values
    assert back["x_risk"].tolist() == values


def test_text_of_any_script_comes_back(store: Store) -> None:
    words = "naïve 😀 日本語 العربية '; DROP TABLE decisions; -- \\ \x1f"
    store.add_decisions(decisions("a", language=words, text=words, x_kind=words))
    back = store.decisions(with_content=True)
    assert back[["language", "text", "x_kind"]].iloc[0].tolist() == [words.strip()] * 3


def test_a_period_holds_its_start_and_not_its_end(store: Store) -> None:
    times = [NOON + timedelta(hours=hour) for hour in range(4)]
    store.add_decisions(decisions("a", "b", "c", "d", decided_at=times))
    found = store.decisions(since=times[1], until=times[3])
    assert found["decision_id"].tolist() == ["b", "c"]


def test_rows_come_by_time_and_then_by_id(store: Store) -> None:
    times = [NOON + timedelta(hours=1), NOON, NOON]
    store.add_decisions(decisions("a", "c", "b", decided_at=times))
    assert store.decisions()["decision_id"].tolist() == ["b", "c", "a"]


def test_the_uniform_sample_is_of_decisions_that_any_offer_drew_and_selected(store: Store) -> None:
    first = selections(
        "a", "b", "c", random_audit=[True, False, True], selected=[True, True, False]
    )
    store.add_ranking(decisions("a", "b", "c"), first)
    assert store.random_audits() == {"a"}
    store.add_ranking(decisions("c"), selections("c", request_id="r2", random_audit=True))
    assert store.random_audits() == {"a", "c"}


def test_named_decisions_are_found_and_unknown_names_are_not(store: Store) -> None:
    store.add_decisions(decisions("a", "b", "c"))
    assert store.decisions(decision_ids=["c", "ghost", "a"])["decision_id"].tolist() == ["a", "c"]
    assert store.decisions(decision_ids=[]).empty
    assert store.known_decisions(["c", "ghost"]) == {"c"}
    assert (store.has_decision("a"), store.has_decision("ghost")) == (True, False)


def test_more_ids_than_a_query_takes_are_read_in_parts(store: Store) -> None:
    ids = [f"d{place:05}" for place in range(11_000)]
    store.add_decisions(decisions(*ids))
    assert len(store.decisions(decision_ids=ids)) == len(ids)
    assert store.add_decisions(decisions(*ids)).unchanged == len(ids)


def test_selections_are_only_ever_added(store: Store) -> None:
    store.add_ranking(decisions("a", "b"), selections("a", "b"))
    first = store.selections()
    store.add_ranking(decisions("a"), selections("a", request_id="r2", rank=7))
    everything = store.selections()
    assert everything["request_id"].tolist() == ["r1", "r1", "r2"]
    pd.testing.assert_frame_equal(everything.head(2), first)
    assert store.offers("a")["rank"].tolist() == [1, 7]
    assert store.offers("ghost").empty


def test_a_selection_comes_back_as_it_was(store: Store) -> None:
    given = selections("a", priority=0.1 + 0.2, selected=False, random_audit=True)
    store.add_ranking(decisions("a"), given)
    pd.testing.assert_frame_equal(
        store.selections()[given.columns], given, check_dtype=False, check_exact=True
    )


def test_a_refused_decision_is_not_selected(store: Store) -> None:
    store.add_decisions(decisions("a"))
    changed = pd.concat([decisions("a", policy="fraud"), decisions("b")], ignore_index=True)
    added = store.add_ranking(changed, selections("a", "b"))
    assert seen(added) == [(0, "decision_id", "'a' with another policy")]
    assert store.selections()["decision_id"].tolist() == ["b"]


@pytest.mark.parametrize("rows", [3, 100])
def test_decisions_of_which_one_was_stored_after_the_look_are_compared_like_any(
    store: Store, rows: int
) -> None:
    ids = [f"d{place:03}" for place in range(rows)]
    store.add_decisions(decisions(ids[1]))
    changed = decisions(*ids, policy="fraud", text="words")
    added = store.add_ranking(changed, selections(*ids), none_stored=True)
    assert seen(added) == [(1, "decision_id", "'d001' with another policy")]
    others = [name for name in ids if name != ids[1]]
    assert list(added.ids) == store.selections()["decision_id"].tolist() == others
    assert len(store.decisions(with_content=True)["text"].dropna()) == rows - 1


def test_a_ranking_that_fails_leaves_no_decision_behind(store: Store) -> None:
    broken = selections("a").drop(columns=["priority"])
    with pytest.raises(StoreError):
        store.add_ranking(decisions("a"), broken)
    assert store.decisions().empty
    assert store.selections().empty


def test_an_unknown_inclusion_probability_is_the_largest_of_the_offers(store: Store) -> None:
    ids = ("offered", "never", "known")
    store.add_decisions(decisions(*ids))
    for request, chance in (("r1", 0.2), ("r2", 0.6), ("r3", 0.4)):
        offer = selections("offered", "known", request_id=request, inclusion_probability=chance)
        store.add_ranking(decisions("offered", "known"), offer)
    pairs = [(f"o{place}", name) for place, name in enumerate(ids)]
    store.add_outcomes(outcomes(*pairs, inclusion_probability=[None, None, 0.1]))
    found = store.outcomes().set_index("decision_id")["inclusion_probability"]
    assert found["offered"] == 0.6
    assert np.isnan(found["never"])
    assert found["known"] == 0.1


def test_a_filled_inclusion_probability_is_not_taken_for_other_content(store: Store) -> None:
    store.add_ranking(decisions("a"), selections("a"))
    store.add_outcomes(outcomes(("o1", "a")))
    assert store.outcomes()["inclusion_probability"].tolist() == [0.25]
    assert store.add_outcomes(outcomes(("o1", "a"))).unchanged == 1


def test_superseded_outcomes_are_left_out_however_often(store: Store) -> None:
    store.add_decisions(decisions("a", "b"))
    pairs = [("o1", "a"), ("o2", "a"), ("o3", "a"), ("o4", "b")]
    store.add_outcomes(outcomes(*pairs, supersedes=[None, "o1", "o2", None]))
    assert store.outcomes()["audit_id"].tolist() == ["o3", "o4"]
    assert store.outcomes(audit_ids=["o1"]).empty


def test_an_outcome_that_came_before_the_one_it_is_replaced_by_is_left_out(store: Store) -> None:
    store.add_decisions(decisions("a"))
    store.add_outcomes(outcomes(("o2", "a"), supersedes="o1"))
    store.add_outcomes(outcomes(("o1", "a")))
    assert store.outcomes()["audit_id"].tolist() == ["o2"]


def test_an_outcome_that_replaces_itself_is_refused(store: Store) -> None:
    store.add_decisions(decisions("a"))
    added = store.add_outcomes(outcomes(("o1", "a"), ("o2", "a"), supersedes=["o1", None]))
    assert (added.ids, seen(added)) == (("o2",), [(0, "supersedes", "'o1'")])


def test_the_latest_plan_is_current(store: Store) -> None:
    assert store.plan_document() is None
    store.add_plan("p1", "first", NOON)
    store.add_plan("p2", "second", NOON + timedelta(hours=1))
    assert store.plan_document() == "second"
    store.add_plan("p1", "first", NOON + timedelta(hours=2))
    assert store.plan_document() == "first"


def test_plans_that_are_no_longer_current_can_be_read(store: Store) -> None:
    assert store.plan_documents() == {}
    store.add_plan("p1", "first", NOON)
    store.add_plan("p2", "second", NOON + timedelta(hours=1))
    assert store.plan_documents() == {"p1": "first", "p2": "second"}


def test_two_writers_of_the_same_ids_store_each_once(store: Store) -> None:
    ids = [f"d{place:04}" for place in range(2_000)]
    given = decisions(*ids)
    orders = [given, given[::-1], given.sample(frac=1, random_state=1), given]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(store.add_decisions, orders))
    assert sum(len(one.ids) for one in added) == len(ids)
    assert sum(one.unchanged for one in added) == 3 * len(ids)
    assert not any(one.refused for one in added)
    assert len(store.decisions()) == len(ids)


def test_two_writers_of_other_content_leave_one_of_the_two_whole(store: Store) -> None:
    ids = [f"d{place:04}" for place in range(500)]
    rivals = [decisions(*ids, policy=policy) for policy in ("spam", "fraud")]
    with ThreadPoolExecutor(2) as pool:
        added = list(pool.map(store.add_decisions, rivals))
    assert sorted(len(one.ids) for one in added) == [0, 500]
    assert sorted(len(one.refused) for one in added) == [0, 500]
    assert store.decisions()["policy"].nunique() == 1


@pytest.mark.parametrize("none_stored", [False, True])
def test_rankings_of_the_same_decisions_at_once_are_all_kept(
    store: Store, none_stored: bool
) -> None:
    ids = [f"d{place:03}" for place in range(100)]

    def rank(request: int) -> Added:
        offers = selections(*ids, request_id=f"r{request}")
        return store.add_ranking(decisions(*ids), offers, none_stored=none_stored)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rank, range(8)))
    assert store.selections().groupby("request_id").size().tolist() == [100] * 8


def test_initialising_again_keeps_what_is_there(store: Store) -> None:
    store.add_decisions(decisions("a"))
    store.initialise()
    store.require_current()
    assert store.has_decision("a")


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # of SQLite it cannot be compared
def test_the_migrations_make_the_declared_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_of(connection.dialect.name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []


def _is_of(dialect: str) -> Callable[..., bool]:
    """Return whether a declared part belongs to this database."""
    return lambda part, *_: part.info.get("dialect", dialect) == dialect


def test_a_store_that_was_not_made_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="run `secondlook init`"):
        open_store(f"sqlite:///{tmp_path / 'new.db'}").require_current()


def test_a_store_of_a_later_version_is_refused(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="saw schema 9999"):
        store.require_current()
    with pytest.raises(StoreError, match="later version"):
        store.initialise()


def test_reading_a_store_without_tables_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such table"):
        open_store(f"sqlite:///{tmp_path / 'new.db'}").decisions()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://user:hunter2@127.0.0.1:1/none",
        "postgresql+psycopg://127.0.0.1:1/none?user=user&password=hunter2",
        "postgresql+psycopg://user:hunter2@127.0.0.1:port/none",
        "postgresql+psycopg2://user:hunter2@127.0.0.1/none",
        "mysql://user:hunter2@127.0.0.1/none",
        "oracle://user:hunter2@127.0.0.1/none",
        "hunter2",
        "",
    ],
)
def test_an_unusable_address_is_refused_and_its_password_not_shown(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url).require_current()
    causes = [caught.value, caught.value.__cause__]
    assert "hunter2" not in "".join(str(cause) for cause in causes)


def test_the_whole_contract_has_a_place_in_the_store() -> None:
    columns = {c.name for c in schema.decisions.columns} | {c.name for c in schema.contents.columns}
    assert set(DECISIONS.by_name) <= columns
    assert set(OUTCOMES.by_name) == {c.name for c in schema.outcomes.columns}


def test_the_documents_of_extras_hold_no_nulls(store: Store) -> None:
    store.add_decisions(decisions("a", "b", x_risk=[0.5, None], group_age=[None, None]))
    with store.engine.connect() as connection:
        stored = connection.scalars(
            sa.select(sa.cast(schema.decisions.c.extras, sa.Text)).order_by(
                schema.decisions.c.decision_id
            )
        ).all()
    assert [json.loads(text) for text in stored] == [{"x_risk": 0.5}, {}]


def test_the_first_offer_is_told_with_its_key_and_whether_any_selected(store: Store) -> None:
    offers = [("r1", "k1", False), ("r2", "k2", True), ("r3", "k2", False)]
    for request, key, selected in offers:
        given = selections("a", request_id=request, key_id=key, selected=selected)
        store.add_ranking(decisions("a"), given)
    store.add_ranking(decisions("b"), selections("b", key_id="k2", selected=False))
    found = store.first_offers(["a", "ghost", "b"])
    assert found == {"a": FirstOffer("k1", True), "b": FirstOffer("k2", False)}
    assert store.first_offers([]) == {}


def test_a_period_tells_its_offers_and_each_decision_once(store: Store) -> None:
    assert store.first_offer_at() is None
    for hour, harm in ((0, 0.1), (1, 0.2), (2, 0.3)):
        at = pd.Timestamp(NOON + timedelta(hours=hour))
        store.add_ranking(
            decisions("a", "b"), selections("a", "b", selected_at=at, expected_harm=harm)
        )
    since, until = NOON + timedelta(hours=1), NOON + timedelta(hours=3)
    assert store.first_offer_at() == NOON
    assert store.count_offers(since, until) == 4
    found = store.ranked_sample(since, until, most=10)
    assert found.decisions == 2
    assert found.table.to_dict("list") == {
        "decision_id": ["a", "b"],
        "policy": ["spam", "spam"],
        "overturn_probability": [0.35, 0.35],
        "expected_harm": [0.2, 0.2],
    }
    assert store.ranked_sample(until, until, most=10).decisions == 0


@pytest.mark.parametrize("call", [10, 100])
def test_a_sample_of_a_period_is_even_over_calls_of_a_fixed_size(store: Store, call: int) -> None:
    ids = [f"d{place:05}" for place in range(10_000)]
    harms = [float(place % call) for place in range(10_000)]
    store.add_ranking(decisions(*ids), selections(*ids, expected_harm=harms))
    found = store.ranked_sample(NOON, NOON + timedelta(hours=1), most=1_000)
    assert len(found.table) <= 1_000
    assert found.decisions == pytest.approx(10_000, rel=0.02)
    assert found.table["expected_harm"].mean() == pytest.approx((call - 1) / 2, rel=0.02)
