"""Options that say where the work is done: in this process, or on a Dask cluster.

An empty address is one that is not given: `mlflow run` passes every parameter that MLproject names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import step
from features.errors import SettingsError

if TYPE_CHECKING:
    from training.engine import Engine as TrainingEngine


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    DASK = "dask"


EngineOption = Annotated[
    Engine, typer.Option("--engine", help="Where the work is done: in this process, or on Dask.")
]
SchedulerOption = Annotated[
    str,
    typer.Option(
        "--scheduler",
        help="Address of Dask's scheduler, tls:// beyond loopback; default: a local cluster.",
    ),
]


@contextmanager
def training_engine(engine: Engine, scheduler: str) -> Iterator[TrainingEngine]:
    """Yield the engine of training; a cluster is joined, or started, for the block."""
    from training.engine import HERE

    if engine is Engine.LOCAL:
        require_local(scheduler)
        yield HERE
        return
    require_dask()
    from features.cluster.connection import open_cluster
    from training.dask_engine import engine_on

    with open_cluster(scheduler or None) as client:
        yield engine_on(client, step)


def require_local(scheduler: str) -> None:
    """Refuse the address of a scheduler that would not be joined.

    Raises
    ------
    SettingsError
        If there is one.

    Examples
    --------
    >>> require_local("")
    >>> require_local("tcp://127.0.0.1:8786")
    Traceback (most recent call last):
    features.errors.SettingsError: saw --scheduler without --engine dask; give both, or neither
    """
    if scheduler:
        raise SettingsError("saw --scheduler without --engine dask; give both, or neither")


def require_dask() -> None:
    """Refuse the engine where its extra is not installed.

    Raises
    ------
    SettingsError
        If it is not.
    """
    if find_spec("distributed") is None:
        raise SettingsError(
            "engine dask: the extra `dask` is not installed; expected it: "
            "`pip install 'secondlook[dask]'`, or leave out --engine"
        )
