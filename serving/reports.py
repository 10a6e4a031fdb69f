"""The reports as pages: files of one folder, nothing outside it, nothing from third parties."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from serving.login import session_bar, to_root
from serving.session import Session

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "script-src 'self'",  # page.js and charts.js, which lie beside the pages
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",  # to log out
        "frame-ancestors 'none'",
    )
)
_EVIDENTLY_PAGE = "evidently.html"
_EVIDENTLY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval' blob:",  # its charts
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "font-src data:",
        "connect-src data: blob:",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


async def report_response(folder: Path, request: Request, session: Session | None) -> Response:
    """Return a report by its path in the folder; the folder itself is its index.

    A page that is read in a session of a browser ends with a button that ends the session.

    Raises
    ------
    HTTPException
        404 if there is no such file in the folder, 405 if it is not a reading request.
    """
    path = str(request.path_params["path"])
    if path == "" and not await anyio.to_thread.run_sync((folder / "index.html").is_file):
        page = await anyio.to_thread.run_sync(list_page, folder)
        response = _as_page(page.encode(), session, request)
    else:
        files = StaticFiles(directory=folder, html=True, check_dir=False)
        response = await files.get_response(files.get_path({"path": f"/{path}"}), request.scope)
        if session is not None and isinstance(response, FileResponse) and _is_page(response):
            content = await anyio.to_thread.run_sync(Path(response.path).read_bytes)
            response = _as_page(content, session, request)
    is_evidently = path.rpartition("/")[2] == _EVIDENTLY_PAGE
    policy = _EVIDENTLY_POLICY if is_evidently else _POLICY
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "same-origin"  # else the button's form has no origin
    return response


def _is_page(response: FileResponse) -> bool:
    return response.status_code == 200 and response.media_type == "text/html"


def _as_page(content: bytes, session: Session | None, request: Request) -> Response:
    end = "" if session is None else session_bar(session, to_root(request))
    return Response(content + end.encode(), media_type="text/html; charset=utf-8")


def list_page(folder: Path) -> str:
    """Return a page with a link to every report.

    Examples
    --------
    >>> "No report" in list_page(Path("no-such-folder"))
    True
    """
    found = sorted(folder.rglob("*.html"), reverse=True) if folder.is_dir() else []
    names = [path.relative_to(folder).as_posix() for path in found]
    links = "".join(f'<li><a href="{quote(name)}">{html.escape(name)}</a></li>' for name in names)
    body = f"<ul>{links}</ul>" if links else "<p>No report yet; run <code>secondlook report</code>."
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Second Look reports</title>'
        '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark}'
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        f"</style><h1>Reports</h1>{body}"
    )
