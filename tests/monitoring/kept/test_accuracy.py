from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.columns import times
from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.errors import EstimateError, HomeError, SettingsError
from features.kept_store import KeptBatch, Manner, add_kept, day_of
from features.store import Store, open_store
from models.kept_sums import RankedRows, add_sums, harm_if_wrong, labels_of_rows, sum_rows
from monitoring.kept.accuracy import measure_accuracy
from monitoring.kept.table import table_of, write_figures
from monitoring.quality import measure_quality
from monitoring.ranked import read_history
from monitoring.recalibrated import Recalibrated
from tests.monitoring.kept.test_retention import same
from tests.monitoring.ranked_days import FIRST_DAY, rank_days


def keep_as_sums(store: Store, source: Store) -> None:
    """Store every day of another store as a ranking that keeps what was selected, in two parts."""
    decisions, offers = source.decisions(with_content=True), source.selections()
    for request, own in offers.groupby("request_id"):
        parts = []
        for part in (own.iloc[:100], own.iloc[100:]):
            rows = part[["decision_id"]].merge(decisions, on="decision_id", how="left")
            labels = labels_of_rows(rows)
            names = ("overturn_probability", *DIRECTIONS)
            risk = {name: part[name].to_numpy(dtype=float) for name in names}
            expected = part["expected_harm"].to_numpy(dtype=float)
            parts.append(
                sum_rows(
                    RankedRows(
                        model_version=part["model_version"].iloc[0],
                        labels=labels,
                        risk=risk,
                        inclusion_probability=part["inclusion_probability"].to_numpy(),
                        harm=harm_if_wrong(expected, risk[names[0]], labels["policy"][0]),
                    )
                )
            )
        chosen = own[own["selected"]].drop(columns="selection_id")
        kept = decisions[decisions["decision_id"].isin(chosen["decision_id"])]
        store.add_ranking(check(kept, DECISIONS).require(), chosen)
        day = day_of(int(times(own, "selected_at")[0]))
        batch = KeptBatch(str(request), day, Manner.RANKED, len(own), len(chosen), 0)
        with store.transaction() as connection:
            add_kept(connection, batch, add_sums(parts))
    outcomes = source.outcomes().drop(columns="inclusion_probability")
    store.add_outcomes(check(outcomes, OUTCOMES).require())


@pytest.fixture
def whole(tmp_path: Path) -> Store:
    """A store in which every row is kept."""
    made = open_store(f"sqlite:///{tmp_path / 'whole.db'}")
    made.initialise()
    return made


def test_a_ranking_kept_as_sums_from_the_beginning_gives_the_figures_of_its_rows(
    store: Store, whole: Store
) -> None:
    rank_days(whole)
    keep_as_sums(store, whole)
    assert len(store.selections()) < len(whole.selections()) / 3
    for by, what in (
        (None, "overturn_probability"),
        (None, "severity"),
        ("language", "overturn_probability"),
    ):
        expected = measure_accuracy(whole, by=by, what=what)
        assert same(measure_accuracy(store, by=by, what=what), list(expected.estimates))
    with pytest.raises(HomeError, match="only sums are kept"):
        read_history(store)


def test_its_unfinished_audits_lower_all_chances_of_the_batch_alike(
    store: Store, whole: Store
) -> None:
    made = rank_days(whole, days=1, finished=0.7)
    keep_as_sums(store, whole)
    found = measure_accuracy(store).estimates[0]
    chosen = made.offers[made.offers["selected"]]
    audited = chosen["decision_id"].isin(whole.outcomes()["decision_id"])
    rows = chosen[audited]
    verdict = whole.outcomes().set_index("decision_id")["verdict"].reindex(rows["decision_id"])
    chance = rows["inclusion_probability"].to_numpy() * audited.mean()
    risk = rows["overturn_probability"].to_numpy()
    wrong = verdict.isin(DIRECTIONS).to_numpy(dtype=float)
    predicted = made.offers["overturn_probability"].sum()
    rate = (predicted + np.sum((wrong - risk) / chance)) / len(made.offers)
    assert found.overturn_rate == pytest.approx(np.clip(rate, wrong.sum() / 400, 1), abs=1e-6)


def test_a_day_of_rows_and_of_sums_is_one_figure(store: Store, whole: Store) -> None:
    rank_days(whole, days=2)
    keep_as_sums(store, whole)
    rank_days(store, days=2, seed=5)  # the same days, kept as rows
    rank_days(whole, days=2, seed=5)
    quality = measure_quality(Recalibrated.of(read_history(whole)))
    assert same(measure_accuracy(store), [quality.overall])


def test_a_bound_that_is_no_midnight_is_refused(store: Store) -> None:
    rank_days(store, days=1)
    with pytest.raises(SettingsError, match="midnight"):
        measure_accuracy(store, since=FIRST_DAY + timedelta(hours=1))


def test_a_column_that_is_not_kept_is_refused_with_those_that_are(store: Store) -> None:
    rank_days(store, days=1)
    with pytest.raises(SettingsError, match="language.*group_vendor"):
        measure_accuracy(store, by="content_type")
    with pytest.raises(SettingsError, match="without --by"):
        measure_accuracy(store, by="language", what="severity")


def test_nothing_ranked_and_nothing_audited_are_told_apart(store: Store) -> None:
    with pytest.raises(HomeError, match="no decision was ranked"):
        measure_accuracy(store)
    rank_days(store, days=1, finished=0.0)
    with pytest.raises(EstimateError, match="outcome"):
        measure_accuracy(store)
    with pytest.raises(HomeError):
        measure_accuracy(store, since=datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_figures_are_written_as_they_are(store: Store, tmp_path: Path, ending: str) -> None:
    rank_days(store, days=2)
    figures = table_of(measure_accuracy(store, by="policy"))
    path = write_figures(figures, tmp_path / f"figures.{ending}")
    read: Any = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}[ending]
    assert read(path)["accuracy_low"].tolist() == pytest.approx(figures["accuracy_low"].tolist())
    with pytest.raises(SettingsError, match="expected a name in"):
        write_figures(figures, tmp_path / "figures.txt")
