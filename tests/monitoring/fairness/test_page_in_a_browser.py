"""The page of languages and groups, of real decisions, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from monitoring.fairness.measure import measure_fairness
from monitoring.fairness.page import write_fairness
from monitoring.pages import Book
from monitoring.period import period_of
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.monitoring.fairness.real import read_real

pytestmark = in_a_browser
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def address(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fairness")
    real = read_real(real_data / "mhc", rated_by="language", chance=0.1)
    book = Book(folder, period=period_of(real.period.ranked), now=NOW)
    return write_fairness(book, measure_fairness(real.period)).as_uri()


def opened(page: Page, address: str) -> list[str]:
    """Open the page and return what went wrong, as it goes on."""
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith("file:") else wrong.append(asked.url)
    )
    page.goto(address)
    page.wait_for_selector(".chart svg")
    return wrong


def test_charts_are_drawn_without_an_error_or_a_request_outside(page: Page, address: str) -> None:
    wrong = opened(page, address)
    page.wait_for_function(
        "document.querySelectorAll('.chart svg').length === "
        "document.querySelectorAll('.chart').length"
    )
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_in_both_themes(browser: Browser, address: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        opened(page, address)
        found = Axe().run(page)
        assert [v["id"] for v in found.response["violations"]] == []
    finally:
        context.close()


def test_nothing_is_wider_than_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    try:
        page = context.new_page()
        opened(page, address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        context.close()


def test_a_language_is_found_by_its_name(page: Page, address: str) -> None:
    opened(page, address)
    section = page.locator("#language")
    section.get_by_label("Filter language and region").first.fill("mand")
    shown = section.locator("table").first.locator("tbody tr:visible th")
    assert shown.all_inner_texts() == ["mandarin"]


def test_languages_sort_by_accuracy(page: Page, address: str) -> None:
    opened(page, address)
    table = page.locator("#language table").first
    table.locator("thead th", has_text="Accuracy").locator("button").click()
    shares = [
        float(cell)
        for cell in table.locator("tbody tr td:nth-child(2)").evaluate_all(
            "cells => cells.map(cell => cell.dataset.value)"
        )
    ]
    assert shares in (sorted(shares), sorted(shares, reverse=True))
