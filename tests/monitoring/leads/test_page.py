from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from monitoring.leads.find import find_leads
from monitoring.leads.found import Leads
from monitoring.leads.page import rates_chart, write_leads
from monitoring.leads.tables import LEADS_TABLE, NOTES_TABLE, write_lead_tables
from monitoring.pages import Book
from monitoring.period import period_of
from monitoring.ranked import Ranked
from monitoring.recalibrated import Recalibrated
from tests.monitoring.leads.segments import make_segments, no_notes

PLANTED = (("policy", "hate"), ("language", "hi"))
NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def ranked() -> Ranked:
    return make_segments(seed=20, times={PLANTED: 5.0, (("moderator_team", "north"),): 2.5})


@pytest.fixture(scope="module")
def leads(ranked: Ranked) -> Leads:
    return find_leads(Recalibrated(ranked), no_notes())


def page_of(folder: Path, ranked: Ranked, leads: Leads) -> str:
    path = write_leads(Book(folder, period=period_of(ranked), now=NOW), leads)
    assert path.name == "leads.html"
    return path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_names_each_lead_with_its_figures_and_next_step(
    tmp_path: Path, ranked: Ranked, leads: Leads
) -> None:
    page = page_of(tmp_path, ranked, leads)
    assert len(leads.leads) == 2
    for lead in leads.leads:
        assert f"{lead.name}: {100 * lead.estimate.overturn_rate:.1f} % wrong" in page
        assert lead.next_step in page
        assert lead.evidence.examples[0] in page


def test_the_lead_of_most_harm_stands_first(leads: Leads) -> None:
    harms = [lead.harm for lead in leads.leads]
    assert harms == sorted(harms, reverse=True)
    assert [value["name"] for value in rates_chart(leads)["layer"][1]["data"]["values"]] == [
        lead.name for lead in leads.leads
    ]


def test_no_moderator_stands_on_the_page_or_in_its_tables(
    tmp_path: Path, ranked: Ranked, leads: Leads
) -> None:
    text = page_of(tmp_path, ranked, leads)
    text += "".join(path.read_text() for path in write_lead_tables(leads, tmp_path))
    for moderator in ranked.table["moderator_id"].unique():
        assert not re.search(rf"\b{moderator}\b", text)


def test_a_period_without_a_lead_says_what_was_searched(tmp_path: Path) -> None:
    ranked = make_segments(seed=31, decisions=5_000)
    leads = find_leads(Recalibrated(ranked), no_notes())
    assert not leads.leads
    page = page_of(tmp_path, ranked, leads)
    assert "No segment stands out beyond chance" in page
    assert f"{leads.segments} segments" in page
    assert '<div class="chart"' not in page


def test_the_tables_hold_a_row_a_lead_unrounded(tmp_path: Path, leads: Leads) -> None:
    write_lead_tables(leads, tmp_path)
    table = pd.read_csv(tmp_path / LEADS_TABLE)
    for column, figures in (
        ("overturn_rate", [lead.estimate.overturn_rate for lead in leads.leads]),
        ("harm", [lead.harm for lead in leads.leads]),
    ):
        assert table[column].tolist() == pytest.approx(figures, rel=1e-12)
    assert (tmp_path / NOTES_TABLE).read_text().startswith("lead,noted,value,times")


def test_a_label_of_markup_or_formula_does_no_harm(tmp_path: Path) -> None:
    ranked = make_segments(seed=20, times={PLANTED: 5.0})
    policy = ranked.table["policy"].replace("hate", "<script>=1+1</script>")
    nasty = Ranked(ranked.table.assign(policy=policy), 0, ranked.nonresponse)
    leads = find_leads(Recalibrated(nasty), no_notes())
    assert any("<script>" in lead.name for lead in leads.leads)
    assert "<script>=1+1" not in page_of(tmp_path, nasty, leads)
