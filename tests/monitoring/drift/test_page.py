from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring.drift.counted import count_days
from monitoring.drift.found import DriftHistory
from monitoring.drift.measure import judge_days
from monitoring.drift.outcome import measure_outcomes
from monitoring.drift.page import DriftPage, heatmap, moved_of, write_drift
from monitoring.drift.reference import reference_of
from monitoring.pages import Book
from monitoring.period import Period
from monitoring.recalibrated import Recalibrated
from tests.monitoring.drift.days import measure_drift_history, name_of, profile, sample
from tests.monitoring.periods import make_period

FIRST, LAST = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 25, tzinfo=UTC)
UNSAFE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def history() -> DriftHistory:
    return measure_drift_history(profile(), sample(21, 3_000, shift_from=14, shift=0.4))


def written(folder: Path, found: DriftPage) -> str:
    book = Book(folder, period=Period("p", FIRST, LAST, FIRST, LAST), now=LAST)
    return re.sub(r"\s+", " ", write_drift(book, found).read_text(encoding="utf-8"))


def charts_of(page: str) -> list[dict[str, Any]]:
    return [json.loads(spec) for spec in
            re.findall(r'<script type="application/json">(.*?)</script>', page)]  # fmt: skip


def test_the_page_says_what_drifted_since_when_and_how(
    history: DriftHistory, tmp_path: Path
) -> None:
    page = written(tmp_path, DriftPage(history))
    assert "1 input has drifted: automated score (since 19 Jan)" in page
    assert "mean about 0.4 then" in page
    assert "63,000 decisions sampled from this period, 5,000 from training" in page


def test_the_row_of_what_drifted_is_where_it_was_farthest(history: DriftHistory) -> None:
    (row,) = moved_of(history)
    spans = (*history.days, *history.weeks, history.period, history.lately)
    farthest = max(f.over_limit for s in spans if s for f in s.features if f.drifted)
    assert row.drift.over_limit == farthest
    assert (row.stands, row.days, row.since) == (True, 7, name_of(14))


def test_the_chart_has_a_cell_for_each_watched_input_and_day(history: DriftHistory) -> None:
    spec = heatmap(history.days)
    assert spec is not None
    cells = spec["data"]["values"]
    assert len(cells) == 21 * len(history.period.watched)
    drifted = {(cell["feature"], cell["span"]) for cell in cells if cell["drifted"]}
    assert drifted == {("Automated score", name_of(day)) for day in range(14, 21)}


def test_a_long_period_is_drawn_by_week(tmp_path: Path) -> None:
    days = measure_drift_history(profile(), sample(100, 150))
    page = written(tmp_path, DriftPage(days))
    (spec,) = charts_of(page)
    assert {cell["span"] for cell in spec["data"]["values"]} == {w.span for w in days.weeks}
    assert "Input by week" in page


def test_outcomes_and_performance_stand_with_their_n(history: DriftHistory, tmp_path: Path) -> None:
    outcomes = measure_outcomes(Recalibrated(make_period(seed=1).ranked), profile())
    page = written(tmp_path, DriftPage(history, outcomes))
    found = outcomes[-1].outcomes[0].estimate
    assert f"n = 4,000 decisions, {found.audits:,} audits" in page
    assert "Whole period" in page
    performance = pd.read_csv(tmp_path / "performance.csv")
    assert performance["span"].iloc[-1] == "period"


def test_tables_hold_every_input_unrounded(history: DriftHistory, tmp_path: Path) -> None:
    written(tmp_path, DriftPage(history))
    table = pd.read_csv(tmp_path / "drift.csv").set_index("feature")
    for feature in history.period.features:
        assert table["distance"][feature.feature] == pytest.approx(feature.distance, rel=1e-12)
    by_time = pd.read_csv(tmp_path / "drift_by_time.csv")
    assert set(by_time["span"]) == {d.span for d in (*history.days, *history.weeks)} | {
        "last 7 days"
    }


def test_without_a_measurement_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    page = written(tmp_path, DriftPage(None))
    assert "Drift was not measured for this period" in page
    assert "secondlook monitor" in page


def test_quiet_days_say_that_nothing_drifted(tmp_path: Path) -> None:
    quiet = measure_drift_history(profile(), sample(14))
    page = written(tmp_path, DriftPage(quiet))
    assert "No input has drifted." in page
    assert 'id="moved"' not in page


def test_too_few_decisions_are_said_to_be_too_few(tmp_path: Path) -> None:
    page = written(tmp_path, DriftPage(measure_drift_history(profile(), sample(2, 20))))
    assert "There are too few decisions to tell." in page
    assert charts_of(page) == []


def test_the_way_into_evidently_is_told(history: DriftHistory, tmp_path: Path) -> None:
    found = DriftPage(history, evidently="evidently.html", workspace="home/evidently")
    page = written(tmp_path, found)
    assert '<a href="evidently.html">' in page
    assert "DO_NOT_TRACK=1 evidently ui --workspace home/evidently" in page


def test_a_label_can_do_no_harm(tmp_path: Path) -> None:
    unsafe = profile().assign(site=UNSAFE, policy=UNSAFE)
    reference = reference_of(unsafe)
    days = count_days(reference, sample(9, 300).assign(policy=UNSAFE))
    assert UNSAFE not in written(tmp_path, DriftPage(judge_days(reference, days)))
