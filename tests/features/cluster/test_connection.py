from __future__ import annotations

import subprocess
import sys

import pytest
from distributed.comm import CommClosedError

from features.cluster.connection import open_cluster, sent, trusted
from features.errors import ServiceError, SettingsError


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:8786", "tls://far:8786"]
)
def test_loopback_and_tls_are_trusted(address: str) -> None:
    assert trusted(address) == address


@pytest.mark.parametrize("address", ["tcp://10.0.0.7:8786", "tcp://far.example:8786"])
def test_what_is_beyond_loopback_needs_tls(address: str) -> None:
    with pytest.raises(SettingsError, match="expected tls://HOST:PORT"):
        trusted(address)


@pytest.mark.parametrize(
    "address", ["", "far:8786", "ucx://far:1", "tls://far", "tcp://127.0.0.1:x"]
)
def test_what_is_no_address_of_a_scheduler_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match=r"expected tls://HOST:PORT"):
        trusted(address)


def test_what_stands_before_the_host_is_not_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        trusted("tls://me:secret@far:8786")
    assert "secret" not in str(refused.value)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told() -> None:
    with (
        pytest.raises(ServiceError, match="does not answer"),
        open_cluster("tcp://127.0.0.1:1", patience_s=1),
    ):
        pass


@pytest.mark.slow
def test_a_scheduler_of_this_machine_is_joined_by_its_address() -> None:
    with open_cluster(workers=1) as own, open_cluster(own.scheduler.address) as joined:
        assert joined.submit(sum, [1, 2]).result() == 3


@pytest.mark.slow
def test_a_scheduler_without_workers_is_told() -> None:
    with (
        open_cluster(workers=0) as own,
        pytest.raises(ServiceError, match="has no workers"),
        open_cluster(own.scheduler.address),
    ):
        pass


def test_tls_without_certificates_is_told() -> None:
    with (
        pytest.raises(SettingsError, match=r"distributed\.comm\.tls"),
        open_cluster("tls://127.0.0.1:1", patience_s=1),
    ):
        pass


def test_no_module_of_the_programme_brings_dask_unless_it_is_asked_for() -> None:
    every = "import sys, pkgutil, importlib, secondlook, commands\n"
    every += "for each in pkgutil.iter_modules(commands.__path__):\n"
    every += "    importlib.import_module('commands.' + each.name)\n"
    every += "import training.train, training.source, features.partitions, features.known\n"
    every += "import serving.backlog.ranking, models.scoring\n"
    every += "print(sorted({n.split('.')[0] for n in sys.modules} & {'dask', 'distributed'}))"
    told = subprocess.run(
        [sys.executable, "-c", every], capture_output=True, text=True, check=True
    ).stdout
    assert told.strip().splitlines()[-1] == "[]"


class Connection:
    """A client whose workers die as they take what is sent, some number of times."""

    def __init__(self, losses: int) -> None:
        self.losses = losses

    def scatter(self, values: object, **_: object) -> object:
        self.losses -= 1
        if self.losses >= 0:
            raise CommClosedError("connection reset by peer")
        return values


def test_what_a_dying_worker_did_not_take_is_sent_once_more() -> None:
    assert sent(Connection(losses=1), "rows") == "rows"


def test_workers_that_die_again_and_again_are_told() -> None:
    with pytest.raises(ServiceError, match="no worker took what was sent to it, 3 times"):
        sent(Connection(losses=3), "rows")
