"""The systems of the serving benchmark, each started, called, and stopped again.

``secondlook`` is the real service with everything on. ``noop`` answers a constant in the same
stack. The peers predict from ready features with the trees of the comparison and do nothing else;
each runs in an environment of its own, made by ``uv``, as its documentation has it started. All get
``OMP_NUM_THREADS=1``, and answer with one worker process.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil

from benchmarks.serving_home import Peer, Served, Traffic
from models.arrays import Floats
from serving.launch import LOOPBACK, free_port, service

_HERE = Path(__file__).resolve().parent
_READY_WITHIN_S = 180.0
_CHECKED_ROWS = 20
_EQUAL = 1e-9
_MLSERVER = "1.7.1"
_COLUMNS = "dataframe_split"

Body = Callable[[int], bytes]
"""Makes the body of a call of so many rows."""


@dataclass(frozen=True, slots=True)
class System:
    """A server that is up.

    Attributes
    ----------
    headers
        Beside the usual ones.
    body
        Makes the body of the next call.
    processes
        Of the server, its children among them.
    """

    name: str
    port: int
    path: str
    headers: dict[str, str]
    body: Body
    processes: tuple[psutil.Process, ...]

    def cpu_s(self) -> float:
        """Return processor seconds of its processes so far."""
        times = [process.cpu_times() for process in self.processes]
        return float(sum(each.user + each.system for each in times))

    def resident_mb(self) -> dict[str, float]:
        """Return resident memory of each process, in megabytes, the largest first."""
        found = {str(each.pid): each.memory_info().rss / 2**20 for each in self.processes}
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))


@contextlib.contextmanager
def secondlook(
    name: str, served: Served, traffic: Traffic, folder: Path, *, workers: int = 1
) -> Iterator[System]:
    """Serve a home: store, access key, track records, plan and reasons."""
    before = _children()
    with service(served.home, workers=workers, log=folder / f"{name}.log") as url:
        port = urlsplit(url).port or 0
        headers = {"Authorization": f"Bearer {served.key}"}
        yield System(name, port, "/v1/rank", headers, traffic.body, _started(before))


@contextlib.contextmanager
def noop(body: Body, folder: Path) -> Iterator[System]:
    """Serve a constant, called with the bodies of the real service."""
    port = free_port(LOOPBACK)
    command = [sys.executable, "-m", "bentoml", "serve", "benchmarks.serving_noop:Noop"]
    command += ["--host", LOOPBACK, "--port", str(port), "--working-dir", str(_HERE.parent)]
    with _process("noop", command, folder) as processes:
        _wait("noop", port, "/noop", b"{}", processes[0])
        yield System("noop", port, "/noop", {}, body, _family(processes[0]))


@contextlib.contextmanager
def fastapi(peer: Peer, folder: Path) -> Iterator[System]:
    """Serve the booster behind FastAPI and pydantic."""
    port = free_port(LOOPBACK)
    command = _uv("fastapi>=0.115", "uvicorn[standard]>=0.34", _lightgbm(), _numpy())
    command += ["python", str(_HERE / "serving_fastapi.py"), str(_model(peer, folder)), str(port)]
    rows = Rows(peer.matrix, lambda part: {"rows": _nullable(part)})
    with _peer("fastapi", command, folder, port, "/predict", peer, rows) as system:
        yield system


@contextlib.contextmanager
def mlflow(peer: Peer, folder: Path) -> Iterator[System]:
    """Serve the booster by ``mlflow models serve``."""
    port, saved = free_port(LOOPBACK), folder / "mlflow-model"
    uv = _uv(f"mlflow=={version('mlflow')}", _lightgbm(), _numpy())
    script = [*uv, "python", str(_HERE / "serving_mlflow.py")]
    subprocess.run([*script, str(_model(peer, folder)), str(saved)], check=True, env=_environment())
    command = [*uv, "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    command += ["--host", LOOPBACK, "--port", str(port)]
    names = peer.booster.feature_name()
    rows = Rows(peer.matrix, lambda part: {_COLUMNS: {"columns": names, "data": _nullable(part)}})
    with _peer("mlflow", command, folder, port, "/invocations", peer, rows) as system:
        yield system


@contextlib.contextmanager
def mlserver(peer: Peer, folder: Path) -> Iterator[System]:
    """Serve the booster by MLServer's LightGBM runtime, over its V2 protocol."""
    port, place = free_port(LOOPBACK), folder / "mlserver"
    place.mkdir()
    shutil.copy(_model(peer, folder), place / "model.bst")
    settings = {
        "host": LOOPBACK,
        "http_port": port,
        "grpc_port": free_port(LOOPBACK),
        "metrics_port": free_port(LOOPBACK),
    }
    (place / "settings.json").write_text(json.dumps(settings))
    runtime = "mlserver_lightgbm.LightGBMModel"
    model = {"name": "b", "implementation": runtime, "parameters": {"uri": "./model.bst"}}
    (place / "model-settings.json").write_text(json.dumps(model))
    runtimes = [f"{name}=={_MLSERVER}" for name in ("mlserver", "mlserver-lightgbm")]
    command = _uv(*runtimes, "uvloop<0.22", _lightgbm(), _numpy())  # it needs an older uvloop
    command += ["mlserver", "start", str(place)]
    rows = Rows(peer.matrix, _tensor)
    with _peer("mlserver", command, folder, port, "/v2/models/b/infer", peer, rows) as system:
        yield system


class Rows:
    """Bodies from ready features, other rows for each call, from the first again at the end."""

    def __init__(self, matrix: Floats, told: Callable[[Floats], object]) -> None:
        self._matrix = matrix
        self._told = told
        self._place = 0

    def __call__(self, rows: int) -> bytes:
        """Return the body of the next call."""
        if self._place + rows > len(self._matrix):
            self._place = 0
        part = self._matrix[self._place : self._place + rows]
        self._place += rows
        return json.dumps(self._told(part), separators=(",", ":")).encode()


def _nullable(part: Floats) -> list[list[float | None]]:
    return [[None if value != value else value for value in row] for row in part.tolist()]


def _tensor(part: Floats) -> object:
    flat = [value for row in _nullable(part) for value in row]
    tensor = {"name": "x", "shape": list(part.shape), "datatype": "FP64", "data": flat}
    return {"inputs": [tensor]}


def predictions_of(answer: bytes) -> list[float]:
    """Return the predictions that a peer's answer holds.

    Examples
    --------
    >>> predictions_of(b'{"predictions": [0.5]}')
    [0.5]
    >>> predictions_of(b'{"outputs": [{"name": "predict", "data": [0.5, 0.25]}]}')
    [0.5, 0.25]
    """
    read = json.loads(answer)
    found = read["predictions"] if "predictions" in read else read["outputs"][0]["data"]
    return [float(value) for value in found]


@contextlib.contextmanager
def _peer(
    name: str,
    command: list[str],
    folder: Path,
    port: int,
    path: str,
    peer: Peer,
    rows: Rows,
) -> Iterator[System]:
    """Start a peer, and make sure that it predicts what the booster does."""
    with _process(name, command, folder) as processes:
        answer = _wait(name, port, path, rows(_CHECKED_ROWS), processes[0])
        expected = np.asarray(peer.booster.predict(peer.matrix[:_CHECKED_ROWS], num_threads=1))
        if not np.allclose(predictions_of(answer), expected, rtol=0, atol=_EQUAL):
            raise RuntimeError(f"{name}: it does not predict what the booster does")
        yield System(name, port, path, {}, rows, _family(processes[0]))


@contextlib.contextmanager
def _process(name: str, command: list[str], folder: Path) -> Iterator[tuple[psutil.Process]]:
    with (folder / f"{name}.log").open("ab") as log:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            cwd=folder,
        )
    process = psutil.Process(started.pid)
    try:
        yield (process,)
    finally:
        family = _family(process) if started.poll() is None else ()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        _, alive = psutil.wait_procs(family, timeout=10)
        for each in alive:
            each.kill()
        started.wait()


def _wait(name: str, port: int, path: str, body: bytes, process: psutil.Process) -> bytes:
    """Return the first good answer of a server that starts."""
    until, seen = time.monotonic() + _READY_WITHIN_S, "nothing"
    while time.monotonic() < until and process.is_running():
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            with contextlib.closing(connection.getresponse()) as answer:
                content, status = answer.read(), answer.status
            if status == 200:
                return content
            seen = f"{status}: {content[:300].decode(errors='replace')}"
        time.sleep(0.2)
    raise RuntimeError(f"{name}: it did not start; its last answer was {seen}")


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _started(before: set[int]) -> tuple[psutil.Process, ...]:
    children = psutil.Process().children(recursive=True)
    return tuple(child for child in children if child.pid not in before)


def _family(process: psutil.Process) -> tuple[psutil.Process, ...]:
    return (process, *process.children(recursive=True))


def _model(peer: Peer, folder: Path) -> Path:
    file = folder / "peer.txt"
    peer.booster.save_model(file)
    return file


def _uv(*packages: str) -> list[str]:
    wanted: Sequence[str] = [part for package in packages for part in ("--with", package)]
    return ["uv", "run", "--quiet", "--isolated", "--no-project", "--python", "3.11", *wanted]


def _lightgbm() -> str:
    return f"lightgbm=={version('lightgbm')}"


def _numpy() -> str:
    return f"numpy=={version('numpy')}"


def _environment() -> dict[str, str]:
    """Return the environment of a server: one thread a call, and none of our paths."""
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    own = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "True"}
    return kept | own | {"PYTHONUNBUFFERED": "1"}
