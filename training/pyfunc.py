"""The model as MLflow loads it: its code from this file, its weights from the bundle, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import set_model

from features.contract import DECISIONS, DIRECTIONS, check
from features.track_record import TrackRecord
from models.bundle import load_bundle
from models.reasons import explain
from models.scoring import score


class SecondLookModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Scores decisions of the contract without track records, as on a programme's first day."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that was logged with the model."""
        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return risk by direction, ``overturn_probability`` and ``expected_harm``, a row each.

        Parameters
        ----------
        params
            ``reasons``: how many reasons to tell of each row, the strongest first, in a column of
            that name; 0, which is the default, for none.

        Raises
        ------
        ContractError
            If a row breaks the contract of decisions.
        """
        decisions = check(model_input, DECISIONS).require()
        records = TrackRecord(self.bundle.record_settings).look_up(decisions)
        scores = score(self.bundle, decisions, records)
        table = pd.DataFrame(scores.by_direction, columns=list(DIRECTIONS)).assign(
            overturn_probability=scores.overturn_probability, expected_harm=scores.expected_harm
        )
        most = int((params or {}).get("reasons", 0))
        if most < 1:
            return table
        told = explain(self.bundle, scores, np.arange(len(table)), most=most)
        return table.assign(reasons=["; ".join(reason.text for reason in row) for row in told])


set_model(SecondLookModel())
