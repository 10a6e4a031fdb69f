"""The registry: versions of the model, and the aliases that say which one does what."""

from __future__ import annotations

from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from features.errors import HomeError
from features.home import Home
from training.tracking import MODEL_NAME, Registered, tracked


def find_version(home: Home, version: str | None) -> Registered:
    """Return a version of the registry; without a number the challenger.

    Raises
    ------
    HomeError
        If there is no such version.
    """
    with tracked(home) as client:
        try:
            if version is None:
                found = client.get_model_version_by_alias(MODEL_NAME, "challenger")
            else:
                found = client.get_model_version(MODEL_NAME, version)
        except MlflowException as error:
            raise HomeError(
                f"registry: there is no version {version or 'challenger'!r}; "
                "run `secondlook train` first"
            ) from error
        return Registered(str(found.version), found.run_id, found.tags["fingerprint"])


def download_bundle(home: Home, registered: Registered, into: Path) -> Path:
    """Fetch the bundle of a version out of the registry."""
    with tracked(home):
        model = mlflow.artifacts.download_artifacts(
            artifact_uri=f"models:/{MODEL_NAME}/{registered.version}", dst_path=str(into)
        )
    return next(Path(model).rglob("manifest.json")).parent


def set_champion(home: Home, registered: Registered) -> None:
    """Move the alias ``champion``; the version that had it becomes ``previous``."""
    with tracked(home) as client:
        aliases = client.get_registered_model(MODEL_NAME).aliases
        before = aliases.get("champion")
        if before is not None and str(before) != registered.version:
            client.set_registered_model_alias(MODEL_NAME, "previous", str(before))
        client.set_registered_model_alias(MODEL_NAME, "champion", registered.version)
