"""The backtest: week after week, what would have been learned, ranked and found at the time.

At the start of each week both contenders are learned from the audits that were known by then, the
plan is fitted on the decisions of late, and the decisions of the week are scored with what was
known when each was made. They are judged on the week's audits of items that nobody had learned
from, weighed by one over their inclusion probabilities, beside rankings that need no model.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.errors import TrainingError
from features.history import groups_of
from features.known import known_before
from features.policies import Policies
from features.track_record import RecordSettings
from models.bundle import Bundle
from models.ranking import risk_frame
from models.scoring import Scores, score
from training.allocation import Capacity, chances, fit_for, latest
from training.audits import last_audits
from training.backtest_tables import overall_table, weeks_table
from training.baselines import LOGISTIC, fit_logistic, logistic_scores, simple_scores
from training.compare import CHALLENGER, CHAMPION, Allocation, Comparison, harm_found
from training.gates import Gates, Verdict
from training.judge import judge
from training.learn import SEGMENTS, LearningSettings, Progress, learn

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """What is tried, and against what.

    Attributes
    ----------
    challenger
        How the challenger is learned, anew each week.
    champion
        How the champion is learned, or the bundle that serves; null = none. A bundle is judged on
        decisions later than those that it learned from, of items new to it.
    capacity
        Of the plan of each week.
    weeks
        How many of the latest are tried.
    random_audits
        Decisions whose audits were drawn uniformly, whatever their risk: the check on the weighing.
        Null = all audits where all had the same chance, else none.
    """

    challenger: LearningSettings = field(default_factory=LearningSettings)
    champion: LearningSettings | Bundle | None = None
    capacity: Capacity = Capacity()
    weeks: int = 4
    random_audits: Set[str] | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What each contender would have found.

    Attributes
    ----------
    rows
        A row an audit, as `training.compare.Comparison.rows`, with ``decision_id``, ``week`` (its
        first moment), ``random_audit``, the chance of an audit under each plan
        (``challenger_inclusion``, ``champion_inclusion``) and the score by each baseline.
    weeks, overall
        Figures by week and contender, and by contender with paired differences.
    skipped
        In words, the weeks that could not be tried, and why.
    comparison
        What gates are judged on.
    """

    rows: pd.DataFrame
    weeks: pd.DataFrame
    overall: pd.DataFrame
    skipped: tuple[str, ...]
    comparison: Comparison

    def verdict(self, gates: Gates | None = None) -> Verdict:
        """Judge the challenger by all weeks together."""
        return judge(self.comparison, gates)


@dataclass(frozen=True, slots=True)
class _Past:
    """Everything that is known today, from which each week takes what was known then."""

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    audited: pd.DataFrame
    policies: Policies


@dataclass(frozen=True, slots=True)
class _Then:
    """What was known at the start of a week, and what came in it.

    Attributes
    ----------
    known, earlier, learned
        Outcomes, decisions, and audited decisions with what was found, up to the start.
    tried
        Audited decisions of the week, of items that nobody had learned from.
    sample
        Decisions of the week, audited or not.
    """

    start: pd.Timestamp
    known: pd.DataFrame
    earlier: pd.DataFrame
    learned: pd.DataFrame
    tried: pd.DataFrame
    sample: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Week:
    """Audits of one week with every score, and a sample of its decisions with their chances."""

    rows: pd.DataFrame
    planned: pd.DataFrame


def backtest(
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    policies: Policies,
    settings: BacktestSettings | None = None,
    progress: Progress = lambda _: None,
) -> Backtest:
    """Try challenger, champion and baselines on the latest weeks, each as it would have been then.

    Parameters
    ----------
    decisions
        All decisions, audited or not; with ``text`` where it may be used.
    outcomes
        Their outcomes, old enough to be whole: an audit that has not arrived counts for nothing.
    policies
        Harm of errors.

    Raises
    ------
    TrainingError
        If there is no week before which there was enough to learn from.
    CapacityError
        If the minimum audits alone exceed the capacity.
    """
    settings = settings or BacktestSettings()
    past = _past(decisions, outcomes, policies)
    tried: list[_Week] = []
    skipped: list[str] = []
    for start in _starts(past.audited["decided_at"], settings.weeks):
        try:
            tried.append(_week(past, start, settings, progress))
        except TrainingError as error:
            skipped.append(f"week from {start:%Y-%m-%d}: {error}")
    if not tried:
        raise TrainingError("backtest: no week could be tried; " + "; ".join(skipped))
    rows = pd.concat([week.rows for week in tried], ignore_index=True)
    rows = rows.assign(period=rows["week"])
    progress("drawing intervals")
    name = _name(settings.champion)
    planned = pd.concat([week.planned for week in tried], ignore_index=True)
    minimums = frozenset(policies.minimums(planned["policy"].unique()))
    allocation = Allocation(planned, settings.capacity.share, minimums)
    return Backtest(
        rows,
        weeks_table(rows),
        overall_table(rows),
        tuple(skipped),
        Comparison(rows, name, _until(settings.champion), allocation=allocation),
    )


def _name(champion: LearningSettings | Bundle | None) -> str | None:
    if isinstance(champion, Bundle):
        return champion.fingerprint or "the champion"
    return None if champion is None else "the champion's settings"


def _until(champion: LearningSettings | Bundle | None) -> pd.Timestamp | None:
    return pd.Timestamp(champion.card["until"]) if isinstance(champion, Bundle) else None


def _past(decisions: pd.DataFrame, outcomes: pd.DataFrame, policies: Policies) -> _Past:
    decisions = decisions.sort_values(["decided_at", "decision_id"], ignore_index=True)
    last = last_audits(outcomes)
    chance = last.get("inclusion_probability", pd.Series(1.0, index=last.index)).fillna(1.0)
    found = last[["decision_id", "verdict"]].assign(inclusion=chance.astype(float))
    audited = decisions.assign(group=groups_of(decisions)).merge(found, on="decision_id")
    if audited.empty:
        raise TrainingError("backtest: no outcome belongs to a decision; load outcomes first")
    return _Past(decisions, outcomes, audited, policies)


def _starts(decided_at: pd.Series, weeks: int) -> list[pd.Timestamp]:
    """Return the first moments of the latest weeks, the last of which ends with the last audit.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-20"], utc=True))
    >>> [f"{start:%d}" for start in _starts(days + pd.Timedelta(hours=9), weeks=2)]
    ['07', '14']
    """
    end = decided_at.max().ceil("D")
    return [end - (weeks - number) * _WEEK for number in range(weeks)]


def _week(
    past: _Past, start: pd.Timestamp, settings: BacktestSettings, progress: Progress
) -> _Week:
    """Learn, plan, score and audit one week."""
    then = _then(past, start)
    progress(
        f"week from {start:%Y-%m-%d}: {len(then.known):,} audits known, {len(then.tried):,} to try"
    )
    if then.tried.empty:
        raise TrainingError("it has no audit of an item that was not learned from before")
    week = _Week(
        _audit_rows(past, then, settings.random_audits),
        then.sample[[name for name in SEGMENTS if name in then.sample]].assign(champion=np.nan),
    )
    ours = _learn(past, then, settings.challenger, progress)
    week = _with_contender(week, CHALLENGER, ours, past, then, settings)
    theirs = settings.champion
    if isinstance(theirs, LearningSettings):
        same = theirs == settings.challenger
        theirs = ours if same else _learn(past, then, theirs, progress)
    if theirs is not None:
        week = _with_contender(week, CHAMPION, theirs, past, then, settings)
    return _with_baselines(week, past, then, top_rank=ours.top_rank)


def _then(past: _Past, start: pd.Timestamp) -> _Then:
    audited, decided = past.audited, past.decisions["decided_at"]
    known = past.outcomes[past.outcomes["audited_at"] <= start]
    end = start + _WEEK
    learned = audited["decision_id"].isin(known["decision_id"]) & (audited["decided_at"] < start)
    unseen = ~audited["group"].isin(audited["group"][learned])
    in_week = audited["decided_at"].between(start, end, inclusive="left")
    return _Then(
        start,
        known,
        earlier=past.decisions[decided < start],
        learned=audited[learned],
        tried=audited[in_week & unseen].reset_index(drop=True),
        sample=latest(past.decisions[decided.between(start, end, inclusive="left")]),
    )


def _learn(past: _Past, then: _Then, settings: LearningSettings, progress: Progress) -> Bundle:
    def told(line: str) -> None:
        progress(f"week from {then.start:%Y-%m-%d}: {line}")

    bundle, _ = learn(
        then.earlier, then.known, policies=past.policies, settings=settings, progress=told
    )
    return bundle


def _audit_rows(past: _Past, then: _Then, random_audits: Set[str] | None) -> pd.DataFrame:
    """Return the audits to try on, without scores yet."""
    tried = then.tried
    if random_audits is None:
        drawn = np.full(len(tried), past.audited["inclusion"].nunique() == 1)
    else:
        drawn = tried["decision_id"].isin(random_audits).to_numpy()
    told = ["decision_id", "decided_at", "group", "inclusion"]
    segments = [name for name in SEGMENTS if name in tried]
    return tried[told + segments].assign(
        week=then.start,
        random_audit=drawn,
        overturned=tried["verdict"].isin(DIRECTIONS).astype(float),
        harm_found=harm_found(past.policies, tried, tried["verdict"]),
        champion=np.nan,
        champion_harm=np.nan,
        champion_inclusion=np.nan,
    )


def _with_contender(
    week: _Week, who: str, bundle: Bundle, past: _Past, then: _Then, settings: BacktestSettings
) -> _Week:
    """Score the week as of each decision, and plan it as of its start."""
    scores = _scores_then(past, then.tried, bundle)
    tried = risk_frame(then.tried, scores)
    sample, before = (
        risk_frame(rows, _scores_then(past, rows, bundle))
        for rows in (then.sample, latest(then.earlier))
    )
    plan = fit_for(bundle, before, settings.capacity)
    fresh = _new_to(bundle, past, then) if bundle is settings.champion else slice(None)
    rows = week.rows.copy()
    rows.loc[fresh, who] = scores.overturn_probability[fresh]
    rows.loc[fresh, f"{who}_harm"] = scores.expected_harm[fresh]
    rows.loc[fresh, f"{who}_inclusion"] = chances(plan, tried)[fresh]
    return _Week(rows, week.planned.assign(**{who: chances(plan, sample)}))


def _scores_then(past: _Past, rows: pd.DataFrame, bundle: Bundle) -> Scores[pd.DataFrame]:
    """Score decisions with what was known when each was made."""
    records = known_before(rows, past.decisions, past.outcomes, bundle.record_settings)
    return score(bundle, rows, records)


def _new_to(bundle: Bundle, past: _Past, then: _Then) -> np.ndarray:
    """Say which of the audits to try on a bundle of an earlier day did not learn from."""
    until = pd.Timestamp(bundle.card["until"])
    learned = past.audited["group"][past.audited["decided_at"] <= until]
    later = then.tried["decided_at"] > until
    return (later & ~then.tried["group"].isin(learned)).to_numpy()


def _with_baselines(week: _Week, past: _Past, then: _Then, *, top_rank: float) -> _Week:
    """Score by rankings that need no model of errors, known as they were then."""
    records = known_before(then.tried, past.decisions, past.outcomes, RecordSettings())
    simple = simple_scores(then.tried, records, top_rank)
    fitted = fit_logistic(then.learned)
    told = simple.assign(**{LOGISTIC: logistic_scores(fitted, then.tried)})
    return replace(week, rows=week.rows.assign(**{str(name): told[name] for name in told}))
