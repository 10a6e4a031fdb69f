"""The model that serves beside the one that served before it.

Where one of the two looked on while the other served, both scored the same rows, and the audits of
these rows judge both. Else the trial of each, which its card holds, is set beside the other's;
those trials are of different decisions, and the page says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.errors import BundleError, EstimateError
from features.home import Home
from features.store import Store
from models.bundle import Bundle, is_whole, load_bundle
from models.publication import Published
from monitoring.challenger import Comparison, compare_challenger
from monitoring.model_card import TrialFigure, figure_of


@dataclass(frozen=True, slots=True)
class TrialPair:
    """One figure of both trials; empty where a card lacks it."""

    name: str
    now: str
    before: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The model before the one that serves.

    Attributes
    ----------
    version
        How answers named it; empty where it is not known.
    missing
        Why there is nothing to set beside; empty where there is.
    trials
        Figures of the two cards.
    same_rows
        Both on the same rows; null where neither looked on while the other served.
    now_looked_on
        Whether in `same_rows` the model of now is the one that looked on.
    """

    version: str = ""
    missing: str = ""
    trials: tuple[TrialPair, ...] = ()
    same_rows: Comparison | None = None
    now_looked_on: bool = False


def predecessor_of(home: Home, store: Store, published: Published) -> Predecessor:
    """Return what is known of the model that served before."""
    told = _previous(home)
    if told is None:
        return Predecessor(missing="No other model has served before it.")
    fingerprint, version = told
    before = _opened(home, fingerprint)
    if before is None:
        return Predecessor(version, missing=f"The bundle of {version} is not kept in this home.")
    same_rows = _same_rows(store, {published.bundle.fingerprint, fingerprint})
    return Predecessor(
        version=version,
        trials=tuple(_pairs(_trial(published.bundle), _trial(before))),
        same_rows=same_rows,
        now_looked_on=same_rows is not None
        and same_rows.bundle_version == published.bundle.fingerprint,
    )


def _previous(home: Home) -> tuple[str, str] | None:
    """Return fingerprint and version of the model before, as ``champion.json`` tells them."""
    try:
        document = json.loads(home.champion_file.read_text(encoding="utf-8"))
        previous = document["entry"]["previous"]
        return str(previous["bundle"]), str(previous["model_version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _opened(home: Home, fingerprint: str) -> Bundle | None:
    place = home.bundles / fingerprint
    if not is_whole(place):
        return None
    try:
        return load_bundle(place)
    except BundleError:
        return None


def _same_rows(store: Store, fingerprints: set[str]) -> Comparison | None:
    try:
        found = compare_challenger(store)
    except EstimateError:
        return None
    return found if found.bundle_version in fingerprints else None


def _trial(bundle: Bundle) -> dict[str, TrialFigure]:
    trial: Mapping[str, float | None] = bundle.card.get("trial") or {}
    return {
        name: figure_of(name, value)
        for name, value in trial.items()
        if value is not None and name != "audits"
    }


def _pairs(now: dict[str, TrialFigure], before: dict[str, TrialFigure]) -> Iterator[TrialPair]:
    for name in [*now, *(name for name in before if name not in now)]:
        told = now.get(name) or before[name]
        ours, theirs = (trial[name].value if name in trial else "" for trial in (now, before))
        yield TrialPair(told.name, ours, theirs, told.meaning)
