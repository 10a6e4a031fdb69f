"""Challenger and champion side by side: on the same audits, as each would have ranked them then.

The challenger is judged by its trial: later audits on items that it had not seen. The champion is
judged on those of them that it did not learn from either. What a plan would audit, and what scoring
costs, is read off both bundles as they would serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.columns import numbers, texts
from features.contract import DIRECTIONS
from features.errors import CapacityError
from features.history import groups_of
from features.known import known_before
from features.policies import Policies
from models.arrays import Floats
from models.bundle import Bundle
from models.ranking import risk_frame
from models.risk_frame import RiskFrame
from models.scoring import Scores, score
from training.allocation import Capacity, chances, fit_for, latest
from training.audits import last_audits
from training.footprint import Contender, milliseconds_per_1000, other_versions
from training.learn import SEGMENTS, Progress, Trial

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a plan would audit of the latest decisions.

    Attributes
    ----------
    decisions
        Columns of `training.learn.SEGMENTS` that came, and each decision's chance of an audit under
        the plan of ``challenger`` and of ``champion``; null where there is no champion.
    capacity
        Share of decisions that can be audited.
    minimums
        Policies whose least number of audits is set by the lead.
    refused
        Why there is no plan; empty where there is one.
    """

    decisions: pd.DataFrame
    capacity: float
    minimums: frozenset[str]
    refused: str = ""

    @property
    def has_champion(self) -> bool:
        """Whether there is a champion's plan beside."""
        return bool(self.decisions[CHAMPION].notna().any())


@dataclass(frozen=True, slots=True)
class Footprint:
    """Milliseconds to score 1,000 decisions and size in megabytes: challenger, then champion."""

    milliseconds: tuple[float, ...]
    megabytes: tuple[float, ...]
    other_versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that gates are judged on.

    Attributes
    ----------
    rows
        A row an audit: ``group``, ``period``, the columns of segments, ``inclusion``,
        ``overturned`` (0 or 1), ``harm_found``; the chance of an overturn by ``challenger`` and
        ``champion``, the expected harm by both (``challenger_harm``, ``champion_harm``), and the
        chance of an audit under the plan of both (``challenger_inclusion``,
        ``champion_inclusion``; null where no plan was tried). The champion's are null where it may
        have learned from the audit.
    champion
        Its name; null where there is none.
    champion_until
        Latest decision that the champion learned from; null where it is learned anew each time.
    allocation, footprint
        Null where not measured.
    """

    rows: pd.DataFrame
    champion: str | None
    champion_until: pd.Timestamp | None = None
    allocation: Allocation | None = None
    footprint: Footprint | None = None

    @property
    def segments(self) -> tuple[str, ...]:
        """Return the columns whose values are segments."""
        return tuple(name for name in SEGMENTS if name in self.rows)


def compare(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    trial: Trial,
    challenger: Contender,
    champion: Contender | None,
    capacity: Capacity | None = None,
    progress: Progress = lambda _: None,
) -> Comparison:
    """Judge both on the audits of the challenger's trial, and measure what they would do and cost.

    Parameters
    ----------
    decisions, outcomes
        What the challenger was learned from.
    trial
        What the challenger's kind achieved, see `training.learn.learn`.
    champion
        Null where none serves yet.
    capacity
        Of the plan; null = the default settings'.
    """
    progress("scoring the trial's audits as the champion would have")
    rows = _trial_rows(decisions, outcomes, trial, challenger.bundle)
    until = None
    if champion is not None:
        until = pd.Timestamp(champion.bundle.card["until"])
        rows = _with_champion(rows, decisions, outcomes, champion.bundle, until)
    progress("fitting plans and timing the scoring")
    contenders = {CHALLENGER: challenger} | ({} if champion is None else {CHAMPION: champion})
    bundles = {who: each.bundle for who, each in contenders.items()}
    recent = latest(decisions)
    seen = {who: _seen_then(each, recent, decisions, outcomes) for who, each in bundles.items()}
    frames = {who: risk_frame(recent, scores) for who, (_, scores) in seen.items()}
    rows, allocation = _planned(rows, recent, bundles, frames, capacity or Capacity())
    records = [records for records, _ in seen.values()]
    return Comparison(
        rows,
        None if champion is None else champion.bundle.fingerprint,
        until,
        allocation,
        Footprint(
            tuple(milliseconds_per_1000([*bundles.values()], recent, records)),
            tuple(each.megabytes for each in contenders.values()),
            other_versions(challenger.made_with),
        ),
    )


def harm_found(policies: Policies, decisions: pd.DataFrame, verdicts: pd.Series) -> Floats:
    """Return the harm that each audit undid: 0 where it upheld the decision."""
    harm = policies.harm(texts(decisions, "policy"), numbers(decisions, "views"))
    wrong = np.array([verdicts == direction for direction in DIRECTIONS]).T
    return np.asarray((wrong * harm).sum(axis=1))


def _trial_rows(
    decisions: pd.DataFrame, outcomes: pd.DataFrame, trial: Trial, bundle: Bundle
) -> pd.DataFrame:
    """Return the trial's audits with the harm that they undid and that was expected of them.

    The trial tells the chance of an overturn; which way, if so, is the bundle's to say.
    """
    told = trial.predictions
    made = decisions.set_index("decision_id").loc[told["decision_id"]].reset_index()
    verdicts = last_audits(outcomes).set_index("decision_id").loc[told["decision_id"], "verdict"]
    harm = bundle.policies.harm(texts(made, "policy"), numbers(made, "views"))
    chance = told["overturn_probability"].to_numpy()
    expected = chance * (bundle.risk.directions.of(made) * harm).sum(axis=1)
    return told.drop(columns="overturn_probability").assign(
        period=0,
        challenger=chance,
        challenger_harm=expected,
        harm_found=harm_found(bundle.policies, made, verdicts.reset_index(drop=True)),
        challenger_inclusion=np.nan,
        champion=np.nan,
        champion_harm=np.nan,
        champion_inclusion=np.nan,
    )


def _with_champion(
    rows: pd.DataFrame,
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    bundle: Bundle,
    until: pd.Timestamp,
) -> pd.DataFrame:
    """Add what the champion would have said, of audits and items that it did not learn from."""
    audited = decisions["decision_id"].isin(outcomes["decision_id"])
    learned = groups_of(decisions)[audited & (decisions["decided_at"] <= until)]
    fresh = (rows["decided_at"] > until) & ~rows["group"].isin(learned)
    told = rows.copy()
    if fresh.any():
        asked = decisions.set_index("decision_id").loc[rows.loc[fresh, "decision_id"]]
        scores = _seen_then(bundle, asked.reset_index(), decisions, outcomes)[1]
        told.loc[fresh, "champion"] = scores.overturn_probability
        told.loc[fresh, "champion_harm"] = scores.expected_harm
    return told


def _seen_then(
    bundle: Bundle, asked: pd.DataFrame, decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> tuple[pd.DataFrame, Scores[pd.DataFrame]]:
    """Return what was known of decisions when they were made, and their scores from it."""
    records = known_before(asked, decisions, outcomes, bundle.record_settings)
    return records, score(bundle, asked, records)


def _planned(
    rows: pd.DataFrame,
    recent: pd.DataFrame,
    bundles: Mapping[str, Bundle],
    frames: Mapping[str, RiskFrame],
    capacity: Capacity,
) -> tuple[pd.DataFrame, Allocation]:
    """Fit each one's plan; give the trial's audits and the latest decisions their chances."""
    told = recent[[name for name in SEGMENTS if name in recent]]
    minimums = frozenset(bundles[CHALLENGER].policies.minimums(recent["policy"].unique()))
    planned = told.assign(challenger=np.nan, champion=np.nan)
    allocation = Allocation(planned, capacity.share, minimums)
    for who, bundle in bundles.items():
        try:
            plan = fit_for(bundle, frames[who], capacity)
        except CapacityError as error:
            return rows, replace(allocation, refused=str(error))
        planned[who] = chances(plan, frames[who])
        scored = rows[who].notna()
        rows.loc[scored, f"{who}_inclusion"] = chances(plan, _risk_of(rows[scored], who))
    return rows, allocation


def _risk_of(rows: pd.DataFrame, who: str) -> RiskFrame:
    """Return audits with a contender's scores, as a plan reads them."""
    return RiskFrame(
        rows["decision_id"].to_numpy(dtype=object),
        rows[who].to_numpy(dtype=float),
        rows[f"{who}_harm"].to_numpy(dtype=float),
        rows["policy"].to_numpy(dtype=object),
    )
