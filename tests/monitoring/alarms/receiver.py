"""A receiver of webhooks: a real HTTP server on this machine that answers as it is told to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Receiver:
    """What a server received, and how it answers.

    Attributes
    ----------
    answers
        Status of each answer to come; 0 = none at all, -1 = a byte now and then. Then always 204.
    """

    answers: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.received.append((dict(handler.headers.items()), body))
        status = self.answers.pop(0) if self.answers else 204
        if status > 0:
            if status < 300:
                self.taken.append(str(handler.headers["Idempotency-Key"]))
            handler.send_response(status)
            handler.send_header("Location", self.url + "elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        while not self.stop.wait(0.1):
            if status < 0:
                try:
                    handler.wfile.write(b"H")
                except OSError:
                    return


@contextmanager
def receiving(*answers: int, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Serve on a free port of this machine; with a certificate and its key over TLS."""
    receiver = Receiver(list(answers))

    class Serving(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of callers that hang up."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            receiver.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Serving(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.url = f"https://localhost:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
