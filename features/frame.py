"""The one door for features: decisions and what is known of them in, one typed frame out.

Training, serving and monitoring all come through `build_frame`. Each feature is declared once, with
its unit, range and source; what comes out is checked against that table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from features.columns import AnyTable, Columns, Table, labels, like, numbers, texts
from features.errors import ContractError
from features.track_record import KEYS
from features.values import as_number, as_text

_ROWS_AT_ONCE = 8_192  # what is checked at once stays in the processor's cache


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the risk model.

    Attributes
    ----------
    name
        Column of the frame.
    kind
        ``number`` (64-bit float, null = not known) or ``category`` (text, null = not known).
    family
        Which source it comes from; families are added and removed together.
    meaning
        In words that a QA lead reads, as part of a reason.
    low, high
        Closed range of a number.
    monotone
        1 where more of it may only raise the risk, -1 where it may only lower it, else 0.
    """

    name: str
    kind: Literal["number", "category"]
    family: str
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    monotone: int = 0


_SUBJECTS = {
    "everything": "decisions overall",
    "policy": "this policy",
    "policy_version": "this version of the policy",
    "policy_action": "this action under this policy",
    "language_action": "this action in this language",
    "team": "this team",
    "moderator": "this moderator",
    "moderator_action": "this moderator and action",
    "moderator_policy": "this moderator and policy",
}

_CATEGORIES = (
    ("policy", "policy"),
    ("action", "action"),
    ("language", "language"),
    ("region", "region"),
    ("content_type", "kind of content"),
    ("source", "how it came in"),
    ("queue", "queue"),
    ("moderator_team", "team"),
    ("site", "site"),
    ("policy_version", "version of the policy"),
)

OPINION_FEATURES = (
    Feature(
        "opinion_of_action", "number", "second opinion",
        "second opinion on the action taken", 0, 1, -1,
    ),
    Feature(
        "opinion_margin", "number", "second opinion",
        "second opinion: lead of the action over the best other", -1, 1, -1,
    ),
    Feature(
        "opinion_gap", "number", "second opinion",
        "second opinion: how much stricter than the action", -1, 1,
    ),
    Feature("opinion_entropy", "number", "second opinion", "how torn the second opinion is", 0, 1),
    Feature(
        "opinion_of_error", "number", "second opinion",
        "errors on similar content", 0, 1, 1,
    ),
)  # fmt: skip

USUAL_FEATURES = (
    Feature(
        "usual_of_action", "number", "usual action",
        "how usual the action is for such items", 0, 1, -1,
    ),
    Feature(
        "usual_lead", "number", "usual action",
        "lead of the action over the next usual one", -1, 1, -1,
    ),
    Feature(
        "usual_gap", "number", "usual action",
        "how much stricter such items are usually judged", -1, 1,
    ),
)  # fmt: skip

HISTORY_FEATURES = (
    Feature("log_earlier_looks", "number", "earlier look", "earlier decisions on the same item", 0),
    Feature(
        "earlier_agreement", "number", "earlier look",
        "earlier decisions on the same item that agree", 0, 1, -1,
    ),
    Feature(
        "audited_agreement", "number", "earlier look",
        "audits of the same item that agree", 0, 1, -1,
    ),
    Feature("log_decisions_last_hour", "number", "work", "decisions in the hour before", 0),
    Feature("log_minutes_since_last", "number", "work", "minutes since the decision before", 0),
    Feature("hours_into_shift", "number", "work", "hours into the shift", 0, 24),
    Feature(
        "language_share", "number", "work",
        "share of the moderator's day in this language", 0, 1,
    ),
)  # fmt: skip

NUMBERS = (
    Feature("automated_score", "number", "decision", "automated score", 0, 1),
    Feature(
        "score_mismatch", "number", "decision",
        "automated score against the strictness of the action", 0, 1, 1,
    ),
    Feature("action_rank", "number", "decision", "strictness of the action", 0, 100),
    Feature("log_handle_seconds", "number", "decision", "time spent deciding", 0),
    Feature("log_reports", "number", "decision", "user reports", 0),
    Feature("skips", "number", "decision", "times passed on undecided", 0),
    Feature("log_views", "number", "decision", "views", 0),
    Feature("log_tenure_days", "number", "decision", "time in the job", 0),
    Feature("graphic_level", "number", "decision", "graphic level", 0, 3),
    Feature("log_content_length", "number", "decision", "length of the text", 0),
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *NUMBERS,
    *(
        feature
        for key in KEYS
        if key.name != "everything"
        for feature in (
            Feature(
                f"{key.name}_rate", "number", "track record",
                f"past overturns of {_SUBJECTS[key.name]}", 0, 1, 1,
            ),
            Feature(
                f"log_{key.name}_audits", "number", "track record",
                f"number of past audits of {_SUBJECTS[key.name]}", 0,
            ),
        )
    ),
    *HISTORY_FEATURES,
    *OPINION_FEATURES,
    *USUAL_FEATURES,
    *(Feature(name, "category", "decision", meaning) for name, meaning in _CATEGORIES),
)  # fmt: skip


def extra_features(decisions: pd.DataFrame) -> tuple[Feature, ...]:
    """Return the features that a team's own ``x_*`` columns make; ``group_*`` are never inputs."""
    return tuple(
        Feature(
            name,
            "number" if pd.api.types.is_numeric_dtype(decisions[name]) else "category",
            "extra",
            name.removeprefix("x_").replace("_", " "),
        )
        for name in sorted(n for n in map(str, decisions) if n.startswith("x_"))
    )


def build_frame(
    decisions: Table,
    records: Table,
    *,
    opinion: Table | None = None,
    top_rank: float = 1.0,
    extras: tuple[Feature, ...] = (),
) -> Table:
    """Return the features of decisions, a row each, in the order of `FEATURES` and `extras`.

    `USUAL_FEATURES` are null: `models.usual_action` works them out from the others.

    Parameters
    ----------
    decisions
        Rows that keep the contract.
    records
        What is known of them, from `features.known`; what is not in it is null.
    opinion
        Their second opinion, columns as `OPINION_FEATURES`; without one these are null.
    top_rank
        ``action_rank`` of the strictest action, to set against the automated score.
    extras
        Further inputs, as the model was trained with; one that did not come is null.

    Raises
    ------
    ContractError
        If a number leaves its declared range, which is a fault of the caller.

    Examples
    --------
    >>> decisions = pd.DataFrame({"policy": ["spam"], "action": ["keep"], "views": [99.0]})
    >>> frame = build_frame(decisions, pd.DataFrame({"policy_rate": [0.1], "policy_audits": [0.0]}))
    >>> float(frame["log_views"].iloc[0]), float(frame["policy_rate"].iloc[0])
    (4.605170185988092, 0.1)
    """
    rank = numbers(decisions, "action_rank")
    score = numbers(decisions, "automated_score")
    columns: dict[str, Any] = {
        "automated_score": score,
        "score_mismatch": np.abs(score - np.clip(rank / max(top_rank, 1.0), 0, 1)),
        "action_rank": rank,
        "log_handle_seconds": np.log1p(numbers(decisions, "handle_seconds")),
        "log_reports": np.log1p(numbers(decisions, "reports")),
        "skips": numbers(decisions, "skips"),
        "log_views": np.log1p(numbers(decisions, "views")),
        "log_tenure_days": np.log1p(numbers(decisions, "moderator_tenure_days")),
        "graphic_level": numbers(decisions, "graphic_level"),
        "log_content_length": np.log1p(_length(decisions)),
        "hours_into_shift": numbers(records, "hours_into_shift"),
        "language_share": numbers(records, "language_share"),
        "earlier_agreement": numbers(records, "earlier_agreement"),
        "audited_agreement": numbers(records, "audited_agreement"),
    }
    for name in ("earlier_looks", "decisions_last_hour", "minutes_since_last"):
        columns[f"log_{name}"] = np.log1p(numbers(records, name))
    for key in KEYS:
        columns[f"{key.name}_rate"] = numbers(records, f"{key.name}_rate")
        columns[f"log_{key.name}_audits"] = np.log1p(numbers(records, f"{key.name}_audits"))
    unknown = np.full(len(decisions), np.nan)
    for feature in OPINION_FEATURES:
        columns[feature.name] = unknown if opinion is None else numbers(opinion, feature.name)
    columns |= {feature.name: unknown for feature in USUAL_FEATURES}
    wanted = (*FEATURES, *extras)
    for feature in wanted:
        if feature.name not in columns:
            columns[feature.name] = _own_column(decisions, feature)
    _require_ranges(columns, extras)
    return like(decisions, {feature.name: columns[feature.name] for feature in wanted})


def number_matrix(frame: AnyTable, names: Sequence[str]) -> np.ndarray:
    """Return columns of numbers side by side, shape (rows, names)."""
    if isinstance(frame, Columns):
        matrix = np.empty((len(frame), len(names)))
        for place, name in enumerate(names):
            matrix[:, place] = frame[name]
        return matrix
    return np.asarray(frame[list(names)].to_numpy(dtype=float))


def _length(decisions: AnyTable) -> np.ndarray:
    """Return the length of the text in characters, null where there is none."""
    if "text" not in decisions:
        return np.full(len(decisions), np.nan)
    values = decisions["text"]
    if not isinstance(values, np.ndarray) and isinstance(values.dtype, pd.StringDtype):
        return np.asarray(values.str.len().to_numpy(dtype=np.float64, na_value=np.nan))
    lengths = (np.nan if text is None else len(text) for text in texts(decisions, "text").tolist())
    return np.fromiter(lengths, dtype=np.float64, count=len(decisions))


def _own_column(decisions: AnyTable, feature: Feature) -> Any:
    """Return a feature that is a column of the decisions, read as its kind.

    Text of a frame stays what it came as, categories or not: each word is read once, not each row.
    """
    if feature.name not in decisions:
        return (numbers if feature.kind == "number" else texts)(decisions, feature.name)
    values = decisions[feature.name]
    if isinstance(values, np.ndarray) and (values.dtype == object) == (feature.kind == "category"):
        return values
    given = pd.Series(values) if isinstance(values, np.ndarray) else values
    if feature.kind == "category":
        if isinstance(given.dtype, (pd.StringDtype, pd.CategoricalDtype)):
            words = labels(decisions, feature.name)[1]
            if as_text(pd.Series(words, dtype=object))[0].tolist() == words:
                return given.array
        text = as_text(given)[0]
        return np.asarray(text.astype(object).where(text.notna(), None))
    number, unread = as_number(given)
    if unread.any():
        row = int(np.argmax(unread))
        raise ContractError.of(
            "decisions",
            row,
            feature.name,
            seen=repr(str(given.iloc[row])[:60]),
            expected="a number, as the model was trained with",
        )
    return np.asarray(number)


@lru_cache(maxsize=8)
def _ranges(extras: tuple[Feature, ...]) -> tuple[list[str], np.ndarray, np.ndarray]:
    bounded = [f for f in (*FEATURES, *extras) if f.kind == "number"]
    low, high = (np.array([getattr(f, end) for f in bounded]) for end in ("low", "high"))
    return [f.name for f in bounded], low - 1e-9, high + 1e-9


def _require_ranges(columns: Mapping[str, Any], extras: tuple[Feature, ...]) -> None:
    names, low, high = _ranges(extras)
    for start in range(0, len(columns[names[0]]), _ROWS_AT_ONCE):
        values = np.array([columns[name][start : start + _ROWS_AT_ONCE] for name in names]).T
        broken = (values < low) | (values > high)
        if broken.any():
            row, column = map(int, np.argwhere(broken)[0])
            raise ContractError.of(
                "features",
                start + row,
                names[column],
                seen=f"{values[row, column]:g}",
                expected=f"{low[column] + 1e-9:g} to {high[column] - 1e-9:g}",
            )
