"""The model card: both writings say the same, nothing is passed in silence, and it is safe."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from features.frame import FEATURES
from models.bundle import Bundle
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.learned import Learned, learn_small
from tests.training.trials import made_trial
from training.bootstrap import Interval
from training.card import make_card
from training.card_document import Card, Spread, as_html, as_markdown, as_note
from training.evaluate import capture
from training.families import FamilyGain, what_families_add
from training.findings import Finding, Severity
from training.gates import Judged, Outcome, Verdict
from training.learn import Trial

MARKUP = '<b id="planted">x</b>|[y](z)'
FAILED = Judged("capture", "language = en", Outcome.FAILED, "loses 0.15 of capture", limit=0.1)
UNKNOWN = Judged("calibration", "language = th", Outcome.UNKNOWN, "46 audits are too few")
FINDING = Finding("drift", "views", Severity.WARNING, "a distance of 0.3", "at most 0.2", "look")
GAIN = FamilyGain("track record", 9, 0.4, Interval(0.12, 0.05, 0.19))


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn_small(text=False)


@pytest.fixture(scope="module")
def bundle(learned: Learned) -> Bundle:
    return replace(learned.bundle, fingerprint="0123456789ab")


@pytest.fixture(scope="module")
def trial() -> Trial:
    languages = ["en"] * 40 + ["fr"] * 20 + ["rare", MARKUP]
    return made_trial(policy=["spam", "hate"], language=languages, region=["north", "south"])


@pytest.fixture(scope="module")
def card(bundle: Bundle, trial: Trial) -> Card:
    verdict = Verdict((UNKNOWN, FAILED), champion="3-abc")
    return make_card(bundle, trial, families=[GAIN], verdict=verdict, findings=[FINDING])


def test_html_and_markdown_hold_every_cell_of_every_table(card: Card) -> None:
    html, markdown = as_html(card).replace("\N{NO-BREAK SPACE}", " "), as_markdown(card)
    plain = markdown.replace("\\", "")
    for table in (table for section in card.sections for table in section.tables):
        for row in table.rows:
            assert len(row) == len(table.columns), table.caption
            for cell in row:
                shown = [cell.text, cell.between] if isinstance(cell, Spread) else [cell]
                assert all(str(text) in plain for text in shown)
                assert MARKUP in shown or all(f">{text}<" in html for text in shown)


def test_what_a_label_holds_is_written_and_never_obeyed(card: Card) -> None:
    assert '<b id="planted">' not in as_html(card)
    assert "&lt;b id=&#34;planted&#34;&gt;" in as_html(card)
    assert r"\<b id" in as_markdown(card)
    assert r"\|\[y\](z)" in as_markdown(card)


def test_a_small_segment_is_said_to_be_too_small(card: Card) -> None:
    markdown = as_markdown(card)
    (row, in_fairness) = re.findall(r"^\| rare \|.*$", markdown, flags=re.MULTILINE)
    assert "too few overturns" in row
    assert "too few overturns" in in_fairness
    assert "Nothing is said of how well it ranks in 2 of 4" in markdown


def test_failed_and_unknown_gates_stand_first_with_their_reasons(card: Card) -> None:
    (gates,) = [section for section in card.sections if section.title == "Gates"]
    assert "failed" in gates.paragraphs[0]
    reasons = [row[3] for row in gates.tables[0].rows]
    assert reasons == ["loses 0.15 of capture", "46 audits are too few"]


def test_what_was_not_judged_or_measured_is_said(bundle: Bundle, trial: Trial) -> None:
    markdown = as_markdown(make_card(bundle, trial))
    assert "It was not judged by gates." in markdown
    assert "It was not measured in this run." in markdown


def test_the_card_says_what_a_model_is_not_for(card: Card) -> None:
    for text in (as_markdown(card), as_html(card), as_note(card)):
        assert "It never judges people or content" in text
        assert "Not for decisions on staff" in text


def test_limits_of_a_young_blind_programme_are_told(card: Card) -> None:
    """The bundle learned from a fortnight without text."""
    markdown = as_markdown(card)
    assert "The programme is young: its audits span 12 days" in markdown
    assert "no second opinion on the content" in markdown
    assert "tell as much as" in markdown


@pytest.mark.parametrize("most", [3_000, 5_000, 8_000])
def test_a_note_fits_and_names_what_it_leaves_out(card: Card, most: int) -> None:
    note, whole = as_note(card, most_characters=most), as_markdown(card)
    assert len(note) <= most < len(whole)
    titles = re.findall(r"^## (.*)$", whole, flags=re.MULTILINE)
    assert all(title in note for title in titles)


def test_a_note_that_has_room_is_the_whole_card(card: Card) -> None:
    assert as_note(card, most_characters=100_000) == as_markdown(card)


def test_the_page_of_hundreds_of_segments_stays_small(bundle: Bundle) -> None:
    teams = [f"team-{n:04d}" for n in range(300)]
    html = as_html(make_card(bundle, made_trial(audits=3_000, moderator_team=teams)))
    assert html.count("team-") > 590
    assert len(html.encode()) < 2_000_000


def test_a_family_adds_what_is_lost_when_it_is_hidden(learned: Learned) -> None:
    """Errors are set where the model's risk is highest, so that all loss is of the ranking."""
    bundle = learned.bundle
    frame, risk = bundle.profile, bundle.risk.risk(bundle.profile)
    riskiest = risk >= np.quantile(risk, 0.9)
    rows = made_trial(audits=len(frame)).predictions.assign(
        overturn_probability=risk, overturned=riskiest.astype(float), inclusion=1.0
    )
    gains = {gain.family: gain for gain in what_families_add(bundle.risk, frame, rows)}
    hidden = frame.assign(**{f.name: np.nan for f in FEATURES if f.family == "usual action"})
    found = capture(
        bundle.risk.risk(hidden), rows["overturned"].to_numpy(), np.ones(len(rows)), np.array([0.1])
    )
    assert gains["usual action"].hidden == pytest.approx(found[0], abs=0.005)
    assert gains["usual action"].gain.value == pytest.approx(1 - found[0], abs=0.005)
    assert gains["usual action"].gain.low > 0
    values = [gain.gain.value for gain in gains.values()]
    assert values == sorted(values, reverse=True)


def test_a_family_of_which_nothing_is_known_is_not_hidden(learned: Learned) -> None:
    frame = learned.bundle.profile
    rows = made_trial(audits=len(frame)).predictions
    hidden = {gain.family for gain in what_families_add(learned.bundle.risk, frame, rows)}
    assert hidden == {f.family for f in FEATURES if frame[f.name].notna().any()}
    assert "second opinion" not in hidden


@pytest.fixture(scope="module")
def file(card: Card, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "model_card.html"
    path.write_text(as_html(card), encoding="utf-8")
    return path


class TestInABrowser:
    """The page in Chromium."""

    pytestmark = in_a_browser

    def test_it_opens_without_an_error_or_a_request(self, file: Path, page: Page) -> None:
        problems: list[str] = []
        requests: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: requests.append(r.url))
        page.goto(file.as_uri(), wait_until="load")
        assert problems == []
        assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_fits_a_phone_in_both_themes(
        self, file: Path, browser: Browser, scheme: str
    ) -> None:
        dark = scheme == "dark"
        page = browser.new_page(
            viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light"
        )
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        lightness = page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]"
        )
        assert lightness < 64 if dark else lightness > 192
        page.close()

    def test_everything_drawn_is_seen_and_told(self, file: Path, page: Page) -> None:
        page.goto(file.as_uri())
        assert page.get_by_role("img", name="Capture at budget").count() == 1
        assert page.get_by_role("img", name="Calibration").count() == 1
        assert page.locator("svg:not([role=img]):not([aria-hidden=true])").count() == 0
        assert page.locator("svg.plot .dot").count() == 5 + 10
        for figure in page.locator("svg").all():
            box = figure.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) > 10

    def test_a_keyboard_and_a_screen_reader_find_their_way(self, file: Path, page: Page) -> None:
        page.goto(file.as_uri())
        assert page.locator(".wide:not([tabindex='0'])").count() == 0
        tables = page.locator("table").count()
        assert page.locator("table > caption").count() == tables
        assert page.locator("th:not([scope])").count() == 0
        assert page.get_by_role("heading", level=1).count() == 1
