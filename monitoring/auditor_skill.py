"""How right the auditors are, beyond the corrected figure: skill, golden set, looks, disputes.

Everything here is of all auditors together or of how they are spread; who they are is dropped on
the way. Figures of individuals come from `models.auditor_skill.Skills` alone, to the people
themselves and to the role that may see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.disputes import DisputeCounts, count_disputes, disputes_of
from features.errors import EstimateError
from models.arrays import Flags, Positions, Texts
from models.auditor_error import CorrectedEstimate, SecondReviews, correct_for_auditors
from models.auditor_evidence import GoldenAnswers, JudgedAudits
from models.auditor_skill import Skills, SkillSpread, measure_skill
from models.estimate import AuditedFrame
from models.golden import DEFAULT_RULES, GoldenRules, agree_verdicts, golden_answers, judge_items
from models.review_dependence import Dependence, measure_dependence
from models.third_look_list import third_looks_of
from models.third_looks import (
    Bounds,
    GradedEstimate,
    ThirdLooks,
    bounds_if_right,
    correct_for_reviewers,
)
from monitoring.auditors import LEAST_REVIEWS, Auditors
from monitoring.golden_decisions import golden_decisions
from monitoring.ranked import History, latest_findings
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL

SENSITIVITY_FLOOR, SPECIFICITY_FLOOR = 0.8, 0.9
LEAST_LOOKS = 20
"""Third looks from which on the reviewers are graded."""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The golden set in numbers.

    Attributes
    ----------
    states
        Items by state, as of `models.golden.judge_items`.
    answers
        That count, of the set as it is.
    right
        Share of them that are right about whether the decision is overturned; null without any.
    """

    states: Mapping[str, int]
    answers: int
    right: float | None


@dataclass(frozen=True, slots=True)
class AuditorSkill:
    """What is known of the auditors of a programme.

    Attributes
    ----------
    reviews
        Second reviews of the period that count.
    spreads
        Of sensitivity and specificity; empty without a review or a golden answer.
    golden
        The golden set.
    dependence
        Whether reviews agree too often; null with fewer than `LEAST_REVIEWS`, or where golden
        answers lack errors or right decisions.
    graded
        The figure after third looks; null with fewer than `LEAST_LOOKS`.
    bounds
        Of the corrected overturn rate if reviewers err; empty with fewer than `LEAST_REVIEWS`.
    disputes
        In numbers.
    """

    reviews: int
    spreads: tuple[SkillSpread, ...]
    golden: GoldenSet
    dependence: Dependence | None
    graded: GradedEstimate | None
    bounds: tuple[Bounds, ...]
    disputes: DisputeCounts


def auditor_skill_of(
    period: Recalibrated,
    history: History,
    every: pd.DataFrame,
    *,
    auditors: Auditors,
    now: datetime,
    panel: pd.DataFrame | None = None,
    rules: GoldenRules = DEFAULT_RULES,
) -> AuditorSkill:
    """Measure the auditors: reviews and third looks of the period, golden items of any time.

    Parameters
    ----------
    period, history
        The period, and all that the store holds.
    every
        All outcomes, also the superseded ones, as of `features.disputes.every_outcome`.
    auditors
        Of the period, as of `monitoring.auditors.auditors_of`.
    panel
        Verdicts that a panel settled, as of `features.golden_panel.read_panel`.
    """
    agreed = agree_verdicts(history.outcomes, panel)["decision_id"]
    decisions = golden_decisions(history.store, agreed.tolist())
    return measure_auditor_skill(
        period.frame(),
        period.table["decision_id"],
        Judgements(decisions, history.outcomes, every, panel),
        auditors=auditors,
        now=now,
        rules=rules,
    )


@dataclass(frozen=True, slots=True)
class Judgements:
    """What people judged.

    Attributes
    ----------
    decisions
        All that the store holds, or as of `monitoring.golden_decisions`.
    outcomes
        All that stand.
    every
        Outcomes, also the superseded ones.
    panel
        As of `models.golden.agree_verdicts`; null = no panel.
    """

    decisions: pd.DataFrame
    outcomes: pd.DataFrame
    every: pd.DataFrame
    panel: pd.DataFrame | None = None


def measure_auditor_skill(
    frame: AuditedFrame,
    decision_ids: Texts | pd.Series,
    judgements: Judgements,
    *,
    auditors: Auditors,
    now: datetime,
    rules: GoldenRules = DEFAULT_RULES,
) -> AuditorSkill:
    """Measure the auditors of a period's decisions.

    Parameters
    ----------
    frame, decision_ids
        The period, recalibrated, and the id of each row.
    auditors
        Of the same period: how many of the reviews that are due are done.
    """
    outcomes = judgements.outcomes
    audits = judged_audits(frame, decision_ids, outcomes)
    agreed = agree_verdicts(outcomes, judgements.panel)
    items = judge_items(agreed, judgements.decisions, outcomes, now=now, rules=rules)
    answers = golden_answers(outcomes, items)
    corrected, reviews = _corrected(frame, decision_ids, judgements.every, auditors)
    looks = _looks(decision_ids, reviews, judgements.every)
    graded = None
    if corrected is not None and int(looks.looked.sum()) >= LEAST_LOOKS:
        graded = correct_for_reviewers(corrected, frame, reviews=reviews, looks=looks, level=LEVEL)
    return AuditorSkill(
        reviews=auditors.reviews,
        spreads=_spreads(audits, answers),
        golden=_golden_set(items, answers),
        dependence=_dependence(audits, answers),
        graded=graded,
        bounds=() if corrected is None else bounds_if_right(corrected),
        disputes=count_disputes(disputes_of(judgements.every)),
    )


def skills_of(
    frame: AuditedFrame, decision_ids: Texts | pd.Series, judgements: Judgements
) -> Skills | None:
    """Return everybody's skill, for their own eyes and for the role that may see others'.

    Null where there is neither a review nor a golden answer. The golden set is taken without
    regard to age: an answer given while an item was in use stays one.
    """
    audits = judged_audits(frame, decision_ids, judgements.outcomes)
    agreed = agree_verdicts(judgements.outcomes, judgements.panel)
    latest = judgements.outcomes["audited_at"].max()
    items = judge_items(agreed, judgements.decisions, judgements.outcomes, now=latest)
    try:
        return measure_skill(audits, golden_answers(judgements.outcomes, items))
    except EstimateError:
        return None


def judged_audits(
    frame: AuditedFrame, decision_ids: Texts | pd.Series, outcomes: pd.DataFrame
) -> JudgedAudits:
    """Return the period's audits by known people, with the reviews that count."""
    rows, both, counts = _reviewed(frame, decision_ids, outcomes)
    known = both["auditor_id"].notna().to_numpy()
    gold = np.where(counts, both["verdict_review"].isin(DIRECTIONS), np.nan)
    chance = np.where(counts, both["review_probability"].to_numpy(dtype=np.float64), 1.0)
    return JudgedAudits(
        auditor=both["auditor_id"].to_numpy(dtype=object)[known],
        overturned=frame.overturned[rows][known],
        gold=gold[known],
        weight=1.0 / frame.inclusion_probability[rows][known],
        review_probability=chance[known],
    )


def _reviewed(
    frame: AuditedFrame, decision_ids: Texts | pd.Series, outcomes: pd.DataFrame
) -> tuple[Positions, pd.DataFrame, Flags]:
    """Return the audited rows, their audit and review one a row, and which reviews count.

    A review counts that is by another person, of a known chance, and of an audit that counts.
    """
    rows = np.flatnonzero(frame.audited)
    names = ["decision_id", "verdict", "auditor_id", "inclusion_probability"]
    audits, reviews = (
        latest_findings(outcomes, source).reindex(columns=names).set_index("decision_id")
        for source in ("audit", "review")
    )
    ids = pd.Index(decision_ids[rows])
    review = reviews.reindex(ids)
    both = (
        audits.reindex(ids)[["auditor_id"]]
        .astype(object)
        .assign(
            verdict_review=review["verdict"].astype(object),
            reviewer_id=review["auditor_id"].astype(object),
            review_probability=pd.to_numeric(review["inclusion_probability"]),
        )
    )
    own = both["reviewer_id"].notna() & (both["reviewer_id"] == both["auditor_id"])
    chance = both["review_probability"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = (chance > 0) & (chance <= 1)
    counts: Flags = both["verdict_review"].notna().to_numpy() & ~own.to_numpy() & known
    return rows, both, counts


def _corrected(
    frame: AuditedFrame, decision_ids: Texts | pd.Series, every: pd.DataFrame, auditors: Auditors
) -> tuple[CorrectedEstimate | None, SecondReviews]:
    """Correct by the reviews as they were before anybody looked at them again.

    Where reviews that were due are missing, each stands for more, as in `monitoring.auditors`.
    """
    third = every["audit_id"].astype("str").str.endswith("/third")
    rows, both, counts = _reviewed(frame, decision_ids, every[~third])
    overturned = frame.overturned[rows][counts] == 1
    done = np.where(overturned, auditors.overturns.done_share, auditors.rest.done_share)
    own = both["review_probability"].to_numpy(dtype=np.float64)[counts]
    reviewed = np.zeros(len(frame), dtype=np.bool_)
    gold, chance = np.full(len(frame), np.nan), np.ones(len(frame))
    at = rows[counts]
    reviewed[at] = True
    gold[at] = both["verdict_review"].isin(DIRECTIONS).to_numpy()[counts]
    chance[at] = own * np.where(done > 0, done, 1.0)
    reviews = SecondReviews(reviewed, gold, chance)
    if len(at) < LEAST_REVIEWS:
        return None, reviews
    return correct_for_auditors(frame, reviews, level=LEVEL), reviews


def _looks(
    decision_ids: Texts | pd.Series, reviews: SecondReviews, every: pd.DataFrame
) -> ThirdLooks:
    """Return the third looks at the reviews that count."""
    made = third_looks_of(every).drop_duplicates("decision_id").set_index("decision_id")
    rows = np.flatnonzero(reviews.reviewed)
    own = made.reindex(pd.Index(decision_ids[rows]))
    given = own["third"].notna().to_numpy()
    looked = np.zeros(len(decision_ids), dtype=np.bool_)
    truth, chance = np.full(len(decision_ids), np.nan), np.ones(len(decision_ids))
    at = rows[given]
    looked[at] = True
    truth[at] = own["third"].isin(DIRECTIONS).to_numpy()[given]
    chance[at] = own["look_probability"].to_numpy(dtype=np.float64)[given]
    return ThirdLooks(looked, truth, chance)


def _spreads(audits: JudgedAudits, answers: GoldenAnswers) -> tuple[SkillSpread, ...]:
    if not len(answers.truth) and np.isnan(audits.gold).all():
        return ()
    skills = measure_skill(audits, answers, level=LEVEL)
    return tuple(
        skills.spread(sensitivity_floor=SENSITIVITY_FLOOR, specificity_floor=SPECIFICITY_FLOOR)
    )


def _golden_set(items: pd.DataFrame, answers: GoldenAnswers) -> GoldenSet:
    states = {str(name): int(count) for name, count in items["state"].value_counts().items()}
    count = len(answers.truth)
    right = float(np.mean(answers.overturned == answers.truth)) if count else None
    return GoldenSet(states, count, right)


def _dependence(audits: JudgedAudits, answers: GoldenAnswers) -> Dependence | None:
    reviews = int(np.sum(~np.isnan(audits.gold)))
    both_kinds = {0.0, 1.0} <= set(np.unique(answers.truth).tolist())
    if reviews < LEAST_REVIEWS or not both_kinds:
        return None
    return measure_dependence(audits, answers)
