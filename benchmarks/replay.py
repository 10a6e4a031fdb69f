"""Repeated audits of real decisions whose outcomes are all known.

The full set is the truth. Risk is predicted out of fold by ``item_group`` from hashed character
n-grams and shrunk past rates; the first third of the decisions in time are the earlier audits on
which plan and recalibration are fitted, the rest is audited again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GroupKFold

from models.arrays import Floats, Texts
from models.estimate import AuditedFrame, estimate_by, estimate_overturn_rate, fit_recalibration
from models.plan import DIALS, Plan, RiskFrame, fit_plan
from models.recalibration import Recalibration
from models.sampling_key import SamplingKey
from models.selection import select_batch

OVERTURNED = ("over_enforcement", "under_enforcement", "wrong_selection")
SHARE = 0.05
RECALIBRATIONS = 20


@dataclass(frozen=True, slots=True)
class History:
    """Decisions of one period with all their outcomes.

    Attributes
    ----------
    domain
        Label by which coverage is reported: language or moderator.
    """

    risk: RiskFrame
    wrong: Floats
    domain: Texts


def load(folder: Path) -> pd.DataFrame:
    """Decisions in time order with ``wrong`` and out-of-fold ``risk``."""
    decisions = pd.read_parquet(folder / "decisions.parquet")
    outcomes = pd.read_parquet(folder / "outcomes.parquet", columns=["decision_id", "verdict"])
    both = decisions.merge(outcomes, on="decision_id").sort_values(["decided_at", "decision_id"])
    both = both.reset_index(drop=True)
    both["wrong"] = both["verdict"].isin(OVERTURNED).astype(float)
    both["risk"] = _risk_out_of_fold(both)
    return both


def _risk_out_of_fold(both: pd.DataFrame) -> Floats:
    """P(overturn) from P(action | text) and shrunk rates; each row unseen by its fit."""
    text = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**18).transform(
        both["text"].fillna("")
    )
    action = (both["action"] == both["action"].mode()[0]).to_numpy()
    group = both["item_group"].to_numpy()
    folds = list(GroupKFold(5, shuffle=True, random_state=0).split(text, groups=group))
    opinion = np.zeros(len(both))
    columns = [name for name in ("language", "moderator_id", "policy") if _varies(both, name)]
    rates = np.zeros((len(both), len(columns)))
    for past, rows in folds:
        says = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0, max_iter=30, tol=1e-3)
        says.fit(text[past], action[past])
        chance = np.clip(says.predict_proba(text[rows])[:, 1], 1e-3, 1 - 1e-3)
        opinion[rows] = np.where(action[rows], logit(chance), -logit(chance))
        for column, name in enumerate(columns):
            rates[rows, column] = _shrunk_rates(both, name, past, rows)
    features = np.column_stack([opinion, np.abs(opinion), logit(rates), action])
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    wrong, risk = both["wrong"].to_numpy(), np.zeros(len(both))
    for past, rows in folds:
        model = LogisticRegression(C=1.0).fit(features[past], wrong[past])
        risk[rows] = expit(model.decision_function(features[rows]))
    return risk


def _varies(both: pd.DataFrame, name: str) -> bool:
    return name in both and both[name].nunique() > 1


def _shrunk_rates(both: pd.DataFrame, name: str, past: Texts, rows: Texts) -> Floats:
    """Overturn rate of value x action in the other folds, shrunk to the whole."""
    cell = both[name].astype(str) + "|" + both["action"].astype(str)
    earlier = both["wrong"].iloc[past]
    parent = float(earlier.mean())
    grouped = earlier.groupby(cell.iloc[past].to_numpy()).agg(["sum", "count"])
    rate = (grouped["sum"] + 20 * parent) / (grouped["count"] + 20)
    return cell.iloc[rows].map(rate).fillna(parent).to_numpy(dtype=np.float64)


def measure_replay(folder: Path, domain: str, *, repetitions: int) -> dict[str, object]:
    """Bias, coverage by domain and capture, by dial."""
    both = load(folder)
    cut = len(both) // 3
    earlier, later = _history(both.iloc[:cut], domain), _history(both.iloc[cut:], domain)
    found: dict[str, object] = {
        "decisions": len(later.wrong),
        "overturned": float(later.wrong.mean()),
        "audits": round(SHARE * len(later.wrong)),
        "auc": _auc(later.wrong, later.risk.overturn_probability),
    }
    for dial, ratio in DIALS.items():
        found[dial] = _audit_repeatedly(earlier, later, ratio, repetitions)
    return found


def _history(part: pd.DataFrame, domain: str) -> History:
    risk = part["risk"].to_numpy()
    frame = RiskFrame(
        part["decision_id"].to_numpy(dtype=object),
        risk,
        risk,
        part["language" if _varies(part, "language") else "policy"].to_numpy(dtype=object),
    )
    return History(frame, part["wrong"].to_numpy(), part[domain].to_numpy(dtype=object))


def _audit_repeatedly(
    earlier: History, later: History, ratio: float, repetitions: int
) -> dict[str, object]:
    audits = round(SHARE * len(later.wrong))
    before = round(SHARE * len(earlier.wrong))
    plan = fit_plan(earlier.risk, capacity=before, ratio=ratio, key_id="replay")
    names = np.unique(later.domain.astype(str))
    truth = np.array([later.wrong[later.domain == name].mean() for name in names])
    recalibrations = [_recalibrate(earlier, plan, number) for number in range(RECALIBRATIONS)]
    held, rows = np.zeros(len(names)), []
    for number in range(repetitions):
        key = SamplingKey("replay", (10**9 + number).to_bytes(32, "big"))
        recalibration = recalibrations[number % RECALIBRATIONS]
        drawn = select_batch(later.risk, plan=plan, key=key, capacity=audits)
        frame = AuditedFrame(
            later.risk.overturn_probability,
            drawn.inclusion_probability,
            drawn.selected,
            np.where(drawn.selected, later.wrong, np.nan),
        )
        whole = estimate_overturn_rate(frame, recalibration=recalibration)
        each = estimate_by(frame, later.domain, recalibration=recalibration)
        held += [e.low <= t <= e.high for e, t in zip(each, truth, strict=True)]
        rate = later.wrong.mean()
        caught = later.wrong[drawn.selected].sum() / later.wrong.sum()
        rows.append(
            [
                whole.overturn_rate - rate,
                whole.low <= rate <= whole.high,
                whole.high - whole.low,
                caught,
            ]
        )
    return _summary(
        np.array(rows, dtype=np.float64), dict(zip(names, held, strict=True)), later, audits
    )


def _recalibrate(earlier: History, plan: Plan, number: int) -> Recalibration:
    key = SamplingKey("replay", number.to_bytes(32, "big"))
    past = select_batch(earlier.risk, plan=plan, key=key, capacity=plan.capacity)
    return fit_recalibration(
        earlier.risk.overturn_probability[past.selected],
        earlier.wrong[past.selected],
        past.inclusion_probability[past.selected],
    )


def _summary(
    rows: Floats, held: dict[str, float], later: History, audits: int
) -> dict[str, object]:
    bias, covered, width, caught = rows.mean(axis=0)
    top = np.argsort(-later.risk.expected_harm)[:audits]
    rate, count = later.wrong.mean(), len(later.wrong)
    uniform = np.sqrt(rate * (1 - rate) * (1 / audits - 1 / count))
    coverage = {name: value / len(rows) for name, value in held.items()}
    return {
        "bias": float(bias),
        "bias_z": float(bias / (rows[:, 0].std() / np.sqrt(len(rows)))),
        "coverage_overall": float(covered),
        "coverage_by_domain": coverage,
        "coverage_worst": min(coverage.values()),
        "mean_interval_width": float(width),
        "standard_error_to_uniform": float(rows[:, 0].std() / uniform),
        "capture": float(caught),
        "capture_to_greedy": float(caught / (later.wrong[top].sum() / later.wrong.sum())),
        "lift": float(caught / SHARE),
    }


def _auc(wrong: Floats, score: Floats) -> float:
    rank = pd.Series(score).rank().to_numpy()
    bad = wrong == 1
    below = rank[bad].sum() - bad.sum() * (bad.sum() + 1) / 2
    return float(below / (bad.sum() * (~bad).sum()))
