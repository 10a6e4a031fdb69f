"""Measure what reasons cost beyond the prediction, and how often they agree with TreeSHAP.

``uv run --group bench python -m benchmarks.reasons --data DIR --out FILE.json`` learns from 65 % of
a simulated month and of each real dataset kept there, and explains the riskiest decisions of unseen
item groups. Agreement is over the riskiest 5 %: TreeSHAP's parts of the trees (LightGBM's own) are
blended and calibrated like ours, and features that speak as one are added up in both. As one reason
may lead almost everywhere, ``commonest`` tells how often TreeSHAP's commonest top reason does: an
agreement near it says little, and ``top_3`` (how many of the three strongest are shared) more.

The JSON holds ``{dataset: {figure: value}}``; times are medians in milliseconds for 100 rows, as
plain columns like in the service, each repeat measuring all of them in turn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.ranking_data import Experiment, load, simulated, split_by_group
from benchmarks.ranking_frames import known_of_test
from features.columns import AnyTable, columns_of
from features.policies import Policies
from models.arrays import Floats
from models.bundle import Bundle
from models.contributions import blended
from models.reasons import by_speaker, explain
from models.risk import RiskModel
from models.scoring import score
from training.learn import LearningSettings, learn

REAL = ("convabuse", "mhc")
EXPLAINED_ROWS = 100
HIGH_RISK_SHARE = 0.05


def measure(experiment: Experiment, *, repeats: int) -> dict[str, float]:
    """Learn from the training part and explain the riskiest decisions of the other."""
    settings = LearningSettings()
    decisions, outcomes = experiment.decisions, experiment.outcomes
    bundle, _ = learn(decisions, outcomes, policies=Policies(), settings=settings)
    records = known_of_test(experiment, bundle.record_settings)
    scores = score(bundle, experiment.test, records)
    order = np.argsort(-scores.overturn_probability, kind="stable")
    high = scores.frame.iloc[order[: max(round(HIGH_RISK_SHARE * len(order)), 1)]]
    rows = order[:EXPLAINED_ROWS]
    few, known = columns_of(experiment.test.iloc[rows]), columns_of(records.iloc[rows])
    served = score(bundle, few, known)
    cost = medians(
        {
            "predict_ms": lambda: score(bundle, few, known),
            "explain_ms": lambda: explain(bundle, served, np.arange(len(rows))),
            "tree_shap_ms": lambda: tree_shap(bundle.risk, served.frame),
        },
        repeats=repeats,
    )
    return cost | {"explained_rows": float(len(rows))} | agreement(bundle, high)


def medians(calls: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, float]:
    """Return the median milliseconds of each call, made in turn after one to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: float(np.median(each[1:])) for name, each in taken.items()}


def agreement(bundle: Bundle, frame: pd.DataFrame) -> dict[str, float]:
    """Return how often the strongest reasons are TreeSHAP's."""
    model = bundle.risk
    features = model.encoder.features
    ours = by_speaker(features, bundle.contributions.of(model, frame)[0])[1]
    theirs = by_speaker(features, tree_shap(model, frame))[1]
    top = theirs.argmax(axis=1)
    pairs = zip(strongest(ours), strongest(theirs), strict=True)
    return {
        "high_risk_rows": float(len(frame)),
        "agreement": float(np.mean(ours.argmax(axis=1) == top)),
        "top_3": float(np.mean([len(a & b) / 3 for a, b in pairs])),
        "commonest": float(np.bincount(top).max() / len(top)),
    }


def tree_shap(model: RiskModel, frame: AnyTable) -> Floats:
    """Return parts of the calibrated log-odds with TreeSHAP's for the trees, (rows, features)."""
    matrix = model.encoder.tree_matrix(frame)
    values = np.asarray(model.booster.predict(matrix, pred_contrib=True, num_threads=1))
    return blended(model, frame, values[:, :-1], float(values[0, -1]))[0]


def strongest(parts: Floats) -> list[set[int]]:
    """Return the three strongest reasons of each row."""
    return [set(row) for row in np.argsort(-parts, axis=1, kind="stable")[:, :3].tolist()]


def experiments(arguments: argparse.Namespace) -> Iterator[tuple[str, Experiment]]:
    """Yield each dataset with its split."""
    rows, seed = arguments.rows, arguments.seed
    yield "simulator", split_by_group(simulated(rows=rows, seed=seed), rows=rows, seed=seed)
    for name in REAL if arguments.data is not None else ():
        folder = arguments.data / name
        if folder.is_dir():
            data = load(folder / "decisions.parquet", folder / "outcomes.parquet")
            yield name, split_by_group(data, rows=rows, seed=seed)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--data", type=Path, help=f"folder with {', '.join(REAL)}")
    parser.add_argument("--rows", type=int, default=30_000, help="most decisions of a split")
    parser.add_argument("--seed", type=int, default=0, help="of the made month and the splits")
    parser.add_argument("--repeats", type=int, default=50, help="of each measured time")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure each dataset, and keep what is known so far in the file."""
    read = parse(arguments)
    results: dict[str, dict[str, float]] = {}
    with import_module("threadpoolctl").threadpool_limits(1):
        for name, experiment in experiments(read):
            results[name] = measure(experiment, repeats=read.repeats)
            told = ", ".join(f"{figure} {value:.3g}" for figure, value in results[name].items())
            print(f"{name}: {told}", flush=True)
            read.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
