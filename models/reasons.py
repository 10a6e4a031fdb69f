"""Reasons: why a decision is ranked where it is, in words that a QA lead reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.bundle import Bundle
from models.scoring import Scores

_LEAST_PART = 0.05  # log-odds below which a feature is no reason


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a risk.

    Attributes
    ----------
    feature
        The feature that says it.
    text
        In plain words, with the value.
    log_odds
        What it adds to the log-odds of an overturn, against the mean of training; above 0.
    share
        Its share of all that raises this decision's risk, 0 to 1.
    """

    feature: str
    text: str
    log_odds: float
    share: float


def explain(
    bundle: Bundle, scores: Scores, rows: np.ndarray, *, most: int = 3
) -> list[list[Reason]]:
    """Return the strongest reasons of the given rows, strongest first, `most` at the most.

    Parameters
    ----------
    scores
        Of the same bundle.
    rows
        Positions in the scores.
    """
    frame = scores.frame.iloc[rows]
    if frame.empty:
        return []
    parts, _ = bundle.contributions.of(bundle.risk, frame)
    names = [feature.name for feature in bundle.risk.encoder.features]
    subject = [_subject(name) for name in names]
    columns = sorted(set(subject), key=subject.index)
    merged = np.zeros((len(frame), len(columns)))
    np.add.at(merged.T, [columns.index(name) for name in subject], parts.T)
    meanings = {feature.name: feature.meaning for feature in bundle.risk.encoder.features}
    return [
        _reasons(row, parts_of_row, columns, meanings=meanings, most=most)
        for (_, row), parts_of_row in zip(frame.iterrows(), merged, strict=True)
    ]


def _reasons(
    row: pd.Series, parts: np.ndarray, columns: list[str], *, meanings: dict[str, str], most: int
) -> list[Reason]:
    raising = np.maximum(parts, 0)
    order = np.argsort(-raising, kind="stable")[:most]
    return [
        Reason(
            columns[i],
            _text(columns[i], meanings[columns[i]], row),
            float(parts[i]),
            float(raising[i] / raising.sum()),
        )
        for i in order
        if raising[i] >= _LEAST_PART
    ]


def _subject(name: str) -> str:
    """Return the feature that speaks for this one: how often was it audited joins its rate."""
    if name.startswith("log_") and name.endswith("_audits"):
        return name.removeprefix("log_").removesuffix("_audits") + "_rate"
    return name


def _text(name: str, meaning: str, row: pd.Series) -> str:
    value = row[name]
    if pd.isna(value):
        return f"{meaning}: not known"
    if isinstance(value, str):
        return f"{meaning}: {value}"
    if name.endswith("_rate"):
        text = f"{meaning}: {value:.1%}"
        usual = row.get("policy_rate", np.nan)
        far = name != "policy_rate" and usual > 0 and value / usual >= 1.2
        return f"{text}, {value / usual:.1f} times the policy's rate" if far else text
    if name.startswith("opinion_"):
        return f"{meaning}: {value:.0%}"
    if name.startswith("log_"):
        return f"{meaning}: {np.expm1(value):,.0f}"
    return f"{meaning}: {value:.2g}"
