"""What NannyML says of watched days, under its defaults; run in an environment of its own.

``uv run --isolated --no-project --with nannyml --with statsmodels python nannyml_rival.py IN OUT``
reads a parquet file with a row a decision: the model's inputs, ``overturn_probability``,
``overturned`` (0, 1, null = not audited) and ``at`` (the moment). The first days are the reference,
the rest is judged in daily chunks. OUT is JSON: ``{kind: {name: [day, ...]}}`` with the days (from
1) on which an alert was raised, and the seconds that it took. Kinds: ``drift`` of each input by
NannyML's default method, ``target`` (drift of what audits find), ``estimated`` (CBPE) and
``realised`` performance on the audited rows. Thresholds are NannyML's own.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import nannyml as nml  # type: ignore[import-not-found]
import pandas as pd

REFERENCE_DAYS = 30
METRICS = ["roc_auc", "accuracy", "f1"]
AT, RISK, TARGET, GUESS = "at", "overturn_probability", "overturned", "guess"


def alerts(table: Any, days: list[str]) -> dict[str, list[int]]:
    """Return the days of each column of alerts, counted from 1 at the first day."""
    number = {day: place + 1 for place, day in enumerate(days)}
    begins = next(c for c in table.columns if c[0] == "chunk" and c[-1] == "start_date")
    keys = [number[str(day)[:10]] for day in table[begins].astype(str)]
    found: dict[str, list[int]] = {}
    for column in table.columns:
        if column[-1] == "alert":
            hit = [day for day, alert in zip(keys, table[column], strict=True) if alert]
            found.setdefault(column[0], []).extend(hit)
    return found


def judged(calculator: Any, reference: pd.DataFrame, current: pd.DataFrame, days: list[str]) -> Any:
    """Fit on the reference, judge the rest, and return its alerts."""
    calculator.fit(reference)
    measure = getattr(calculator, "calculate", None) or calculator.estimate
    result = measure(current).filter(period="analysis").to_df()
    return alerts(result, days)


def main(source: str, target: str) -> None:
    """Judge the days of one file."""
    rows = pd.read_parquet(source)
    rows[GUESS] = (rows[RISK] >= 0.5).astype(int)
    days = sorted(rows[AT].astype(str).str[:10].unique())
    early = rows[AT].astype(str).str[:10] < days[REFERENCE_DAYS]
    seen = rows[TARGET].notna()
    audited = rows[seen].assign(**{TARGET: rows.loc[seen, TARGET].astype(int)})
    first = early[seen]
    inputs = [name for name in rows if name not in (AT, TARGET, GUESS)]
    by_day = {"timestamp_column_name": AT, "chunk_period": "D"}
    model = {
        "y_pred_proba": RISK,
        "y_pred": GUESS,
        "y_true": TARGET,
        "problem_type": "classification_binary",
        "metrics": METRICS,
    }
    parts = {
        "drift": (nml.UnivariateDriftCalculator(column_names=inputs, **by_day), rows, early),
        "target": (
            nml.UnivariateDriftCalculator(
                column_names=[TARGET], treat_as_categorical=[TARGET], **by_day
            ),
            audited,
            first,
        ),
        "estimated": (nml.CBPE(**model, **by_day), audited, first),
        "realised": (nml.PerformanceCalculator(**model, **by_day), audited, first),
    }
    found: dict[str, Any] = {}
    for kind, (calculator, table, reference) in parts.items():
        began = time.perf_counter()
        old, new = (table[part].reset_index(drop=True) for part in (reference, ~reference))
        found[kind] = judged(calculator, old, new, days)
        found.setdefault("seconds", {})[kind] = round(time.perf_counter() - began, 2)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
