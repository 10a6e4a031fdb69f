"""What a bundle costs whoever runs it: time to score, and room; and which versions made it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.bundle import Bundle, built_with, load_bundle
from models.scoring import score

_REPEATS = 5
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Contender:
    """A saved bundle as it competes.

    Attributes
    ----------
    bundle
        As it would serve.
    made_with
        Versions of Second Look and of the libraries that saved it, by name.
    megabytes
        Of all its parts.
    """

    bundle: Bundle
    made_with: Mapping[str, str]
    megabytes: float


def open_contender(folder: Path) -> Contender:
    """Open a saved bundle with what else it says of itself.

    Raises
    ------
    BundleError
        If it does not check out.
    """
    bundle = load_bundle(folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    size = sum(part.stat().st_size for part in folder.iterdir())
    return Contender(bundle, manifest["libraries"], size / 1e6)


def other_versions(made: Mapping[str, str]) -> tuple[str, ...]:
    """Return in words what made a bundle in other versions than run here; empty where none did.

    Parameters
    ----------
    made
        Versions by name, as `Contender.made_with`.

    Examples
    --------
    >>> other_versions(built_with() | {"numpy": "1.0"})  # doctest: +ELLIPSIS
    ('numpy 1.0, here ...',)
    """
    here = built_with()
    return tuple(
        f"{name} {made.get(name, 'of no known version')}, here {version}"
        for name, version in here.items()
        if made.get(name) != version
    )


def milliseconds_per_1000(
    bundles: Sequence[Bundle], decisions: pd.DataFrame, records: Sequence[pd.DataFrame]
) -> list[float]:
    """Return each bundle's median time to score 1,000 decisions, taken in turns.

    Parameters
    ----------
    decisions
        At least one; they are repeated up to 1,000.
    records
        What was known of them, as each bundle keeps it.
    """
    rows = np.resize(np.arange(len(decisions)), _ROWS)
    batch = decisions.iloc[rows].reset_index(drop=True)
    known = [each.iloc[rows].reset_index(drop=True) for each in records]
    seconds = np.empty((_REPEATS + 1, len(bundles)))
    for turn in range(_REPEATS + 1):
        for place, bundle in enumerate(bundles):
            start = time.perf_counter()
            score(bundle, batch, known[place])
            seconds[turn, place] = time.perf_counter() - start
    return [float(1e3 * each) for each in np.median(seconds[1:], axis=0)]  # the first warms up
