"""Live through a simulated programme as the service does, and compare with training's view of it.

``uv run --group bench python -m benchmarks.parity --out FILE.json`` learns a model on the first
days, then gives the service's records every decision in batches, in the order of time, storing each
batch and, at midnight, the outcomes that have become known. What the service knew, and scored, of
each decision is compared with what `features.known.known_before` finds on the whole tables.

The JSON holds ``rows``, ``features_unequal`` (values that differ by more than 1e-12 or in being
null), ``largest_feature_difference``, ``largest_score_difference``, and seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from features.contract import DECISIONS, check
from features.known import known_before
from features.policies import Policies
from features.simulate import audit, simulate
from features.store import open_store
from models.bundle import Bundle
from models.scoring import features_of, score
from serving.live_records import LiveRecords
from training.learn import learn

LEARNING_DAYS = 6
AUDITED_SHARE = 0.1
EQUAL = 1e-12


def live_through(
    bundle: Bundle, decisions: pd.DataFrame, outcomes: pd.DataFrame, *, url: str, batch: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return features and scores of all decisions as the service had them when they came."""
    store = open_store(url)
    store.initialise()
    records = LiveRecords(store)
    records.keep(bundle.record_settings)
    frames, scores, known_at = [], [], outcomes["audited_at"]
    for midnight, day in decisions.groupby(decisions["decided_at"].dt.floor("D")):
        arrived = outcomes[(known_at <= midnight) & (known_at > midnight - pd.Timedelta(days=1))]
        if len(arrived):
            records.add_outcomes(arrived)
        for start in range(0, len(day), batch):
            rows = day.iloc[start : start + batch]
            found = score(bundle, rows, records.look_up(rows, bundle.record_settings))
            frames.append(found.frame)
            scores.append(found.overturn_probability)
            store.add_decisions(rows)
    return pd.concat(frames), np.concatenate(scores)


def measure(*, rows: int, batch: int, seed: int) -> dict[str, float]:
    """Measure the parity of training and serving on so many decisions."""
    per_day = 8_000
    made = simulate(days=-(-rows // per_day), decisions_per_day=per_day, seed=seed)
    decisions = check(made.decisions, DECISIONS).require()
    audited = decisions.sample(frac=AUDITED_SHARE, random_state=seed).sort_index()
    now = decisions["decided_at"].min().to_pydatetime()
    outcomes = audit(made.truth, audited["decision_id"], audited_at=now, seed=seed)
    midnight = audited["decided_at"].dt.floor("D") + pd.Timedelta(days=2)
    outcomes = outcomes.drop(columns="inclusion_probability")
    outcomes = outcomes.assign(audited_at=midnight.set_axis(outcomes.index))
    until = decisions["decided_at"].min().floor("D") + pd.Timedelta(days=LEARNING_DAYS)
    past, told = decisions[decisions["decided_at"] < until], outcomes["audited_at"] < until
    bundle, _ = learn(past, outcomes[told], policies=Policies())
    started = time.perf_counter()
    with TemporaryDirectory() as folder:
        lived, served = live_through(
            bundle, decisions, outcomes, url=f"sqlite:///{folder}/store.db", batch=batch
        )
    serving_s = time.perf_counter() - started
    known = known_before(decisions, decisions, outcomes, bundle.record_settings)
    frame = features_of(bundle, decisions, known)
    numbers = frame.select_dtypes("number").columns
    ours, theirs = frame[numbers].to_numpy(), lived[numbers].to_numpy()
    gap = np.abs(np.nan_to_num(ours) - np.nan_to_num(theirs))
    unequal = (gap > EQUAL) | (np.isnan(ours) != np.isnan(theirs))
    trained = bundle.risk.by_direction(frame).sum(axis=1)
    return {
        "rows": float(len(decisions)),
        "features_unequal": float(unequal.sum()),
        "largest_feature_difference": float(gap.max()),
        "largest_score_difference": float(np.abs(trained - served).max()),
        "serving_s": serving_s,
    }


def main(arguments: list[str]) -> int:
    """Measure and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--rows", type=int, default=100_000, help="decisions to live through")
    parser.add_argument("--batch", type=int, default=1_000, help="decisions of a call")
    parser.add_argument("--seed", type=int, default=0)
    read = parser.parse_args(arguments)
    found = measure(rows=read.rows, batch=read.batch, seed=read.seed)
    read.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
