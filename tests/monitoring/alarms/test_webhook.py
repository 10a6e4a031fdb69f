from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.errors import SettingsError
from features.home import Home, make_home
from features.standing_alarms import read_alarms
from monitoring.alarms.limits import Webhook
from monitoring.alarms.tell import Told, outbox_of, tell_alarms
from monitoring.alarms.webhook import Courier, open_target
from tests.monitoring.alarms.made import alarm
from tests.monitoring.alarms.receiver import Receiver, receiving

SECRET = "a secret that only two know"
NOW = datetime(2026, 1, 9, 6, tzinfo=UTC)
DOCS = Path(__file__).resolve().parents[3] / "docs" / "alarms.md"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "home")
    secret = made.path / "webhook.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    return made


def hook(receiver: Receiver, **fields: object) -> Webhook:
    return Webhook(url=receiver.url, **({"timeout_s": 0.5, "attempts": 3} | fields))  # type: ignore[arg-type]


def tell(home: Home, webhook: Webhook, *segments: str, now: datetime = NOW) -> Told:
    courier = Courier(sleep=lambda _: None, rng=random.Random(0))
    return tell_alarms(home, map(alarm, segments), webhook, now=now, courier=courier)


def test_a_new_alarm_is_posted_once(home: Home) -> None:
    with receiving() as receiver:
        first = tell(home, hook(receiver), "policy=spam")
        again = tell(home, hook(receiver), "policy=spam", now=NOW + timedelta(days=1))
    assert (first.delivery.sent, again.delivery.sent) == (1, 0)
    ((headers, body),) = receiver.received
    document = json.loads(body)
    assert document["event"] == "alarm.begun"
    assert document["alarm"]["segment"] == "policy=spam"
    assert headers["Idempotency-Key"] == document["id"]


def test_the_end_of_an_alarm_is_posted(home: Home) -> None:
    with receiving() as receiver:
        tell(home, hook(receiver), "policy=spam")
        tell(home, hook(receiver), now=NOW + timedelta(days=2))
    events = [json.loads(body)["event"] for _, body in receiver.received]
    assert events == ["alarm.begun", "alarm.ended"]
    assert json.loads(receiver.received[1][1])["ended"] == "2026-01-11T06:00:00Z"


def test_the_signature_is_of_time_and_body(home: Home) -> None:
    with receiving() as receiver:
        tell(home, hook(receiver), "policy=spam")
    ((headers, body),) = receiver.received
    signed = headers["SecondLook-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["SecondLook-Signature"] == f"sha256={expected}"
    assert abs(int(headers["SecondLook-Timestamp"]) - time.time()) < 60


def documented_check() -> Callable[..., bool]:
    """Return the function that the documentation gives receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.S)
    names: dict[str, Callable[..., bool]] = {}
    exec(compile(code, str(DOCS), "exec"), names)  # noqa: S102
    return names["is_from_second_look"]


def test_the_documented_check_takes_a_message_and_refuses_a_changed_or_late_one(home: Home) -> None:
    check = documented_check()
    with receiving() as receiver:
        tell(home, hook(receiver), "policy=spam")
    ((headers, body),) = receiver.received
    now = int(headers["SecondLook-Timestamp"])
    assert check(headers, body, secret=SECRET.encode(), now=now)
    assert not check(headers, body + b" ", secret=SECRET.encode(), now=now)
    assert not check(headers, body, secret=b"another secret altogether", now=now)
    assert not check(headers, body, secret=SECRET.encode(), now=now + 3600)


def test_a_receiver_that_fails_first_is_tried_again_with_the_same_id(home: Home) -> None:
    with receiving(500, 503) as receiver:
        told = tell(home, hook(receiver), "policy=spam")
    assert told.delivery.failure is None
    assert len(receiver.received) == 3
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.received}) == 1


@pytest.mark.parametrize("silence", [0, -1], ids=["says nothing", "says a byte now and then"])
def test_a_receiver_that_hangs_is_given_up_in_time(home: Home, silence: int) -> None:
    started = time.monotonic()
    with receiving(silence, silence) as receiver:
        told = tell(home, hook(receiver, attempts=2), "policy=spam")
        took = time.monotonic() - started
    assert took < 3
    assert told.delivery.failure is not None
    assert "no answer within 0.5 s" in told.delivery.failure


def test_what_is_not_taken_waits_for_the_next_run(home: Home) -> None:
    with receiving(*[500] * 3) as receiver:
        failed = tell(home, hook(receiver), "policy=spam", "policy=hate")
        assert (failed.delivery.sent, failed.delivery.waiting) == (0, 2)
        later = tell(home, hook(receiver), "policy=spam", "policy=hate", now=NOW + timedelta(1))
    assert (later.delivery.sent, later.delivery.waiting) == (2, 0)
    told = [json.loads(body)["alarm"]["segment"] for _, body in receiver.received[-2:]]
    assert sorted(told) == ["policy=hate", "policy=spam"]
    assert len(set(receiver.taken)) == 2


def test_a_message_is_on_disk_before_the_receiver_is_asked(home: Home) -> None:
    with receiving(*[500] * 3) as receiver:
        tell(home, hook(receiver), "policy=spam")
    assert [m.event for m in outbox_of(home).waiting()] == ["alarm.begun"]


def test_what_was_taken_is_not_sent_again_when_a_later_message_fails(home: Home) -> None:
    with receiving(204, *[500] * 3) as receiver:
        tell(home, hook(receiver), "policy=spam", "policy=hate")
        tell(home, hook(receiver), "policy=spam", "policy=hate", now=NOW + timedelta(days=1))
    assert len(receiver.taken) == len(set(receiver.taken)) == 2


def test_a_receiver_that_is_not_there_is_a_failure_that_names_no_path(home: Home) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/hook/TOKEN"
    told = tell(home, Webhook(url=url, timeout_s=0.5, attempts=2), "policy=spam")
    assert told.delivery.failure is not None
    assert "cannot be reached" in told.delivery.failure
    assert "TOKEN" not in told.delivery.failure


def test_a_redirect_is_not_followed(home: Home) -> None:
    with receiving(307) as receiver:
        told = tell(home, hook(receiver, attempts=1), "policy=spam")
    assert len(receiver.received) == 1
    assert told.delivery.failure is not None
    assert "answered 307" in told.delivery.failure


def test_pauses_grow_and_are_drawn_at_random(home: Home) -> None:
    pauses: list[float] = []
    courier = Courier(sleep=pauses.append, rng=random.Random(1))
    with receiving(*[500] * 5) as receiver:
        webhook = hook(receiver, attempts=5)
        tell_alarms(home, [alarm()], webhook, now=NOW, courier=courier)
    assert len(pauses) == 4
    assert all(2.0**n / 2 <= pause <= 2.0**n for n, pause in enumerate(pauses))
    assert len({pause / 2.0**n for n, pause in enumerate(pauses)}) == 4


def test_without_a_url_nothing_waits(home: Home) -> None:
    told = tell(home, Webhook(), "policy=spam")
    assert told.begun == 1
    assert outbox_of(home).waiting() == ()
    assert len(read_alarms(home.standing_alarms_file).standing) == 1


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://example.org/hook", "expected https"),
        ("http://127.0.0.1.example.org/hook", "expected https"),
        ("ftp://example.org/hook", "another kind of address"),
        ("https://user:word@example.org/hook", "user or password"),
    ],
)
def test_an_address_that_would_give_the_message_away_is_refused(
    home: Home, url: str, named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        open_target(Webhook(url=url), home.path)


def test_https_is_taken(home: Home) -> None:
    target = open_target(Webhook(url="https://example.org/hook?key=TOKEN"), home.path)
    assert target is not None
    assert target.shown == "https://example.org"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(
    home: Home, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made += [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(["openssl", *made], check=True, capture_output=True)
    with receiving(certificate=(certificate, key)) as receiver:
        told = tell(home, hook(receiver, attempts=1), "policy=spam")
    assert receiver.received == []
    assert told.delivery.failure is not None
    assert "SSLCertVerificationError" in told.delivery.failure
    assert told.delivery.waiting == 1


def test_a_secret_that_others_may_read_is_refused(home: Home) -> None:
    (home.path / "webhook.secret").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        open_target(Webhook(url="https://example.org"), home.path)


@pytest.mark.parametrize("secret", ["", "short"])
def test_a_weak_secret_is_refused(home: Home, secret: str) -> None:
    (home.path / "webhook.secret").write_text(secret)
    with pytest.raises(SettingsError, match="expected 16 or more"):
        open_target(Webhook(url="https://example.org"), home.path)


def test_a_missing_secret_says_what_to_do(home: Home) -> None:
    with pytest.raises(SettingsError, match="write a random text into it"):
        open_target(Webhook(url="https://example.org", secret_file="none"), home.path)


def test_the_secret_is_never_shown(home: Home) -> None:
    target = open_target(Webhook(url="https://example.org"), home.path)
    assert SECRET not in repr(target)
