"""The pages in a real browser: no error, nothing leaves, accessible, drawn, doing what they say.

Screenshots of each page in light, dark, at a phone's width and as printed are kept in
``tests/artifacts/reports/``, for people to look at.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from features.home import Home
from monitoring.pages import PAGES
from monitoring.report import write_report
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.monitoring.conftest import NOW, Monitored, Programme

pytestmark = in_a_browser
NAMES = [name for name, _ in PAGES]
MOST_BYTES = 2_000_000
SHOTS = Path(__file__).parents[1] / "artifacts" / "reports"
SCHEMES = ("light", "dark")


@pytest.fixture
def folder(monitored: Monitored) -> Path:
    return monitored.folder


@pytest.fixture(scope="module")
def compared(programme: Programme, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two periods: the last day of ranking, and what went before it."""
    home = Home(tmp_path_factory.mktemp("compared") / "home")
    shutil.copytree(programme.home.path, home.path)
    return write_report(home, since=programme.ranked_days[-1], now=NOW).parent / "compare.html"


def address(folder: Path, name: str) -> str:
    """Where a page lies; one that this report does not have is passed over."""
    if not (folder / name).is_file():
        pytest.skip(f"this report has no {name}")
    return (folder / name).resolve().as_uri()


def drawn(page: Page) -> None:
    """Wait until every chart of the page is drawn."""
    page.wait_for_function(
        "[...document.querySelectorAll('.chart')].every(c => c.querySelector('svg.marks path'))"
    )


@pytest.mark.parametrize("name", [*NAMES, "../index.html", "evidently.html"])
def test_a_page_opens_from_disk_without_an_error_or_a_request(
    folder: Path, page: Page, name: str
) -> None:
    problems: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: None if _stays(r.url) else outside.append(r.url))
    page.goto(address(folder, name), wait_until="load")
    page.wait_for_timeout(800)
    assert (problems, outside) == ([], [])


def test_two_periods_open_without_an_error_or_a_request(compared: Path, page: Page) -> None:
    problems: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: None if _stays(r.url) else outside.append(r.url))
    page.goto(compared.as_uri())
    drawn(page)
    assert (problems, outside) == ([], [])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious_in_two_periods(
    compared: Path, browser: Browser, scheme: str
) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(compared.as_uri())
    drawn(page)
    assert _serious(page) == []
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"compare-{scheme}.png", full_page=True)
    page.close()


def test_two_periods_fit_a_phone(compared: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(compared.as_uri())
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_the_overview_leads_to_two_periods_that_were_compared(compared: Path, page: Page) -> None:
    page.goto(compared.with_name("index.html").as_uri())
    page.get_by_role("link", name="Two periods").click()
    expect(page).to_have_url(re.compile("compare.html$"))


def test_evidently_s_page_draws_its_report(folder: Path, page: Page) -> None:
    page.goto((folder / "evidently.html").as_uri())
    page.get_by_text("Drift is").first.wait_for(timeout=20_000)


@pytest.mark.parametrize("name", [*NAMES, "../index.html"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_serious(folder: Path, browser: Browser, name: str, scheme: str) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address(folder, name))
    drawn(page)
    told = _serious(page)
    page.close()
    assert told == []


@pytest.mark.parametrize("name", NAMES)
def test_every_chart_is_drawn_with_marks_and_within_its_place(
    folder: Path, page: Page, name: str
) -> None:
    page.goto(address(folder, name))
    drawn(page)
    for chart in page.locator(".chart").all():
        assert chart.locator("svg.marks g[class*=mark-] > *").count() > 3
        box = chart.locator("svg.marks").bounding_box()
        place = chart.bounding_box()
        assert box is not None
        assert place is not None
        assert 100 < box["width"] <= place["width"] + 1
        assert chart.get_attribute("aria-label")
    assert page.locator(".undrawn").count() == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_fits_a_phone_in_both_themes(
    folder: Path, browser: Browser, name: str, scheme: str
) -> None:
    dark = scheme == "dark"
    page = browser.new_page(
        viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light"
    )
    page.goto(address(folder, name))
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lightness = _lightness(page)
    assert lightness < 64 if dark else lightness > 192
    page.close()


@pytest.mark.parametrize("look", ["light", "dark", "phone", "print"])
@pytest.mark.parametrize("name", NAMES)
def test_a_screenshot_is_kept(folder: Path, browser: Browser, name: str, look: str) -> None:
    size = {"width": 360, "height": 740} if look == "phone" else {"width": 1280, "height": 900}
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if look == "dark" else "light",
    )
    page = context.new_page()
    page.goto(address(folder, name))
    drawn(page)
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{Path(name).stem}-{look}.{'pdf' if look == 'print' else 'png'}"
    if look == "print":
        page.pdf(path=path, prefer_css_page_size=True)
    else:
        page.screenshot(path=path, full_page=True)
    context.close()
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize("name", NAMES)
def test_a_page_with_all_it_needs_weighs_less_than_two_megabytes(folder: Path, name: str) -> None:
    address(folder, name)
    text = (folder / name).read_text(encoding="utf-8")
    scripts = re.findall(r'<script src="([^"]+)"', text)
    weight = len(text.encode()) + sum((folder / each).stat().st_size for each in scripts)
    assert weight < MOST_BYTES


def test_a_keyboard_reaches_content_pages_and_tables(folder: Path, page: Page) -> None:
    page.goto((folder / "policies.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert page.locator(".wide:not([tabindex='0'])").count() == 0


def test_a_heading_sorts_its_table_by_mouse_and_by_keyboard(folder: Path, page: Page) -> None:
    page.goto((folder / "policies.html").as_uri())
    table = page.locator("#policy table")
    heading = table.get_by_role("columnheader", name="Decisions")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    most_first = _column(page, "#policy", 6)
    assert most_first == sorted(most_first, reverse=True)
    heading.get_by_role("button").press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert _column(page, "#policy", 6) == sorted(most_first)


def test_rows_without_a_figure_sort_last_both_ways(folder: Path, page: Page) -> None:
    page.goto((folder / "policies.html").as_uri())
    if not page.locator("#policy tbody td[colspan]").count():
        page.evaluate(
            "const row = document.querySelector('#policy tbody tr'); row.cells[1].colSpan = 3;"
            "row.deleteCell(2); row.deleteCell(2);"
        )
    button = page.locator("#policy").get_by_role("button", name="Accuracy", exact=True)
    for _ in range(2):
        button.click()
        spans = page.locator("#policy tbody tr").last.locator("td[colspan]")
        assert spans.count() == 1


def test_a_filter_keeps_the_rows_that_hold_its_words_and_says_how_many(
    folder: Path, page: Page
) -> None:
    page.goto((folder / "policies.html").as_uri())
    box = page.get_by_label("Filter policies").first
    box.fill("spam")
    rows = page.locator("#policy tbody tr")
    shown = [row.inner_text() for row in rows.all() if row.is_visible()]
    assert shown
    assert all("spam" in text for text in shown)
    expect(page.locator("#policy .filter [role=status]")).to_have_text(
        f"{len(shown)} of {rows.count()} shown"
    )


def test_the_what_if_changes_its_figures_with_the_dial_and_the_capacity(
    folder: Path, page: Page
) -> None:
    page.goto((folder / "plan.html").as_uri())
    drawn(page)
    figure = page.locator("[data-of=errors_found]")
    before = figure.inner_text()
    page.locator("#dial").press("End")
    turned = figure.inner_text()
    assert float(turned.replace(",", "")) > float(before.replace(",", ""))
    page.locator("#capacity").press("End")
    assert float(figure.inner_text().replace(",", "")) > float(turned.replace(",", ""))
    page.get_by_role("button", name="Back to the plan of now").click()
    expect(figure).to_have_text(before)


def test_the_what_if_at_a_row_of_the_table_says_what_the_table_says(
    folder: Path, page: Page
) -> None:
    page.goto((folder / "plan.html").as_uri())
    drawn(page)
    row = page.locator("tr.now")
    cells = [cell.inner_text() for cell in row.locator("th, td").all()]
    if not cells[0]:
        page.locator("details summary").first.click()
        cells = [cell.inner_text() for cell in row.locator("th, td").all()]
    assert page.locator("[data-of=errors_found]").inner_text() == cells[2]
    assert page.locator("[data-of=half_width_day]").inner_text() == f"± {cells[4]}"
    assert page.locator("[data-of=half_width_period]").inner_text() == f"± {cells[5]}"


def test_the_what_if_is_told_for_one_policy_too(folder: Path, page: Page) -> None:
    page.goto((folder / "plan.html").as_uri())
    drawn(page)
    whole = page.locator("[data-of=audits]").inner_text()
    page.locator("#scope").select_option(index=1)
    assert page.locator("[data-of=audits]").inner_text() != whole


def test_a_chosen_theme_holds_against_the_system_s_and_on_the_next_page(
    folder: Path, page: Page
) -> None:
    page.goto((folder / "index.html").as_uri())
    page.get_by_label("Colours").select_option("dark")
    assert _lightness(page) < 64
    page.goto((folder / "plan.html").as_uri())
    assert _lightness(page) < 64
    page.get_by_label("Colours").select_option("system")
    assert _lightness(page) > 192


def test_a_dark_page_prints_light_and_whole(folder: Path, page: Page) -> None:
    page.goto((folder / "policies.html").as_uri())
    page.get_by_label("Colours").select_option("dark")
    page.get_by_label("Filter policies").first.fill("nothing has this name")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert _lightness(page) > 192
    assert page.locator("tbody tr[hidden]").count() == 0
    assert not page.locator("nav").first.is_visible()


def test_without_scripts_the_pages_hold_all_their_figures(folder: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "plan.html").as_uri())
    page.locator("details summary").first.click()
    expect(page.locator("tr.now")).to_be_visible()
    expect(page.locator(".what-if")).to_be_hidden()
    page.goto((folder / "index.html").as_uri())
    expect(page.locator(".undrawn").first).to_be_visible()
    context.close()


def _serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds serious or critical, with an element of each."""
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in serious]


def _column(page: Page, section: str, column: int) -> list[float]:
    cells = page.locator(f"{section} tbody tr").evaluate_all(
        "(rows, column) => rows.map(row => Number([...row.cells].at(column - 8).dataset.value))",
        column,
    )
    return [float(value) for value in cells]


def _lightness(page: Page) -> float:
    return float(
        page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]"
        )
    )


def _stays(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))
