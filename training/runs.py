"""Runs of MLflow that always end: finished, failed, or killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow

from features.home import Home

EXPERIMENT = "second-look"
_WORKING_FOLDER = "working_folder"
_KIND = "mlflow.experimentKind"
"""What MLflow's pages show first: runs and models, rather than traces of a language model."""


@contextmanager
def run_of(
    home: Home, client: mlflow.MlflowClient, *, name: str, working_folder: Path
) -> Iterator[mlflow.ActiveRun]:
    """Log to a new run of our experiment while in the block.

    It fails with the block, and is killed where that is interrupted. A run whose process had no
    time to say so is ended by the next one.

    Parameters
    ----------
    working_folder
        Of the process, which removes it when it ends, or is removed after it, see
        `training.exclusive`: by this a run is known to be over.
    """
    experiment = _experiment(home, client)
    end_dead_runs(client, experiment)
    tags = {_WORKING_FOLDER: str(working_folder)}
    number = client.create_run(experiment, run_name=name, tags=tags).info.run_id
    try:
        with mlflow.start_run(run_id=number) as run:  # also where `mlflow run` has one going
            yield run
    except (KeyboardInterrupt, SystemExit):
        client.set_terminated(number, "KILLED")
        raise
    finally:
        client.delete_tag(number, _WORKING_FOLDER)


def end_dead_runs(client: mlflow.MlflowClient, experiment: str) -> None:
    """Set runs to killed that are said to be running, while their working folder is gone."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        folder = run.data.tags.get(_WORKING_FOLDER)
        if folder is not None and not Path(folder).is_dir():
            client.set_terminated(run.info.run_id, "KILLED")


def _experiment(home: Home, client: mlflow.MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    made = client.create_experiment(
        EXPERIMENT,
        artifact_location=home.artifacts.as_uri(),
        tags={_KIND: "custom_model_development"},
    )
    return str(made)
