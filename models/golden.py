"""The golden set: decisions whose right verdict is agreed, mixed unmarked into people's work.

They tell how right auditors are without their knowing when. An item is agreed where two people
judged it independently and alike, or where a panel settled it. Answers on golden items come back as
outcomes with the source ``golden``; they never enter an estimate of the moderators' quality.

Which item comes after which audit is drawn by keyed numbers as in `models.sampling_key`: nobody can
foretell it, its chance is known, and the same call gives the same again. Nobody is given an item
that they have judged before, in any role.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS, VERDICTS
from features.errors import ContractError, SettingsError
from models.arrays import Floats, Texts
from models.auditor_evidence import GoldenAnswers
from models.sampling_key import SamplingKey, uniform_numbers

IN_USE, TOO_OLD, WORN_OUT, POLICY_CHANGED, QUESTIONED = (
    *("in use", "too old", "worn out"),
    *("policy changed", "questioned"),
)
_APART = "\x1f"
_JUDGING = ("audit", "review")
_QUESTIONED_FROM = 6
_COLUMNS = ["decision_id", "verdict", "agreed_by", "agreed_at"]


@dataclass(frozen=True, slots=True)
class GoldenRules:
    """How the golden set is kept.

    Attributes
    ----------
    share
        Chance of a golden item after each audit of a person's day, 0 to .5.
    overturned_share
        Of the set, items where the decision was wrong, 0 to 1. More than in the queue: sensitivity
        can be measured on errors alone.
    longest_days
        Age, from when it was agreed, at which an item is retired.
    most_answers
        Answers after which an item is retired, for word goes round.

    Raises
    ------
    SettingsError
        A value is out of range.
    """

    share: float = 0.02
    overturned_share: float = 0.5
    longest_days: float = 180.0
    most_answers: int = 40

    def __post_init__(self) -> None:
        ranges = {"share": 0.5, "overturned_share": 1.0, "longest_days": 3_650, "most_answers": 1e6}
        for name, most in ranges.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise SettingsError(f"golden: saw {name} = {value:g}; expected 0 to {most:g}")


DEFAULT_RULES = GoldenRules()


@dataclass(frozen=True, slots=True)
class GoldenTurn:
    """A golden item in a person's day: the audit that it comes after, and the item."""

    after: str
    decision_id: str


def agree_verdicts(outcomes: pd.DataFrame, panel: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the decisions whose verdict is agreed.

    Parameters
    ----------
    outcomes
        Those that stand. Audits and reviews by at least two people, all of one verdict, agree; an
        outcome without an auditor does not count.
    panel
        ``decision_id``, ``verdict`` and ``agreed_at`` of what a panel settled; it overrules.

    Returns
    -------
    Columns ``decision_id``, ``verdict``, ``agreed_by`` (reviews or panel) and ``agreed_at``, by id.

    Raises
    ------
    ContractError
        A verdict of the panel is none of the contract's, or it names a decision twice.

    Examples
    --------
    >>> day = pd.Timestamp("2026-03-01", tz="UTC")
    >>> outcomes = pd.DataFrame({"decision_id": ["d1", "d1", "d2", "d2"], "audited_at": day,
    ...     "verdict": ["correct", "correct", "correct", "over_enforcement"],
    ...     "auditor_id": ["a", "b", "a", "b"], "source": ["audit", "review"] * 2})
    >>> agree_verdicts(outcomes)[["decision_id", "verdict", "agreed_by"]].values.tolist()
    [['d1', 'correct', 'reviews']]
    """
    judged = outcomes.reindex(columns=[*_COLUMNS[:2], "audited_at", "auditor_id", "source"])
    judged = judged[judged["source"].fillna("audit").isin(_JUDGING)]
    judged = judged.dropna(subset=["auditor_id"])
    by = judged.groupby("decision_id").agg(
        verdict=("verdict", "first"),
        verdicts=("verdict", "nunique"),
        people=("auditor_id", "nunique"),
        agreed_at=("audited_at", "max"),
    )
    agreed = by[(by["verdicts"] == 1) & (by["people"] >= 2)].reset_index()
    agreed = agreed.assign(agreed_by="reviews")[_COLUMNS]
    if panel is None or panel.empty:
        return agreed
    _check_panel(panel)
    settled = panel.assign(agreed_by="panel")[_COLUMNS]
    kept = agreed[~agreed["decision_id"].isin(settled["decision_id"])]
    both = settled if kept.empty else pd.concat([kept, settled])
    return both.sort_values("decision_id", ignore_index=True)


def judge_items(
    agreed: pd.DataFrame,
    decisions: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    now: datetime,
    rules: GoldenRules = DEFAULT_RULES,
) -> pd.DataFrame:
    """Return every agreed item with whether it can be used, and why not.

    Parameters
    ----------
    agreed
        As of `agree_verdicts`.
    decisions
        All that the store holds: the version of a policy is that of its latest decision.
    outcomes
        Those that stand; of them the answers on golden items are counted.

    Returns
    -------
    The agreed columns with ``policy``, ``answers``, ``differing`` (answers other than the agreed
    verdict) and ``state``: ``in use``, ``too old``, ``worn out``, ``policy changed``, or
    ``questioned`` where most people answer otherwise: then it may be the item that is wrong, and a
    panel should look.
    """
    known = decisions.reindex(columns=["decision_id", "policy", "policy_version", "decided_at"])
    own = known[known["decision_id"].isin(agreed["decision_id"])]
    items = agreed.merge(own, on="decision_id", how="inner", validate="one_to_one")
    latest = known.dropna(subset=["policy_version"]).sort_values("decided_at", kind="stable")
    current = latest.drop_duplicates("policy", keep="last").set_index("policy")["policy_version"]
    changed = items["policy_version"] != items["policy"].map(current)
    changed &= items["policy_version"].notna()
    answers = _answers(outcomes).merge(items[["decision_id", "verdict"]], on="decision_id")
    other = answers["verdict_x"] != answers["verdict_y"]
    counts = answers.assign(other=other).groupby("decision_id")["other"].agg(["size", "sum"])
    given = counts.reindex(items["decision_id"]).fillna(0).to_numpy(dtype=np.int64)
    age = (pd.Timestamp(now) - items["agreed_at"]).dt.total_seconds() / 86_400
    state = np.select(
        [
            (given[:, 0] >= _QUESTIONED_FROM) & (2 * given[:, 1] > given[:, 0]),
            changed.to_numpy(dtype=bool),
            age.to_numpy(dtype=float) > rules.longest_days,
            given[:, 0] >= rules.most_answers,
        ],
        [QUESTIONED, POLICY_CHANGED, TOO_OLD, WORN_OUT],
        IN_USE,
    )
    items = items.assign(answers=given[:, 0], differing=given[:, 1], state=state)
    return items.drop(columns=["decided_at", "policy_version"])


def choose_items(
    items: pd.DataFrame, size: int, key: SamplingKey, *, rules: GoldenRules = DEFAULT_RULES
) -> pd.DataFrame:
    """Return a golden set of a size: those in use, errors by their share, spread over policies.

    Fewer where there are not enough. As items are retired others take their place; those that stay
    in use stay in the set, as far as the shares allow.

    Parameters
    ----------
    items
        As of `judge_items`.
    """
    usable = items[items["state"] == IN_USE].reset_index(drop=True)
    number = uniform_numbers([f"set{_APART}{each}" for each in usable["decision_id"]], key)
    wrong = usable["verdict"].isin(DIRECTIONS).to_numpy(dtype=bool)
    quotas = round(size * rules.overturned_share)
    parts = []
    for flag, quota in ((True, quotas), (False, size - quotas)):
        rows = np.flatnonzero(wrong == flag)
        policy = usable["policy"].to_numpy(dtype=object)[rows]
        parts.append(rows[spread_over(policy, number[rows])[:quota]])
    return usable.iloc[np.sort(np.concatenate(parts))].reset_index(drop=True)


def spread_over(stratum: Texts, number: Floats) -> np.ndarray:
    """Return rows in an order in which any prefix is spread over strata, by their numbers.

    Examples
    --------
    >>> spread_over(np.array(["a", "a", "a", "b"]), np.array([0.1, 0.2, 0.3, 0.9])).tolist()
    [0, 3, 1, 2]
    """
    ranked = pd.Series(number).groupby(pd.Series(stratum), dropna=False).rank(method="first")
    return np.lexsort((number, ranked.to_numpy(dtype=float)))


def mix_in(
    work: Sequence[str],
    items: Collection[str],
    *,
    auditor: str,
    day: date,
    key: SamplingKey,
    seen: Collection[str] = (),
    share: float = DEFAULT_RULES.share,
) -> tuple[GoldenTurn, ...]:
    """Return the golden items of a person's day, and the audits that they come after.

    Each audit is followed by one with the chance `share`, as long as there are items that the
    person has not seen. Everybody goes through the items in an order of their own. The same call
    gives the same, and so do the first audits of a list that has grown.

    Parameters
    ----------
    work
        Ids of the decisions that the person audits that day, in order.
    items
        Ids of the golden items that they may audit: language, policy, graphic level, not theirs.
    seen
        Decisions that they judged before that day, as of `seen_by`.

    Examples
    --------
    >>> key = SamplingKey("2026-11", bytes(32))
    >>> work = [f"d{n}" for n in range(40)]
    >>> mix_in(work, ["g1", "g2"], auditor="ana", day=date(2026, 3, 2), key=key, share=0.05)
    (GoldenTurn(after='d15', decision_id='g1'),)
    """
    own = _APART.join(("golden", auditor))
    drawn = uniform_numbers([_APART.join((own, f"{day}", each)) for each in work], key) < share
    left = sorted({*items} - {*seen} - {*work})
    order = np.argsort(uniform_numbers([_APART.join((own, each)) for each in left], key))
    places = [each for each, taken in zip(work, drawn.tolist(), strict=True) if taken]
    return tuple(GoldenTurn(after, left[row]) for after, row in zip(places, order, strict=False))


def seen_by(outcomes: pd.DataFrame, auditor: str, *, before: datetime) -> set[str]:
    """Return the decisions that a person judged before a moment, in whatever role."""
    rows = outcomes.reindex(columns=["auditor_id", "decision_id", "audited_at"])
    theirs = (rows["auditor_id"] == auditor) & (rows["audited_at"] < before)
    return {str(each) for each in rows.loc[theirs, "decision_id"]}


def golden_answers(outcomes: pd.DataFrame, items: pd.DataFrame) -> GoldenAnswers:
    """Return people's answers on golden items beside what is agreed, each person's first alone.

    Parameters
    ----------
    items
        As of `judge_items`; the questioned ones are left out, the retired ones are not.
    """
    sure = items.loc[items["state"] != QUESTIONED, ["decision_id", "verdict"]]
    pairs = _answers(outcomes).merge(sure, on="decision_id", suffixes=("", "_agreed"))
    return GoldenAnswers(
        auditor=pairs["auditor_id"].to_numpy(dtype=object),
        overturned=_overturns(pairs["verdict"]),
        truth=_overturns(pairs["verdict_agreed"]),
    )


def _overturns(verdicts: pd.Series) -> Floats:
    return np.asarray(verdicts.isin(DIRECTIONS), dtype=np.float64)


def _answers(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the first answer of each person on each golden item."""
    given = outcomes.reindex(
        columns=["decision_id", "auditor_id", "verdict", "audited_at", "source"]
    )
    given = given[(given["source"] == "golden") & given["auditor_id"].notna()]
    given = given.sort_values("audited_at", kind="stable")
    return given.drop_duplicates(["decision_id", "auditor_id"])[
        ["decision_id", "auditor_id", "verdict"]
    ]


def _check_panel(panel: pd.DataFrame) -> None:
    for row, verdict in enumerate(panel["verdict"]):
        if verdict not in VERDICTS:
            expected = "one of " + ", ".join(VERDICTS)
            raise ContractError.of("golden", row, "verdict", seen=repr(verdict), expected=expected)
    twice = np.flatnonzero(panel["decision_id"].duplicated())
    if len(twice):
        seen = f"{panel['decision_id'].iloc[twice[0]]!r} again"
        raise ContractError.of(
            "golden", int(twice[0]), "decision_id", seen=seen, expected="each decision once"
        )
