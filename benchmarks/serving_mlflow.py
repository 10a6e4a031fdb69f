"""A peer: save the booster as an MLflow model with a signature, for ``mlflow models serve``.

It stands alone, in an environment of its own: nothing of Second Look is imported.
``python serving_mlflow.py MODEL.txt FOLDER``.
"""

from __future__ import annotations

import sys

import lightgbm as lgb
import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema


def save(booster: lgb.Booster, folder: str) -> None:
    """Save the booster with a signature of doubles, so that nulls are read as numbers."""
    columns = [ColSpec("double", name, required=False) for name in booster.feature_name()]
    signature = ModelSignature(Schema(columns), Schema([ColSpec("double")]))
    mlflow.lightgbm.save_model(booster, folder, signature=signature, pip_requirements=[])


if __name__ == "__main__":
    save(lgb.Booster(model_file=sys.argv[1]), sys.argv[2])
