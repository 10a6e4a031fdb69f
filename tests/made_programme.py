"""A made programme in small: near-duplicates, shifts, ties in time, and outcomes that come late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DECISIONS, OUTCOMES, check

START = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
MINUTE_US = 60_000_000
TICK = pd.Timedelta(microseconds=1)


@dataclass(frozen=True)
class MadeProgramme:
    """Decisions in the order of time, the batches in which they are ranked, and their outcomes.

    Attributes
    ----------
    outcomes
        Each was finished while no batch was being decided, so that "before" is plain.
    batch_of_decision
        Number of the batch of each decision.
    news_of_batch
        For each outcome, the first batch that may know of it.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    batch_of_decision: np.ndarray
    news_of_batch: np.ndarray

    def batches(self) -> Iterator[tuple[int, pd.DataFrame]]:
        for number in np.unique(self.batch_of_decision):
            yield int(number), self.decisions[self.batch_of_decision == number]


def make_programme(seed: int, *, rows: int = 400) -> MadeProgramme:
    """Make one; four months or so for 400 rows."""
    rng = np.random.default_rng(seed)
    decisions = check(_decisions(rng, rows), DECISIONS).require()
    batches = np.cumsum(rng.random(rows) < rng.choice([0.3, 0.05], rows))
    outcomes, news = _outcomes(rng, decisions, batches)
    return MadeProgramme(decisions, check(outcomes, OUTCOMES).require(), batches, news)


def _decisions(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    def some(names: list[str], null: float = 0.0) -> pd.Series:
        return _some(rng, names, rows, null=null)

    return pd.DataFrame(
        {
            "decision_id": [f"d{number:04}" for number in rng.permutation(rows)],
            "decided_at": _times(rng, rows),
            "policy": some(["spam", "hate"]),
            "action": some(["keep", "remove", "label"]),
            "policy_version": some(["1", "2"], null=0.2),
            "moderator_id": some([*["m0"] * 4, "m1", "m2", "m3"], null=0.15),
            "moderator_team": some(["t1", "t2"], null=0.1),
            "language": some(["en", "de", "tr"], null=0.1),
            # an item and a group may bear the same name: they then are the same group
            "item_id": some([f"i{number}" for number in range(rows // 8)], null=0.2),
            "item_group": some(["i1", "i2", "g1", "g2", "g3", "g4", "d0007"], null=0.7),
        }
    )


def _times(rng: np.random.Generator, rows: int) -> pd.Series:
    """Draw times with ties, neighbours a microsecond apart, whole hours, pauses and idle days."""
    steps = np.array(
        [
            np.zeros(rows),
            np.ones(rows),
            rng.exponential(4 * MINUTE_US, rows),
            np.full(rows, 60 * MINUTE_US),
            np.full(rows, 360 * MINUTE_US),
            rng.exponential(6 * 1_440 * MINUTE_US, rows),
        ]
    )
    kind = rng.choice(len(steps), rows, p=[0.2, 0.1, 0.35, 0.25, 0.05, 0.05])
    whole = np.cumsum(steps[kind, np.arange(rows)].astype(np.int64))
    return pd.Series(START + pd.to_timedelta(whole, unit="us")).astype("datetime64[us, UTC]")


def _outcomes(
    rng: np.random.Generator, decisions: pd.DataFrame, batches: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    audited = decisions.sample(frac=0.8, replace=True, random_state=rng)
    size = len(audited)
    delay = rng.exponential(6 * 1_440 * MINUTE_US, size).astype(np.int64)
    finished = audited["decided_at"].reset_index(drop=True) + pd.to_timedelta(delay, unit="us")
    audited_at, news = _between_batches(finished, decisions["decided_at"], batches)
    verdicts = ["correct", "over_enforcement", "under_enforcement", "wrong_selection"]
    outcomes = pd.DataFrame(
        {
            "audit_id": [f"a{number}" for number in range(size)],
            "decision_id": audited["decision_id"].to_numpy(),
            "audited_at": audited_at,
            "verdict": rng.choice(
                [*verdicts, "technical_error"], size, p=[0.5, 0.2, 0.1, 0.1, 0.1]
            ),
            "corrected_action": _some(rng, ["keep", "remove", "label"], size, null=0.2),
            "source": _some(rng, ["audit", "audit", "appeal", "review", "golden"], size, null=0.4),
            "inclusion_probability": np.where(
                rng.random(size) < 0.8, rng.uniform(0.1, 1, size), np.nan
            ),
            "supersedes": pd.Series([None] * size, dtype="str"),
        }
    )
    for number in np.flatnonzero(rng.random(size) < 0.08):
        others = np.flatnonzero((news == news[number]) & (np.arange(size) < number))
        if len(others):  # a replacement that came later would change what was known before
            replaced = int(rng.choice(others))
            outcomes.loc[int(number), "supersedes"] = f"a{replaced}"
            outcomes.loc[int(number), "decision_id"] = str(outcomes["decision_id"].iloc[replaced])
    return outcomes, news


def _between_batches(
    finished: pd.Series, decided_at: pd.Series, batches: np.ndarray
) -> tuple[pd.Series, np.ndarray]:
    """Move moments out of the batches that they fall into, to just after them."""
    times = decided_at.groupby(batches).agg(["min", "max"])
    before = times["max"].shift(fill_value=START - TICK)
    open_gaps = times.index[times["min"] > before]
    place = np.searchsorted(times.loc[open_gaps, "min"], finished)
    never = place == len(open_gaps)
    number = np.where(never, times.index[-1] + 1, open_gaps[np.minimum(place, len(open_gaps) - 1)])
    ends = pd.concat([before, pd.Series({times.index[-1] + 1: times["max"].iloc[-1]})])
    earliest = ends.loc[number].reset_index(drop=True) + TICK
    moved = finished.where(finished >= earliest, earliest)
    begins = times["min"].reindex(number).reset_index(drop=True)
    at_once = begins.notna() & (np.arange(len(moved)) % 10 == 0)  # with the batch's first decision
    return moved.where(~at_once, begins), number


def _some(rng: np.random.Generator, names: list[str], size: int, *, null: float) -> pd.Series:
    drawn = pd.Series(rng.choice(names, size), dtype="str")
    return drawn.where(rng.random(size) >= null)
