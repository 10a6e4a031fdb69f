"""Training and promotion against a real MLflow store in a home folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest

from features.contract import DECISIONS, check
from features.errors import HomeError, TrainingError
from features.home import Home, make_home
from features.intake import add_decisions, add_outcomes
from features.simulate import Simulation, simulate
from features.store import open_store
from models.plan import Plan
from models.publication import open_champion
from training.promotion import Promoted, promote
from training.runs import EXPERIMENT
from training.tracking import MODEL_NAME, tracked
from training.train import Trained, train

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


@pytest.fixture(scope="module")
def world() -> Simulation:
    """A fortnight with 30 % audited."""
    return simulate(days=14, decisions_per_day=1_000, audit_share=0.3)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory, world: Simulation) -> Home:
    """A home with decisions and outcomes."""
    home = make_home(tmp_path_factory.mktemp("programme") / "home")
    open_store(home.store_url()).initialise()
    add_decisions(home, check(world.decisions, DECISIONS).require())
    add_outcomes(home, world.outcomes)
    return home


@pytest.fixture(scope="module")
def trained(programme: Home) -> Trained:
    """A registered challenger."""
    return train(programme)


@pytest.fixture(scope="module")
def promoted(programme: Home, trained: Trained) -> Promoted:
    """The champion."""
    return promote(programme, version=trained.registered.version)


def test_a_run_holds_what_a_person_looks_for(programme: Home, trained: Trained) -> None:
    with tracked(programme) as client:
        run = client.get_run(trained.registered.run_id)
        folder = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="plots")
    assert run.info.status == "FINISHED"
    assert run.data.metrics["auroc"] == pytest.approx(trained.trial.metrics["auroc"])
    assert run.data.params["risk.rounds"] == "150"
    assert run.data.tags["fingerprint"] == trained.registered.fingerprint
    assert sorted(Path(artifact.path).name for artifact in folder) == [
        "by_policy.png",
        "calibration.png",
        "capture.png",
    ]


def test_training_writes_nothing_outside_the_home(
    programme: Home, trained: Trained, tmp_path: Path
) -> None:
    assert not (Path.cwd() / "mlruns").exists()
    assert (programme.path / "mlflow.db").is_file()
    assert not list(programme.path.glob(".train-*"))


def test_the_champion_is_what_was_promoted(
    programme: Home, trained: Trained, promoted: Promoted
) -> None:
    champion = open_champion(programme)
    assert champion.bundle.fingerprint == trained.registered.fingerprint
    assert champion.model_version == promoted.published.model_version
    with tracked(programme) as client:
        version = client.get_model_version_by_alias(MODEL_NAME, "champion")
    assert str(version.version) == trained.registered.version


def test_promotion_stores_a_plan_for_the_capacity(programme: Home, promoted: Promoted) -> None:
    document = open_store(programme.store_url()).plan_document()
    assert document is not None
    plan = Plan.from_json(document)
    assert plan == promoted.plan
    assert plan.capacity == round(0.05 * plan.frame_size)
    assert plan.key_id == programme.secrets().key_id


def test_training_again_on_the_same_data_gives_the_same_bundle(
    programme: Home, trained: Trained
) -> None:
    assert train(programme).registered.fingerprint == trained.registered.fingerprint


def test_mlflow_loads_the_model_without_pickle(
    programme: Home, trained: Trained, world: Simulation
) -> None:
    decisions = world.decisions.tail(20).reset_index(drop=True)
    with tracked(programme):
        model = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/{trained.registered.version}")
        scored = model.predict(decisions)
    assert len(scored) == 20
    assert np.all((scored["overturn_probability"] > 0) & (scored["overturn_probability"] < 1))
    assert not list(programme.path.rglob("*.pkl"))


def test_an_unknown_version_is_refused(programme: Home, trained: Trained) -> None:
    with pytest.raises(HomeError, match="no version '99'"):
        promote(programme, version="99")


def test_an_empty_store_is_refused(home: Home) -> None:
    with pytest.raises(TrainingError, match="load outcomes first"):
        train(home)


@pytest.mark.slow
def test_mlflow_run_calls_the_same_function(programme: Home, trained: Trained) -> None:
    """`mlflow run . -e train` logs another run into the home that it is given."""
    before = _runs(programme)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mlflow", "run", ".", "-e", "train", "--env-manager", "local"),
            *("-P", f"home={programme.path}"),
        ],
        cwd=Path(__file__).parents[2],
        env=_environment(programme),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert _runs(programme) == before + 1


def _environment(programme: Home) -> dict[str, str]:
    import os

    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{programme.path / 'launch.db'}",
    }


def _runs(programme: Home) -> int:
    with tracked(programme) as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        return len(client.search_runs([experiment.experiment_id]))
