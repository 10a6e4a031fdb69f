"""Reasons: why a decision is ranked where it is, in words that a QA lead reads.

Features that say the same thing speak as one reason: their parts are added up before the strongest
are chosen, and one text tells of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.columns import AnyTable, Table, texts
from features.frame import Feature, number_matrix
from features.track_record import KEYS
from models.bundle import Bundle
from models.scoring import Scores

SPEAKS_FOR: Mapping[str, tuple[str, ...]] = {
    "action": ("action_rank",),
    "score_mismatch": ("automated_score",),
    "earlier_agreement": ("log_earlier_looks",),
    "opinion_of_action": ("opinion_margin", "opinion_gap", "opinion_entropy"),
    "usual_of_action": ("usual_lead", "usual_gap"),
    **{f"{key.name}_rate": (f"log_{key.name}_audits",) for key in KEYS},
}
"""What each reason tells of besides its own feature: a rate also of how often it was measured."""

_LEAST_PART = 0.05  # log-odds below which a feature is no reason
_CLEAR_GAP = 0.1  # of strictness, 0 to 1, from which one is said to be stricter or milder
_FAR_RATE = 1.2  # times the policy's rate, from which that is told
_OF_ONE = {"language_share", "opinion_of_error", "audited_agreement"}
_UNITS = {
    "log_handle_seconds": "seconds",
    "log_tenure_days": "days",
    "log_content_length": "characters",
}

_NULLS = {"audited_agreement": "none known"}

Row = Mapping[str, Any]
"""The features of one decision by name; null as None or NaN."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a risk.

    Attributes
    ----------
    feature
        The feature that says it, also for those that it speaks for.
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
    bundle: Bundle, scores: Scores[Table], rows: np.ndarray, *, most: int = 3
) -> list[list[Reason]]:
    """Return the strongest reasons of the given rows, strongest first, `most` at the most.

    Parameters
    ----------
    scores
        Of the same bundle.
    rows
        Positions in the scores.
    """
    if not len(rows):
        return []
    frame = scores.frame.take(rows)
    parts, _ = bundle.contributions.of(bundle.risk, frame)
    speakers, merged = by_speaker(bundle.risk.encoder.features, parts)
    raising = np.maximum(merged, 0)
    share = raising / np.maximum(raising.sum(axis=1, keepdims=True), 1e-300)
    strongest = np.argsort(-raising, axis=1, kind="stable")[:, :most]
    return [
        [
            Reason(speakers[i].name, told(speakers[i], row), float(parts[i]), float(shares[i]))
            for i in chosen
            if parts[i] >= _LEAST_PART
        ]
        for row, parts, shares, chosen in zip(
            _rows(bundle.risk.encoder.features, frame), merged, share, strongest, strict=True
        )
    ]


def _rows(features: tuple[Feature, ...], frame: AnyTable) -> Iterator[Row]:
    """Yield the features of each row by name; columns of numbers are read all at once."""
    names = {kind: [f.name for f in features if f.kind == kind] for kind in ("number", "category")}
    numbers = number_matrix(frame, names["number"]).tolist()
    words = zip(*(texts(frame, name).tolist() for name in names["category"]), strict=True)
    order = (*names["number"], *names["category"])
    for figures, said in zip(numbers, words, strict=True):
        yield dict(zip(order, (*figures, *said), strict=True))


def by_speaker(
    features: tuple[Feature, ...], parts: np.ndarray
) -> tuple[list[Feature], np.ndarray]:
    """Add up the parts of features that speak as one, shape (rows, speakers).

    Examples
    --------
    >>> rate, audits = (Feature(name, "number", "track record", "")
    ...                 for name in ("team_rate", "log_team_audits"))
    >>> by_speaker((rate, audits), np.array([[0.5, 0.25]]))[1].tolist()
    [[0.75]]
    """
    speaker = {name: by for by, names in SPEAKS_FOR.items() for name in names}
    said_by = [speaker.get(feature.name, feature.name) for feature in features]
    speakers = [feature for feature in features if feature.name in set(said_by)]
    place = {feature.name: i for i, feature in enumerate(speakers)}
    membership = np.zeros((len(features), len(speakers)))
    membership[np.arange(len(features)), [place[name] for name in said_by]] = 1
    return speakers, parts @ membership


def told(speaker: Feature, row: Row) -> str:
    """Return a reason in plain words.

    Examples
    --------
    >>> usual = Feature("usual_of_action", "number", "usual action", "how usual it is", 0, 1)
    >>> told(usual, {"usual_of_action": 0.08, "usual_gap": 0.6})
    'such items usually get this action: 8 %, mostly a stricter one'
    """
    own = _TEXTS.get(speaker.name)
    if own is not None:
        return own(row)
    value = row[speaker.name]
    if _null(value):
        return f"{speaker.meaning}: {_NULLS.get(speaker.name, 'not known')}"
    if speaker.kind == "category":
        return f"{speaker.meaning}: {value}"
    if speaker.family == "track record":
        return f"{speaker.meaning}: {_record(speaker.name, row)}"
    return f"{speaker.meaning}: {_amount(speaker.name, value)}"


def _record(name: str, row: Row) -> str:
    """Tell a rate, and how far it is above the policy's."""
    rate, usual = row[name], row["policy_rate"]
    audits = row[f"log_{name.removesuffix('_rate')}_audits"]
    text = f"{100 * rate:.1f} %"
    if not _null(audits) and np.expm1(audits) < 0.5:
        return f"no audits yet, taken as {text}"
    far = name != "policy_rate" and not _null(usual) and rate >= _FAR_RATE * usual > 0
    return f"{text}, {rate / usual:.1f} times the policy's rate" if far else text


def _amount(name: str, value: float) -> str:
    if name in _OF_ONE:
        return _percent(value)
    if not name.startswith("log_"):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
    unit = _UNITS.get(name)
    return f"{np.expm1(value):,.0f} {unit}" if unit else f"{np.expm1(value):,.0f}"


def _second_opinion(row: Row) -> str:
    share, gap = row["opinion_of_action"], row["opinion_gap"]
    if _null(share):
        return "second opinion on the action taken: not known"
    return f"second opinion on the action taken: {_percent(share)}{_turn(share, gap, 'would be')}"


def _usual_action(row: Row) -> str:
    share, gap = row["usual_of_action"], row["usual_gap"]
    if _null(share):
        return "how usual this action is for such items: not known"
    return f"such items usually get this action: {_percent(share)}{_turn(share, gap, 'mostly a')}"


def _turn(share: float, gap: float, lead: str) -> str:
    """Tell which way another action would go, where another is more likely."""
    if share >= 0.5 or _null(gap) or abs(gap) < _CLEAR_GAP:
        return ""
    word = "stricter" if gap > 0 else "milder"
    return f", {lead} {word}" + (" one" if lead.endswith(" a") else "")


def _earlier_looks(row: Row) -> str:
    """Tell how many agreed: half a look for and half against were added to their share."""
    share, looks = row["earlier_agreement"], row["log_earlier_looks"]
    if _null(looks):
        return "earlier decisions on the same item: not known"
    count = round(np.expm1(looks))
    if _null(share) or count == 0:
        return "earlier decisions on the same item: none"
    agreeing = round(share * (count + 1) - 0.5)
    return f"earlier decisions on the same item that agree: {agreeing} of {count}"


def _automated_score(row: Row) -> str:
    score = row["automated_score"]
    known = "not known" if _null(score) else f"{score:.2f}"
    return f"automated score of what was decided as {row['action']}: {known}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _null(value: Any) -> bool:
    return value is None or value != value


_TEXTS: Mapping[str, Callable[[Row], str]] = {
    "opinion_of_action": _second_opinion,
    "usual_of_action": _usual_action,
    "earlier_agreement": _earlier_looks,
    "score_mismatch": _automated_score,
}
