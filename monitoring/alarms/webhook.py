"""Messages about alarms, signed and posted to a URL of the team's own.

Each message is JSON. Its signature is an HMAC-SHA256 over the time of sending, a dot, and the body
as sent, so that neither can be changed or be sent again much later. The id of a message stays the
same however often it is tried, so that the receiver can drop what it has.

What is answered with 2xx is taken. All else is tried again, after a pause that doubles and is drawn
at random within, so that many senders do not come at once. Redirects are not followed: a signed
message goes where the file says and nowhere else. The standard library sends it; what ships with
Second Look holds no other client that it needs, and a POST with a deadline asks for little.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from features.errors import SettingsError
from monitoring.alarms.limits import Webhook

LEAST_SECRET = 16
"""Characters that a secret must have."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_LARGEST_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go, and the key that they are signed with.

    Attributes
    ----------
    place
        The URL in its parts.
    secret
        Never shown.
    timeout_s
        Of one attempt, from connecting to the answer.
    attempts
        Of one message.
    """

    place: SplitResult
    secret: bytes = field(repr=False)
    timeout_s: float
    attempts: int

    @property
    def shown(self) -> str:
        """The URL as messages show it: a path or query may hold a token."""
        return f"{self.place.scheme}://{self.place.hostname}"


@dataclass(frozen=True, slots=True)
class Post:
    """A message.

    Attributes
    ----------
    id
        The same however often it is sent.
    body
        JSON.
    """

    id: str
    body: bytes


def open_target(webhook: Webhook, home: Path) -> Target | None:
    """Return the target that a file of limits declares; null where it names no URL.

    Raises
    ------
    SettingsError
        If the URL is not ``https`` (or ``http`` to this machine), or the secret is missing, too
        short, or readable by others than its owner.

    Examples
    --------
    >>> open_target(Webhook(), Path("home")) is None
    True
    >>> open_target(Webhook(url="http://example.org/hook"), Path("home"))
    Traceback (most recent call last):
    features.errors.SettingsError: webhook url: saw http to example.org; expected https
    """
    if webhook.url is None:
        return None
    place = urlsplit(webhook.url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise SettingsError("webhook url: saw another kind of address; expected https://HOST/PATH")
    if place.username is not None or place.password is not None:
        raise SettingsError("webhook url: saw a user or password in it; expected none")
    if place.scheme == "http" and not _is_loopback(place.hostname):
        raise SettingsError(f"webhook url: saw http to {place.hostname}; expected https")
    secret = _read_secret(home / webhook.secret_file)
    return Target(place, secret, webhook.timeout_s, webhook.attempts)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a message, as its header has it.

    Examples
    --------
    >>> sign(b"key", "1767225600", b"{}")[:12]
    'sha256=df344'
    """
    signed = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return "sha256=" + signed.hexdigest()


@dataclass(frozen=True, slots=True)
class Courier:
    """Sends messages.

    Attributes
    ----------
    clock
        Seconds since 1970.
    sleep
        Waits so many seconds.
    rng
        Draws the pauses.
    """

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)

    def send(self, target: Target, post: Post) -> str | None:
        """Try until it is taken; return null, or why the last attempt failed."""
        failure: str | None = None
        for attempt in range(target.attempts):
            if attempt:
                longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempt - 1))
                self.sleep(self.rng.uniform(longest / 2, longest))
            failure = _attempt(target, post, timestamp=str(int(self.clock())))
            if failure is None:
                return None
        return f"webhook {target.shown}: {failure}, {target.attempts} times"


def _attempt(target: Target, post: Post, *, timestamp: str) -> str | None:
    """Post once; return null where it was taken, else why not."""
    connection = _connection(target)
    late = threading.Event()
    deadline = threading.Timer(target.timeout_s, _cut, args=(connection, late))
    deadline.daemon = True
    deadline.start()
    try:
        connection.request(
            "POST", _path(target.place), post.body, _headers(target, post, timestamp)
        )
        answer = connection.getresponse()
        answer.read(_LARGEST_ANSWER)
    except TimeoutError:
        return f"no answer within {target.timeout_s:g} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            return f"no answer within {target.timeout_s:g} s"
        return f"cannot be reached ({type(error).__name__})"
    finally:
        deadline.cancel()
        connection.close()
    return None if 200 <= answer.status < 300 else f"it answered {answer.status}"


def _connection(target: Target) -> http.client.HTTPConnection:
    host, port = target.place.hostname or "", target.place.port
    if target.place.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=target.timeout_s)
    return http.client.HTTPSConnection(
        host, port, timeout=target.timeout_s, context=ssl.create_default_context()
    )


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End an attempt whose time is up, though the other side may still send a byte now and then."""
    late.set()
    line = connection.sock
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _path(place: SplitResult) -> str:
    return (place.path or "/") + (f"?{place.query}" if place.query else "")


def _headers(target: Target, post: Post, timestamp: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "secondlook",
        "Idempotency-Key": post.id,
        "SecondLook-Timestamp": timestamp,
        "SecondLook-Signature": sign(target.secret, timestamp, post.body),
    }


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_secret(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(
                f"webhook secret {str(path)!r}: others may read it; `chmod 600` it first"
            )
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(
            f"webhook secret {str(path)!r}: cannot be read: {error.strerror}; write a random text "
            "into it, and give the receiver the same"
        ) from error
    if len(secret) < LEAST_SECRET:
        raise SettingsError(
            f"webhook secret {str(path)!r}: saw {len(secret)} characters; expected "
            f"{LEAST_SECRET} or more"
        )
    return secret
