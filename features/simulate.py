"""A made month of moderation decisions and audits whose true error probabilities are known.

The tables keep the data contract, so everything that works on a team's own files works on them.
The truth beside them holds what no team can know: the best probability of an overturn that anybody
could give from what is recorded, and what an audit of each decision would find.

A longer run begins with the very decisions of a shorter one with the same seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import numpy as np
import pandas as pd

from features.circumstances import draw_circumstances
from features.errors import SettingsError, UnknownDecisionError
from features.judgement import ACTIONS, Judgements, judge
from features.records import decisions_table, named, seconds_long
from features.world import IntArray, make_world

AUDITORS: Final = 12
TECHNICAL_ERROR_SHARE: Final = 0.004
_AUDIT_STREAM: Final = (
    1_000_003  # no day has this number, so audits draw from a stream of their own
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A made programme.

    Attributes
    ----------
    decisions
        Every decision, in the order of ``decided_at``, in the columns of the data contract.
    outcomes
        Past audits of a uniform sample of all days but the last, as far as they have arrived by
        the end of the last day but one.
    truth
        One row a decision: ``overturn_probability_true`` (the Bayes probability given all that is
        recorded), ``overturned``, ``verdict`` and ``corrected_action`` that an audit would give.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.DataFrame


def simulate(
    *,
    days: int = 31,
    decisions_per_day: int = 12_000,
    audit_share: float = 0.05,
    first_day: date = datetime(2026, 1, 1, tzinfo=UTC),
    seed: int = 0,
) -> Simulation:
    """Make a programme's decisions, past audits and truth.

    Raises
    ------
    SettingsError
        If a count is below 1, the seed below 0 or the share not above 0 and at most 1.

    Examples
    --------
    >>> made = simulate(days=3, decisions_per_day=1_000, seed=1)
    >>> len(made.decisions), len(made.truth)
    (3000, 3000)
    >>> bool(made.outcomes["audited_at"].max() < pd.Timestamp("2026-01-03", tz="UTC"))
    True
    >>> simulate(audit_share=5)
    Traceback (most recent call last):
    features.errors.SettingsError: audit_share: saw 5; expected above 0 and at most 1 (5 % is 0.05).
    """
    _check_settings(days=days, decisions_per_day=decisions_per_day, share=audit_share, seed=seed)
    world, start = make_world(seed), _midnight(first_day)
    decisions, truth = [], []
    for day in range(days):
        rng = np.random.default_rng([seed, day])
        case = draw_circumstances(world, day=day, count=decisions_per_day, rng=rng)
        judged = judge(world, case, rng)
        table = decisions_table(world, case, judged, start=start, rng=rng)
        decisions.append(table)
        truth.append(_truth_table(table["decision_id"], judged, rng))
    all_decisions = pd.concat(decisions, ignore_index=True)
    all_truth = pd.concat(truth, ignore_index=True)
    audited_before = start + pd.Timedelta(days=days - 1)
    outcomes = _past_audits(
        all_decisions, all_truth, share=audit_share, before=audited_before, seed=seed
    )
    return Simulation(decisions=all_decisions, outcomes=outcomes, truth=all_truth)


def audit(
    truth: pd.DataFrame, decision_ids: Sequence[str] | pd.Series, *, audited_at: datetime, seed: int
) -> pd.DataFrame:
    """Audit chosen decisions: what the truth holds of them, as outcomes in the given order.

    The same decision always gets the same ``audit_id``. ``inclusion_probability`` is null: it is
    the selection that knows it.

    Raises
    ------
    UnknownDecisionError
        If the truth does not hold one of the decisions.

    Examples
    --------
    >>> made = simulate(days=1, decisions_per_day=200)
    >>> now = datetime(2026, 1, 2, 9, tzinfo=UTC)
    >>> found = audit(made.truth, ["d-000000007"], audited_at=now, seed=0)
    >>> found[["audit_id", "decision_id", "source"]].to_dict("records")
    [{'audit_id': 'a-000000007', 'decision_id': 'd-000000007', 'source': 'audit'}]
    """
    position = pd.Index(truth["decision_id"]).get_indexer(list(decision_ids))
    if (position < 0).any():
        missing = list(decision_ids)[int(np.argmax(position < 0))]
        raise UnknownDecisionError(
            f"truth: saw decision {missing!r}, which it does not hold; "
            "expected ids from the same simulation's decisions."
        )
    when = pd.Series(_utc(audited_at), index=range(len(position)))
    return _outcomes_table(truth.iloc[position], when, rng=np.random.default_rng(seed))


def _check_settings(*, days: int, decisions_per_day: int, share: float, seed: int) -> None:
    for name, count, least in (
        ("days", days, 1),
        ("decisions_per_day", decisions_per_day, 1),
        ("seed", seed, 0),
    ):
        if count < least:
            raise SettingsError(f"{name}: saw {count}; expected a whole number from {least} up.")
    if not 0 < share <= 1:
        raise SettingsError(
            f"audit_share: saw {share}; expected above 0 and at most 1 (5 % is 0.05)."
        )


def _utc(moment: date) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    stamp = stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)
    return stamp.as_unit("us")


def _midnight(first_day: date) -> pd.Timestamp:
    return _utc(first_day).normalize()


def _truth_table(
    decision_id: pd.Series, judged: Judgements, rng: np.random.Generator
) -> pd.DataFrame:
    rows = np.arange(len(judged.action))
    technical = rng.random(len(rows)) < TECHNICAL_ERROR_SHARE
    return pd.DataFrame(
        {
            "decision_id": decision_id,
            "overturn_probability_true": 1 - judged.right_probability[rows, judged.action],
            "overturned": judged.action != judged.right_action,
            "verdict": _verdicts(judged.action, judged.right_action, technical=technical),
            "corrected_action": named(ACTIONS, judged.right_action),
        }
    )


def _verdicts(action: IntArray, right: IntArray, *, technical: np.ndarray) -> pd.Series:
    """Name what an audit finds; a technical error can only hide where the action was right."""
    names = (
        "correct",
        "technical_error",
        "over_enforcement",
        "under_enforcement",
        "wrong_selection",
    )
    cases = [(action == right) & ~technical, action == right, right == 0, action == 0]
    return named(names, np.select(cases, range(4), default=4))


def _past_audits(
    decisions: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    share: float,
    before: pd.Timestamp,
    seed: int,
) -> pd.DataFrame:
    rng = np.random.default_rng([seed, _AUDIT_STREAM])
    drawn = rng.random(len(decisions)) < share
    delay = seconds_long(86_400 * rng.uniform(0.5, 3.0, len(decisions)))
    audited_at = decisions["decided_at"] + delay
    # This leaves the last day without outcomes: none of its decisions is older than this.
    arrived = drawn & (audited_at < before)
    found = _outcomes_table(truth[arrived], audited_at[arrived], rng=rng)
    found["inclusion_probability"] = pd.Series(share, index=found.index, dtype="Float64")
    return found.sort_values("audited_at", kind="stable", ignore_index=True)


def _outcomes_table(
    truth: pd.DataFrame, audited_at: pd.Series, *, rng: np.random.Generator
) -> pd.DataFrame:
    count = len(truth)
    auditors = [f"auditor-{number:02d}" for number in range(AUDITORS)]
    decision_id = truth["decision_id"].reset_index(drop=True)
    return pd.DataFrame(
        {
            "audit_id": "a-" + decision_id.str.removeprefix("d-"),
            "decision_id": decision_id,
            "audited_at": audited_at.reset_index(drop=True),
            "verdict": truth["verdict"].reset_index(drop=True),
            "auditor_id": named(auditors, rng.integers(0, AUDITORS, count)),
            "corrected_action": truth["corrected_action"].reset_index(drop=True),
            "source": pd.Series("audit", index=range(count), dtype="str"),
            "inclusion_probability": pd.Series(pd.NA, index=range(count), dtype="Float64"),
            "minutes": pd.Series(rng.lognormal(1.1, 0.5, count).round(1), dtype="Float64"),
        }
    )
