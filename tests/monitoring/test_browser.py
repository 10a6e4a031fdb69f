"""The pages in a real browser: no error, nothing leaves, keyboard and phone width."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from monitoring.pages import PAGES
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.monitoring.conftest import Monitored

pytestmark = in_a_browser
ALL_PAGES = [*(name for name, _ in PAGES), "../index.html", "evidently.html"]


@pytest.fixture
def folder(monitored: Monitored) -> Path:
    return monitored.folder


@pytest.mark.parametrize("name", ALL_PAGES)
def test_a_page_opens_from_disk_without_an_error_or_a_request(
    folder: Path, page: Page, name: str
) -> None:
    problems: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: None if _stays(r.url) else outside.append(r.url))
    page.goto((folder / name).resolve().as_uri(), wait_until="load")
    page.wait_for_timeout(1_000)
    assert (problems, outside) == ([], [])


def test_evidently_s_page_draws_its_report(folder: Path, page: Page) -> None:
    page.goto((folder / "evidently.html").as_uri())
    page.get_by_text("Drift is").first.wait_for(timeout=20_000)


@pytest.mark.parametrize("name", [name for name, _ in PAGES])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_fits_a_phone_in_both_themes(
    folder: Path, browser: Browser, name: str, scheme: str
) -> None:
    dark = scheme == "dark"
    page = browser.new_page(
        viewport={"width": 360, "height": 740}, color_scheme="dark" if dark else "light"
    )
    page.goto((folder / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    lightness = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]"
    )
    assert lightness < 64 if dark else lightness > 192
    page.close()


def test_a_keyboard_reaches_content_pages_and_tables(folder: Path, page: Page) -> None:
    page.goto((folder / "policies.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/index.html")
    page.goto((folder / "policies.html").as_uri())
    assert page.locator(".wide:not([tabindex='0'])").count() == 0


def test_charts_are_drawn(folder: Path, page: Page) -> None:
    page.goto((folder / "index.html").as_uri())
    for figure in page.locator("svg").all():
        box = figure.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 10
    assert page.locator("svg.trend .dot").count() == 3


def _stays(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))
