"""One request on its way through the service: its key, its body, its work, and what is logged."""

from __future__ import annotations

import contextlib
import logging
import re
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from features.access_keys import AccessKey
from features.answers import Asked
from features.errors import StoreError
from serving.access import UnknownKeyError, WrongRoleError
from serving.answer_types import wanted_type
from serving.bodies import BODY_TYPES, Sent, understood
from serving.gate import Gate
from serving.given_up import GivenUp
from serving.idempotency import Answers, digest_of, idempotency_key
from serving.metrics import ServiceMetrics
from serving.operations import Operation
from serving.problem import MEDIA_TYPE, RETRY_AFTER_S, Problem, problem_body, refuse
from serving.session import COOKIE, Session
from serving.settings import Limits
from serving.standing import Standing
from serving.tracing import describe_span

Found = TypeVar("Found")
Body = TypeVar("Body", bound=msgspec.Struct)

_access_log = logging.getLogger("secondlook.access")
_fault_log = logging.getLogger("secondlook.fault")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Front:
    """What the application answers with; all of it is given.

    Attributes
    ----------
    reports
        Folder of the reports.
    """

    standing: Standing
    gate: Gate
    reports: Path
    limits: Limits = Limits()
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)


@dataclass(slots=True)
class Desk:
    """Where heavy calls are worked on, and how many may be there, waiting ones included."""

    threads: anyio.CapacityLimiter
    places: int
    inside: int = 0
    answers: Answers = field(default_factory=Answers)
    stuck: list[GivenUp[Any]] = field(default_factory=list)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Take a place while the block runs; refuse where all are taken."""
        if self.inside >= self.places:
            detail = f"{self.inside} calls are being worked on or wait; try again soon."
            raise refuse(429, detail, Retry_After="1")
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def require_unstuck(self) -> None:
        """Refuse where as many calls as there are places were given up and still hold a thread."""
        self.stuck = [call for call in self.stuck if call.is_running()]
        if len(self.stuck) >= self.places:
            detail = f"{len(self.stuck)} calls were given up and have not ended; the store is slow."
            raise refuse(503, detail, Retry_After=str(RETRY_AFTER_S))


def open_desk(limits: Limits) -> Desk:
    """Return a desk with no one at it."""
    return Desk(anyio.CapacityLimiter(limits.threads), limits.threads + limits.max_waiting)


@dataclass(slots=True)
class Visit:
    """One request and what becomes of it.

    Attributes
    ----------
    desk
        Where heavy calls are worked on.
    key
        The access key that opened the route; null where none is needed or none did.
    session
        The browser's session that opened the route; null where a key did, or nothing.
    rows, rejected
        Rows asked for, and how many of them were not taken; null where the route has none or it
        did not come to that.
    """

    request: Request
    operation: Operation
    front: Front
    desk: Desk
    request_id: str
    key_id: str | None = None
    key: AccessKey | None = None
    session: Session | None = None
    rows: int | None = None
    rejected: int | None = None
    body_is_read: bool = False
    started_s: float = field(default_factory=time.perf_counter)

    async def authorise(self) -> None:
        """Require a key with one of the roles of the operation."""
        if not self.operation.roles:
            return
        try:
            self.key = await self._key()
            self.key_id = self.key.key_id
        except (UnknownKeyError, WrongRoleError) as error:
            self.key_id = error.key_id
            raise

    async def _key(self) -> AccessKey:
        """Return the key that was sent, or that opened the browser's session."""
        gate, needed = self.front.gate, self.operation.roles
        header, token = self.request.headers.get("authorization"), self.request.cookies.get(COOKIE)
        if header is None and token is not None and self.operation.by_session:
            self.session = await self.look_up(lambda: gate.session(token, needed=needed))
            return self.session.key
        held = gate.held()
        if held is not None:  # no thread is needed then
            return gate.authorise(header, needed=needed, access=held)
        return await self.look_up(lambda: gate.authorise(header, needed=needed))

    async def read(self, sent: Sent, body: type[Body]) -> Body:
        """Return what the body of the request says."""
        limits = self.front.limits
        if sent.is_heavy:
            return await self.work(lambda: understood(sent, body, limits))
        return understood(sent, body, limits)

    async def work(self, call: Callable[[], Found]) -> Found:
        """Run a heavy call in a thread; refuse where too many wait, give up where it takes long."""
        with self.desk.place():
            return await self._in_time(call, self.desk.threads)

    async def look_up(self, call: Callable[[], Found]) -> Found:
        """Run a light call in a thread."""
        return await self._in_time(call, None)

    async def _in_time(
        self, call: Callable[[], Found], limiter: anyio.CapacityLimiter | None
    ) -> Found:
        seconds, kept = self.front.limits.answer_timeout_s, GivenUp(call)
        self.desk.require_unstuck()
        try:
            with anyio.fail_after(seconds):
                return await anyio.to_thread.run_sync(
                    kept,
                    limiter=limiter,
                    abandon_on_cancel=True,
                )
        except TimeoutError as error:
            self.desk.stuck.append(kept)
            detail = f"It took over {seconds:g} s and may be stored; the same request is safe."
            raise refuse(504, detail) from error

    def asked(self, sent: Sent) -> Asked | None:
        """Return the request by the name that its caller gave it; null where there is none."""
        name = idempotency_key(self.request.headers)
        if name is None:
            return None
        path, query = self.request.url.path, self.request.url.query
        parts = (self.request.method, path, query, sent.media_type, self.wanted)
        digest = digest_of(*(part.encode() for part in parts), sent.content)
        return Asked(self.key_id or "", name, digest)

    @property
    def wanted(self) -> str:
        """The content type in which the caller wants the answer."""
        return wanted_type(self.request.headers.get("accept"))

    async def sent(self) -> Sent:
        """Return the body of the request, enforcing content type, length and time."""
        media_type = self._media_type()
        query = self.request.query_params.multi_items()
        if len(query) > len(dict(query)):
            raise refuse(422, "query: saw a name twice; expected each once.")
        return Sent(await self._content(), media_type, dict(query))

    async def _content(self) -> bytes:
        limit, timeout_s = self.front.limits.max_body_bytes, self.front.limits.read_timeout_s
        too_long = refuse(413, f"The body is over {limit:,} bytes; send fewer rows a call.")
        length = self.request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise too_long
        content = bytearray()
        try:
            with anyio.fail_after(timeout_s):
                async for chunk in self.request.stream():
                    content += chunk
                    if len(content) > limit:
                        raise too_long
        except TimeoutError as error:
            raise refuse(408, f"The body took over {timeout_s:g} s to arrive.") from error
        self.body_is_read = True
        return bytes(content)

    def _media_type(self) -> str:
        given = self.request.headers.get("content-type", "")
        media_type = given.partition(";")[0].strip().lower()
        if media_type not in BODY_TYPES:
            seen = repr(given[:80]) if given else "none"
            raise refuse(415, f"Content-Type: saw {seen}; expected {' or '.join(BODY_TYPES)}.")
        encoding = self.request.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise refuse(415, f"Content-Encoding: saw {encoding[:80]!r}; expected none.")
        return media_type

    def refused(self, problem: Problem) -> Response:
        """Return the response of a refusal."""
        if self.operation.takes is not None:
            self.front.metrics.count_rejected(self.operation.path, problem.rejected)
            self.rejected = len(problem.rejected) if problem.rejected else self.rejected
        headers = dict(problem.headers)
        if self.operation.takes is not None and not self.body_is_read:
            headers["Connection"] = "close"  # what is left of the body is not read
        body = problem_body(problem, self.request_id)
        return Response(body, problem.status, headers, MEDIA_TYPE)

    def tell_fault(self, error: Exception) -> None:
        """Log a fault of ours: where it was, never the message, which may hold content."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        _fault_log.error("request %s: %s\n%s", self.request_id, type(error).__name__, frames)

    def tell_absence(self, error: Exception) -> None:
        """Log what was not there: it may name hosts and files, so the caller is not told."""
        if isinstance(error, StoreError):
            self.front.metrics.count_store_error()
        _fault_log.error("request %s: %s: %s", self.request_id, type(error).__name__, error)

    def tell(self, status: int) -> None:
        """Count the request and write its line in the access log, which never holds content."""
        seconds = time.perf_counter() - self.started_s
        self.front.metrics.count_request(self.operation.path, status, seconds)
        line = {
            "at": datetime.now(UTC),
            "request_id": self.request_id,
            "key_id": self.key_id,
            "method": self.request.method,
            "route": self.operation.path,
            "status": status,
            "rows": self.rows,
            "rejected": self.rejected,
            "milliseconds": round(1000 * seconds, 3),
        }
        trace_id = describe_span(self.operation.path, self.rows)
        if trace_id is not None:
            line["trace_id"] = trace_id
        _access_log.info("%s", msgspec.json.encode(line).decode())


def request_id_of(given: str | None) -> str:
    """Return the caller's id of a request if it can be used, else a new one.

    Examples
    --------
    >>> request_id_of("nightly-17"), len(request_id_of("two words"))
    ('nightly-17', 32)
    """
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
