"""Trials that are made, not learned, so that what they show is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.evaluate import by_segment, metrics
from training.learn import SEGMENTS, Trial


def made_trial(
    *, audits: int = 900, seed: int = 0, told_to_true: float = 1.0, **columns: list[str]
) -> Trial:
    """Return a trial whose risk is drawn, and whose errors come at that risk.

    Parameters
    ----------
    told_to_true
        What the model says, over the chance of an error.
    columns
        Values to draw each column of a segment from.
    """
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.5, 6.0, audits)
    rows = pd.DataFrame(
        {
            "decision_id": [f"d{n}" for n in range(audits)],
            "decided_at": pd.date_range("2026-03-01", periods=audits, freq="h", tz="UTC"),
            **{name: rng.choice(values, audits) for name, values in columns.items()},
            "group": [f"g{n // 2}" for n in range(audits)],
            "overturn_probability": np.clip(chance * told_to_true, 1e-6, 1 - 1e-6),
            "overturned": (rng.random(audits) < chance).astype(float),
            "inclusion": rng.choice([0.05, 0.2, 1.0], audits),
        }
    )
    return trial_of(rows)


def trial_of(rows: pd.DataFrame) -> Trial:
    """Return the trial of audits with their predictions."""
    figures = [rows[n].to_numpy() for n in ("overturn_probability", "overturned", "inclusion")]
    segments = {name: by_segment(rows[name], *figures) for name in SEGMENTS if name in rows}
    return Trial(metrics(*figures), segments, rows)
