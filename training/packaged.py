"""A bundle as a model of MLflow: with the code that reads it, and what a caller must know.

The package carries the rooms that score and the exact versions of the libraries that they import,
so that it loads where Second Look is not installed, and scores as the code did that learned it.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType

from features.contract import DECISIONS, DIRECTIONS
from models.bundle import Bundle

_ROOT = Path(__file__).parents[1]
_CODE = ("features", "models")
_PYFUNC = Path(__file__).with_name("pyfunc.py")
_LIBRARIES = (
    *("lightgbm", "msgspec", "numpy", "pandas", "pandera", "psutil"),
    *("pyarrow", "scikit-learn", "scipy"),
)
"""What the code imports; a test loads it with nothing else of ours."""


def log_packaged(bundle: Bundle, folder: Path) -> Any:
    """Log a bundle as a model of the active run, and return what MLflow says of it.

    Parameters
    ----------
    folder
        Where the bundle was saved.
    """
    before = sys.path.copy()
    try:
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_PYFUNC),
            artifacts={"bundle": str(folder)},
            code_paths=[str(_ROOT / room) for room in _CODE],
            pip_requirements=[f"{name}=={version(name)}" for name in _LIBRARIES],
            signature=signature_of(bundle),
            input_example=(example(), {"reasons": 1}),
        )
    finally:
        sys.path[:] = before  # MLflow tries the package, and leaves its code first on the path


def signature_of(bundle: Bundle) -> ModelSignature:
    """Return what the model takes and gives.

    Optional columns are of any type: MLflow would refuse whole numbers and times with a zone, which
    the contract takes; the model checks every value against the contract itself.
    """
    needed = [ColSpec(_kind(c.kind), c.name) for c in DECISIONS.columns if c.required]
    optional = [c.name for c in DECISIONS.columns if not c.required]
    optional += [feature.name for feature in bundle.extras]
    given = (*DIRECTIONS, "overturn_probability", "expected_harm")
    return ModelSignature(
        inputs=Schema([*needed, *(ColSpec(AnyType(), name, required=False) for name in optional)]),
        outputs=Schema(
            [
                *(ColSpec(DataType.double, name) for name in given),
                ColSpec(DataType.string, "reasons", required=False),
            ]
        ),
        params=ParamSchema([ParamSpec("reasons", DataType.long, default=0)]),
    )


def example() -> pd.DataFrame:
    """Return a made-up decision: no content, nobody's."""
    return pd.DataFrame(
        {
            "decision_id": ["example-1"],
            "decided_at": ["2026-03-01T09:30:00Z"],
            "policy": ["spam"],
            "action": ["remove"],
            "action_rank": [2.0],
            "language": ["en"],
            "automated_score": [0.31],
        }
    )


def _kind(kind: str) -> DataType | AnyType:
    return DataType.string if kind == "text" else AnyType()
