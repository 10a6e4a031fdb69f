"""MLflow: runs, the registry and its aliases, all inside the home folder."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from features.home import Home
from models.bundle import Bundle
from training.evaluate import BUDGETS
from training.learn import LearningSettings, Trial

MODEL_NAME = "secondlook"
EXPERIMENT = "second-look"
_PYFUNC = Path(__file__).with_name("pyfunc.py")


@dataclass(frozen=True, slots=True)
class Registered:
    """A model version in the registry."""

    version: str
    run_id: str
    fingerprint: str


@contextmanager
def tracked(home: Home) -> Iterator[mlflow.MlflowClient]:
    """Point MLflow at the home's own store while in the block; say nothing to the console."""
    before = mlflow.get_tracking_uri()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own making, nothing a user could mend
        mlflow.set_tracking_uri(home.tracking_uri)
        client = mlflow.MlflowClient(home.tracking_uri, home.tracking_uri)
        try:
            yield client
        finally:
            mlflow.set_tracking_uri(before)


def log_and_register(
    home: Home,
    *,
    folder: Path,
    bundle: Bundle,
    trial: Trial,
    settings: LearningSettings,
    plots: list[Path],
) -> Registered:
    """Log a training run with all that a person looks for, and register its model.

    The new version carries the alias ``challenger``; who serves does not change.
    """
    with tracked(home) as client, _new_run(home, client) as run:
        mlflow.log_params(_parameters(settings))
        mlflow.log_metrics({f"trial_{name}": value for name, value in trial.metrics.items()})
        for name, table in trial.segments.items():
            mlflow.log_table(table, f"segments/{name}.json")
        for plot in plots:
            mlflow.log_artifact(str(plot), "plots")
        mlflow.set_tags(
            {
                "fingerprint": bundle.fingerprint,
                "data_fingerprint": bundle.card["data_fingerprint"],
                "from": bundle.card["from"],
                "until": bundle.card["until"],
            }
        )
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_PYFUNC),
            artifacts={"bundle": str(folder)},
            pip_requirements=["secondlook"],
        )
        version = _register(client, logged.model_uri, run.info.run_id, logged.model_id)
        for name in ("fingerprint", "data_fingerprint", "from", "until"):
            value = bundle.fingerprint if name == "fingerprint" else str(bundle.card[name])
            client.set_model_version_tag(MODEL_NAME, version, name, value)
        client.set_registered_model_alias(MODEL_NAME, "challenger", version)
        return Registered(version, run.info.run_id, bundle.fingerprint)


def _new_run(home: Home, client: mlflow.MlflowClient) -> mlflow.ActiveRun:
    """Start a run of our experiment, also where `mlflow run` has set a run of its own going."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    number = (
        experiment.experiment_id
        if experiment is not None
        else client.create_experiment(EXPERIMENT, artifact_location=home.artifacts.as_uri())
    )
    return mlflow.start_run(run_id=client.create_run(number).info.run_id)


def _register(client: mlflow.MlflowClient, uri: str, run_id: str, model_id: str) -> str:
    """Make a version of a logged model; through the client, which says nothing to the console."""
    with suppress(MlflowException):  # it is there already
        client.create_registered_model(MODEL_NAME)
    made = client.create_model_version(MODEL_NAME, uri, run_id=run_id, model_id=model_id)
    return str(made.version)


def _parameters(settings: LearningSettings) -> dict[str, Any]:
    return {
        "calibrate_share": settings.calibrate_share,
        "test_share": settings.test_share,
        "seed": settings.seed,
        "budgets": json.dumps(BUDGETS),
        **{f"risk.{n}": getattr(settings.risk, n) for n in settings.risk.__slots__},
        **{f"record.{n}": getattr(settings.record, n) for n in settings.record.__slots__},
    }
