"""Starting the service in a process of its own, and stopping it cleanly."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO

from features.errors import HomeError, ServiceError, SettingsError
from features.home import Home
from features.store import open_store
from serving.access import list_keys
from serving.settings import Limits, ServiceSettings, as_environment
from serving.supervisor import GRACE_S

LOOPBACK = "127.0.0.1"
READY_WITHIN_S = 60.0
MENDS_WITHIN_S = 3.0
"""It opens model and store before it answers: what is wrong then is seldom mended by waiting."""
STOP_WITHIN_S = GRACE_S + 5.0
_TAIL_LINES = 20


@contextlib.contextmanager
def service(
    home: Home,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    log: Path,
    limits: Limits | None = None,
    workers: int = 1,
) -> Iterator[str]:
    """Run the service while the block runs, and yield its base URL once it is ready.

    Parameters
    ----------
    port
        Null = one that is free.
    log
        File to which the service's output is appended.
    workers
        Processes that answer, each with a model and track records of its own.

    Raises
    ------
    HomeError
        If the home has no model that serves.
    SettingsError
        If the host is not loopback and there is no access key yet.
    ServiceError
        If it does not get ready; the message ends with the end of the log.
    """
    require_servable(home, host)
    port = port or free_port(host)
    with _output(log) as output:
        place = _Place(home, host, port, workers)
        process = _start(place, output, limits or Limits())
    try:
        url = base_url(host, port)
        _wait_until_ready(process, url, log)
        yield url
    finally:
        stop(process)


def serve_forever(
    home: Home,
    *,
    host: str = LOOPBACK,
    port: int = 3000,
    log: Path | None = None,
    limits: Limits | None = None,
    workers: int = 1,
) -> None:
    """Run the service until this process is interrupted or told to end.

    Parameters
    ----------
    log
        File to which the service's output is appended; null = the output of this process.
    workers
        Processes that answer, each with a model and track records of its own.

    Raises
    ------
    SecondLookError
        As `service` does, and if the service ends by itself.
    """
    require_servable(home, host)
    with _output(log) as output:
        place = _Place(home, host, port, workers)
        process = _start(place, output, limits or Limits())
    with _stopped_by_signals(process):
        _wait_until_ready(process, base_url(host, port), log)
        process.wait()
        raise ServiceError(_told(f"The service ended with status {process.returncode}", log))


def require_servable(home: Home, host: str) -> None:
    """Refuse to start what could not answer, or would be open to others without keys.

    Raises
    ------
    HomeError
        If there is no model or plan yet.
    SettingsError
        If the host is not loopback and there is no valid access key.
    """
    store = open_store(home.store_url())
    try:
        store.require_current()
        if not home.champion_file.is_file() or store.plan_document() is None:
            raise HomeError(
                f"home {str(home.path)!r}: no model serves yet; run `secondlook train` and then "
                "`secondlook promote`"
            )
        now = datetime.now(UTC)
        if not is_loopback(host) and not any(k.is_valid(now) for k in list_keys(store).values()):
            raise SettingsError(
                f"host: saw {host!r} while there is no access key; expected {LOOPBACK}, or make "
                "a key first"
            )
    finally:
        store.engine.dispose()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host.

    Raises
    ------
    SettingsError
        If it is not an IP address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise SettingsError(f"host: saw {host!r}; expected an IP address") from error


def base_url(host: str, port: int) -> str:
    """Return the address at which a service on this host is called from this machine.

    Examples
    --------
    >>> base_url("::1", 3000), base_url("0.0.0.0", 3000)
    ('http://[::1]:3000', 'http://127.0.0.1:3000')
    """
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("::1" if address.version == 6 else LOOPBACK)
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def free_port(host: str) -> int:
    """Return a port that nobody listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a service: requests in flight finish; what is left after `STOP_WITHIN_S` is killed."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers that outlived their parent
    process.wait()


@contextlib.contextmanager
def _output(log: Path | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        yield output


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a service runs."""

    home: Home
    host: str
    port: int
    workers: int


def _start(place: _Place, output: IO[bytes] | None, limits: Limits) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "serving.supervisor", "--host", place.host]
    command += ["--port", str(place.port), "--workers", str(place.workers)]
    return subprocess.Popen(
        command,
        cwd=_code_folder(),
        env=_environment(place.home, place.port, limits, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _environment(
    home: Home, port: int, limits: Limits, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of the service; one thread for each call in numeric libraries."""
    quiet = {
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(home.path / "bentoml" / str(port)),
        "PYTHONUNBUFFERED": "1",
    }
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    own = as_environment(ServiceSettings(home.path, limits))
    return threads | dict(inherited) | quiet | own


def _code_folder() -> Path:
    return Path(__file__).resolve().parent.parent


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path | None) -> None:
    until = time.monotonic() + READY_WITHIN_S
    answers = False
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServiceError(_told("The service ended while starting", log))
        ready = _is_ready(url)
        if ready:
            return
        if ready is False and not answers:
            answers, until = True, time.monotonic() + MENDS_WITHIN_S
        time.sleep(0.1)
    seen = "runs, but is not ready" if answers else f"did not start within {READY_WITHIN_S:g} s"
    raise ServiceError(_told(f"The service {seen}", log))


def _is_ready(url: str) -> bool | None:
    """Whether the service is ready; null while it does not answer at all."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return None


def _told(what: str, log: Path | None) -> str:
    if log is None:
        return f"{what}; its output above says why."
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"{what}; the end of {log.name}:", *(f"  {line}" for line in lines)])


@contextlib.contextmanager
def _stopped_by_signals(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop the service when this process is interrupted or told to end, and end quietly."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
        stop(process)
