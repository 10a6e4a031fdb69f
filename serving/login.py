"""Logging in and out by browser: a plain form, a cookie that scripts cannot read, no key in a URL.

A form is taken only from a page of the service itself, and a key only over an encrypted connection
or on this machine. Addresses are relative, so that a proxy may serve all of it under a prefix.
"""

from __future__ import annotations

import functools
import html
import ipaddress
import math
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import anyio
import jinja2
from starlette.requests import Request
from starlette.responses import Response

from serving.access import UnknownKeyError, WrongRoleError
from serving.operations import REPORT_READERS
from serving.problem import Problem, refuse
from serving.session import COOKIE, LIFE, Session
from serving.visit import Visit

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # else a browser does not say where a form came from
}
LONGEST_FORM_BYTES = 4_096
_FIRST_PAGE = "reports/"
_FORM = "application/x-www-form-urlencoded"
_PAGE = Path(__file__).parent / "pages" / "login.html"


async def login_page(visit: Visit) -> Response:
    """Return the form, or who is logged in."""
    visit.request.state.onward = visit.request.query_params.get("next", "")
    return _page(visit, session=await _open_session(visit))


async def log_in(visit: Visit) -> Response:
    """Begin a session with the key of the form, and lead to the page that was asked for."""
    form, request = await _form(visit), visit.request
    request.state.onward = form.get("next", "")
    _require_own_form(request)
    if not _may_take_keys(request):
        raise refuse(403, "This connection is not encrypted, so no key is taken over it.")
    session = await _begun_session(visit, form.get("key", "").strip())
    response = _led_to(quote(_onward(request)))
    _set_cookie(response, request, session.token, seconds=int(LIFE.total_seconds()))
    return response


async def log_out(visit: Visit) -> Response:
    """End the browser's session, and lead to the form."""
    _require_own_form(visit.request)
    session = await _open_session(visit)
    if session is not None:
        await visit.look_up(lambda: visit.front.gate.log_out(session))
    response = _led_to("login?left=1")
    _set_cookie(response, visit.request, "", seconds=0)
    return response


def page_for(visit: Visit, problem: Problem) -> Response | None:
    """Return a refusal as a browser should see it; null for any other caller or route."""
    request, operation = visit.request, visit.operation
    if "text/html" not in request.headers.get("accept", ""):
        return None
    if operation.by_session and problem.status == 401 and "authorization" not in request.headers:
        wanted = quote(_FIRST_PAGE + request.path_params["path"])
        return _led_to(f"{to_root(request)}login?next={wanted}")
    if operation.name in ("login", "logout"):
        return _page(visit, problem=problem)
    return None


def to_root(request: Request) -> str:
    """Return how to get from a page to where the service begins, such as ``../``."""
    path = request.scope.get("raw_path") or request.url.path.encode()
    return "../" * (bytes(path).count(b"/") - 1)


def session_bar(session: Session, root: str) -> str:
    """Return the end of a page that was read in a session: whose it is, and how to end it."""
    key, until = session.key, f"{session.ends_at:%H:%M} UTC"
    told = html.escape(f"Access key {key.key_id} ({key.role}), until {until}.")
    return (
        '<footer aria-label="Session"><form method="post" '
        f'action="{root}logout" style="font:.9rem system-ui,sans-serif;text-align:center;'
        f'padding:1rem">{told} <button style="font:inherit">Log out</button></form></footer>'
    )


def _page(
    visit: Visit, *, session: Session | None = None, problem: Problem | None = None
) -> Response:
    request = visit.request
    page = _template().render(
        session=session,
        problem=problem,
        onward=_onward(request),
        was_led=bool(getattr(request.state, "onward", "")),
        takes_keys=_may_take_keys(request),
        has_left="left" in request.query_params,
        roles=" or ".join(REPORT_READERS),
    )
    headers = HEADERS | dict(problem.headers if problem else {})
    status = problem.status if problem else 200
    return Response(page, status, headers, "text/html; charset=utf-8")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_PAGE.read_text(encoding="utf-8"))


async def _open_session(visit: Visit) -> Session | None:
    """Return the session of the browser's cookie, or null where none is open."""
    token, gate = visit.request.cookies.get(COOKIE), visit.front.gate
    if token is None:
        return None
    try:
        session = await visit.look_up(lambda: gate.session(token, needed=REPORT_READERS))
    except (UnknownKeyError, WrongRoleError):
        return None
    visit.key_id = session.key.key_id
    return session


async def _begun_session(visit: Visit, key: str) -> Session:
    """Return a new session of a key, or refuse; who fails too often is not even looked up."""
    gate, address = visit.front.gate, visit.request.client.host if visit.request.client else ""
    wait_s = math.ceil(gate.attempts.wait_s(address))
    if wait_s:
        detail = f"Too many logins failed; try again in {wait_s} seconds."
        raise refuse(429, detail, Retry_After=str(wait_s))
    if not key:
        raise UnknownKeyError("Enter an access key.")
    try:
        session = await visit.look_up(lambda: gate.log_in(key, needed=REPORT_READERS))
    except (UnknownKeyError, WrongRoleError) as error:
        visit.key_id = error.key_id
        if isinstance(error, WrongRoleError):
            gate.attempts.forget(address)  # whoever holds a key is not guessing
        raise
    gate.attempts.forget(address)
    visit.key_id = session.key.key_id
    return session


async def _form(visit: Visit) -> dict[str, str]:
    request, timeout_s, content = visit.request, visit.front.limits.read_timeout_s, b""
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() != _FORM:
        raise refuse(
            415, f"Content-Type: saw {given[:80]!r}; expected {_FORM}.", Connection="close"
        )
    try:
        with anyio.fail_after(timeout_s):
            async for chunk in request.stream():
                content += chunk
                if len(content) > LONGEST_FORM_BYTES:
                    detail = f"The form is over {LONGEST_FORM_BYTES:,} bytes."
                    raise refuse(413, detail, Connection="close")
    except TimeoutError as error:
        raise refuse(408, f"The form took over {timeout_s:g} s.", Connection="close") from error
    fields = parse_qs(content.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _require_own_form(request: Request) -> None:
    """Refuse a form of another site, by what browsers say of it; other callers say nothing."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        is_own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        raise refuse(403, "The form came from another site; open the page here and try again.")


def _may_take_keys(request: Request) -> bool:
    """Whether nobody on the way can read a key: it is encrypted, or does not leave the machine."""
    host = request.url.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return is_here or _is_encrypted(request)


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks TLS, as the proxy says or the browser does of its form."""
    origin = request.headers.get("origin", "")
    return request.url.scheme == "https" or origin.startswith("https://")


def _onward(request: Request) -> str:
    """Return the report to go on to: a path within the reports, whatever was asked for."""
    wanted = str(getattr(request.state, "onward", ""))
    is_safe = wanted.startswith(_FIRST_PAGE) and wanted.isprintable() and "\\" not in wanted
    return wanted if is_safe and ".." not in wanted.split("/") else _FIRST_PAGE


def _led_to(address: str) -> Response:
    return Response(status_code=303, headers={"Location": address})


def _set_cookie(response: Response, request: Request, token: str, *, seconds: int) -> None:
    secure = _is_encrypted(request)
    response.set_cookie(
        COOKIE, token, max_age=seconds, secure=secure, httponly=True, samesite="strict"
    )
