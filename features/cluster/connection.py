"""A Dask cluster for what outgrows one machine: joined, or started on this one, and closed again.

Machines of a cluster trust each other: Dask sends them functions to run. So what is not on loopback
is joined over TLS alone, with the certificates of Dask's own configuration. Nothing outside the
modules of that engine imports this one.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dask
from distributed import Client, Future, LocalCluster, Security, as_completed
from distributed.scheduler import KilledWorker

from features.errors import ServiceError, SettingsError

Progress = Callable[[str], None]
Result = TypeVar("Result")

_ALIKE = ("secondlook", "lightgbm", "numpy", "pandas", "pyarrow")
_TENTHS = 10
_TRIES = 3
_PAUSE_S = 1.0
"""What a scheduler is given to see that a worker is gone."""
_LOCAL = {
    "distributed.worker.memory.target": False,  # Dask would put rows on disk in its own format
    "distributed.worker.memory.spill": False,
    "distributed.logging.distributed": "error",
}


@contextmanager
def open_cluster(
    scheduler: str | None = None, *, workers: int = 2, patience_s: float = 10.0
) -> Iterator[Client]:
    """Join the cluster of a scheduler, or start one on this machine for the block.

    Parameters
    ----------
    scheduler
        Its address, such as ``tls://10.0.0.7:8786``, or ``tcp://127.0.0.1:8786`` on loopback; null
        = processes of this machine, of one thread each, that listen on loopback alone.
    workers
        How many of these.
    patience_s
        How long a scheduler may take to answer, in seconds.

    Raises
    ------
    SettingsError
        If the address is beyond loopback and not TLS, TLS is not configured, or a worker has other
        versions than this process.
    ServiceError
        If the scheduler does not answer, or has no workers.
    """
    if scheduler is None:
        with dask.config.set(_LOCAL), _local(workers) as cluster, Client(cluster) as client:
            yield client
        return
    with _joined(trusted(scheduler), patience_s) as client:
        _require_alike(client)
        yield client


def trusted(scheduler: str) -> str:
    """Return the address of a scheduler if it may be joined.

    Raises
    ------
    SettingsError
        If it is neither TLS nor on loopback.

    Examples
    --------
    >>> trusted("tcp://127.0.0.1:8786"), trusted("tls://10.0.0.7:8786")
    ('tcp://127.0.0.1:8786', 'tls://10.0.0.7:8786')
    >>> trusted("tcp://10.0.0.7:8786")
    Traceback (most recent call last):
    features.errors.SettingsError: scheduler 'tcp://10.0.0.7:8786': saw an address beyond loopback \
without TLS; expected tls://HOST:PORT, with distributed.comm.tls in Dask's configuration
    """
    try:
        parts = urlsplit(scheduler)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("tcp", "tls") or not host or not port or parts.username:
        raise SettingsError(
            f"scheduler: saw {scheduler.rsplit('@', 1)[-1]!r}; expected tls://HOST:PORT, or "
            "tcp://127.0.0.1:PORT on this machine"
        )
    if parts.scheme == "tcp" and not _is_loopback(host):
        raise SettingsError(
            f"scheduler {scheduler!r}: saw an address beyond loopback without TLS; expected "
            "tls://HOST:PORT, with distributed.comm.tls in Dask's configuration"
        )
    return scheduler


def sent(client: Client, values: Any, *, everywhere: bool = False) -> Any:
    """Send values to workers, once more where one died as it took them; return their futures.

    Parameters
    ----------
    values
        One value, or a list of them, of which each has its future.
    everywhere
        Whether every worker has them, or one.

    Raises
    ------
    ServiceError
        If workers die again and again, or there are none.
    """
    lost: OSError | None = None
    for _ in range(_TRIES):
        try:
            return client.scatter(values, broadcast=everywhere, hash=False)
        except OSError as error:  # all that Dask says of a connection is of this kind
            lost = error
            time.sleep(_PAUSE_S)
    raise ServiceError(
        f"cluster: no worker took what was sent to it, {_TRIES} times; see that workers run and "
        "have enough memory"
    ) from lost


def results(
    futures: Sequence[Future], *, told: str, progress: Progress = lambda _: None
) -> list[Any]:
    """Wait for all tasks, telling each tenth of them that is done; return what they gave, in order.

    Raises
    ------
    ServiceError
        If workers died again and again over a task.
    """
    done, tenth = 0, 0
    try:
        for _ in as_completed(futures, raise_errors=False):
            done += 1
            if (reached := math.floor(_TENTHS * done / len(futures))) > tenth:
                tenth = reached
                progress(f"{told}: {done:,} of {len(futures):,} parts")
        return [future.result() for future in futures]
    except KilledWorker as error:
        raise ServiceError(
            f"cluster: workers died {dask.config.get('distributed.scheduler.allowed-failures') + 1}"
            f" times while {told}; give them more memory, or make the parts smaller"
        ) from error


def again_if_lost(work: Callable[[], Result], progress: Progress) -> Result:
    """Do work on a cluster, and do it once more where workers took with them what only they had.

    Raises
    ------
    ServiceError
        If they do so again and again.
    """
    for _ in range(_TRIES):
        try:
            return work()
        except CancelledError:
            progress("workers were lost with what only they had; once more")
    raise ServiceError(
        f"cluster: all workers that held a table were lost, {_TRIES} times; give them more memory"
    )


def hands_of(client: Client, parts: int) -> int:
    """Return among how many tasks rows are dealt out: two a worker, no more than parts."""
    return max(1, min(parts, 2 * len(client.nthreads())))


@contextmanager
def _local(workers: int) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs="ERROR",
    ) as cluster:
        yield cluster


@contextmanager
def _joined(scheduler: str, patience_s: float) -> Iterator[Client]:
    _require_certificates(scheduler)
    try:
        client = Client(scheduler, timeout=patience_s, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ServiceError(
            f"scheduler {scheduler!r}: does not answer; start it with `dask scheduler`, and its "
            "workers with `dask worker`"
        ) from error
    with client:
        yield client


def _require_certificates(scheduler: str) -> None:
    """Refuse TLS without certificates, which a client would find out too late to end well."""
    if not scheduler.startswith("tls:"):
        return
    try:
        context = Security().get_connection_args("client").get("ssl_context")
    except OSError as error:
        raise _no_certificates(scheduler, f"saw files that cannot be used ({error})") from error
    if context is None:
        raise _no_certificates(scheduler, "saw no certificates")


def _no_certificates(scheduler: str, seen: str) -> SettingsError:
    return SettingsError(
        f"scheduler {scheduler!r}: {seen}; expected ca-file, and cert and key of the client, under "
        "distributed.comm.tls in Dask's configuration"
    )


def _require_alike(client: Client) -> None:
    """Refuse workers whose libraries could give other figures."""
    ours = _versions()
    theirs = client.run(_versions)
    if not theirs:
        raise ServiceError("cluster: it has no workers; start some with `dask worker`")
    for place, found in theirs.items():
        unlike = [name for name in _ALIKE if found[name] != ours[name]]
        if unlike:
            name = unlike[0]
            raise SettingsError(
                f"worker {place}: saw {name} {found[name]}; expected {ours[name]}, as here; "
                "install the same lock file on all machines"
            )


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _ALIKE}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
