"""The model card as the report shows it: what the model learned from, and what it showed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.publication import Published
from monitoring.wording import count, days, percent, words

_MEANINGS = {
    "auroc": "chance that an overturned decision is ranked above an upheld one; 0.5 is chance",
    "average_precision": "mean precision down the ranking; chance is the overturn rate",
    "calibration_error": "mean gap between expected and found rates; 0 is best",
    "overturn_rate": "found on the trial's decisions",
    "mean_prediction": "expected on the same decisions",
}
_SHARES = ("calibration_error", "overturn_rate", "mean_prediction")


@dataclass(frozen=True, slots=True)
class TrialFigure:
    """One figure of the trial, as it is read."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TrialSegment:
    """The trial by one column: its title, its audits in all, and rows of formatted figures."""

    title: str
    audits: int
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a reader should know of the model that serves.

    Attributes
    ----------
    version
        The name under which answers report it.
    facts
        Pairs of a name and a value, in words.
    metrics
        Figures of the trial before publication.
    segments
        The trial by policy, language, and so on.
    trial_audits
        Audits of the trial; null where the card does not say.
    """

    version: str
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[TrialFigure, ...]
    segments: tuple[TrialSegment, ...]
    trial_audits: int | None


def card_of(published: Published) -> ModelCard:
    """Return the card of the bundle that serves."""
    card = published.bundle.card
    trial: Mapping[str, float | None] = card.get("trial") or {}
    segments: Mapping[str, list[dict[str, Any]]] = card.get("segments") or {}
    audits = trial.get("audits")
    return ModelCard(
        version=published.model_version,
        facts=tuple(_facts(published)),
        metrics=tuple(
            figure_of(name, value)
            for name, value in trial.items()
            if value is not None and name != "audits"
        ),
        segments=tuple(
            TrialSegment(
                words(name),
                int(sum(row["audits"] for row in rows)),
                tuple(_segment_row(row) for row in rows),
            )
            for name, rows in segments.items()
            if rows
        ),
        trial_audits=None if audits is None else round(audits),
    )


def _facts(published: Published) -> list[tuple[str, str]]:
    bundle, card = published.bundle, published.bundle.card
    facts = [("Version", published.model_version), ("Fingerprint", bundle.fingerprint)]
    if "from" in card and "until" in card:
        first, last = (datetime.fromisoformat(card[name]) for name in ("from", "until"))
        facts.append(("Learned from decisions of", days(first, last)))
    facts += [
        (title, count(card[name]))
        for name, title in (
            ("decisions", "Decisions it knew of"),
            ("audits", "Audits it learned from"),
            ("overturns", "Overturns among them"),
        )
        if name in card
    ]
    reads = "decisions, track records and content" if bundle.opinion else "decisions, track records"
    facts.append(("Reads", reads + (f", {len(bundle.extras)} own inputs" if bundle.extras else "")))
    if "data_fingerprint" in card:
        facts.append(("Fingerprint of the data", str(card["data_fingerprint"])))
    return facts


def figure_of(name: str, value: float) -> TrialFigure:
    """Return one figure of a trial as it is read.

    Examples
    --------
    >>> figure_of("capture_05", 0.28).name, figure_of("auroc", 0.81).value
    ('Caught in top 5 %', '0.810')
    """
    head, _, budget = name.rpartition("_")
    if head == "capture" and budget.isdigit():
        meaning = f"share of all errors among the riskiest {int(budget)} % of decisions"
        return TrialFigure(f"Caught in top {int(budget)} %", percent(value, 0), meaning)
    if head == "lift" and budget.isdigit():
        meaning = "times the errors of a uniform sample of the same size"
        return TrialFigure(f"Lift at {int(budget)} %", f"{value:.1f}", meaning)
    title = "AUROC" if name == "auroc" else words(name)
    shown = percent(value) if name in _SHARES else f"{value:.3f}"
    return TrialFigure(title, shown, _MEANINGS.get(name, ""))


def _segment_row(row: Mapping[str, Any]) -> dict[str, str]:
    auroc, capture = row.get("auroc"), row.get("capture_10")
    return {
        "segment": str(row["segment"]),
        "audits": count(row["audits"]),
        "overturns": count(row["overturns"]),
        "found": percent(row["found_rate"]),
        "predicted": percent(row["predicted_rate"]),
        "auroc": "" if auroc is None else f"{auroc:.2f}",
        "capture": "" if capture is None else percent(capture, 0),
    }
