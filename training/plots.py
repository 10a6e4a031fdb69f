"""The three plots that a data scientist looks at first, as files for MLflow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluate import calibration_bins, capture


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
    axes.plot(budgets, capture(risk, overturned, weight, budgets), label="ranked by risk")
    axes.plot(budgets, capture(overturned, overturned, weight, budgets), ":", label="best possible")
    axes.plot(budgets, budgets, "--", color="grey", label="uniform sample")
    axes.set(xlabel="share of decisions audited", ylabel="share of errors found")
    axes.set_title(f"Capture at budget, {len(predictions):,} audits of later, unseen items")
    axes.legend()


def _calibration(axes: Axes, predictions: pd.DataFrame) -> None:
    bins = calibration_bins(
        predictions["overturn_probability"].to_numpy(),
        predictions["overturned"].to_numpy(),
        1 / predictions["inclusion"].to_numpy(),
    )
    top = float(bins[["predicted", "found"]].to_numpy().max()) * 1.05
    axes.plot([0, top], [0, top], "--", color="grey", label="perfect")
    axes.plot(bins["predicted"], bins["found"], "o-", label="ten bins of equal count")
    axes.set(xlabel="predicted overturn probability", ylabel="share overturned")
    axes.set_title("Calibration")
    axes.legend()


def _by_policy(axes: Axes, predictions: pd.DataFrame) -> None:
    weight = 1 / predictions["inclusion"]
    sums = pd.DataFrame(
        {
            "found": predictions["overturned"] * weight,
            "predicted": predictions["overturn_probability"] * weight,
            "weight": weight,
        }
    )
    sums = sums.groupby(predictions["policy"]).sum()
    rates = sums[["found", "predicted"]].div(sums["weight"], axis=0)
    rates = rates.sort_values("found").tail(25)
    place = np.arange(len(rates))
    axes.barh(place - 0.2, rates["found"], 0.4, label="found")
    axes.barh(place + 0.2, rates["predicted"], 0.4, label="predicted")
    axes.set_yticks(place, [str(name) for name in rates.index])
    axes.set(xlabel="overturn rate")
    axes.set_title("By policy")
    axes.legend()
