"""Training on a local cluster: the same model text, figures and forecasts as here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client

from features.cluster.connection import open_cluster
from features.contract import DECISIONS
from features.errors import ContractError
from features.known import known_before
from features.track_record import RecordSettings
from models.boosting import TreeRows, boost_here
from models.halves import RiskSettings, tree_parameters
from tests.learned import Learned, learn_small
from training.dask_boost import boost_on
from training.dask_engine import engine_on
from training.learn import learn
from training.source import Border, read_table_here

pytestmark = pytest.mark.slow

NOW = datetime(2027, 1, 1, tzinfo=UTC)
KEY = b"0" * 32


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_cluster(workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def small() -> Learned:
    return learn_small(text=False)


def tree_rows(seed: int, rows: int = 3_000) -> TreeRows:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 6))
    matrix[:, 0] = rng.integers(0, 9, rows)
    matrix[rng.random(rows) < 0.1, 4] = np.nan
    label = (matrix[:, 1] + rng.normal(size=rows) > 1).astype(float)
    return TreeRows(matrix, label, [0], [f"f{place}" for place in range(6)])


def test_trees_of_a_worker_are_those_fitted_here_to_the_letter(client: Client) -> None:
    rows = tree_rows(0)
    parameters = tree_parameters(RiskSettings(), rows=3_000, monotone=[0, 1, 0, 0, 0, -1])
    here = boost_here(rows, parameters, rounds=20)
    there = boost_on(client)(rows, parameters, rounds=20)
    assert there.model_to_string() == here.model_to_string()
    assert (there.predict(rows.matrix) == here.predict(rows.matrix)).all()


def test_labels_of_which_one_never_comes_keep_their_numbers(client: Client) -> None:
    rows = tree_rows(1)
    some = TreeRows(rows.matrix, np.arange(3_000) % 2 * 2, [0])
    parameters = {"objective": "multiclass", "num_class": 4, "seed": 0, "verbose": -1}
    parameters |= {"deterministic": True, "force_row_wise": True, "num_threads": 1}
    here = boost_here(some, parameters, rounds=5)
    assert boost_on(client)(some, parameters, rounds=5).model_to_string() == here.model_to_string()


def test_a_worker_that_is_killed_while_trees_are_fitted_costs_time_alone() -> None:
    rows = tree_rows(2)
    parameters = tree_parameters(RiskSettings(), rows=3_000, monotone=[0] * 6)
    here = boost_here(rows, parameters, rounds=60)
    with open_cluster(workers=1) as client:
        boost, pids = boost_on(client), client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        there = boost(rows, parameters, rounds=60)
    assert there.model_to_string() == here.model_to_string()


def test_what_is_learned_on_a_cluster_is_what_is_learned_here(
    client: Client, small: Learned
) -> None:
    told: list[str] = []
    bundle, trial = learn(
        small.earlier,
        small.outcomes,
        policies=small.bundle.policies,
        engine=engine_on(client, told.append),
    )
    text = bundle.risk.booster.model_to_string()
    assert text == small.bundle.risk.booster.model_to_string()
    assert bundle.usual is not None
    assert small.bundle.usual is not None
    assert bundle.usual.booster.model_to_string() == small.bundle.usual.booster.model_to_string()
    assert (bundle.risk.coefficients == small.bundle.risk.coefficients).all()
    pd.testing.assert_frame_equal(trial.predictions, small.trial.predictions, check_exact=True)
    assert bundle.card["trial"] == small.bundle.card["trial"]


def test_what_was_known_is_the_same_in_the_order_asked(client: Client, small: Learned) -> None:
    asked = small.earlier.sample(2_000, random_state=0)
    given = asked, small.earlier, small.outcomes, RecordSettings()
    there = engine_on(client).known_before(*given)
    pd.testing.assert_frame_equal(there, known_before(*given), check_exact=True)


def lay_out(small: Learned, folder: Path) -> Path:
    place = folder / "decisions"
    place.mkdir()
    for part in range(4):
        own = small.earlier.iloc[part * 3_000 : (part + 1) * 3_000]
        own.to_parquet(place / f"part-{part}.parquet", index=False)
    return place


def test_a_folder_is_read_on_a_cluster_as_it_is_here(
    client: Client, small: Learned, tmp_path: Path
) -> None:
    border = Border(None, None, NOW, KEY, skip_bad=False)
    place = lay_out(small, tmp_path)
    there = engine_on(client).read_table(place, DECISIONS, border)
    pd.testing.assert_frame_equal(there, read_table_here(place, DECISIONS, border))
    assert there["moderator_id"].dropna().str.startswith("psn:").all()


def test_a_bad_part_is_told_by_its_name(client: Client, small: Learned, tmp_path: Path) -> None:
    border = Border(None, None, NOW, KEY, skip_bad=False)
    place = lay_out(small, tmp_path)
    frame = pd.read_parquet(place / "part-1.parquet")
    frame.loc[7, "action"] = None
    frame.to_parquet(place / "part-1.parquet", index=False)
    with pytest.raises(ContractError, match=r"part-1\.parquet, row 7, column 'action'"):
        engine_on(client).read_table(place, DECISIONS, border)
