from __future__ import annotations

import json
import re
import shutil
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from features.contract import OUTCOMES, check
from features.errors import EstimateError
from features.home import Home
from features.store import open_store
from models.estimate import estimate_overturn_rate
from models.plan import Plan
from monitoring.pages import PAGES, make_environment
from monitoring.quality import Quality, measure_quality
from monitoring.ranked import read_history
from monitoring.recalibrated import Recalibrated, recalibrated_frame
from monitoring.record import read_reports
from monitoring.report import write_report
from monitoring.wording import between, count, percent
from tests.monitoring.conftest import NOW, Monitored, Programme, forget_audits

NAMES = [name for name, _ in PAGES]


@pytest.fixture
def home(monitored: Monitored) -> Home:
    return monitored.home


@pytest.fixture
def folder(monitored: Monitored) -> Path:
    return monitored.folder


@pytest.fixture(scope="module")
def reviewed(programme: Programme, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report after each audit was reviewed by another, who found no wrong selection."""
    home = Home(tmp_path_factory.mktemp("reviewed") / "home")
    shutil.copytree(programme.home.path, home.path)
    store = open_store(home.store_url())
    audits = store.outcomes(since=programme.ranked_days[0])
    verdict = audits["verdict"].where(audits["verdict"] != "wrong_selection", "correct")
    review = audits.assign(
        audit_id="second-" + audits["audit_id"],
        auditor_id="another",
        verdict=verdict,
        source="review",
        inclusion_probability=1.0,
    )
    store.add_outcomes(check(review, OUTCOMES).require())
    return write_report(home, now=NOW).parent


@pytest.fixture(scope="module")
def quality(programme: Programme) -> Quality:
    return measure_quality(Recalibrated(read_history(programme.store).ranked))


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def words_of(text: str) -> str:
    """The text of a page as it is read, without its style sheet."""
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


class Outline(HTMLParser):
    """Tags that a page must have, or must not, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def having(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_the_overview_says_the_estimator_s_figure(programme: Programme, folder: Path) -> None:
    ranked = read_history(programme.store).ranked
    estimate = estimate_overturn_rate(recalibrated_frame(ranked))
    text = words_of(read(folder, "index.html"))
    assert percent(estimate.accuracy) in text
    assert percent(estimate.accuracy_low) in text
    assert percent(estimate.accuracy_high) in text


def test_the_overview_sets_errors_found_against_a_uniform_sample(
    folder: Path, quality: Quality
) -> None:
    text = words_of(read(folder, "index.html"))
    assert quality.times_uniform is not None
    assert f"Errors found {quality.errors_found}" in text
    assert f"{quality.times_uniform:.1f} times the {count(quality.errors_uniform)}" in text


def test_no_fewer_errors_are_said_to_exist_than_were_found(folder: Path, quality: Quality) -> None:
    told = re.search(
        r"about [\d,]+ ([\d,]+) to ([\d,]+) , found or not", words_of(read(folder, "index.html"))
    )
    assert told is not None
    assert int(told[1].replace(",", "")) >= quality.errors_found


def test_the_overview_counts_the_audits_that_are_missing(folder: Path, quality: Quality) -> None:
    text = words_of(read(folder, "index.html"))
    assert f"{quality.overall.audits} of {quality.selected}" in text
    assert f"{quality.unfinished} selected decisions without an outcome" in text


def test_each_policy_stands_on_its_page_with_its_figure_or_its_need(
    folder: Path, quality: Quality
) -> None:
    text = words_of(read(folder, "policies.html"))
    (policies,) = (g for g in quality.groupings if g.column == "policy")
    for segment in policies.segments:
        estimate = segment.estimate
        if estimate.audits_needed:
            assert f"{estimate.domain} needs about {count(estimate.audits_needed)}" in text
        else:
            interval = between(estimate.accuracy_low, estimate.accuracy_high)
            shown = f"{estimate.domain} {percent(estimate.accuracy)} {interval}"
            assert shown.replace(">", "&gt;").replace("<", "&lt;") in text


@pytest.mark.parametrize("column", ["action", "source"])
def test_actions_and_sources_stand_on_the_page_of_the_policies(
    folder: Path, quality: Quality, column: str
) -> None:
    page = read(folder, "policies.html")
    (grouping,) = (g for g in quality.groupings if g.column == column)
    section = words_of(page.split(f'<section id="{column}">')[1].split("</section>")[0])
    for segment in grouping.segments:
        assert segment.estimate.domain in section


def test_the_overview_reads_the_figure_in_other_ways(folder: Path, quality: Quality) -> None:
    text = words_of(read(folder, "index.html"))
    assert f"By severity {percent(quality.by_severity.accuracy)}" in text
    assert quality.uniform is not None
    assert f"By counting alone {percent(quality.uniform.accuracy)}" in text
    assert f"{quality.uniform.audits} audits picked uniformly" in text


def test_the_quality_page_tells_nonresponse_with_what_is_assumed(
    folder: Path, quality: Quality
) -> None:
    text, told = words_of(read(folder, "policies.html")), quality.nonresponse
    assert f"Finished {told.finished}" in text
    assert f"their mean risk is {percent(told.risk_of_unfinished)}" in text
    assert told.assumption in text


def test_the_quality_page_has_the_figures_for_those_who_look_daily(
    folder: Path, quality: Quality
) -> None:
    text, last = words_of(read(folder, "policies.html")), quality.looks[-1]
    assert f"{last.day} {percent(last.accuracy)}" in text


def test_without_reviews_the_auditors_page_says_what_to_do(folder: Path) -> None:
    text = words_of(read(folder, "auditors.html"))
    assert "No second reviews yet" in text
    assert "secondlook reviews" in text
    assert "no second reviews yet" in words_of(read(folder, "index.html"))


def test_reviews_correct_the_figure_on_the_pages(reviewed: Path) -> None:
    text = words_of(read(reviewed, "auditors.html"))
    table = pd.read_csv(reviewed / "auditors.csv").iloc[0]
    assert f"As audits found {percent(table['accuracy'])}" in text
    corrected = percent(table["corrected_accuracy"])
    assert f"Corrected for auditors' errors {corrected}" in text
    assert f"Corrected for auditors' errors {corrected}" in words_of(
        read(reviewed, "index.html")
    ).replace("&#39;", "'")
    assert "Cohen's kappa" in text
    record = json.loads((reviewed / "report.json").read_text(encoding="utf-8"))
    assert record["figures"]["corrected_accuracy"] == pytest.approx(table["corrected_accuracy"])


def test_the_plan_page_shows_the_plan_its_policies_and_what_came_of_it(
    programme: Programme, folder: Path
) -> None:
    document = programme.store.plan_document()
    assert document is not None
    plan, text = Plan.from_json(document), words_of(read(folder, "plan.html"))
    assert plan.version in text
    for name, stratum in plan.strata.items():
        assert f"{name} {count(stratum.size)} {percent(stratum.mean_risk)}" in text
    assert "It came out" in text
    promised = pd.read_csv(folder / "promised.csv")
    assert set(promised["plan_version"]) == {"all", *programme.store.plan_documents()}


def test_the_plan_page_marks_the_plan_of_now_in_the_what_if(folder: Path) -> None:
    table = pd.read_csv(folder / "what_if.csv")
    (now,) = table[table["is_now"]].to_dict("records")
    text = words_of(read(folder, "plan.html"))
    assert f"{count(now['capacity'])} {now['dial']} (now) {count(now['errors_found'])}" in text


def test_without_a_plan_the_plan_page_says_what_to_do(programme: Programme, tmp_path: Path) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    with open_store(home.store_url()).engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM plans")
    text = words_of(read(write_report(home, now=NOW).parent, "plan.html"))
    assert "The store holds no plan" in text
    assert "secondlook promote" in text
    assert "not stored" in text


def test_the_model_page_shows_the_card_of_what_serves(folder: Path) -> None:
    text = words_of(read(folder, "model.html"))
    assert "secondlook/1" in text
    assert "AUROC 0.810" in text
    assert "Caught in top 5 % 28 %" in text


def test_the_drift_page_links_evidently_s(folder: Path) -> None:
    assert "evidently.html" in [
        a.get("href") for a in Outline(read(folder, "drift.html")).having("a")
    ]


@pytest.mark.parametrize("name", [*NAMES, "../index.html"])
def test_no_page_refers_to_anything_outside(folder: Path, name: str) -> None:
    text = read(folder, name)
    outline = Outline(text)
    values = [value or "" for _, attributes in outline.tags for value in attributes.values()]
    assert not [value for value in values if "//" in value]
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, flags=re.S)
    assert not [spec for spec in specs if "http" in spec]


@pytest.mark.parametrize("name", [*NAMES, "../index.html"])
def test_every_page_has_its_landmarks_and_each_table_a_caption(folder: Path, name: str) -> None:
    outline = Outline(read(folder, name))
    assert [a.get("lang") for a in outline.having("html")] == ["en"]
    assert all(len(outline.having(tag)) == 1 for tag in ("h1", "main", "header", "footer"))
    assert len(outline.having("caption")) == len(outline.having("table"))
    assert all(a.get("scope") for a in outline.having("th"))


@pytest.mark.parametrize("name", [*NAMES, "../index.html"])
def test_a_page_runs_the_scripts_beside_it_and_no_other(folder: Path, name: str) -> None:
    outline = Outline(read(folder, name))
    for script in outline.having("script"):
        beside = script.get("src") in ("page.js", "charts.js", "what_if.js")
        assert beside or script.get("type") == "application/json"
    assert not [key for _, attributes in outline.tags for key in attributes if key.startswith("on")]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "methods.html"])
def test_each_table_says_n(folder: Path, name: str) -> None:
    captions = re.findall(r"<caption>(.*?)</caption>", read(folder, name), flags=re.S)
    silent = [each for each in captions if "n = " not in each and "n as above" not in each]
    assert silent == []


def test_the_page_of_reviews_has_its_landmarks_and_n(reviewed: Path) -> None:
    outline = Outline(read(reviewed, "auditors.html"))
    captions = re.findall(r"<caption>(.*?)</caption>", read(reviewed, "auditors.html"), flags=re.S)
    assert len(captions) == len(outline.having("table")) >= 2
    assert all("n = " in caption for caption in captions)
    assert all(len(outline.having(tag)) == 1 for tag in ("h1", "main", "header", "footer"))


def test_every_link_leads_somewhere(folder: Path) -> None:
    for name in NAMES:
        for link in Outline(read(folder, name)).having("a"):
            target, _, anchor = str(link["href"]).partition("#")
            page = folder / (target or name)
            assert page.is_file(), f"{name}: {link['href']}"
            if anchor:
                assert f'id="{anchor}"' in page.read_text(encoding="utf-8")


def test_tables_are_exported_as_they_are(folder: Path, quality: Quality) -> None:
    for grouping in quality.groupings:
        table = pd.read_csv(folder / f"accuracy_{grouping.column}.csv", keep_default_na=False)
        assert table[grouping.column].tolist() == [s.estimate.domain for s in grouping.segments]
        assert table["accuracy_low"].tolist() == pytest.approx(
            [s.estimate.accuracy_low for s in grouping.segments]
        )


def test_the_latest_figures_are_there_for_other_programs(
    home: Home, folder: Path, quality: Quality
) -> None:
    latest = json.loads((home.reports / "quality.json").read_text(encoding="utf-8"))
    assert latest["accuracy"] == quality.overall.accuracy
    assert latest["report"] == folder.name


def test_a_report_that_an_older_version_wrote_stays_in_the_list(
    programme: Programme, tmp_path: Path
) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    folder = write_report(home, now=NOW).parent
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    later = ("severity_weighted", "corrected")
    record["figures"] = {k: v for k, v in record["figures"].items() if not k.startswith(later)}
    (folder / "report.json").write_text(json.dumps(record), encoding="utf-8")
    (found,) = read_reports(home.reports)
    assert found.figures.severity_weighted_accuracy is None


def test_a_label_with_markup_is_shown_and_not_run(tmp_path: Path) -> None:
    template = make_environment().from_string("{{ label }}{{ whisker }}")
    shown = template.render(label="<script>alert(1)</script>", whisker="<b>")
    assert shown == "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;"


def test_the_same_period_again_replaces_its_pages(home: Home, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert write_report(home, now=NOW).parent == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_period_stands_beside_it_in_the_list(programme: Programme, tmp_path: Path) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    whole = write_report(home, now=NOW).parent
    part = write_report(home, since=programme.ranked_days[1], now=NOW + timedelta(hours=1)).parent
    links = [a["href"] for a in Outline(read(home.reports, "index.html")).having("a")]
    assert {f"{whole.name}/index.html", f"{part.name}/index.html"} <= set(links)


def test_without_monitoring_the_drift_page_says_what_to_do(
    programme: Programme, tmp_path: Path
) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    folder = write_report(Home(tmp_path / "home"), now=NOW).parent
    assert "secondlook monitor" in words_of(read(folder, "drift.html"))
    assert "Drift was not measured" in words_of(read(folder, "index.html"))


def test_without_a_model_the_report_is_written_all_the_same(
    programme: Programme, tmp_path: Path
) -> None:
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    home.champion_file.unlink()
    folder = write_report(home, now=NOW).parent
    assert "No model serves now" in words_of(read(folder, "model.html"))


def test_without_audits_there_is_no_report(programme: Programme, tmp_path: Path) -> None:
    last: datetime = programme.ranked_days[-1]
    shutil.copytree(programme.home.path, tmp_path / "home")
    home = Home(tmp_path / "home")
    forget_audits(home, since=last)
    with pytest.raises(EstimateError, match="has an audit outcome; store the outcomes first"):
        write_report(home, since=last, now=NOW)
