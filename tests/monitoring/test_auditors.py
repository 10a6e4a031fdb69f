from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from models.agreement import cohens_kappa
from models.auditor_error import review_chances
from monitoring.auditors import LEAST_REVIEWS, Auditors, measure_auditors
from monitoring.ranked import Ranked, ranked_of
from monitoring.recalibrated import recalibrated_frame
from tests.monitoring.periods import make_period

MISSED, INVENTED = 0.10, 0.03
"""Share of errors that the auditors miss, and of right decisions that they overturn."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A period whose auditors err, with its outcomes and the true overturn rate."""

    ranked: Ranked
    outcomes: pd.DataFrame
    truth: float

    def measure(self) -> Auditors:
        return measure_auditors(recalibrated_frame(self.ranked), self.ranked.table, self.outcomes)


def reviewed_period(*, seed: int, done: float = 1.0, decisions_a_day: int = 1_500) -> Reviewed:
    """Audits by auditors who err, and reviews, right and blind, of those drawn.

    Parameters
    ----------
    done
        Share of the reviews due that are done, by chance.
    """
    rng = np.random.default_rng(seed)
    made = make_period(seed=seed, decisions_a_day=decisions_a_day, chance=0.2)
    table = made.ranked.table
    chance = np.where(made.wrong, 1 - MISSED, INVENTED)
    found = rng.random(len(table)) < chance
    audited = table["audited"].to_numpy(dtype=bool)
    verdict = pd.Series(named(found), dtype="str")
    table = table.assign(
        overturned=np.where(audited, found.astype(float), np.nan), verdict=verdict.where(audited)
    )
    ranked = ranked_of(table)
    rows = np.flatnonzero(audited)
    reviews = review_chances(
        found[rows].astype(float), table["inclusion_probability"].to_numpy()[rows]
    )
    due = rng.random(len(rows)) < reviews
    chosen = due & (rng.random(len(rows)) < done)
    audits = outcomes_of(table, rows, found[rows], source="audit", auditor="a")
    second = outcomes_of(
        table, rows[chosen], made.wrong[rows][chosen], source="review", auditor="b"
    ).assign(inclusion_probability=reviews[chosen])
    return Reviewed(ranked, pd.concat([audits, second], ignore_index=True), made.wrong.mean())


def named(overturned: np.ndarray) -> np.ndarray:
    return np.where(overturned, "over_enforcement", "correct")


def outcomes_of(
    table: pd.DataFrame, rows: np.ndarray, overturned: np.ndarray, *, source: str, auditor: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "decision_id": table["decision_id"].to_numpy()[rows],
            "audited_at": pd.Timestamp("2026-02-01", tz="UTC"),
            "verdict": named(overturned),
            "auditor_id": auditor,
            "source": source,
            "inclusion_probability": np.nan,
        }
    )


@pytest.fixture(scope="module")
def reviewed() -> Reviewed:
    return reviewed_period(seed=0)


def test_the_corrected_figure_is_nearer_the_truth_where_auditors_err() -> None:
    raw, corrected = [], []
    for seed in range(10):
        made = reviewed_period(seed=seed)
        found = made.measure().corrected
        assert found is not None
        raw.append(abs(found.raw.overturn_rate - made.truth))
        corrected.append(abs(found.overturn_rate - made.truth))
    assert np.mean(corrected) < np.mean(raw)


def test_where_half_of_the_reviews_are_missing_the_figure_is_corrected_all_the_same() -> None:
    raw, corrected, told = [], [], 0
    for seed in range(10):
        made = reviewed_period(seed=seed, done=0.5)
        auditors = made.measure()
        assert auditors.corrected is not None
        raw.append(auditors.corrected.raw.overturn_rate - made.truth)
        corrected.append(auditors.corrected.overturn_rate - made.truth)
        told += auditors.unfinished
    assert abs(np.mean(corrected)) < 0.5 * abs(np.mean(raw))
    assert told >= 9


def test_reviews_that_are_all_done_are_not_called_unfinished(reviewed: Reviewed) -> None:
    assert not reviewed.measure().unfinished


def test_what_the_reviews_found_is_counted_by_the_first_verdict(reviewed: Reviewed) -> None:
    auditors = reviewed.measure()
    outcomes = reviewed.outcomes
    pairs = outcomes[outcomes["source"] == "review"].merge(
        outcomes[outcomes["source"] == "audit"], on="decision_id", suffixes=("", "_first")
    )
    first = pairs["verdict_first"] != "correct"
    changed = pairs["verdict"] != pairs["verdict_first"]
    assert auditors.reviews == len(pairs)
    assert (auditors.overturns.reviewed, auditors.rest.reviewed) == (first.sum(), (~first).sum())
    assert auditors.overturns.changed == (first & changed).sum() > 0
    assert auditors.rest.changed == (~first & changed).sum()


def test_kappa_is_of_all_decisions_and_not_of_the_reviewed_mix(reviewed: Reviewed) -> None:
    """Against the kappa of auditor and truth over every decision, which the simulation knows."""
    n = 300_000
    rng = np.random.default_rng(1)
    wrong = rng.random(n) < reviewed.truth
    found = rng.random(n) < np.where(wrong, 1 - MISSED, INVENTED)
    expected = cohens_kappa(named(found), named(wrong)).kappa
    runs = [reviewed_period(seed=seed).measure() for seed in range(8)]
    weighted = [run.agreement.kappa for run in runs if run.agreement is not None]
    assert np.mean(weighted) == pytest.approx(expected, abs=0.1)


def test_no_review_is_no_correction(reviewed: Reviewed) -> None:
    audits = reviewed.outcomes[reviewed.outcomes["source"] == "audit"]
    auditors = measure_auditors(recalibrated_frame(reviewed.ranked), reviewed.ranked.table, audits)
    assert (auditors.reviews, auditors.corrected, auditors.agreement) == (0, None, None)


def test_a_handful_of_reviews_is_no_correction(reviewed: Reviewed) -> None:
    second = reviewed.outcomes["source"] == "review"
    few = reviewed.outcomes[~second | (second.cumsum() < LEAST_REVIEWS)]
    auditors = measure_auditors(recalibrated_frame(reviewed.ranked), reviewed.ranked.table, few)
    assert auditors.reviews == LEAST_REVIEWS - 1
    assert auditors.corrected is None


@pytest.mark.parametrize(
    ("column", "value"), [("auditor_id", "a"), ("inclusion_probability", np.nan)]
)
def test_a_review_by_the_same_auditor_or_without_its_chance_is_left_out(
    reviewed: Reviewed, column: str, value: str | float
) -> None:
    second = reviewed.outcomes["source"] == "review"
    spoiled = reviewed.outcomes.copy()
    spoiled[column] = spoiled[column].mask(second, value)
    auditors = measure_auditors(recalibrated_frame(reviewed.ranked), reviewed.ranked.table, spoiled)
    assert (auditors.reviews, auditors.left_out) == (0, int(second.sum()))


def test_outcomes_without_a_source_are_audits(reviewed: Reviewed) -> None:
    plain = reviewed.outcomes[["decision_id", "audited_at", "verdict"]]
    auditors = measure_auditors(recalibrated_frame(reviewed.ranked), reviewed.ranked.table, plain)
    assert auditors.reviews == auditors.left_out == 0
