"""What a search of settings came to: its trials, and whether the best gained anything."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from training.bootstrap import Interval
from training.settings import Choice
from training.space import values_of

BUDGET = 0.05
"""At which capture the best is compared with the defaults."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Attributes
    ----------
    state
        ``complete``, or ``pruned`` where it was stopped early as a bad one.
    average_precision
        Mean over the folds that it was judged on, 0 to 1.
    """

    number: int
    state: str
    choice: Choice
    average_precision: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search came to.

    Attributes
    ----------
    study
        Name of the study.
    trials
        In order; the first are the defaults.
    best
        The best that was found; the defaults where nothing else was better.
    gain
        Of `best` over the defaults in capture at 5 % on folds that the search has not seen: the
        mean difference, and its 95 % interval over item groups drawn anew.
    seed_gains
        That difference by each seed of the fits.
    audits, overturns
        On which the two were compared; 0 where the best are the defaults.
    """

    study: str
    trials: tuple[Tried, ...]
    best: Choice
    gain: Interval = Interval(0.0, 0.0, 0.0)
    seed_gains: tuple[float, ...] = ()
    audits: int = 0
    overturns: int = 0

    @property
    def gained(self) -> bool:
        """Return whether the gain is beyond chance."""
        return bool(self.gain.low > 0)

    @property
    def recommended(self) -> Choice:
        """Return the best settings where they gain, else the defaults."""
        return self.best if self.gained else Choice()

    def table(self) -> pd.DataFrame:
        """Return a row a trial: number, state, average precision, and every setting."""
        return pd.DataFrame(
            [
                {
                    "trial": tried.number,
                    "state": tried.state,
                    "average_precision": tried.average_precision,
                    **values_of(tried.choice),
                }
                for tried in self.trials
            ]
        )

    def __str__(self) -> str:
        best = max(tried.average_precision for tried in self.trials if tried.state == "complete")
        searched = (
            f"{len(self.trials)} trials, average precision of the defaults "
            f"{self.trials[0].average_precision:.3f}, of the best {best:.3f}"
        )
        if self.best == Choice():
            return f"Gained nothing: the defaults were the best of {searched}."
        spread = ", ".join(f"{gain:+.1%}" for gain in self.seed_gains)
        told = (
            f"on {self.audits:,} later audits ({self.overturns:,} overturned) capture at "
            f"{BUDGET:.0%} of the best less that of the defaults is {self.gain.value:+.1%} "
            f"(95 % interval {self.gain.low:+.1%} to {self.gain.high:+.1%}; by seed {spread})"
        )
        if self.gained:
            return f"Gained: {told}. {searched}."
        return (
            f"Gained nothing that chance does not explain: {told}; keep the defaults. {searched}."
        )
