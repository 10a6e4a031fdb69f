"""Logging in with a real browser: the form, the keyboard, both themes, the button back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from features.store import Store
from serving.access import create_key, revoke_key
from serving.app import build_app
from serving.launch import LOOPBACK
from serving.session import COOKIE
from serving.visit import Front
from tests.browsers import browser as browser
from tests.browsers import in_a_browser
from tests.browsers import page as page
from tests.serving.conftest import NOW
from tests.serving.served import served

pytestmark = in_a_browser


@pytest.fixture
def site(front: Front) -> Iterator[str]:
    """Serve the application on a free port, and yield its address."""
    head = '<!doctype html><link rel="icon" href="data:,">'
    (front.reports / "quality.html").write_text(f"{head}<h1>Quality</h1>", encoding="utf-8")
    links = f'{head}<h1>Reports</h1><a href="quality.html">Quality</a>'
    (front.reports / "index.html").write_text(links, encoding="utf-8")
    with served(build_app(front)) as address:
        yield address


def log_in(page: Page, site: str, key: str) -> None:
    page.goto(f"{site}/reports/quality.html")
    page.get_by_label("Access key").fill(key)
    page.get_by_role("button", name="Log in").click()


def test_a_viewer_logs_in_reads_reloads_and_logs_out(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    problems: list[str] = []
    outside: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(site) else outside.append(r.url))
    key = key_of("viewer")
    log_in(page, site, key)
    heading = page.get_by_role("heading", name="Quality")
    expect(heading).to_be_visible()
    assert page.url == f"{site}/reports/quality.html"
    page.reload()
    expect(heading).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_have_text("You are logged out.")
    page.goto(f"{site}/reports/quality.html")
    expect(page.get_by_label("Access key")).to_be_visible()
    assert [url for url in outside if not url.startswith("data:")] == []
    assert problems == []


def test_the_button_back_shows_no_page_of_a_session_that_is_over(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    log_in(page, site, key_of("viewer"))
    page.goto(f"{site}/reports/")
    page.get_by_role("link", name="Quality").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_label("Access key")).to_be_visible()
        assert page.get_by_role("heading", name="Quality").count() == 0


def test_a_wrong_key_is_told_to_all_senses_and_a_right_one_goes_on(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    key = key_of("viewer")
    log_in(page, site, "sl_0_0")
    expect(page.get_by_role("alert")).to_have_text(
        "The access key is not known; check it, or ask for a new one."
    )
    expect(page).to_have_title("Error: Log in · Second Look")
    field = page.get_by_label("Access key")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "One with the role viewer or admin. The access "
        "key is not known; check it, or ask for a new one."
    )
    expect(field).to_be_empty()
    field.fill(key)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{site}/reports/quality.html")


def test_the_keyboard_alone_is_enough(page: Page, site: str, key_of: Callable[[str], str]) -> None:
    page.goto(f"{site}/reports/")
    expect(page.get_by_label("Access key")).to_be_focused()
    page.keyboard.type(key_of("viewer"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Reports")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log out")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("You are logged out.")


def test_no_script_sees_the_cookie_and_no_address_holds_the_key(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    key, addresses = key_of("viewer"), []
    page.on("request", lambda request: addresses.append(request.url))
    log_in(page, site, key)
    assert page.evaluate("document.cookie") == ""
    cookie = next(c for c in page.context.cookies() if c["name"] == COOKIE)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert key.split("_")[2] not in cookie["value"]
    assert [url for url in addresses if key in url] == []


def test_a_revoked_key_ends_what_it_opened(page: Page, site: str, store: Store) -> None:
    key_id, key = create_key(store, "viewer", NOW)
    log_in(page, site, key)
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    revoke_key(store, key_id, NOW)
    page.wait_for_timeout(2_500)
    page.reload()
    expect(page.get_by_label("Access key")).to_be_visible()


def stand_in(page: Page, address: str, body: str) -> None:
    """Let another site answer with a page."""
    page.route(address, lambda route: route.fulfill(content_type="text/html", body=body))
    page.goto(address)


def test_who_comes_by_a_link_from_elsewhere_can_go_on_without_the_key(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    log_in(page, site, key_of("viewer"))
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    link = f'<a href="{site}/reports/quality.html">the report</a>'
    stand_in(page, f"{site.replace(LOOPBACK, 'localhost')}/mail", link)
    page.get_by_role("link", name="the report").click()
    page.get_by_role("link", name="Go on to the page").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()


def test_another_site_can_neither_log_in_nor_out(
    page: Page, site: str, key_of: Callable[[str], str]
) -> None:
    log_in(page, site, key_of("viewer"))
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    for route in ("login", "logout"):
        form = f'<form method="post" action="{site}/{route}"><button>Win</button></form>'
        stand_in(page, f"{site.replace(LOOPBACK, 'localhost')}/{route}-elsewhere", form)
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_role("alert")).to_contain_text("The form came from another site")
    page.goto(f"{site}/login")
    expect(page.get_by_role("heading", name="You are logged in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/login", "/login?left=1"])
def test_the_form_fits_a_phone_in_both_themes_and_can_be_read(
    browser: Browser, site: str, scheme: str, path: str
) -> None:
    dark = scheme == "dark"
    page = browser.new_page(
        viewport={"width": 320, "height": 640}, color_scheme="dark" if dark else "light"
    )
    page.goto(f"{site}{path}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrasts = page.evaluate(_CONTRASTS)
    assert len(contrasts) >= 5
    assert min(contrasts.values()) >= 4.5, contrasts
    lightness = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)[0]"
    )
    assert lightness < 64 if dark else lightness > 192
    page.close()


_CONTRASTS = """() => {
  const parts = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = parts(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = {};
  const all = 'p, h1, label, input:not([type=hidden]), button, a';
  for (const node of document.querySelectorAll(all)) {
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    found[node.tagName + node.className + node.textContent.trim().slice(0, 20)] =
      (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }
  return found;
}"""
