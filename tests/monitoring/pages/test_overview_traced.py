"""Every figure of the Overview, read off the page, against estimates made here from the store."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from features.contract import DIRECTIONS
from features.store import Store
from models.estimate import AuditedFrame, Estimate, estimate_by, estimate_overturn_rate
from models.nonresponse import adjust_for_nonresponse
from models.recalibration import fit_recalibration
from monitoring.wording import between, count, percent, plural
from tests.monitoring.conftest import Monitored, Programme


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of the ranked decisions, joined here and not by the report."""

    table: pd.DataFrame

    def frame(self, direction: str | None = None) -> AuditedFrame:
        """The frame of overturns, recalibrated day by day on the days before."""
        table = self.table
        hit = table["verdict"].isin(DIRECTIONS if direction is None else (direction,))
        audited = table["verdict"].notna().to_numpy()
        risk = table[direction or "overturn_probability"].to_numpy(dtype=float)
        found = np.where(audited, hit.astype(float), np.nan)
        chance = table["chance"].to_numpy(dtype=float)
        day = table["selected_at"].dt.floor("D")
        made = risk.copy()
        for each in sorted(day.unique()):
            before, now = ((day < each).to_numpy() & audited, (day == each).to_numpy())
            if before.any():
                fit = fit_recalibration(risk[before], found[before], chance[before])
                made[now] = fit.apply(risk[now])
        return AuditedFrame(made, chance, audited, found)


def read_store(store: Store) -> Stored:
    """Each ranked decision once, with its audit; every one was offered once in this programme."""
    offers = store.selections()
    assert offers["decision_id"].is_unique
    audits = store.outcomes()[["decision_id", "verdict", "minutes"]]
    table = offers.merge(audits, on="decision_id", how="left")
    table = table.merge(store.decisions()[["decision_id", "policy", "decided_at"]])
    table["verdict"] = table["verdict"].where(table["selected"])
    audited = table["verdict"].notna().to_numpy()
    overturned = table["verdict"].isin(DIRECTIONS).astype(float).to_numpy()
    unadjusted = AuditedFrame(
        table["overturn_probability"].to_numpy(dtype=float),
        np.ones(len(table)),
        audited,
        np.where(audited, overturned, np.nan),
    )
    adjusted, _ = adjust_for_nonresponse(
        unadjusted, table["selected"].to_numpy(), table["policy"].to_numpy(dtype=object)
    )
    chance = table["inclusion_probability"] * adjusted.inclusion_probability
    return Stored(table.assign(chance=chance))


@pytest.fixture(scope="module")
def stored(programme: Programme) -> Stored:
    return read_store(programme.store)


@pytest.fixture(scope="module")
def overall(stored: Stored) -> Estimate:
    return estimate_overturn_rate(stored.frame())


@pytest.fixture(scope="module")
def page(monitored: Monitored) -> str:
    return (monitored.folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(page: str) -> dict[str, str]:
    """The figures of the page by name."""
    found = re.findall(r'data-figure="(\w+)">(.*?)</', page, flags=re.S)
    names = [name for name, _ in found]
    assert len(names) == len(set(names))
    return {name: unescape(text).strip() for name, text in found}


def percent_of(value: float) -> str:
    """A share as the page writes it."""
    return percent(value).replace(" %", "\N{NO-BREAK SPACE}%")


def interval_of(low: float, high: float) -> str:
    return between(low, high).replace(" %", "\N{NO-BREAK SPACE}%")


def test_the_accuracy_and_its_interval_are_the_estimator_s(
    shown: dict[str, str], overall: Estimate
) -> None:
    assert shown["accuracy"] == percent_of(overall.accuracy)
    assert shown["accuracy_low"] == percent_of(overall.accuracy_low)
    assert shown["accuracy_high"] == percent_of(overall.accuracy_high)
    assert shown["effective_audits"] == plural(round(overall.effective_audits), "audit")


@pytest.mark.parametrize("direction", ["over_enforcement", "under_enforcement"])
def test_each_direction_is_the_estimator_s(
    shown: dict[str, str], stored: Stored, direction: str
) -> None:
    found = estimate_overturn_rate(stored.frame(direction))
    assert not found.audits_needed
    assert shown[direction] == percent_of(found.overturn_rate)
    assert shown[f"{direction}_interval"] == interval_of(found.low, found.high)
    assert shown[f"{direction}_found"] == count(found.overturns)


def test_errors_found_and_those_of_a_uniform_sample_follow_from_it(
    shown: dict[str, str], stored: Stored, overall: Estimate
) -> None:
    errors = int(stored.table["verdict"].isin(DIRECTIONS).sum())
    uniform = overall.audits * overall.overturn_rate
    assert shown["errors_found"] == count(errors)
    assert shown["errors_uniform"] == count(uniform)
    assert shown["times_uniform"] == f"{errors / uniform:.1f}"
    bounds = [count(overall.audits * bound) for bound in (overall.low, overall.high)]
    assert shown["errors_uniform_range"] == " to ".join(bounds)


def test_errors_among_all_decisions_follow_from_it(
    shown: dict[str, str], overall: Estimate
) -> None:
    assert (
        shown["errors_in_all"] == f"about {count(round(overall.decisions * overall.overturn_rate))}"
    )
    low = max(round(overall.decisions * overall.low), overall.overturns)
    high = round(overall.decisions * overall.high)
    assert shown["errors_in_all_range"] == f"{count(low)} to {count(high)}"


def test_audits_and_hours_are_those_of_the_store(shown: dict[str, str], stored: Stored) -> None:
    table = stored.table
    done = table["verdict"].notna()
    assert shown["audits"] == f"{count(done.sum())} of {count(table['selected'].sum())}"
    left = table["selected"] & ~done
    assert shown["unfinished"] == plural(int(left.sum()), "selected decision")
    risk = table["overturn_probability"]
    assert shown["risk_of_unfinished"] == percent_of(risk[left].mean())
    assert shown["risk_of_finished"] == percent_of(risk[done].mean())
    assert shown["hours"] == count(round(table.loc[done, "minutes"].sum() / 60))


def test_no_figure_of_the_page_is_left_untraced(shown: dict[str, str]) -> None:
    directions = ("over_enforcement", "under_enforcement")
    traced = {f"{each}{part}" for each in directions for part in ("", "_interval", "_found")} | {
        *("accuracy", "accuracy_low", "accuracy_high", "effective_audits"),
        *("errors_found", "errors_uniform", "times_uniform", "errors_uniform_range"),
        *("errors_in_all", "errors_in_all_range", "audits", "unfinished"),
        *("risk_of_unfinished", "risk_of_finished", "hours"),
    }
    assert set(shown) == traced


def test_the_trend_is_the_estimator_s_by_day(
    monitored: Monitored, stored: Stored, page: str
) -> None:
    labels = stored.table["decided_at"].dt.strftime("%Y-%m-%d").to_numpy(dtype=object)
    drawn = pd.read_csv(monitored.folder / "trend.csv")
    for error, direction in (("overturned", None), *((d, d) for d in DIRECTIONS)):
        direct = estimate_by(stored.frame(direction), labels)
        rows = drawn[drawn["error"] == error]
        assert rows["day"].tolist() == [e.domain for e in direct]
        for name, values in (
            ("overturn_rate", [e.overturn_rate for e in direct]),
            ("overturn_rate_low", [e.low for e in direct]),
            ("overturn_rate_high", [e.high for e in direct]),
        ):
            assert rows[name].tolist() == pytest.approx(values)
    assert '"figure":' in page


def test_the_directions_table_and_the_readings_are_the_estimator_s(
    page: str, stored: Stored, overall: Estimate
) -> None:
    text = words_of(page)
    for direction in DIRECTIONS:
        found = estimate_overturn_rate(stored.frame(direction))
        name = direction.replace("_", "-" if "enforcement" in direction else " ").capitalize()
        row = f"{name} {percent(found.overturn_rate)} {between(found.low, found.high)}"
        assert row in text
    alike = between(overall.accuracy_low, overall.accuracy_high)
    assert f"Every decision alike {percent(overall.accuracy)} {alike}" in text


def test_severity_and_the_plain_count_are_worked_out_from_the_store(
    page: str, stored: Stored
) -> None:
    text, table = words_of(page), stored.table
    harm = (table["expected_harm"] / table["overturn_probability"]).to_numpy()
    severe = estimate_overturn_rate(replace(stored.frame(), severity=harm / harm.mean()))
    interval = between(severe.accuracy_low, severe.accuracy_high)
    assert f"By severity {percent(severe.accuracy)} {interval}" in text
    uniform = table[table["random_audit"] & table["verdict"].notna()]
    wrong = int(uniform["verdict"].isin(DIRECTIONS).sum())
    wilson = binomtest(wrong, len(uniform)).proportion_ci(0.95, method="wilson")
    interval = between(1 - wilson.high, 1 - wilson.low)
    assert f"By counting alone {percent(1 - wrong / len(uniform))} {interval}" in text


def words_of(page: str) -> str:
    """The text of the page; hard spaces become plain ones."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
