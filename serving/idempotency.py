"""The same request again: one that its caller named is worked on once, and answered alike after.

A caller names a request by ``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header-06,
2025). Its answer is committed with what it acknowledges, and given again byte for byte: after a
restart, and by any worker or replica over the same store. Refusals are not kept, for they leave
nothing behind: such a request is judged anew.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from starlette.datastructures import Headers

from features.answers import AnsweredMeanwhileError, Asked, EarlierAnswer, KeptAnswer
from features.errors import StoreError
from features.store import Added, Store
from serving.problem import Refusal, refuse

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
PURGE_EVERY = timedelta(minutes=10)

Answer = TypeVar("Answer")
Keep = Callable[[Answer], KeptAnswer]
"""Makes of an answer what the store keeps of it."""

_KEY = re.compile(rf"[\x21\x23-\x5b\x5d-\x7e]{{1,{LONGEST_KEY}}}")
_EXPECTED = f"1 to {LONGEST_KEY} visible ASCII characters other than quotes and backslashes"
_log = logging.getLogger("secondlook.answers")


@dataclass(frozen=True, slots=True)
class Once:
    """An answer, and whether it had been given before."""

    content: bytes
    replayed: bool = False


def idempotency_key(headers: Headers) -> str | None:
    """Return what the caller calls the request; null where it does not name it.

    The key may stand in double quotes, as structured fields have it, or without.

    Raises
    ------
    Refusal
        400 if it cannot be used.

    Examples
    --------
    >>> idempotency_key(Headers({"Idempotency-Key": '"nightly-17"'}))
    'nightly-17'
    >>> idempotency_key(Headers({"Idempotency-Key": "two words"}))
    Traceback (most recent call last):
    serving.problem.Refusal: Idempotency-Key: saw 'two words'; expected 1 to 255 visible ...
    """
    given = headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1:
        raise refuse(400, f"{HEADER}: saw {len(given)} of them; expected one.")
    value = given[0].strip()
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    key = value[1:-1] if quoted else value
    if not _KEY.fullmatch(key):
        raise refuse(400, f"{HEADER}: saw {value[:40]!r}; expected {_EXPECTED}.")
    return key


def settle(
    add: Callable[..., Added], answered: Callable[[Added], Answer], keep: Keep[Answer] | None
) -> Answer:
    """Add rows and return what is answered, which is committed with them where it is kept.

    Parameters
    ----------
    add
        A method of the store that takes ``acknowledge``.
    answered
        Makes the answer; what it raises undoes the adding where the answer is kept, so it may
        raise only where nothing was taken.
    """
    if keep is None:
        return answered(add())
    answers: list[Answer] = []

    def acknowledge(added: Added) -> KeptAnswer:
        answers.append(answered(added))
        return keep(answers[-1])

    add(acknowledge=acknowledge)
    return answers[-1]


def digest_of(*parts: bytes) -> str:
    """Return the digest of a request, given everything that its answer depends on.

    Examples
    --------
    >>> digest_of(b"ab", b"c") == digest_of(b"a", b"bc")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


@dataclass(slots=True)
class Answers:
    """The answers of one process: which requests are in work here, and when it last purged."""

    _in_work: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _purged_at: datetime | None = None

    def once(
        self,
        asked: Asked | None,
        store: Store,
        work: Callable[[Keep[Answer] | None], Answer],
        encode: Callable[[Answer], bytes],
    ) -> Once:
        """Return what `work` answers, or what was answered before.

        Parameters
        ----------
        asked
            Null where the caller does not name the request: then it is always worked on.
        work
            Does what was asked. Given a `Keep` it commits the answer with what it acknowledges.
        encode
            Writes an answer as it goes over the wire.

        Raises
        ------
        Refusal
            409 while the same request is in work in this process; 422 if another one was answered
            under its key.
        """
        if asked is None:
            return Once(encode(work(None)))
        with self._place(asked):
            earlier = store.earlier_answer(asked)
            if earlier is None:
                try:
                    content = _kept(asked, work, encode)
                except AnsweredMeanwhileError:
                    earlier = store.earlier_answer(asked)
                else:
                    self._purge(store, datetime.now(UTC))
                    return Once(content)
            return Once(_same(earlier, asked), replayed=True)

    @contextmanager
    def _place(self, asked: Asked) -> Iterator[None]:
        name = (asked.access_key_id, asked.idempotency_key)
        with self._lock:
            if name in self._in_work:
                detail = f"A request with this {HEADER} is in work; ask again for its answer."
                raise refuse(409, detail, Retry_After="1")
            self._in_work.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._in_work.discard(name)

    def _purge(self, store: Store, now: datetime) -> None:
        """Delete what is kept no longer; what was answered stands, whatever becomes of this."""
        with self._lock:
            if self._purged_at is not None and now - self._purged_at < PURGE_EVERY:
                return
            self._purged_at = now
        try:
            store.purge_answers(now)
        except StoreError as error:
            _log.warning("old answers were not deleted: %s", error)


def _kept(
    asked: Asked,
    work: Callable[[Keep[Answer] | None], Answer],
    encode: Callable[[Answer], bytes],
) -> bytes:
    contents: list[bytes] = []

    def keep(answer: Answer) -> KeptAnswer:
        contents.append(encode(answer))
        return KeptAnswer(asked, contents[-1], datetime.now(UTC))

    work(keep)
    return contents[-1]


def _same(earlier: EarlierAnswer | None, asked: Asked) -> bytes:
    if earlier is None:  # deleted within the moment since it was seen
        raise refuse(409, "The answer is kept no longer; use a new key.", Retry_After="1")
    if earlier.digest != asked.digest:
        raise _other_request()
    return earlier.content


def _other_request() -> Refusal:
    return refuse(
        422,
        f"{HEADER}: another request was answered under this key; expected the same body, route and "
        "content types as then, or a new key.",
    )
