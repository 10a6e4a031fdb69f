"""The model as MLflow loads it: its code from this file, its weights from the bundle, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import set_model

from features.contract import DECISIONS, DIRECTIONS, check
from features.track_record import TrackRecord
from models.bundle import load_bundle
from models.scoring import score


class SecondLookModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Scores decisions of the contract without track records, as on a programme's first day."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that was logged with the model."""
        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return risk by direction, ``overturn_probability`` and ``expected_harm``, a row each."""
        decisions = check(model_input, DECISIONS).require()
        records = TrackRecord(self.bundle.record_settings).look_up(decisions)
        scores = score(self.bundle, decisions, records)
        table = pd.DataFrame(scores.by_direction, columns=list(DIRECTIONS))
        return table.assign(
            overturn_probability=scores.overturn_probability, expected_harm=scores.expected_harm
        )


set_model(SecondLookModel())
