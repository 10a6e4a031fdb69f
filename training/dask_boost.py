"""Trees fitted on a Dask cluster by LightGBM's own estimators: the same text as fitted here.

The rows of a fit lie on one worker. Dealt out to several, LightGBM would take its bins and add up
its sums by their share of the rows, and the trees would be others with every number of workers; and
no fit has more rows than one machine holds (decision 16). What the text says of where it was fitted
is put as a fit here would write it.
"""

from __future__ import annotations

import contextlib
import io
import re
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any

import dask
import dask.array as da
import lightgbm as lgb
from distributed import Client

from features.cluster.connection import Progress, sent
from features.errors import ServiceError
from models.boosting import Boost, TreeRows

_TRIES = 3
_LOOK_S = 1.0
"""How often it is seen to whether the workers of a fit still live."""
_WHERE = {"machines": "", "local_listen_port": "12400"}


def boost_on(client: Client, progress: Progress = lambda _: None) -> Boost:
    """Return what fits trees on the workers of a cluster."""

    def boost(rows: TreeRows, parameters: Mapping[str, Any], *, rounds: int) -> lgb.Booster:
        threads = str(parameters.get("num_threads", 0))
        text = _fitted(client, rows, parameters, rounds, progress)
        return lgb.Booster(model_str=told_as_here(text, threads))

    return boost


def told_as_here(text: str, threads: str) -> str:
    r"""Return the text of trees with what it says of machines and threads as a fit here has it.

    Examples
    --------
    >>> told_as_here("[machines: 10.0.0.7:4711]\n[num_threads: 4]\n", "1")
    '[machines: ]\n[num_threads: 1]\n'
    """
    for name, value in {**_WHERE, "num_threads": threads}.items():
        text = re.sub(rf"^\[{name}: [^\]\n]*\]$", f"[{name}: {value}]", text, flags=re.MULTILINE)
    return text


def _fitted(
    client: Client,
    rows: TreeRows,
    parameters: Mapping[str, Any],
    rounds: int,
    progress: Progress,
) -> str:
    """Fit, and fit again where the worker with the rows was lost, which LightGBM waits for."""
    for _ in range(_TRIES):
        with ThreadPoolExecutor(1) as pool, _own_client(client) as own:
            workers = set(own.nthreads())
            fit = pool.submit(_fit, own, rows, parameters, rounds)
            if _ends(fit, client, workers):
                return fit.result()
        progress("a worker was lost while trees were fitted; once more")
    raise ServiceError(
        f"cluster: workers were lost {_TRIES} times while trees were fitted; give them more memory"
    )


@contextlib.contextmanager
def _own_client(client: Client) -> Any:
    """Yield a client whose end also ends the fit that waits in it."""
    own = Client(client.scheduler.address, security=client.security, set_as_default=False)
    try:
        yield own
    finally:
        own.close()


def _ends(fit: Future[str], client: Client, workers: set[str]) -> bool:
    """Wait for a fit; return whether it ended while all of the workers lived.

    One that fails may do so before it is known that its worker is gone.
    """
    while not wait([fit], timeout=_LOOK_S).done:
        if not workers <= set(client.nthreads()):
            return False
    if fit.exception() is None:
        return True
    time.sleep(_LOOK_S)
    return workers <= set(client.nthreads()) and not isinstance(fit.exception(), CancelledError)


def _fit(client: Client, rows: TreeRows, parameters: Mapping[str, Any], rounds: int) -> str:
    columns = {} if rows.names is None else {"feature_name": rows.names}
    given = {name: value for name, value in parameters.items() if name != "num_threads"}
    # a regressor takes labels and objective as they are; a classifier would number labels anew
    model = lgb.DaskLGBMRegressor(client=client, n_estimators=rounds, **given)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored")  # its own default
        model.fit(
            _on_one_worker(client, rows.matrix),
            _on_one_worker(client, rows.label),
            categorical_feature=rows.categories,
            **columns,
        )
    text: str = model.booster_.model_to_string()
    return text


def _on_one_worker(client: Client, values: Any) -> da.Array:
    """Return an array of one part."""
    held = sent(client, values)
    return da.from_delayed(dask.delayed(held), shape=values.shape, dtype=values.dtype)
