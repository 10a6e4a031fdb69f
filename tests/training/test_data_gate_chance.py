"""What is ordinary raises nothing: chance, a change of mix, late overturns, decisions alike."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from features.simulate import audit, simulate
from training.data_limits import DataLimits
from training.discrimination import auroc, auroc_error, code_auroc, number_auroc
from training.input_drift import category_moved, drift_findings, number_moved
from training.inspected import join_audits
from training.label_rates import champion_findings, implausible_findings
from training.label_weeks import week_findings
from training.labels import Rate, chance_of_change, label_counts, read_label_counts
from training.leakage import id_findings
from training.policy_shifts import VANISHED, vanished_findings
from training.repeats import repeat_findings

START = pd.Timestamp("2026-01-05", tz="UTC")
LIMITS = DataLimits()
UNKNOWN = {"inclusion_probability": 1.0}


def audited(rng: np.random.Generator, *, days: int, rows: int, rate: float) -> pd.DataFrame:
    """Return audited decisions of one policy that err alike, audited half a day later or more."""
    moments = START + pd.to_timedelta(np.sort(rng.uniform(0, days, rows)), unit="D")
    wrong = rng.random(rows) < rate
    return pd.DataFrame(
        {
            "decision_id": [f"d{number:06d}" for number in range(rows)],
            "decided_at": moments,
            "audited_at": moments + pd.to_timedelta(rng.uniform(0.5, 3, rows), unit="D"),
            "policy": "spam",
            "language": "en",
            "verdict": np.where(wrong, "over_enforcement", "correct"),
            "wrong": wrong.astype(float),
            "inclusion": 1.0,
            "place": np.arange(rows),
        }
    )


@pytest.mark.parametrize("rate", [0.03, 0.3, 0.8])
def test_a_change_by_chance_is_no_more_often_significant_than_said(rate: float) -> None:
    rng = np.random.default_rng(0)
    chances = []
    for _ in range(2_000):
        sides = [
            Rate(size, found := int(rng.binomial(size, rate)), float(size), found / size)
            for size in (800, 500)
        ]
        chances.append(chance_of_change(*sides))
    assert np.mean(np.array(chances) < 0.05) < 0.06


def test_a_rate_that_halves_is_significant_on_enough_audits() -> None:
    before, after = Rate(3_000, 150, 3_000.0, 0.05), Rate(3_000, 75, 3_000.0, 0.025)
    assert chance_of_change(before, after) < 1e-6
    few = Rate(100, 5, 100.0, 0.05), Rate(100, 3, 100.0, 0.03)
    assert chance_of_change(*few) > 0.3


def test_unequal_weights_make_a_change_less_certain() -> None:
    even, uneven = Rate(1_000, 20, 1_000.0, 0.02), Rate(1_000, 20, 100.0, 0.02)
    before = Rate(3_000, 150, 3_000.0, 0.05)
    assert chance_of_change(before, uneven) > 100 * chance_of_change(before, even)


def test_what_a_card_keeps_of_its_labels_comes_back_from_json() -> None:
    rows = audited(np.random.default_rng(1), days=5, rows=300, rate=0.2)
    rows["policy"] = np.where(rows["place"] % 3 == 0, "spam", "hate")
    rows["inclusion"] = np.where(rows["place"] % 2 == 0, 1.0, 0.1)
    kept = read_label_counts(json.loads(json.dumps({"labels": label_counts(rows)})))
    assert kept is not None
    overall, by_policy = kept
    assert (overall.audits, overall.overturns) == (300, int(rows["wrong"].sum()))
    assert overall.rate == pytest.approx(np.average(rows["wrong"], weights=1 / rows["inclusion"]))
    assert {name: rate.audits for name, rate in by_policy.items()} == {"hate": 200, "spam": 100}


def test_ordinary_weeks_raise_nothing() -> None:
    found = [
        finding
        for seed in range(60)
        for finding in week_findings(
            audited(np.random.default_rng(seed), days=28, rows=2_000, rate=0.05), LIMITS
        )
    ]
    assert found == []


def test_days_that_differ_by_more_than_chance_raise_nothing() -> None:
    """Each day has a rate of its own, from half to twice the usual."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rows = audited(rng, days=35, rows=6_000, rate=0.0)
        of_day = 0.05 * np.exp(rng.normal(0, 0.3, 36))
        wrong = rng.random(len(rows)) < of_day[(rows["decided_at"] - START).dt.days]
        rows["verdict"] = np.where(wrong, "over_enforcement", "correct")
        found += list(week_findings(rows, LIMITS))
    assert found == []


def test_a_language_that_errs_less_and_takes_over_is_no_fault_of_the_labels() -> None:
    rng = np.random.default_rng(2)
    rows = audited(rng, days=28, rows=8_000, rate=0.0)
    late = (rows["decided_at"] > START + pd.Timedelta(days=21)).to_numpy()
    english = rng.random(len(rows)) < np.where(late, 0.1, 0.9)
    wrong = rng.random(len(rows)) < np.where(english, 0.12, 0.02)
    rows["verdict"] = np.where(wrong, "over_enforcement", "correct")
    assert list(week_findings(rows.assign(language=np.where(english, "en", "fr")), LIMITS)) == []
    assert list(week_findings(rows.assign(language="en"), LIMITS)) != []


def test_overturns_that_take_longer_do_not_make_the_last_days_suspect() -> None:
    rng = np.random.default_rng(3)
    rows = audited(rng, days=28, rows=20_000, rate=0.1)
    extra = pd.to_timedelta(rows["wrong"] * rng.uniform(2, 6, len(rows)), unit="D")
    rows["audited_at"] += extra
    arrived = rows[rows["audited_at"] < START + pd.Timedelta(days=28)]
    late = arrived["decided_at"] > START + pd.Timedelta(days=25)
    assert arrived["wrong"][late].mean() < 0.5 * arrived["wrong"][~late].mean()
    by_decision = [f for f in week_findings(arrived, LIMITS) if f.subject.endswith("decided")]
    assert by_decision == []


def test_decisions_alike_by_nature_are_not_duplicates() -> None:
    """A few columns of few values: most decisions have another alike, at whatever distance."""
    rng = np.random.default_rng(4)
    rows = audited(rng, days=14, rows=5_000, rate=0.1)
    for values in (3, 40):
        coarse = rows[["decision_id", "decided_at", "policy"]].assign(
            action=rng.integers(0, values, len(rows)).astype(str),
            moderator_id=rng.integers(0, values, len(rows)).astype(str),
        )
        assert list(repeat_findings(coarse, LIMITS)) == []


def test_half_of_a_week_that_was_loaded_again_is_found() -> None:
    rng = np.random.default_rng(5)
    rows = audited(rng, days=14, rows=4_000, rate=0.1)[["decision_id", "decided_at", "policy"]]
    rows = rows.assign(automated_score=rng.random(len(rows)))
    late = rows[rows["decided_at"] > START + pd.Timedelta(days=7)]
    again = late.sample(frac=0.6, random_state=0)
    again = again.assign(decision_id="again-" + again["decision_id"])
    both = pd.concat([rows, again], ignore_index=True)
    assert [f.check for f in repeat_findings(both, LIMITS)] == ["duplicates"]


def test_ids_that_count_up_while_the_rate_moves_tell_the_time_alone() -> None:
    rng = np.random.default_rng(6)
    rows = audited(rng, days=60, rows=12_000, rate=0.0)
    wrong = rng.random(len(rows)) < 0.6 * np.linspace(0, 1, len(rows)) ** 3
    rows = rows.assign(wrong=wrong.astype(float), audit_id=rows["decision_id"].str[1:])
    assert auroc(rows["place"].to_numpy(float), rows["wrong"].to_numpy()) > LIMITS.id_auroc
    assert list(id_findings(rows, LIMITS)) == []


def test_a_moderator_may_predict() -> None:
    rng = np.random.default_rng(7)
    rows = audited(rng, days=28, rows=4_000, rate=0.0)
    good = rng.random(len(rows)) < 0.9
    wrong = rng.random(len(rows)) < np.where(good, 0.02, 0.6)
    ids = np.where(good, "anna-1", "boris-2")
    rows = rows.assign(wrong=wrong.astype(float), moderator_id=ids)
    assert code_auroc(pd.factorize(ids)[0], wrong.astype(float)) > LIMITS.id_auroc
    assert list(id_findings(rows, LIMITS)) == []


def test_a_policy_that_comes_in_bursts_has_not_vanished() -> None:
    rows = audited(np.random.default_rng(8), days=60, rows=12_000, rate=0.1)
    day = (rows["decided_at"] - START).dt.days
    burst = day.isin([1, 2, 16, 17, 31, 32, 46]) & (rows["place"] % 2 == 0)
    rows = rows.assign(policy=np.where(burst, "elections", "spam"))
    assert list(vanished_findings(rows, LIMITS, check=VANISHED)) == []
    ended = rows.assign(policy=np.where((day < 20) & (rows["place"] % 2 == 0), "hate", "spam"))
    found = list(vanished_findings(ended, LIMITS, check=VANISHED))
    assert [f.subject for f in found] == ["policy = hate"]


def test_the_error_of_an_auroc_is_that_of_its_repeats() -> None:
    rng = np.random.default_rng(9)
    wrong = np.repeat([1.0, 0.0], [60, 900])
    areas = [auroc(rng.normal(wrong, 1.0), wrong) for _ in range(400)]
    assert auroc_error(float(np.mean(areas)), 60, 900) == pytest.approx(np.std(areas), rel=0.15)


def test_a_number_that_tells_by_being_absent_or_by_its_middle_is_seen() -> None:
    rng = np.random.default_rng(10)
    wrong = (rng.random(4_000) < 0.1).astype(float)
    absent = np.where(wrong > 0, np.nan, rng.normal(size=4_000))
    middle = np.where(wrong > 0, rng.uniform(-0.1, 0.1, 4_000), rng.choice([-1.0, 1.0], 4_000))
    assert number_auroc(absent, wrong) > 0.99
    assert number_auroc(middle, wrong) > 0.99
    assert number_auroc(rng.normal(size=4_000), wrong) < 0.6


def test_inputs_that_did_not_move_are_as_far_apart_as_chance_says() -> None:
    rng = np.random.default_rng(11)
    weights = rng.dirichlet(np.ones(12))
    numbers, categories = [], []
    for _ in range(300):
        sides = rng.normal(size=700), rng.normal(size=400)
        numbers.append(number_moved(*map(pd.Series, sides)))
        words = [pd.Series(rng.choice(list("abcdefghijkl"), n, p=weights)) for n in (700, 400)]
        categories.append(category_moved(*words))
    for moved in (numbers, categories):
        distance = np.mean([each.distance for each in moved])
        assert distance == pytest.approx(np.mean([each.by_chance for each in moved]), rel=0.1)
        assert np.mean([each.chance < 0.05 for each in moved]) < 0.08


def test_nulls_are_a_value_that_may_drift() -> None:
    rng = np.random.default_rng(12)
    before = pd.DataFrame({"automated_score": rng.random(2_000), "policy": "spam"})
    now = before.assign(automated_score=before["automated_score"].mask(rng.random(2_000) < 0.3))
    found = list(drift_findings(before, now, (), LIMITS))
    assert [(f.check, f.subject) for f in found] == [("drift", "automated_score")]
    assert "null 0.0% then, 3" in found[0].seen


def test_audits_picked_by_risk_compare_with_uniform_ones_by_their_chances() -> None:
    made = simulate(days=28, decisions_per_day=2_000, audit_share=0.05, seed=3)
    decisions, until = made.decisions, pd.Timestamp("2026-01-15", tz="UTC")
    rng = np.random.default_rng(3)
    risk = made.truth["overturn_probability_true"].to_numpy()
    chance = np.clip(0.05 * risk / risk.mean(), 0.003, 1)
    picked = (decisions["decided_at"] >= until).to_numpy() & (rng.random(len(risk)) < chance)
    later = audit(made.truth, decisions["decision_id"][picked], audited_at=until, seed=3)
    later["audited_at"] = decisions["decided_at"][picked].to_numpy() + pd.Timedelta(days=1)
    later["inclusion_probability"] = chance[picked]
    uniform = made.outcomes[made.outcomes["audited_at"] < until]
    kept = read_label_counts({"labels": label_counts(join_audits(decisions, uniform).decided)})
    for known, expected in ((True, 0), (False, 1)):
        outcomes = pd.concat([uniform, later if known else later.assign(**UNKNOWN)])
        rows = join_audits(decisions, outcomes.reset_index(drop=True)).decided
        found = [
            *champion_findings(rows, kept, since=until, limits=LIMITS),
            *implausible_findings(rows, kept, LIMITS),
            *week_findings(rows, LIMITS),
        ]
        assert (len(found) > 0) == expected
