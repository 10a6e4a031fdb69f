"""Figures for transparency reports: accuracy of automated and human decisions, by language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.estimate import estimate_by, estimate_overturn_rate
from monitoring.dsa import ALL, OFFICIAL_LANGUAGES, dsa_table, official_code
from monitoring.dsa_files import template_rows, write_dsa
from monitoring.labels import labels_of
from monitoring.period import Period, period_of
from monitoring.ranked import Ranked
from monitoring.recalibrated import Recalibrated
from tests.monitoring.fairness.frames import fully_audited, grouped_period

NO_OUTCOMES = pd.DataFrame({"decision_id": [], "verdict": [], "audited_at": [], "source": []})


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    made = grouped_period(decisions_a_day=1_500)
    table = made.ranked.table
    rank = np.random.default_rng(4).integers(0, 2, len(table)).astype(float)
    language = table["language"].astype(object)
    language[table.index[:40]] = None
    return replace(
        made.ranked,
        table=table.assign(action_rank=rank, language=pd.Series(language, dtype="str")),
    )


@pytest.fixture(scope="module")
def period(ranked: Ranked) -> Period:
    return period_of(ranked)


@pytest.fixture(scope="module")
def table(ranked: Ranked, period: Period) -> pd.DataFrame:
    return dsa_table(Recalibrated(ranked), NO_OUTCOMES, period=period)


def row_of(table: pd.DataFrame, language: str, decided_by: str) -> dict[str, float]:
    rows = table[(table["language"] == language) & (table["decided_by"] == decided_by)]
    assert len(rows) == 1
    found: dict[str, float] = rows.to_dict("records")[0]  # type: ignore[assignment]
    return found


def plain_period(*, seed: int = 3, rows: int = 4_000) -> tuple[Recalibrated, pd.DataFrame]:
    """Every decision audited: the figures are then plain shares."""
    rng = np.random.default_rng(seed)
    acted = rng.random(rows) < 0.4
    kinds = np.where(acted, "over_enforcement", "under_enforcement")
    verdict = pd.Series(np.where(rng.random(rows) < 0.15, kinds, "correct"), dtype="str")
    table = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(rows)],
            "decided_at": pd.Timestamp("2026-01-05", tz="UTC"),
            "selected_at": pd.Timestamp("2026-01-06", tz="UTC"),
            "policy": "hate",
            "language": rng.choice(["da", "pt-BR", "pt", "hi"], rows),
            "action_rank": acted.astype(float),
            "decided_by": rng.choice(["people", "automation"], rows),
            "over_enforcement": 0.05,
            "under_enforcement": 0.05,
            "wrong_selection": 0.0,
            "overturn_probability": rng.uniform(0.0, 0.3, rows),
            "expected_harm": 0.1,
        }
    )
    return fully_audited(table, verdict), table.assign(verdict=verdict)


def test_there_is_a_row_for_all_each_maker_each_language_and_each_of_both(
    table: pd.DataFrame,
) -> None:
    scopes = set(zip(table["language"], table["decided_by"], strict=True))
    makers, languages = (ALL, "automation", "people"), (ALL, "en", "da", "hi")
    assert scopes == {(language, maker) for language in languages for maker in makers}
    assert len(table) == len(scopes)


def test_rates_are_those_of_the_estimates(table: pd.DataFrame, ranked: Ranked) -> None:
    whole = estimate_overturn_rate(Recalibrated(ranked).frame(), level=0.95)
    row = row_of(table, ALL, ALL)
    assert row["accuracy"] == pytest.approx(whole.accuracy)
    assert (row["error_rate_low"], row["error_rate_high"]) == pytest.approx((whole.low, whole.high))
    frame = Recalibrated(ranked).frame(direction="over_enforcement", column="language")
    for estimate in estimate_by(frame, labels_of(ranked.table["language"]), level=0.95):
        row = row_of(table, estimate.domain, ALL)
        assert row["over_enforcement_rate"] == pytest.approx(estimate.overturn_rate)
        assert row["over_enforcement_rate_high"] == pytest.approx(estimate.high)


def test_decisions_without_a_language_count_to_all_languages_only(
    table: pd.DataFrame, ranked: Ranked
) -> None:
    languages = table[(table["language"] != ALL) & (table["decided_by"] == ALL)]
    assert languages["decisions"].sum() == len(ranked.table) - 40
    assert row_of(table, ALL, ALL)["decisions"] == len(ranked.table)


def test_audited_in_full_accuracy_precision_and_recall_are_plain_shares() -> None:
    period, plain = plain_period()
    table = dsa_table(period, NO_OUTCOMES, period=period_of(period.ranked))
    plain = plain.assign(language=plain["language"].replace({"pt-BR": "pt"}))
    for (language, decided_by), rows in plain.groupby(["language", "decided_by"]):
        row = row_of(table, str(language), str(decided_by))
        acted, verdict = rows["action_rank"] > 0, rows["verdict"]
        due = int((acted & (verdict != "over_enforcement")).sum())
        missed = int((~acted & (verdict == "under_enforcement")).sum())
        assert row["decisions"] == len(rows)
        assert row["measures"] == acted.sum()
        assert row["accuracy"] == pytest.approx((verdict == "correct").mean())
        assert row["precision"] == pytest.approx(due / acted.sum())
        assert row["recall"] == pytest.approx(due / (due + missed))
        assert row["recall_low"] == pytest.approx(row["recall_high"])


@pytest.mark.slow
def test_audited_in_part_the_interval_of_recall_holds_the_truth_nineteen_times_in_twenty() -> None:
    held = []
    for seed in range(40):
        whole, plain = plain_period(seed=seed)
        acted = plain["action_rank"] > 0
        due = (acted & (plain["verdict"] != "over_enforcement")).sum()
        missed = (~acted & (plain["verdict"] == "under_enforcement")).sum()
        part = _audit_a_part(whole, chance=0.15, seed=seed)
        table = dsa_table(part, NO_OUTCOMES, period=period_of(part.ranked))
        row = row_of(table, ALL, ALL)
        held.append(row["recall_low"] <= due / (due + missed) <= row["recall_high"])
    # at exactly 95 %, five or more misses of 40 would happen 1 time in 20
    assert sum(held) >= 36


def _audit_a_part(whole: Recalibrated, *, chance: float, seed: int) -> Recalibrated:
    table = whole.table
    audited = np.random.default_rng(seed + 99).random(len(table)) < chance
    table = table.assign(
        inclusion_probability=chance,
        selected=audited,
        audited=audited,
        verdict=table["verdict"].where(audited),
        overturned=table["overturned"].where(audited),
    )
    return Recalibrated(replace(whole.ranked, table=table))


def test_appeals_are_counted_apart_and_change_no_rate(
    table: pd.DataFrame, ranked: Ranked, period: Period
) -> None:
    ids = ranked.table.loc[ranked.table["language"] == "da", "decision_id"].tolist()
    when = pd.Timestamp("2026-01-20", tz="UTC")
    appeals = pd.DataFrame(
        {
            "decision_id": [ids[0], ids[1], ids[1], ids[2], "elsewhere"],
            "verdict": [
                *("over_enforcement", "over_enforcement", "correct", "correct"),
                "over_enforcement",
            ],
            "audited_at": [when, when, when + pd.Timedelta(days=1), when, when],
            "source": "appeal",
        }
    )
    after = dsa_table(Recalibrated(ranked), appeals, period=period)
    row = row_of(after, "da", ALL)
    assert (row["appeals"], row["reversed_on_appeal"]) == (3, 1)  # the latest word counts
    assert row_of(after, ALL, ALL)["appeals"] == 3
    counts = ["appeals", "reversed_on_appeal"]
    pd.testing.assert_frame_equal(after.drop(columns=counts), table.drop(columns=counts))


def test_reversals_on_audit_are_a_plain_count(table: pd.DataFrame, ranked: Ranked) -> None:
    for (language, decided_by), rows in ranked.table.groupby(["language", "decided_by"]):
        row = row_of(table, str(language), str(decided_by))
        assert row["reversed_on_audit"] == rows["overturned"].sum()


def test_too_few_audits_leave_the_figures_empty_and_say_how_many_more(
    ranked: Ranked, period: Period
) -> None:
    language = ranked.table["language"].astype(object)
    language[ranked.table.index[100:112]] = "mt"
    few = replace(ranked, table=ranked.table.assign(language=pd.Series(language, dtype="str")))
    row = row_of(dsa_table(Recalibrated(few), NO_OUTCOMES, period=period), "mt", ALL)
    assert row["audits_needed"] > 0
    assert pd.isna([row["accuracy"], row["error_rate_high"], row["precision"]]).all()
    assert row["official_eu_language"]


def test_without_ranks_of_actions_there_is_no_precision(ranked: Ranked, period: Period) -> None:
    bare = replace(ranked, table=ranked.table.drop(columns="action_rank"))
    row = row_of(dsa_table(Recalibrated(bare), NO_OUTCOMES, period=period), ALL, ALL)
    assert pd.isna([row["measures"], row["precision"], row["recall"]]).all()
    assert row["accuracy"] > 0


def test_without_languages_there_are_rows_of_all_only(ranked: Ranked, period: Period) -> None:
    bare = replace(ranked, table=ranked.table.drop(columns="language"))
    table = dsa_table(Recalibrated(bare), NO_OUTCOMES, period=period)
    assert table["language"].tolist() == [ALL] * 3


def test_the_languages_are_the_twenty_four() -> None:
    assert len(OFFICIAL_LANGUAGES) == 24
    assert official_code("EN_us") == "en"
    assert official_code("mandarin") == "mandarin"


def test_the_files_say_period_and_method(
    table: pd.DataFrame, period: Period, tmp_path: Path
) -> None:
    written, method, template = write_dsa(table, tmp_path, period=period)
    again = pd.read_csv(written, keep_default_na=False)
    assert set(again["period_from"]) == {f"{period.decided_from:%Y-%m-%d}"}
    note = method.read_text(encoding="utf-8")
    assert f"{period.decided_until:%Y-%m-%d}" in note
    assert "nothing is estimated from appeals" in note
    assert len(pd.read_csv(template)) == 5 * 3  # of all, Danish and English
    first = template.read_text(encoding="utf-8").splitlines()[1]
    assert first.split(",")[6].isdigit()


def test_the_rows_of_the_template_are_those_of_automated_means(
    table: pd.DataFrame, period: Period
) -> None:
    rows = template_rows(table, period=period)
    assert list(rows.columns) == [
        *("Applicability", "Service", "Reporting period", "Section", "Indicator", "Scope"),
        *("Value", "Contextual Information"),
    ]
    da = rows[rows["Scope"] == "da"].set_index("Indicator")
    automated = row_of(table, "da", "automation")
    accuracy = da.loc["Accuracy of the automated means - Accuracy"]
    assert accuracy["Value"] == pytest.approx(automated["accuracy"])
    assert "95 % interval" in str(accuracy["Contextual Information"])
    solely = da.loc["Number of measures solely taken by automated means"]
    assert solely["Value"] == automated["measures"]
    assert set(rows["Scope"]) == {"Total number", "da", "en"}
