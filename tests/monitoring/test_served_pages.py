"""The pages as the service sends them to a browser that is logged in: none is broken by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.access_keys import AccessKey
from monitoring.pages import PAGES
from monitoring.record import EVIDENTLY_PAGE
from serving.reports import report_response
from serving.session import begin_session
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.monitoring.conftest import Monitored
from tests.serving.served import served

pytestmark = in_a_browser
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def site(monitored: Monitored) -> Iterator[str]:
    """Serve the folder of all reports to whoever asks, and yield the address of one."""
    folder = monitored.folder.parent
    session = begin_session(AccessKey("k1", "viewer", "0f", NOW), secret=b"s", now=NOW)

    async def report(request: Request) -> Response:
        return await report_response(folder, request, session)

    with served(Starlette(routes=[Route("/reports/{path:path}", report)])) as address:
        yield f"{address}/reports/{monitored.folder.name}/"


@pytest.mark.parametrize("name", [*(name for name, _ in PAGES), EVIDENTLY_PAGE])
def test_a_page_is_whole_and_ends_with_the_way_out(
    site: str, page: Page, monitored: Monitored, name: str
) -> None:
    if not (monitored.folder / name).is_file():
        pytest.skip(f"this report has no {name}")
    problems: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: outside.append(r.url) if "127.0.0.1" not in r.url else None)
    page.goto(site + name, wait_until="load")
    if name == EVIDENTLY_PAGE:
        page.get_by_text("Drift is").first.wait_for()
    charts = page.locator(".chart")
    if charts.count():
        expect(charts.first.locator("svg.marks")).to_be_visible()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    expect(page.get_by_text("Access key k1 (viewer), until 20:00 UTC.")).to_be_visible()
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []
    assert problems == []


def test_the_list_of_reports_leads_to_each(site: str, page: Page) -> None:
    page.goto(f"{site}../")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page).to_have_url(f"{site}index.html")
