"""Track records: what was known at the moment, the same in both executions, fair to the audited.

The two executions are fed the same history and compared on every row; a slow double loop written
from the definition stands as judge over both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.simulate import simulate
from features.track_record import KEYS, RecordSettings, TrackRecord, events, replay

START = pd.Timestamp("2026-01-01", tz="UTC")
SETTINGS = RecordSettings(half_life_days=20, strength=4, typical_inclusion=0.2, weight_cap=3)
NUMBERS = [f"{key.name}_{what}" for key in KEYS for what in ("rate", "audits")]


def history(seed: int, *, rows: int = 60, audits: int = 40) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return decisions and past events in which keys are null, shared and unseen."""
    rng = np.random.default_rng(seed)

    def keys(size: int, extra: str) -> dict[str, pd.Series]:
        vocabulary: dict[str, list[str | None]] = {
            "policy": ["p1", "p2", "p3", extra],
            "policy_version": ["1", "2", extra, None],
            "action": ["keep", "remove", extra],
            "language": ["en", "de", None],
            "moderator_id": ["m1", "m2", "m3", extra, None],
            "moderator_team": ["t1", "t2", None],
        }
        return {
            n: pd.Series(rng.choice(np.array(v, dtype=object), size), dtype="str")
            for n, v in vocabulary.items()
        }

    def times(size: int) -> pd.Series:
        hours = rng.integers(0, 24 * 30, size)  # whole hours, so that moments coincide
        return pd.Series(START + pd.to_timedelta(hours, unit="h"))

    decisions = pd.DataFrame(keys(rows, "unseen") | {"decided_at": times(rows)})
    past = pd.DataFrame(
        keys(audits, "other")
        | {
            "known_at": times(audits),
            "overturned": rng.integers(0, 2, audits).astype(float),
            "weight": 1 / rng.uniform(0.02, 1, audits),
        }
    )
    return decisions, past


def judge(decisions: pd.DataFrame, past: pd.DataFrame, rules: RecordSettings) -> pd.DataFrame:
    """Work the records out from the definition, one decision and one audit at a time."""
    rows = []
    for _, decision in decisions.iterrows():
        rate: dict[str, float] = {}
        row: dict[str, float] = {}
        for key in KEYS:
            known = any(pd.isna(decision[c]) for c in key.columns)
            weight = overturned = squared = 0.0
            for _, audit in past.iterrows():
                alike = all(audit[c] == decision[c] for c in key.columns)
                if not alike or known or audit["known_at"] > decision["decided_at"]:
                    continue
                age_days = (decision["decided_at"] - audit["known_at"]).total_seconds() / 86_400
                fade = 0.5 ** (age_days / rules.half_life_days)
                own = min(rules.typical_inclusion * audit["weight"], rules.weight_cap)
                weight += own * fade
                overturned += own * fade * audit["overturned"]
                squared += own**2 * fade
            audits = weight**2 / squared if squared else 0.0
            raw = overturned / weight if weight else 0.0
            parent = rate[key.parent] if key.parent else rules.prior_rate
            rate[key.name] = (audits * raw + rules.strength * parent) / (audits + rules.strength)
            row[f"{key.name}_rate"] = np.nan if known else rate[key.name]
            row[f"{key.name}_audits"] = np.nan if known else audits
        rows.append(row)
    return pd.DataFrame(rows, index=decisions.index)


def looked_up_in_time(
    decisions: pd.DataFrame, past: pd.DataFrame, rules: RecordSettings
) -> pd.DataFrame:
    """Feed outcomes as time goes by and ask for each decision when it is made."""
    record = TrackRecord(rules)
    parts: list[pd.DataFrame] = []
    fed = pd.Timestamp("1990-01-01", tz="UTC")
    for moment in sorted(decisions["decided_at"].unique()):
        batch = decisions[decisions["decided_at"] == moment]
        news = past[(past["known_at"] > fed) & (past["known_at"] <= moment)]
        record.update(news)
        fed = moment
        parts.append(record.look_up(batch))
    return pd.concat(parts).loc[decisions.index]


def same(one: pd.DataFrame, other: pd.DataFrame, *, tolerance: float = 1e-12) -> None:
    pd.testing.assert_frame_equal(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("seed", range(5))
def test_replay_is_what_the_definition_says(seed: int) -> None:
    decisions, past = history(seed)
    same(replay(decisions, past, SETTINGS), judge(decisions, past, SETTINGS))


@pytest.mark.parametrize("seed", range(3))
def test_replay_equals_the_running_record_on_every_row(seed: int) -> None:
    decisions, past = history(seed, rows=200, audits=400)
    same(replay(decisions, past, SETTINGS), looked_up_in_time(decisions, past, SETTINGS))


def test_replay_equals_the_running_record_on_a_simulated_programme() -> None:
    made = simulate(days=12, decisions_per_day=1_500, audit_share=0.1, seed=4)
    past = events(made.decisions, made.outcomes)
    replayed = replay(made.decisions, past, RecordSettings())
    some = made.decisions.sample(200, random_state=0).sort_values("decided_at")
    live = looked_up_in_time(some, past, RecordSettings())
    same(replayed.loc[some.index], live, tolerance=1e-9)
    assert replayed["moderator_audits"].max() > 5


@pytest.mark.parametrize("seed", range(3))
def test_outcomes_may_arrive_in_any_order_and_in_any_parts(seed: int) -> None:
    decisions, past = history(seed, rows=100, audits=200)
    later = decisions.assign(decided_at=START + pd.Timedelta(days=40))
    whole = TrackRecord(SETTINGS)
    whole.update(past)
    shuffled = past.sample(frac=1, random_state=seed)
    parts = TrackRecord(SETTINGS)
    for start in range(0, len(past), 7):
        parts.update(shuffled.iloc[start : start + 7])
    same(parts.look_up(later), whole.look_up(later))
    same(replay(later, shuffled, SETTINGS), whole.look_up(later))


def test_a_rebuilt_record_is_the_record_that_ran() -> None:
    decisions, past = history(1, rows=100, audits=200)
    later = decisions.assign(decided_at=START + pd.Timedelta(days=40))
    ran, rebuilt = TrackRecord(SETTINGS), TrackRecord(SETTINGS)
    for start in range(0, len(past), 11):
        ran.update(past.iloc[start : start + 11])
    rebuilt.update(past)
    same(rebuilt.look_up(later), ran.look_up(later))
    assert rebuilt.size == ran.size > 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 29))
def test_an_outcome_audited_later_never_changes_an_earlier_row(seed: int, day: int) -> None:
    decisions, past = history(seed)
    moment = START + pd.Timedelta(days=day)
    before = decisions["decided_at"] < moment
    known = past[past["known_at"] < moment]
    future = past[past["known_at"] >= moment].assign(overturned=1.0, weight=50.0)
    with_future = replay(decisions, pd.concat([known, future], ignore_index=True), SETTINGS)
    same(with_future[before], replay(decisions, known, SETTINGS)[before])


def test_an_outcome_known_at_the_very_moment_counts_and_a_microsecond_later_does_not() -> None:
    decision = pd.DataFrame({"policy": ["p"], "action": ["a"], "decided_at": [START]})
    audit = pd.DataFrame({"policy": ["p"], "action": ["a"], "overturned": [1.0], "weight": [1.0]})
    tick = pd.Timedelta(microseconds=1)
    seen = [
        float(
            replay(decision, audit.assign(known_at=START + late), SETTINGS)["policy_audits"].sum()
        )
        for late in (-tick, pd.Timedelta(0), tick)
    ]
    assert [count > 0 for count in seen] == [True, True, False]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    decisions, past = history(seed)
    turned = decisions.sample(frac=1, random_state=seed)
    shuffled = past.sample(frac=1, random_state=seed + 1)
    same(replay(turned, shuffled, SETTINGS).loc[decisions.index], replay(decisions, past, SETTINGS))


def test_one_row_alone_equals_the_row_of_the_batch() -> None:
    decisions, past = history(2)
    batch = replay(decisions, past, SETTINGS)
    for row in range(10):
        same(replay(decisions.iloc[[row]], past, SETTINGS), batch.iloc[[row]])


def audited(
    *,
    overturned: list[float],
    weight: float = 1.0,
    days_ago: float = 0.0,
    moderator: str = "m",
    version: str = "1",
) -> pd.DataFrame:
    size = len(overturned)
    return pd.DataFrame(
        {
            "policy": ["p"] * size,
            "policy_version": [version] * size,
            "action": ["a"] * size,
            "language": ["en"] * size,
            "moderator_team": ["t"] * size,
            "moderator_id": [moderator] * size,
            "overturned": overturned,
            "weight": weight,
            "known_at": START - pd.Timedelta(days=days_ago),
        }
    )


def record_of(
    past: pd.DataFrame,
    rules: RecordSettings,
    moderator: str | None = "m",
    version: str | None = "1",
) -> pd.Series:
    decision = audited(overturned=[0.0]).rename(columns={"known_at": "decided_at"})
    decision["moderator_id"] = pd.Series([moderator], dtype="str")
    decision["policy_version"] = pd.Series([version], dtype="str")
    return replay(decision, past, rules).iloc[0]


def test_an_audit_counts_half_after_the_half_life() -> None:
    rules = RecordSettings(half_life_days=30)
    fresh = record_of(audited(overturned=[1.0]), rules)
    old = record_of(audited(overturned=[1.0], days_ago=30), rules)
    assert fresh["moderator_audits"] == pytest.approx(1)
    assert old["moderator_audits"] == pytest.approx(0.5)


def test_records_stay_in_range_for_decades() -> None:
    rules = RecordSettings(half_life_days=7)
    late = audited(overturned=[1.0]).assign(known_at=pd.Timestamp("2038-01-01", tz="UTC"))
    decision = late.rename(columns={"known_at": "decided_at"})
    assert replay(decision, late, rules)["policy_audits"].iloc[0] == pytest.approx(1)


def test_an_audit_weighs_one_over_its_inclusion_probability() -> None:
    rules = RecordSettings(weight_cap=100, strength=1e-9)
    likely = audited(overturned=[1.0], weight=1 / 0.5)
    unlikely = audited(overturned=[0.0], weight=1 / 0.1)
    rate = record_of(pd.concat([likely, unlikely]), rules)["everything_rate"]
    assert rate == pytest.approx(2 / 12, abs=1e-6)


def test_the_weight_of_one_audit_is_capped() -> None:
    rules = RecordSettings(weight_cap=10)
    some = audited(overturned=[0.0] * 5)
    capped = pd.concat([some, audited(overturned=[1.0], weight=10)])
    beyond = pd.concat([some, audited(overturned=[1.0], weight=1e6)])
    pd.testing.assert_series_equal(record_of(beyond, rules), record_of(capped, rules))


def test_audits_of_like_weight_count_as_many_as_they_are_whatever_the_weight() -> None:
    for weight in (1.0, 5.0):
        past = audited(overturned=[1.0, 0.0, 0.0], weight=weight)
        assert record_of(past, RecordSettings())["moderator_audits"] == pytest.approx(3)


def test_audits_of_unlike_weight_count_as_fewer() -> None:
    past = pd.concat([audited(overturned=[1.0], weight=8), audited(overturned=[0.0] * 3)])
    assert 1 < record_of(past, RecordSettings(weight_cap=10))["moderator_audits"] < 4


def test_who_was_never_audited_has_the_rate_of_the_parent() -> None:
    record = record_of(audited(overturned=[1.0] * 10), RecordSettings(), moderator="new")
    assert record["moderator_audits"] == 0
    assert record["moderator_rate"] == record["everything_rate"]
    assert record["moderator_action_rate"] == record["policy_action_rate"]
    assert record["moderator_policy_rate"] == record["policy_rate"]


def test_a_new_version_of_a_policy_starts_from_the_rate_of_its_predecessor() -> None:
    past = audited(overturned=[1.0] * 30 + [0.0] * 70, version="1")
    record = record_of(past, RecordSettings(), version="2")
    assert record["policy_version_audits"] == 0
    assert record["policy_version_rate"] == record["policy_rate"] == pytest.approx(0.28, abs=0.03)


def test_a_new_version_is_half_its_own_after_as_many_audits_as_the_strength() -> None:
    rules = RecordSettings(strength=15)
    before = audited(overturned=[0.0] * 200, version="1")
    rates = []
    for audits in (0, 5, 15, 45):
        past = pd.concat([before, audited(overturned=[1.0] * audits, version="2")])
        rates.append(record_of(past, rules, version="2")["policy_version_rate"])
        old = record_of(past, rules, version="1")
        assert old["policy_version_audits"] == pytest.approx(200)
        assert old["policy_version_rate"] < 0.02
    assert rates == sorted(rates)
    assert rates[0] < 0.01
    assert rates[2] > 0.5
    assert rates[3] > 0.75


def test_the_same_version_of_another_policy_is_another_record() -> None:
    past = audited(overturned=[1.0] * 10).assign(policy="other")
    assert record_of(past, RecordSettings())["policy_version_audits"] == 0


def test_a_decision_that_names_no_version_has_no_record_of_one() -> None:
    past = audited(overturned=[1.0] * 10)
    record = record_of(past, RecordSettings(), version=None)
    assert record[["policy_version_rate", "policy_version_audits"]].isna().all()
    assert record["policy_audits"] == pytest.approx(10)
    unnamed = past.assign(policy_version=pd.Series([None] * 10, dtype="str"))
    assert record_of(unnamed, RecordSettings())["policy_version_audits"] == 0
    assert record_of(unnamed, RecordSettings())["policy_audits"] == pytest.approx(10)


def test_before_the_first_audit_of_all_the_rate_is_the_prior() -> None:
    record = record_of(audited(overturned=[]), RecordSettings(prior_rate=0.07))
    rates = record[[f"{key.name}_rate" for key in KEYS]]
    assert rates.tolist() == pytest.approx([0.07] * len(KEYS))


def test_an_automated_decision_has_no_record_of_a_moderator() -> None:
    record = record_of(audited(overturned=[1.0]), RecordSettings(), moderator=None)
    personal = [name for name in NUMBERS if name.startswith("moderator")]
    assert record[personal].isna().all()
    assert record[[name for name in NUMBERS if name not in personal]].notna().all()


def test_audits_of_automated_decisions_count_for_the_policy_and_for_no_moderator() -> None:
    past = audited(overturned=[1.0]).assign(moderator_id=pd.Series([None], dtype="str"))
    record = record_of(past, RecordSettings())
    assert (record["policy_audits"], record["moderator_audits"]) == (1, 0)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 39))
def test_one_more_past_overturn_never_lowers_a_rate(seed: int, place: int) -> None:
    decisions, past = history(seed)
    worse = past.copy()
    worse.loc[place, "overturned"] = 1.0
    rates = [f"{key.name}_rate" for key in KEYS]
    before, after = (replay(decisions, p, SETTINGS)[rates].to_numpy() for p in (past, worse))
    present = ~np.isnan(before)
    assert (after[present] >= before[present] - 1e-12).all()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_rates_lie_between_zero_and_one_and_audits_are_not_negative(seed: int) -> None:
    decisions, past = history(seed)
    records = replay(decisions, past, SETTINGS)
    rates = records[[f"{key.name}_rate" for key in KEYS]].to_numpy()
    audits = records[[f"{key.name}_audits" for key in KEYS]].to_numpy()
    assert np.nanmin(rates) >= 0
    assert np.nanmax(rates) <= 1
    assert np.nanmin(audits) >= 0


def test_labels_that_only_look_alike_when_joined_are_kept_apart() -> None:
    past = audited(overturned=[1.0] * 5).assign(policy="ab", action="c")
    decision = past.head(1).rename(columns={"known_at": "decided_at"})
    other = decision.assign(policy="a", action="bc")
    for table in (replay(other, past, SETTINGS), _live(other, past)):
        assert table["policy_action_audits"].iloc[0] == 0


def _live(decisions: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    record = TrackRecord(SETTINGS)
    record.update(past)
    return record.look_up(decisions)


def test_columns_that_did_not_come_give_null_records() -> None:
    decisions, past = history(0)
    bare = decisions[["policy", "action", "decided_at"]]
    later = bare.assign(decided_at=START + pd.Timedelta(days=40))
    records = replay(later, past, SETTINGS)
    assert records["team_rate"].isna().all()
    assert records["policy_rate"].notna().all()
    same(_live(later, past), records)


def test_the_inputs_are_left_alone() -> None:
    decisions, past = history(3)
    copies = decisions.copy(), past.copy()
    replay(decisions, past, SETTINGS)
    _live(decisions, past)
    pd.testing.assert_frame_equal(decisions, copies[0])
    pd.testing.assert_frame_equal(past, copies[1])


def one_outcome(**columns: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    decisions = pd.DataFrame(
        {"decision_id": ["d"], "policy": ["p"], "action": ["a"], "moderator_id": ["m"]}
    )
    outcomes = pd.DataFrame(
        {"audit_id": ["o"], "decision_id": ["d"], "audited_at": [START], "verdict": ["correct"]}
        | columns
    )
    return decisions, outcomes


@pytest.mark.parametrize(
    ("verdict", "overturned"),
    [
        ("correct", 0),
        ("over_enforcement", 1),
        ("under_enforcement", 1),
        ("wrong_selection", 1),
        ("technical_error", 0),
    ],
)
def test_a_technical_error_is_no_overturn(verdict: str, overturned: int) -> None:
    assert events(*one_outcome(verdict=[verdict]))["overturned"].tolist() == [overturned]


@pytest.mark.parametrize("source", ["appeal", "golden", "calibration"])
def test_appeals_and_arranged_audits_do_not_count(source: str) -> None:
    assert events(*one_outcome(source=[source], verdict=["over_enforcement"])).empty


def test_an_outcome_without_a_source_is_an_audit() -> None:
    assert len(events(*one_outcome(source=pd.Series([None], dtype="str")))) == 1


def test_an_outcome_of_a_decision_that_is_not_there_does_not_count() -> None:
    assert events(*one_outcome(decision_id=["other"])).empty


def test_an_unknown_inclusion_probability_weighs_one() -> None:
    assert events(*one_outcome(inclusion_probability=[np.nan]))["weight"].tolist() == [1]
    assert events(*one_outcome(inclusion_probability=[0.25]))["weight"].tolist() == [4]
