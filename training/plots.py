"""The plots that a data scientist looks at first, with intervals, as files for MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.achieved import capture_of, rate_of, rates_by_risk
from training.bootstrap import Interval
from training.evaluate import BUDGETS, capture

_MOST_POLICIES = 25


def write_plots(predictions: pd.DataFrame, folder: Path) -> list[Path]:
    """Write capture, calibration and by-policy plots of a trial's predictions as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"capture": _capture, "calibration": _calibration, "by_policy": _by_policy}
    paths = []
    for name, draw in drawn.items():
        figure = Figure(figsize=(6, 4.5), layout="constrained")
        draw(figure.add_subplot(), predictions)
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=110)
    return paths


def _capture(axes: Axes, predictions: pd.DataFrame) -> None:
    budgets = np.linspace(0, 1, 201)
    overturned = predictions["overturned"].to_numpy()
    weight = 1 / predictions["inclusion"].to_numpy()
    risk = predictions["overturn_probability"].to_numpy()
    found = [capture_of(predictions, budget) for budget in BUDGETS]
    axes.plot(budgets, capture(risk, overturned, weight, budgets), label="ranked by risk")
    axes.plot(budgets, capture(overturned, overturned, weight, budgets), ":", label="best possible")
    axes.plot(budgets, budgets, "--", color="grey", label="uniform sample")
    axes.errorbar(
        BUDGETS, [f.value for f in found], _reach(found), fmt="C0o", label="95 % interval"
    )
    axes.set(xlabel="share of decisions audited", ylabel="share of errors found")
    axes.set_title(f"Capture at budget, n = {len(predictions):,} audits of later, unseen items")
    axes.legend()


def _calibration(axes: Axes, predictions: pd.DataFrame) -> None:
    rates = rates_by_risk(predictions)
    found, expected = [rate.found for rate in rates], [rate.expected for rate in rates]
    top = max(*expected, *(interval.high for interval in found)) * 1.05
    axes.plot([0, top], [0, top], "--", color="grey", label="equal")
    axes.errorbar(
        expected,
        [interval.value for interval in found],
        _reach(found),
        fmt="o",
        label="ten bins of equal count, 95 % intervals",
    )
    axes.set(xlabel="overturn rate expected", ylabel="overturn rate found")
    axes.set_title(f"Calibration, n = {len(predictions):,} audits")
    axes.legend()


def _by_policy(axes: Axes, predictions: pd.DataFrame) -> None:
    """Draw the most audited policies, with n."""
    most = predictions["policy"].value_counts().head(_MOST_POLICIES)
    rates = [rate_of(predictions[predictions["policy"] == policy]) for policy in most.index]
    found, place = [rate.found for rate in rates], np.arange(len(rates))[::-1]
    axes.errorbar(
        [interval.value for interval in found],
        place,
        xerr=_reach(found),
        fmt="o",
        label="found, 95 % interval",
    )
    axes.plot([rate.expected for rate in rates], place, "C1|", ms=14, mew=3, label="expected")
    axes.set_yticks(place, [f"{policy}, n = {audits:,}" for policy, audits in most.items()])
    axes.set(xlabel="overturn rate")
    axes.set_title("By policy")
    axes.legend()


def _reach(found: Sequence[Interval]) -> np.ndarray:
    """Return how far intervals reach below and above their figures, shape (2, figures)."""
    return np.array([[f.value - f.low for f in found], [f.high - f.value for f in found]])
