"""What went before a decision: only what was decided or known strictly before, and only as told.

A slow loop written from the definitions stands as judge over the sorted timelines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.columns import columns_of, frame_of
from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.history import (
    LOOK_COLUMNS,
    WORK_COLUMNS,
    groups_of,
    history_of,
    looks_before,
    with_batch,
    work_before,
)
from tests.made_programme import START, TICK, make_programme

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


def decided(**columns: list[Any]) -> pd.DataFrame:
    """Return decisions ``a``, ``b``, ... that keep the contract, so many hours after the start."""
    rows = len(columns["hours"])
    given: dict[str, Any] = {
        "decision_id": list("abcdefghijklmnopqrstuvwxyz"[:rows]),
        "decided_at": [START + pd.Timedelta(hours=hours) for hours in columns.pop("hours")],
        "policy": ["spam"] * rows,
        "action": ["keep"] * rows,
        "item_id": ["i"] * rows,
        "language": ["en"] * rows,
    }
    return check(pd.DataFrame(given | columns), DECISIONS).require()


def audited(*decision_ids: str, hours: float, **columns: str) -> pd.DataFrame:
    """Return audits that keep the contract, all finished so many hours after the start."""
    given: dict[str, Any] = {
        "audit_id": [f"audit-{number}" for number in range(len(decision_ids))],
        "decision_id": list(decision_ids),
        "audited_at": START + pd.Timedelta(hours=hours),
        "verdict": "correct",
    }
    return check(pd.DataFrame(given | columns), OUTCOMES).require()


NOTHING = audited("a", hours=0).head(0)


def last_look(decisions: pd.DataFrame, outcomes: pd.DataFrame = NOTHING) -> dict[str, float]:
    """Return the looks before the last decision; what is null is left out."""
    looks = looks_before(decisions.tail(1), history_of(decisions, outcomes)).iloc[0]
    return {str(name): float(value) for name, value in looks.dropna().items()}


def last_work(decisions: pd.DataFrame) -> dict[str, float]:
    """Return the work before the last decision; what is null is left out."""
    work = work_before(decisions.tail(1), decisions).iloc[0]
    return {str(name): float(value) for name, value in work.dropna().items()}


def test_looks_of_others_count_and_agree_or_not() -> None:
    decisions = decided(
        hours=[0, 1, 2, 3],
        moderator_id=["m1", "m2", "m3", "m4"],
        action=["keep", "remove", "keep", "keep"],
    )
    assert last_look(decisions) == {"earlier_looks": 3, "earlier_agreement": 2.5 / 4}


def test_an_earlier_look_by_the_same_moderator_does_not_count() -> None:
    decisions = decided(hours=[0, 1, 2], moderator_id=["m1", "m2", "m1"])
    assert last_look(decisions) == {"earlier_looks": 1, "earlier_agreement": 0.75}


def test_a_look_of_nobody_is_anothers_also_to_nobody() -> None:
    assert last_look(decided(hours=[0, 1, 2]))["earlier_looks"] == 2
    named = decided(hours=[0, 1], moderator_id=[None, "m1"])
    assert last_look(named)["earlier_looks"] == 1


def test_decisions_at_the_same_moment_do_not_look_at_each_other() -> None:
    assert last_look(decided(hours=[1, 1])) == {"earlier_looks": 0}
    tick = TICK / HOUR
    assert last_look(decided(hours=[1 - tick, 1]))["earlier_looks"] == 1


@pytest.mark.parametrize(("days", "looks"), [(90, 1), (90 + 1e-9, 0), (89, 1), (91, 0)])
def test_looks_count_for_ninety_days(days: float, looks: int) -> None:
    assert last_look(decided(hours=[0, 24 * days]))["earlier_looks"] == looks


@pytest.mark.parametrize(("hours", "known"), [(1, True), (2, False), (3, False)])
def test_an_audit_counts_once_it_was_known_before(hours: float, known: bool) -> None:
    decisions = decided(hours=[0, 2])
    assert ("audited_agreement" in last_look(decisions, audited("a", hours=hours))) == known


def test_an_audit_counts_for_ninety_days_however_old_its_decision_is() -> None:
    decisions = decided(hours=[0, 24 * 200])
    assert last_look(decisions, audited("a", hours=24 * 110))["audited_agreement"] == 0.75
    assert "audited_agreement" not in last_look(decisions, audited("a", hours=24 * 109))


def test_an_audit_of_ones_own_earlier_look_counts() -> None:
    decisions = decided(hours=[0, 2], moderator_id=["m", "m"])
    assert last_look(decisions, audited("a", hours=1)) == {
        "earlier_looks": 0,
        "audited_agreement": 0.75,
    }


def test_an_audit_says_what_was_right_not_what_was_done() -> None:
    decisions = decided(hours=[0, 2], action=["remove", "keep"])
    wrong = audited("a", hours=1, verdict="over_enforcement", corrected_action="keep")
    assert last_look(decisions, wrong)["audited_agreement"] == 0.75
    untold = audited("a", hours=1, verdict="over_enforcement")
    assert "audited_agreement" not in last_look(decisions, untold)
    technical = audited("a", hours=1, verdict="technical_error")
    assert last_look(decisions, technical)["audited_agreement"] == 0.25


@pytest.mark.parametrize("source", ["appeal", "review", "golden", "calibration"])
def test_only_audits_say_what_was_right(source: str) -> None:
    found = last_look(decided(hours=[0, 2]), audited("a", hours=1, source=source))
    assert "audited_agreement" not in found


def test_the_group_counts_before_the_item_and_the_item_before_the_decision() -> None:
    decisions = decided(
        hours=[0, 1, 2, 3],
        item_id=["i", "i", None, "other"],
        item_group=["g", None, None, "g"],
    )
    assert groups_of(decisions).tolist() == ["g", "i", "c", "g"]
    assert last_look(decisions)["earlier_looks"] == 1


def test_without_names_of_items_nothing_was_looked_at_before() -> None:
    decisions = decided(hours=[0, 1]).drop(columns=["item_id"])
    assert groups_of(decisions).tolist() == ["a", "b"]
    assert last_look(decisions) == {"earlier_looks": 0}


def test_the_first_decision_of_all_knows_of_no_work() -> None:
    assert last_work(decided(hours=[0], moderator_id=["m"])) == {}


def test_an_automated_decision_is_no_work() -> None:
    decisions = decided(hours=[0, 1, 2], moderator_id=["m", None, None])
    assert last_work(decisions) == {}
    assert last_work(decisions.drop(columns=["moderator_id"])) == {}


def test_only_ones_own_decisions_are_work() -> None:
    decisions = decided(hours=[0, 0.25, 0.5], moderator_id=["m", "other", "m"])
    assert last_work(decisions) == {
        "decisions_last_hour": 1,
        "minutes_since_last": 30,
        "hours_into_shift": 0.5,
        "language_share": 0.75,
    }


def test_the_last_hour_holds_its_start_and_not_the_moment_itself() -> None:
    decisions = decided(hours=[-1e-6, 0, 0.5, 1, 1], moderator_id=["m"] * 5)
    assert last_work(decisions)["decisions_last_hour"] == 2


def test_a_shift_ends_after_a_pause() -> None:
    goes_on = decided(hours=[0, 5.9, 8], moderator_id=["m"] * 3)
    assert last_work(goes_on)["hours_into_shift"] == 8
    rested = decided(hours=[0, 6, 8], moderator_id=["m"] * 3)
    assert last_work(rested)["hours_into_shift"] == 2


def test_who_comes_back_from_a_pause_begins_a_shift() -> None:
    decisions = decided(hours=[0, 7], moderator_id=["m", "m"])
    assert last_work(decisions)["hours_into_shift"] == 0
    assert last_work(decisions)["minutes_since_last"] == 420


def test_a_shift_is_as_long_as_a_day_at_most() -> None:
    decisions = decided(hours=list(range(0, 40, 5)), moderator_id=["m"] * 8)
    assert last_work(decisions)["hours_into_shift"] == 24


def test_work_of_more_than_a_day_ago_is_not_known() -> None:
    assert last_work(decided(hours=[0, 24], moderator_id=["m", "m"]))["minutes_since_last"] == 1440
    assert last_work(decided(hours=[0, 24.1], moderator_id=["m", "m"])) == {}


def test_a_shift_begun_before_the_day_needs_no_more_than_the_pause_before_it() -> None:
    decisions = decided(hours=list(np.arange(0, 60, 0.7)[:26]), moderator_id=["m"] * 26)
    whole = decided(hours=[-100, -95, *np.arange(0, 40, 5.5)], moderator_id=["m"] * 10)
    for made in (decisions, whole):
        asked = made.tail(1)
        since = asked["decided_at"].iloc[0] - 30 * HOUR
        pd.testing.assert_frame_equal(
            work_before(asked, made), work_before(asked, made[made["decided_at"] >= since])
        )


def test_a_language_that_is_not_known_has_no_share() -> None:
    decisions = decided(hours=[0, 1], moderator_id=["m", "m"], language=["en", None])
    assert "language_share" not in last_work(decisions)
    assert last_work(decisions)["decisions_last_hour"] == 1


def test_the_share_of_a_language_is_that_of_the_last_day() -> None:
    decisions = decided(
        hours=[0, 30, 31, 32], moderator_id=["m"] * 4, language=["en", "de", "en", "en"]
    )
    assert last_work(decisions)["language_share"] == 1.5 / 3


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    made = make_programme(seed, rows=200)
    decisions = made.decisions
    turned = decisions.sample(frac=1, random_state=seed)
    shuffled = history_of(turned, made.outcomes.sample(frac=1, random_state=seed + 1))
    history = history_of(decisions, made.outcomes)
    pd.testing.assert_frame_equal(
        looks_before(turned, shuffled).loc[decisions.index], looks_before(decisions, history)
    )
    pd.testing.assert_frame_equal(
        work_before(turned, turned).loc[decisions.index], work_before(decisions, decisions)
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_timelines_say_what_the_definition_says(seed: int) -> None:
    made = make_programme(seed)
    history = history_of(made.decisions, made.outcomes)
    judge = Judge(made.decisions, made.outcomes)
    found = pd.concat(
        [looks_before(made.decisions, history), work_before(made.decisions, made.decisions)], axis=1
    )
    pd.testing.assert_frame_equal(found, judge.judge(made.decisions), rtol=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_many_decisions_are_told_what_few_are(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    made = make_programme(seed)
    history = history_of(made.decisions, made.outcomes)
    asked = [made.decisions, made.decisions.sample(frac=0.5, random_state=seed)]
    few = [looks_before(each, history) for each in asked]
    work = [work_before(each, made.decisions) for each in asked]
    monkeypatch.setattr("features.history._MANY", 0)
    monkeypatch.setattr("features.earlier_rows._FEW", 0)
    as_columns = columns_of(made.decisions)
    for rows, looks, worked in zip(asked, few, work, strict=True):
        pd.testing.assert_frame_equal(looks_before(rows, history), looks)
        pd.testing.assert_frame_equal(work_before(rows, made.decisions), worked)
        mixed = replace(history, decisions=as_columns)
        pd.testing.assert_frame_equal(looks_before(rows, mixed), looks)
    alone = replace(history, decisions=as_columns)
    pd.testing.assert_frame_equal(frame_of(looks_before(as_columns, alone)), few[0])


def test_a_batch_beside_what_is_stored_says_what_one_history_says() -> None:
    made = make_programme(5, rows=200)
    whole = history_of(made.decisions, made.outcomes)
    stored = history_of(made.decisions.head(120), made.outcomes)
    batch = made.decisions.tail(100)
    both = with_batch(replace(stored, judged=whole.judged), batch.assign(action="not as stored"))
    assert len(both.decisions) == len(both.work) == 200
    asked = made.decisions.head(120)
    pd.testing.assert_frame_equal(looks_before(asked, both), looks_before(asked, stored))
    both = with_batch(replace(stored, judged=whole.judged), batch)
    for asked in (made.decisions, batch):
        pd.testing.assert_frame_equal(looks_before(asked, both), looks_before(asked, whole))
        pd.testing.assert_frame_equal(work_before(asked, both.work), work_before(asked, whole.work))


def test_nothing_asked_and_nothing_known_are_no_fault() -> None:
    decisions = decided(hours=[0, 1], moderator_id=["m", "m"])
    nothing = decisions.head(0)
    for asked, earlier in ((nothing, decisions), (decisions, nothing), (nothing, nothing)):
        history = history_of(earlier, NOTHING)
        assert list(looks_before(asked, history)) == list(LOOK_COLUMNS)
        assert list(work_before(asked, earlier)) == list(WORK_COLUMNS)
        assert len(looks_before(asked, history)) == len(work_before(asked, earlier)) == len(asked)


def test_the_inputs_are_left_alone() -> None:
    made = make_programme(1, rows=100)
    history = history_of(made.decisions, made.outcomes)
    names = ("group", "known_at", "right_action")
    judged = [np.array(history.judged[name]) for name in names]
    copies = [made.decisions.copy(), made.outcomes.copy()]
    looks_before(made.decisions, history)
    work_before(made.decisions, made.decisions)
    with_batch(history, made.decisions)
    for now, before in zip((made.decisions, made.outcomes), copies, strict=True):
        pd.testing.assert_frame_equal(now, before)
    for name, values in zip(names, judged, strict=True):
        np.testing.assert_array_equal(history.judged[name], values)


@pytest.mark.slow
def test_a_long_history_says_what_the_definition_says() -> None:
    made = many_decisions(300_000)
    rng = np.random.default_rng(2)
    outcomes = audits_of(made, rng, count=40_000)
    asked = made.iloc[np.sort(rng.choice(len(made), 10_000, replace=False))]
    history = history_of(made, outcomes)
    found = pd.concat([looks_before(asked, history), work_before(asked, made)], axis=1)
    some = asked.sample(200, random_state=3)
    judged = Judge(made, outcomes).judge(some)
    pd.testing.assert_frame_equal(found.loc[some.index], judged, rtol=1e-12)
    assert judged.notna().mean().min() > 0.2, "too few rows say anything"


def many_decisions(rows: int) -> pd.DataFrame:
    """Return a hundred days of work on items that come again, shuffled."""
    rng = np.random.default_rng(1)
    seconds = np.sort(rng.integers(0, 100 * 86_400, rows))  # whole seconds, so that times tie
    item = rng.integers(0, rows // 5, rows)
    return pd.DataFrame(
        {
            "decision_id": pd.Series([f"d{number}" for number in range(rows)], dtype="str"),
            "decided_at": START + pd.to_timedelta(seconds, unit="s"),
            "action": pd.Series(np.array(["keep", "remove", "label"])[rng.integers(0, 3, rows)]),
            "moderator_id": pd.Series([f"m{n}" for n in rng.integers(0, 300, rows)]).where(
                rng.random(rows) < 0.9
            ),
            "language": pd.Series(np.array(["en", "de", "tr"])[rng.integers(0, 3, rows)]),
            "item_id": pd.Series([f"i{number}" for number in item]),
            "item_group": pd.Series([f"g{number % 500}" for number in item]).where(item < 5_000),
        }
    ).sample(frac=1, random_state=0)


def audits_of(decisions: pd.DataFrame, rng: np.random.Generator, *, count: int) -> pd.DataFrame:
    audited = decisions.sample(count, random_state=1)
    days = pd.to_timedelta(rng.integers(3_600, 10 * 86_400, count), unit="s")
    return pd.DataFrame(
        {
            "decision_id": audited["decision_id"].to_numpy(),
            "audited_at": audited["decided_at"].reset_index(drop=True) + days,
            "verdict": np.array(["correct", "over_enforcement"])[rng.integers(0, 2, count)],
            "corrected_action": np.array(["keep", "label"])[rng.integers(0, 2, count)],
        }
    )


class Judge:
    """Works the history out from its definition, one decision and one earlier row at a time."""

    def __init__(self, decisions: pd.DataFrame, outcomes: pd.DataFrame) -> None:
        self.by_item: dict[str, list[dict[str, Any]]] = {}
        self.by_person: dict[str, list[dict[str, Any]]] = {}
        self.audits: dict[str, list[tuple[pd.Timestamp, str]]] = {}
        rows = {row["decision_id"]: row for row in self._rows(decisions)}
        for row in sorted(rows.values(), key=lambda row: row["decided_at"]):
            self.by_item.setdefault(row["group"], []).append(row)
            self.by_person.setdefault(row["moderator_id"], []).append(row)
        for audit in outcomes.to_dict("records"):
            source = audit.get("source")
            decision = rows[audit["decision_id"]]
            right = decision["action"]
            if audit["verdict"] in DIRECTIONS:
                right = audit["corrected_action"]
            if right == right and (source != source or source in (None, "audit")):
                known = (audit["audited_at"], right)
                self.audits.setdefault(decision["group"], []).append(known)

    @staticmethod
    def _rows(decisions: pd.DataFrame) -> list[dict[str, Any]]:
        names = ["decision_id", "decided_at", "action", "moderator_id", "language"]
        rows = []
        for row in decisions[[*names, "item_id", "item_group"]].to_dict("records"):
            named = [v for v in (row["item_group"], row["item_id"], row["decision_id"]) if v == v]
            rows.append({str(name): value for name, value in row.items()} | {"group": named[0]})
        return rows

    def judge(self, asked: pd.DataFrame) -> pd.DataFrame:
        rows = [self._looks(row) | self._work(row) for row in self._rows(asked)]
        return pd.DataFrame(rows, index=asked.index, columns=[*LOOK_COLUMNS, *WORK_COLUMNS])

    def _looks(self, row: dict[str, Any]) -> dict[str, float]:
        now = row["decided_at"]
        looks = [
            look["action"] == row["action"]
            for look in self.by_item[row["group"]]
            if now - 90 * DAY <= look["decided_at"] < now
            and look["moderator_id"] != row["moderator_id"]  # null is unlike any other null
        ]
        audits = [
            right == row["action"]
            for known_at, right in self.audits.get(row["group"], [])
            if now - 90 * DAY <= known_at < now
        ]
        return {
            "earlier_looks": float(len(looks)),
            "earlier_agreement": (sum(looks) + 0.5) / (len(looks) + 1) if looks else np.nan,
            "audited_agreement": (sum(audits) + 0.5) / (len(audits) + 1) if audits else np.nan,
        }

    def _work(self, row: dict[str, Any]) -> dict[str, float]:
        now = row["decided_at"]
        own = self.by_person[row["moderator_id"]] if isinstance(row["moderator_id"], str) else []
        day = [work for work in own if now - DAY <= work["decided_at"] < now]
        if not day:
            return dict.fromkeys(WORK_COLUMNS, np.nan)
        start = now
        for work in reversed([work for work in own if work["decided_at"] < now]):
            if start - work["decided_at"] >= 6 * HOUR:
                break
            start = work["decided_at"]
        alike = sum(work["language"] == row["language"] for work in day)
        known = row["language"] == row["language"]
        return {
            "decisions_last_hour": float(sum(work["decided_at"] >= now - HOUR for work in day)),
            "minutes_since_last": (now - day[-1]["decided_at"]) / pd.Timedelta(minutes=1),
            "hours_into_shift": (now - max(start, now - DAY)) / HOUR,
            "language_share": (alike + 0.5) / (len(day) + 1) if known else np.nan,
        }
