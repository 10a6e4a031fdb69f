"""Keys and sessions where several processes answer: what one knows all know within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from features.store import Store, open_store
from serving.access import create_key, revoke_key
from serving.gate import REFRESH_S
from serving.launch import service
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow
CALLS = 16
"""Each over a connection of its own, so that it may come to either worker."""
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def url(small_home: SmallHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    small_home.home.reports.mkdir(exist_ok=True)
    log = tmp_path_factory.mktemp("log") / "service.log"
    with service(small_home.home, log=log, workers=2) as address:
        yield address


@pytest.fixture
def home_store(small_home: SmallHome) -> Iterator[Store]:
    opened = open_store(small_home.home.store_url())
    yield opened
    opened.engine.dispose()


def statuses(url: str, cookies: httpx.Cookies) -> set[int]:
    found = set()
    for _ in range(CALLS):
        with httpx.Client(cookies=cookies, headers=HTML) as caller:
            found.add(caller.get(f"{url}/reports/").status_code)
    return found


@pytest.mark.parametrize("end", ["logout", "revocation"])
def test_a_session_opens_every_worker_and_ends_at_every_worker(
    url: str, home_store: Store, end: str
) -> None:
    now = datetime.now(UTC)
    key_id, key = create_key(home_store, "viewer", now)
    time.sleep(REFRESH_S)
    with httpx.Client(headers=HTML) as browser:
        answer = browser.post(f"{url}/login", data={"key": key})
        assert answer.status_code == 303, answer.text
        cookies = httpx.Cookies(browser.cookies)
        assert statuses(url, cookies) == {200}
        ends: dict[str, Callable[[], object]] = {
            "logout": lambda: browser.post(f"{url}/logout"),
            "revocation": lambda: revoke_key(home_store, key_id, now),
        }
        ends[end]()
    time.sleep(REFRESH_S)
    assert statuses(url, cookies) == {303}
