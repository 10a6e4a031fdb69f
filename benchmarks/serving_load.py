"""Call a server over keep-alive connections as fast as it answers: the load of a benchmark.

``python -m benchmarks.serving_load HOST PORT CLIENTS FILE`` reads whole HTTP requests, made
beforehand, from the file, deals them out to so many connections in turn, and prints one line of
JSON. It parses no more of an answer than its status and length, and runs in a process of its own,
so that what it measures is the server. Only the standard library is imported.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

_LENGTH = struct.Struct(">Q")
_PIECE = 1 << 18
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """What calling so many times came to.

    Attributes
    ----------
    seconds
        From the first request to the last answer.
    latency_ms
        Of each call, from its first byte out to its last byte in; those of one connection after
        those of another.
    cpu_s
        Processor seconds of the callers themselves.
    failures
        Statuses other than 200, by how often they came.
    last_answer
        Body of one of the last answers, as text.
    """

    seconds: float
    latency_ms: list[float]
    cpu_s: float
    failures: dict[str, int] = field(default_factory=dict)
    last_answer: str = ""


def http_request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a whole POST request.

    Examples
    --------
    >>> http_request("/v1/rank", b"{}", {"X": "y"}).splitlines()[0]
    b'POST /v1/rank HTTP/1.1'
    """
    sent = {"Host": "127.0.0.1", "Content-Type": "application/json"} | headers
    sent["Content-Length"] = str(len(body))
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """Write requests, each after its length."""
    with file.open("wb") as out:
        for request in requests:
            out.write(_LENGTH.pack(len(request)) + request)


def read_requests(file: Path) -> Iterator[bytes]:
    """Yield what `write_requests` wrote."""
    content, place = memoryview(file.read_bytes()), 0
    while place < len(content):
        (length,) = _LENGTH.unpack_from(content, place)
        place += _LENGTH.size
        yield bytes(content[place : place + length])
        place += length


def call(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send a request and return status and body of its answer.

    Raises
    ------
    ConnectionError
        If the server hangs up, or does not tell the length of its answer.

    """
    connection.sendall(request)
    seen = bytearray()
    while (end := seen.find(b"\r\n\r\n")) < 0:
        seen += _piece(connection)
    head = bytes(seen[:end]).lower()
    _, told, length = head.partition(b"\r\ncontent-length:")
    if not told:
        raise ConnectionError("the answer does not tell its length")
    whole = end + 4 + int(length.partition(b"\r\n")[0])
    while len(seen) < whole:
        seen += _piece(connection)
    return int(head[9:12]), bytes(seen[end + 4 : whole])


def _piece(connection: socket.socket) -> bytes:
    piece = connection.recv(_PIECE)
    if not piece:
        raise ConnectionError("the server hung up")
    return piece


def load(host: str, port: int, *, clients: int, requests: list[bytes]) -> Load:
    """Send all requests over so many connections, one at a time on each."""
    connections = [
        socket.create_connection((host, port), timeout=_PATIENCE_S) for _ in range(clients)
    ]
    answers: list[list[tuple[float, int, bytes]]] = [[] for _ in connections]
    faults: list[OSError] = []

    def work(number: int) -> None:
        try:
            for request in requests[number::clients]:
                began = time.perf_counter()
                status, body = call(connections[number], request)
                taken_ms = 1e3 * (time.perf_counter() - began)
                answers[number].append((taken_ms, status, body if status != 200 else body[-400:]))
        except OSError as fault:
            faults.append(fault)

    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    began, cpu_s = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    for connection in connections:
        connection.close()
    if faults:
        raise faults[0]
    return _summed([each for own in answers for each in own], seconds, cpu_s)


def _summed(answers: list[tuple[float, int, bytes]], seconds: float, cpu_s: float) -> Load:
    failures: dict[str, int] = {}
    last = b""
    for _, status, body in answers:
        if status != 200:
            failures[str(status)] = failures.get(str(status), 0) + 1
        if status != 200 or not failures:
            last = body
    told = last.decode(errors="replace")
    return Load(seconds, [taken for taken, _, _ in answers], cpu_s, failures, told)


def main(arguments: list[str]) -> int:
    """Send the requests of a file, and print what came of it."""
    host, port, clients, file = arguments
    requests = list(read_requests(Path(file)))
    found = load(host, int(port), clients=int(clients), requests=requests)
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
