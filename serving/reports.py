"""The reports as pages: files of one folder, nothing outside it, nothing from third parties."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # charts of Evidently's pages
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src blob:",
        "frame-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_HEADERS = {"Content-Security-Policy": _POLICY}


async def report_response(folder: Path, request: Request) -> Response:
    """Return a report by its path in the folder; the folder itself is its index.

    Raises
    ------
    HTTPException
        404 if there is no such file in the folder, 405 if it is not a reading request.
    """
    path = str(request.path_params["path"])
    if path == "" and not await anyio.to_thread.run_sync((folder / "index.html").is_file):
        page = await anyio.to_thread.run_sync(list_page, folder)
        return Response(page, 200, _HEADERS, "text/html; charset=utf-8")
    files = StaticFiles(directory=folder, html=True, check_dir=False)
    response = await files.get_response(files.get_path({"path": f"/{path}"}), request.scope)
    response.headers.update(_HEADERS)
    return response


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
