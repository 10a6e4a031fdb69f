"""Measure how well Second Look and its peers rank wrong decisions, and write it as JSON.

``uv run --group bench python -m benchmarks.ranking_quality --data DIR --out FILE.json`` compares
them on the real decisions kept there: item groups that training has not seen, 65 % to learn from,
five splits of up to 30,000 decisions; by time too where time is real. ``--decisions``,
``--outcomes`` and ``--name`` take a dataset of one's own, ``--simulator`` a made one, where
``bayes`` is the best that anyone could do. ``--families`` measures what each family of features
adds instead.

The JSON holds ``{dataset: {method: {figure: {mean, sd, by_seed}}}}``; of families the figures with
all, and by how much these exceed the ones without each family, split by split. ``fit_s`` holds the
building of features; Second Look's also its trial, as ``secondlook train`` runs it, so that it fits
twice. Predictions start from the decisions as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ranking_data import (
    TIME_IS_REAL,
    Experiment,
    load,
    simulated,
    split_by_group,
    split_by_time,
)
from benchmarks.ranking_families import ALL, measure_families
from benchmarks.ranking_figures import figures, over_seeds
from benchmarks.ranking_frames import Frames, build_frames, known_of_test
from benchmarks.rivals import ALONE, ON_FRAMES, Prediction, timed
from features.policies import Policies
from models.arrays import Floats
from models.bundle import Bundle
from models.scoring import score
from training.learn import LearningSettings, learn

PRODUCT, BEST = "secondlook", "bayes"
METHODS = (PRODUCT, *ALONE, *ON_FRAMES, BEST)
REAL = ("mhc", "convabuse", "toxic_spans")
SIMULATOR = "simulator"

Results = dict[str, dict[str, dict[str, list[float]]]]
"""Dataset, method and figure to its values, one a seed."""


def learning_settings(*, shared_outcomes: bool) -> LearningSettings:
    """Return how the product learns here: as it comes, unless told of the data's nature.

    Parameters
    ----------
    shared_outcomes
        Whether an outcome is known to be made from other decisions on the same item, so that no
        feature may read these. Where it is not told, the product judges by the data.
    """
    return LearningSettings(earlier_looks=False if shared_outcomes else None)


def second_look(experiment: Experiment, settings: LearningSettings) -> Prediction:
    """Learn and score through the product's own functions."""

    def fit() -> Bundle:
        decisions, outcomes = experiment.decisions, experiment.outcomes
        return learn(decisions, outcomes, policies=Policies(), settings=settings)[0]

    def predict(bundle: Bundle) -> Floats:
        records = known_of_test(experiment, bundle.record_settings)
        return score(bundle, experiment.test, records).overturn_probability

    return timed(fit, predict)


def predict_by(
    method: str, experiment: Experiment, frames: Frames | None, settings: LearningSettings
) -> Prediction | None:
    """Return a method's prediction; null where the dataset lacks what it needs."""
    if method == PRODUCT:
        return second_look(experiment, settings)
    if method == BEST:
        truth = experiment.truth
        return None if truth is None else timed(lambda: truth, lambda known: known)
    if method in ALONE:
        return ALONE[method](experiment)
    return None if frames is None else ON_FRAMES[method](experiment, frames)


def measure_methods(
    experiment: Experiment, methods: list[str], settings: LearningSettings
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each method's figures on one split."""
    shared = build_frames(experiment, settings) if set(methods) & set(ON_FRAMES) else None
    for method in methods:
        found = predict_by(method, experiment, shared, settings)
        if found is not None:
            figure = figures(found.probability, experiment.overturned, experiment.inclusion)
            speed = len(found.probability) / max(found.predict_s, 1e-9)
            yield method, figure | {"fit_s": found.fit_s, "predict_rows_per_s": speed}


def family_gains(found: dict[str, dict[str, float]]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the figures with all families, then what each family adds to them."""
    whole = found[ALL]
    for family, without in found.items():
        if family == ALL:
            yield ALL, whole
        else:
            yield family, {name: value - without[name] for name, value in whole.items()}


def experiments(arguments: argparse.Namespace) -> Iterator[tuple[str, Experiment]]:
    """Yield the name of a dataset and a split of it, dataset by dataset."""
    text, rows, seeds = not arguments.without_text, arguments.rows, range(arguments.seeds)
    for name, decisions, outcomes in _files(arguments):
        data = load(decisions, outcomes, text=text)
        for seed in seeds:
            yield name, split_by_group(data, rows=rows, seed=seed)
        if name in TIME_IS_REAL or arguments.time_is_real:
            for seed in seeds if len(data.decisions) > rows else (0,):
                yield f"{name} by time", split_by_time(data, rows=rows, seed=seed)
    if arguments.simulator:
        for name, split in ((SIMULATOR, split_by_group), (f"{SIMULATOR} by time", split_by_time)):
            for seed in seeds:
                yield name, split(simulated(rows=rows, seed=seed), rows=rows, seed=seed)


def _files(arguments: argparse.Namespace) -> Iterator[tuple[str, Path, Path]]:
    if arguments.data is not None:
        for name in arguments.datasets:
            folder = arguments.data / name
            yield name, folder / "decisions.parquet", folder / "outcomes.parquet"
    if arguments.decisions is not None:
        yield arguments.name, arguments.decisions, arguments.outcomes


def measure(arguments: argparse.Namespace, report: Callable[[str, Results], None]) -> Results:
    """Measure all that was asked for, and report after each split."""
    settings = learning_settings(shared_outcomes=arguments.shared_outcomes)
    results: Results = {}
    for dataset, experiment in experiments(arguments):
        found = (
            family_gains(measure_families(experiment, settings))
            if arguments.families
            else measure_methods(experiment, arguments.methods, settings)
        )
        of_dataset = results.setdefault(dataset, {})
        for method, figure in found:
            for name, value in figure.items():
                of_dataset.setdefault(method, {}).setdefault(name, []).append(value)
            told = ", ".join(f"{n} {v:.3f}" for n, v in figure.items())
            report(f"{dataset}, seed {experiment.seed}, {method}: {told}", results)
    return results


def summary(results: Results) -> dict[str, Any]:
    """Return mean, spread and values of every figure."""
    return {
        dataset: {
            method: {name: over_seeds(values) for name, values in figure.items()}
            for method, figure in methods.items()
        }
        for dataset, methods in results.items()
    }


def table(results: Results) -> str:
    """Return mean (spread) of the main figures as a Markdown table."""
    shown = ("auroc", "ap", "capture_10", "ece")
    lines = ["| data | method | " + " | ".join(shown) + " |", "|---" * (len(shown) + 2) + "|"]
    for dataset, methods in results.items():
        for method, figure in methods.items():
            cells = [
                f"{np.mean(v):.3f} ({np.std(v, ddof=min(1, len(v) - 1)):.3f})"
                for v in (figure[name] for name in shown)
            ]
            lines.append(f"| {dataset} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--data", type=Path, help=f"folder with {', '.join(REAL)}")
    parser.add_argument("--datasets", nargs="+", choices=REAL, default=list(REAL))
    parser.add_argument("--decisions", type=Path, help="a dataset of one's own")
    parser.add_argument("--outcomes", type=Path, help="what audits found of it")
    parser.add_argument("--name", default="decisions", help="its name")
    parser.add_argument("--time-is-real", action="store_true", help="split by time as well")
    parser.add_argument("--simulator", action="store_true", help="add a simulated month")
    parser.add_argument("--seeds", type=int, default=5, help="number of splits")
    parser.add_argument("--rows", type=int, default=30_000, help="most decisions of a split")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--without-text", action="store_true", help="nobody reads the content")
    parser.add_argument(
        "--shared-outcomes",
        action="store_true",
        help="outcomes are made from other decisions on the same item",
    )
    parser.add_argument("--families", action="store_true", help="what each family adds instead")
    read = parser.parse_args(arguments)
    if read.decisions is None and read.data is None and not read.simulator:
        parser.error("give --data, --decisions with --outcomes, or --simulator")
    if (read.decisions is None) != (read.outcomes is None):
        parser.error("--decisions and --outcomes come together")
    return read


def main(arguments: list[str]) -> int:
    """Measure, and keep what is known so far in the file."""
    read = parse(arguments)

    def report(line: str, results: Results) -> None:
        print(line, file=sys.stderr, flush=True)
        read.out.write_text(json.dumps(summary(results), indent=1) + "\n")

    with import_module("threadpoolctl").threadpool_limits(1):
        print(table(measure(read, report)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
