"""A backtest in MLflow: its tables, figures and verdict as a run beside those of training."""

from __future__ import annotations

import mlflow
import pandas as pd

from features.home import Home
from training.backtest import Backtest
from training.exclusive import scratch
from training.gates import Verdict
from training.learn import LearningSettings
from training.runs import run_of
from training.segment_metrics import safe_name
from training.tracking import parameters, tracked

_OTHERS = ("auroc", "difference")


def log_backtest(
    home: Home, replayed: Backtest, *, verdict: Verdict, settings: LearningSettings, weeks: int
) -> str:
    """Log a backtest, and return the id of its run; of decisions nothing is kept but figures."""
    with (
        scratch(home, "backtest") as place,
        tracked(home) as client,
        run_of(home, client, name=f"backtest of {weeks} weeks", working_folder=place) as run,
    ):
        mlflow.log_params({**parameters(settings, settings.record), "weeks": weeks})
        mlflow.set_tags(
            {
                "kind": "backtest",
                "champion": verdict.champion or "",
                "verdict": "passed" if verdict.passed else "failed",
                "skipped": "; ".join(replayed.skipped),
            }
        )
        mlflow.log_metrics(_figures(replayed.overall))
        mlflow.log_table(replayed.overall, "overall.json")
        mlflow.log_table(
            replayed.weeks.assign(week=replayed.weeks["week"].astype(str)), "weeks.json"
        )
        mlflow.log_table(verdict.table(), "gates.json")
        return str(run.info.run_id)


def _figures(overall: pd.DataFrame) -> dict[str, float]:
    """Return capture, AUROC and the difference to the challenger, by contender."""
    names = [n for n in map(str, overall) if n.startswith("capture_") or n in _OTHERS]
    return {
        f"{name}.{safe_name(row['contender'])}": float(row[name])
        for row in overall.to_dict("records")
        for name in names
        if pd.notna(row[name])
    }
