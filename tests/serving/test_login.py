"""Logging in by browser, as a caller that sends what browsers send sees it."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from features.home import make_home
from features.store import Store
from serving.access import create_key, list_keys, revoke_key, rotate_key
from serving.app import build_app
from serving.attempts import MOST_FAILED, Attempts
from serving.gate import Gate
from serving.payload import Role
from serving.session import COOKIE, LIFE, begin_session, session_secret
from serving.visit import Front
from tests.serving.conftest import NOW, Caller

SITE = "https://service"
HTML = {"Accept": "text/html,application/xhtml+xml"}
KeyOf = Callable[[str], str]


def log_in(client: Caller, key: str, *, url: str = SITE, **fields: str) -> httpx.Response:
    return client.post(f"{url}/login", data={"key": key, **fields}, headers=HTML)


def cookie_of(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])


def test_a_viewer_logs_in_and_reads_what_was_asked_for(client: Caller, key_of: KeyOf) -> None:
    asked = client.get(f"{SITE}/reports/quality.html", headers=HTML)
    assert asked.status_code == 303
    assert asked.headers["Location"] == "../login?next=reports/quality.html"
    form = client.get(f"{SITE}/login?next=reports/quality.html", headers=HTML)
    assert 'value="reports/quality.html"' in form.text
    answer = log_in(client, key_of("viewer"), next="reports/quality.html")
    assert (answer.status_code, answer.headers["Location"]) == (303, "reports/quality.html")
    page = client.get(f"{SITE}/reports/quality.html", headers=HTML)
    assert page.text.startswith("<h1>Quality</h1>")
    assert 'action="../logout"' in page.text


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_connections(
    client: Caller, key_of: KeyOf
) -> None:
    key = key_of("admin")
    answer = log_in(client, key)
    morsel = cookie_of(answer)[COOKIE]
    assert (morsel["httponly"], morsel["samesite"], morsel["secure"]) == (True, "strict", True)
    assert int(morsel["max-age"]) == 8 * 3600
    assert key.split("_")[2] not in str(answer.headers) + answer.text


def test_on_this_machine_the_cookie_may_go_over_a_plain_connection(
    client: Caller, key_of: KeyOf
) -> None:
    answer = log_in(client, key_of("viewer"), url="http://127.0.0.1:3000")
    assert not cookie_of(answer)[COOKIE]["secure"]


def test_a_form_sent_from_an_encrypted_page_gets_a_secure_cookie_whatever_the_proxy_says(
    client: Caller, key_of: KeyOf
) -> None:
    headers = {"Origin": "https://service", "Sec-Fetch-Site": "same-origin"}
    answer = client.post("http://service/login", data={"key": key_of("viewer")}, headers=headers)
    assert cookie_of(answer)[COOKIE]["secure"]


def test_no_key_is_taken_over_a_plain_connection_from_elsewhere(
    client: Caller, key_of: KeyOf
) -> None:
    form = client.get("http://service/login", headers=HTML)
    assert "not encrypted" in form.text
    assert "<input" not in form.text
    answer = log_in(client, key_of("viewer"), url="http://service")
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("role", ["queue", "auditor"])
def test_a_key_of_another_role_is_told_so(client: Caller, key_of: KeyOf, role: str) -> None:
    answer = log_in(client, key_of(role))
    assert answer.status_code == 403
    assert f"has the role {role}; expected admin or viewer" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_wrong_key_is_told_on_the_page_and_the_way_on_is_kept(client: Caller) -> None:
    answer = log_in(client, "sl_0_0", next="reports/2026/quality.html")
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert 'role="alert"' in answer.text
    assert 'value="reports/2026/quality.html"' in answer.text
    assert "sl_0_0" not in answer.text
    told = client.post(f"{SITE}/login", data={"key": "sl_0_0"})
    assert told.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "onward",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "reports/\\..\\x"),
        *("javascript:alert(1)", "reports/../../x", "reports/..", "/reports/", "reports/\r\nA: b"),
        *("login", "", "evil/reports/"),
    ],
)
def test_a_login_leads_nowhere_but_to_the_reports(
    client: Caller, key_of: KeyOf, onward: str
) -> None:
    answer = log_in(client, key_of("viewer"), next=onward)
    assert (answer.status_code, answer.headers["Location"]) == (303, "reports/")


def test_a_page_with_odd_letters_in_its_name_is_come_back_to(
    client: Caller, key_of: KeyOf, front: Front
) -> None:
    (front.reports / "a b?ü").mkdir()
    (front.reports / "a b?ü" / "c&d.html").write_text("odd", encoding="utf-8")
    asked = client.get(f"{SITE}/reports/a b%3Fü/c%26d.html", headers=HTML)
    led = httpx.URL(asked.request.url).join(asked.headers["Location"])
    assert led.path == "/login"
    answer = log_in(client, key_of("viewer"), next=led.params["next"])
    page = client.get(str(led.join(answer.headers["Location"])), headers=HTML)
    assert page.text.startswith("odd")


@pytest.mark.parametrize(
    "path", ["/reports/", "/reports/x", "/reports/2026/x.html", "/reports//x", "/reports/a%2Fb"]
)
def test_the_way_to_the_login_is_relative_to_any_page(client: Caller, path: str) -> None:
    asked = client.get(f"{SITE}{path}", headers=HTML)
    assert httpx.URL(f"{SITE}{path}").join(asked.headers["Location"]).path == "/login"


def test_callers_that_are_no_browsers_are_not_led_to_a_page(client: Caller) -> None:
    for headers in ({}, {"Accept": "*/*"}, HTML | {"Authorization": "Bearer sl_0_0"}):
        answer = client.get(f"{SITE}/reports/quality.html", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_session_opens_the_reports_and_nothing_else(client: Caller, key_of: KeyOf) -> None:
    log_in(client, key_of("admin"))
    assert client.get(f"{SITE}/reports/").status_code == 200
    assert client.get(f"{SITE}/v1/model").status_code == 401
    assert client.post(f"{SITE}/v1/rank", json={}).status_code == 401


def test_logging_out_ends_the_session_itself(client: Caller, key_of: KeyOf) -> None:
    log_in(client, key_of("viewer"))
    token = client.cookies[COOKIE]
    answer = client.post(f"{SITE}/logout", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "login?left=1")
    assert COOKIE not in client.cookies
    assert "You are logged out" in client.get(f"{SITE}/login?left=1").text
    stolen = {"Cookie": f"{COOKIE}={token}"}
    assert client.get(f"{SITE}/reports/", headers=stolen).status_code == 401


def test_a_logout_elsewhere_is_noticed_within_seconds(store: Store) -> None:
    clock = [0.0]
    secret = b"s" * 32
    gates = [
        Gate(store, session_secret=lambda: secret, clock=lambda: clock[0], now=lambda: NOW)
        for _ in range(2)
    ]
    _, key = create_key(store, "viewer", NOW)
    session = gates[0].log_in(key, needed=[Role.VIEWER])
    assert gates[1].session(session.token, needed=[Role.VIEWER]).session_id == session.session_id
    gates[0].log_out(session)
    clock[0] += 2.0
    for gate in gates:
        with pytest.raises(Exception, match="The session is over"):
            gate.session(session.token, needed=[Role.VIEWER])


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_a_session_is_over_within_seconds_when_its_key_is(
    client: Caller, store: Store, end: str
) -> None:
    key_id, key = create_key(store, "viewer", NOW)
    log_in(client, key)
    now = datetime.now(UTC)
    if end == "revoke":
        revoke_key(store, key_id, now)
    else:
        rotate_key(store, key_id, now, grace=timedelta(0))
    until = time.monotonic() + 3
    while client.get(f"{SITE}/reports/", headers=HTML).status_code != 303:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_session_is_over_after_its_life(store: Store) -> None:
    now = [NOW]
    gate = Gate(store, clock=lambda: 0.0, now=lambda: now[0])
    _, key = create_key(store, "viewer", NOW)
    token = gate.log_in(key, needed=[Role.VIEWER]).token
    now[0] = NOW + LIFE - timedelta(seconds=1)
    gate.session(token, needed=[Role.VIEWER])
    now[0] = NOW + LIFE
    with pytest.raises(Exception, match="The session is over"):
        gate.session(token, needed=[Role.VIEWER])


@pytest.mark.parametrize(
    "forged", ["later", "another key", "signature", "empty", "parts", "digits"]
)
def test_a_token_that_was_changed_opens_nothing(client: Caller, store: Store, forged: str) -> None:
    key_id, key = create_key(store, "viewer", NOW)
    other_id, _ = create_key(store, "admin", NOW)
    log_in(client, key)
    _, session_id, ends, signature = client.cookies[COOKIE].split(".")
    token = {
        "later": f"{key_id}.{session_id}.{int(ends) + 9}.{signature}",
        "another key": f"{other_id}.{session_id}.{ends}.{signature}",
        "signature": f"{key_id}.{session_id}.{ends}.{signature[:-1]}g",
        "empty": "",
        "parts": "a.b.c",
        "digits": f"{key_id}.{session_id}.٣{ends[1:]}.{signature}",
    }[forged]
    headers = {"Cookie": f"{COOKIE}={token}".encode()}
    assert client.get(f"{SITE}/reports/", headers=headers).status_code == 401


def test_the_secret_of_a_home_and_the_store_are_both_needed_to_sign(
    client: Caller, store: Store
) -> None:
    key_id, _ = create_key(store, "viewer", NOW)
    key = list_keys(store)[key_id]
    secret = client.app.state.front.gate._session_secret()
    now = datetime.now(UTC)
    tokens = [
        begin_session(key, secret=b"guessed", now=now).token,
        begin_session(replace(key, digest="0" * 64), secret=secret, now=now).token,
        begin_session(key, secret=secret, now=now).token,
    ]
    asked = [
        client.get(f"{SITE}/reports/", headers={"Cookie": f"{COOKIE}={token}"}).status_code
        for token in tokens
    ]
    assert asked == [401, 401, 200]


def test_the_secret_is_the_home_s_and_is_no_pseudonym(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    homes = [make_home(tmp_path_factory.mktemp("home")).secrets() for _ in range(2)]
    made = [session_secret(held) for held in (*homes, homes[0])]
    assert made[0] == made[2] != made[1]
    assert made[0] not in (homes[0].pseudonyms, homes[0].sampling)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://service"}, 403),
        ({"Origin": "https://service"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://service:444"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
@pytest.mark.parametrize("route", ["login", "logout"])
def test_a_form_of_another_site_is_refused(
    client: Caller, key_of: KeyOf, route: str, headers: dict[str, str], status: int
) -> None:
    log_in(client, key_of("viewer"))
    answer = client.post(f"{SITE}/{route}", data={"key": key_of("viewer")}, headers=headers)
    assert answer.status_code in (status, 401 if status == 303 and route == "login" else status)
    still_in = client.get(f"{SITE}/reports/").status_code == 200
    assert still_in == (status == 403 or route == "login")


def test_too_many_failed_logins_have_to_wait_and_sessions_go_on(
    client: Caller, key_of: KeyOf
) -> None:
    key = key_of("viewer")
    log_in(client, key)
    failed = [log_in(client, "sl_0_0").status_code for _ in range(MOST_FAILED)]
    assert failed == [401] * MOST_FAILED
    answer = log_in(client, key)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "try again in" in answer.text
    assert client.get(f"{SITE}/reports/").status_code == 200


def test_an_address_waits_a_minute_and_starts_anew_after_a_success() -> None:
    clock = [0.0]
    attempts = Attempts(lambda: clock[0])
    for _ in range(MOST_FAILED):
        attempts.wait_s("2001:db8::1")
        clock[0] += 1.0
    assert attempts.wait_s("2001:db8::ffff") == pytest.approx(60.0 - MOST_FAILED)
    assert attempts.wait_s("2001:db8:0:1::1") == 0.0
    clock[0] = 60.0
    assert attempts.wait_s("2001:db8::1") == 0.0
    assert attempts.wait_s("2001:db8::1") > 0.0
    attempts.forget("2001:db8::2")
    assert attempts.wait_s("2001:db8::1") == 0.0


def test_attempts_of_many_addresses_take_bounded_room() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(5_000):
        attempts.wait_s(f"10.0.{number // 250}.{number % 250}")
    assert len(attempts._tried) <= 1_000


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"key=" + b"a" * 5_000, "application/x-www-form-urlencoded", 413),
        (b'{"key": "a"}', "application/json", 415),
        (b"\xff\xfe=%ff&&==;", "application/x-www-form-urlencoded; charset=utf-8", 401),
        (b"key=" + b"%00" * 9, "application/x-www-form-urlencoded", 401),
    ],
)
def test_a_form_that_is_none_is_refused(
    client: Caller, content: bytes, kind: str, status: int
) -> None:
    answer = client.post(f"{SITE}/login", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status


def test_no_page_is_cached_framed_or_asks_a_third_party(client: Caller, key_of: KeyOf) -> None:
    log_in(client, key_of("viewer"))
    for path in ("/login", "/reports/", "/reports/quality.html", "/v1/docs", "/v1/model", "/no"):
        answer = client.get(f"{SITE}{path}")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        scripts = re.findall(r"script-src ([^;]*)", policy)
        assert scripts == (["'self'"] if path.startswith("/reports/") else [])  # none within a page
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"https?://", policy)


def test_scripts_within_a_page_run_on_evidently_s_alone(
    client: Caller, key_of: KeyOf, front: Front
) -> None:
    (front.reports / "2026").mkdir()
    for name in ("evidently.html", "drift.html"):
        (front.reports / "2026" / name).write_text("<p>", encoding="utf-8")
    headers = {"Authorization": f"Bearer {key_of('viewer')}"}
    policies = [
        client.get(f"{SITE}/reports/2026/{name}", headers=headers).headers[
            "Content-Security-Policy"
        ]
        for name in ("evidently.html", "drift.html")
    ]
    scripts = [re.findall(r"script-src ([^;]*)", policy)[0] for policy in policies]
    assert ["unsafe" in allowed for allowed in scripts] == [True, False]


def test_files_that_are_no_pages_are_served_as_they_are(
    client: Caller, key_of: KeyOf, front: Front
) -> None:
    (front.reports / "drift.csv").write_text("a,b\n", encoding="utf-8")
    log_in(client, key_of("viewer"))
    assert client.get(f"{SITE}/reports/drift.csv").text == "a,b\n"


def test_a_login_is_logged_by_the_id_of_its_key_and_never_by_the_key(
    front: Front, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    key_id, key = create_key(store, "viewer", NOW)
    with caplog.at_level(logging.DEBUG), Caller(build_app(front)) as client:
        log_in(client, key)
        token = client.cookies[COOKIE]
        log_in(client, key[:-1] + "-")
        client.get(f"{SITE}/login?key={key}")
        client.get(f"{SITE}/reports/?key={key}", headers=HTML)
        client.post(f"{SITE}/logout")
    ours = [record for record in caplog.records if record.name.startswith("secondlook")]
    lines = [json.loads(record.getMessage()) for record in ours]
    assert [(line["route"], line["status"], line["key_id"]) for line in lines] == [
        ("/login", 303, key_id),
        ("/login", 401, None),
        ("/login", 200, key_id),
        ("/reports/{path}", 200, key_id),
        ("/logout", 303, key_id),
    ]
    written = "\n".join(record.getMessage() for record in ours)
    assert key.split("_")[2] not in written
    assert token.rpartition(".")[2] not in written


def test_the_pages_answer_503_while_the_store_is_down(
    client: Caller, key_of: KeyOf, store: Store
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE access_keys RENAME TO elsewhere")
    answer = log_in(client, "sl_0_0")
    assert answer.status_code == 503
    assert "cannot be used at the moment" in answer.text
    assert "access_keys" not in answer.text
